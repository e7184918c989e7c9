//! The HTTP client of both vendors: one TLS stack, a bound on every wait and body, and no secret in any message.
//!
//! It sends one request and returns one answer, whatever its status. The vendor's client decides which statuses are
//! errors, and [`collector::retry`] repeats requests. A failure of the connection is [`PortError::again`]. Redirects
//! are not followed, so that a token never reaches another host.

mod answer;
mod base_url;
mod cause;
mod headers;
mod wait_text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use collector::PortError;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use cause::cause;

pub use answer::Answer;
pub use base_url::{BadBaseUrl, base_url, endpoint};
pub use reqwest::Url;
pub use wait_text::wait_in_text;

/// Time limit for a connection, including its TLS handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit from the start of a request, including its connection, to the head of the answer.
pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time limit between two chunks of a body.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that was unused for this long is not used again: Lambda freezes the process between invocations, so it
/// does not notice when the other side closes the connection.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The `User-Agent` of every request.
const USER_AGENT: &str = concat!("audit-pull/", env!("CARGO_PKG_VERSION"));

/// The time-outs of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Time limit for a connection.
    pub connect: Duration,
    /// Time limit from the start of a request to the head of the answer.
    pub first_byte: Duration,
    /// Time limit between two chunks of a body.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, first_byte: FIRST_BYTE_TIMEOUT, idle: IDLE_TIMEOUT }
    }
}

/// One request. It has no `Debug`, because its form may hold secrets.
#[derive(Clone)]
pub struct Request<'a> {
    method: Method,
    url: Url,
    bearer: Option<&'a SecretString>,
    headers: Vec<(&'static str, &'a str)>,
    form: Option<&'a [(&'a str, &'a str)]>,
    accepts_gzip: bool,
}

impl<'a> Request<'a> {
    /// Returns a GET request of `url`.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, bearer: None, headers: Vec::new(), form: None, accepts_gzip: true }
    }

    /// Returns a POST request to `url` with an empty body.
    pub fn post(url: Url) -> Self {
        Self { method: Method::POST, ..Self::get(url) }
    }

    /// Adds the header `Authorization: Bearer` with this token.
    pub fn bearer(self, token: &'a SecretString) -> Self {
        Self { bearer: Some(token), ..self }
    }

    /// Adds a header, which must not be secret.
    pub fn header(mut self, name: &'static str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the body to these fields as `application/x-www-form-urlencoded`.
    pub fn form(self, fields: &'a [(&'a str, &'a str)]) -> Self {
        Self { form: Some(fields), ..self }
    }

    /// Asks for an uncompressed answer. Without this call the client accepts gzip.
    pub fn uncompressed(self) -> Self {
        Self { accepts_gzip: false, ..self }
    }

    /// Returns host, port and path of the URL, for messages. The query is left out, because it may hold secrets.
    fn place(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}{}", self.url.host_str().unwrap_or_default(), self.url.path())
    }
}

/// The reason why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// The host does not respond: the connection failed, or no answer came in time. A retry would take as long.
    Unreachable(PortError),
    /// Any other reason.
    Failed(PortError),
}

impl From<PortError> for SendError {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

impl From<SendError> for PortError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unreachable(error) | SendError::Failed(error) => error,
        }
    }
}

/// The numbers of requests and of throttled ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were sent, including repeats.
    pub requests: u64,
    /// Answers with status 429 (too many requests), and those that [`count_throttle`] added.
    pub throttles: u64,
}

impl Traffic {
    /// Returns the traffic since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        let minus = u64::saturating_sub;
        Self { requests: minus(self.requests, earlier.requests), throttles: minus(self.throttles, earlier.throttles) }
    }
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static THROTTLES: AtomicU64 = AtomicU64::new(0);

/// Counts an answer as throttled whose status is not 429, but whose body says that there were too many requests.
pub fn count_throttle() {
    THROTTLES.fetch_add(1, Ordering::Relaxed);
}

/// Returns the traffic of all clients of this process since its start.
pub fn traffic() -> Traffic {
    Traffic { requests: REQUESTS.load(Ordering::Relaxed), throttles: THROTTLES.load(Ordering::Relaxed) }
}

/// The HTTP client. It is cheap to clone, and its clones share their connections.
///
/// Requests by `https` use the system's proxy settings and trusted root certificates, which are read at the first such
/// request. Requests by plain `http` go directly to their host; [`base_url`] allows only loopback hosts.
#[derive(Debug, Clone)]
pub struct HttpClient {
    plain: Client,
    secure: Arc<OnceLock<Client>>,
    timeouts: Timeouts,
}

impl HttpClient {
    /// Returns a client with the default time-outs. Fails if TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, PortError> {
        Self::with_timeouts(Timeouts::default())
    }

    /// Returns a client with these time-outs.
    pub fn with_timeouts(timeouts: Timeouts) -> Result<Self, PortError> {
        let plain = build(client_builder(timeouts).no_proxy().tls_certs_only([]))?;
        Ok(Self { plain, secure: Arc::default(), timeouts })
    }

    /// Sends the request and waits for the head of the answer, whatever its status.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, PortError> {
        self.try_send(request).await.map_err(PortError::from)
    }

    /// Does the same as [`HttpClient::send`], but its error tells whether the host could be reached:
    /// [`SendError::Unreachable`] if the connection failed or no answer came in time.
    pub async fn try_send(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let place = request.place();
        let client = self.client_for(&request.url)?;
        let sending = prepare(client, request)?.send();
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(self.timeouts.first_byte, sending).await {
            Ok(Ok(response)) => {
                if response.status() == StatusCode::TOO_MANY_REQUESTS {
                    THROTTLES.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Answer::new(place, response, self.timeouts.idle))
            }
            Ok(Err(error)) if error.is_builder() => {
                Err(PortError::person(format!("{place}: the request cannot be sent: {}", cause(&error))).into())
            }
            Ok(Err(error)) if error.is_connect() => {
                let error = PortError::again(format!("{place}: could not connect: {}", cause(&error)));
                Err(SendError::Unreachable(error))
            }
            Ok(Err(error)) => Err(PortError::again(format!("{place}: no answer: {}", cause(&error))).into()),
            Err(_) => {
                let seconds = self.timeouts.first_byte.as_secs_f64();
                Err(SendError::Unreachable(PortError::again(format!("{place}: no answer within {seconds} s"))))
            }
        }
    }

    fn client_for(&self, url: &Url) -> Result<&Client, PortError> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let built = build(client_builder(self.timeouts).https_only(true))?;
        Ok(self.secure.get_or_init(|| built))
    }
}

fn client_builder(timeouts: Timeouts) -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(timeouts.connect)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .gzip(true)
}

fn build(builder: ClientBuilder) -> Result<Client, PortError> {
    builder.build().map_err(|error| {
        let cause = cause(&error);
        PortError::person(format!("TLS cannot be set up ({cause}): install the system's CA certificates"))
    })
}

fn prepare(client: &Client, request: Request<'_>) -> Result<RequestBuilder, PortError> {
    let place = request.place();
    let mut builder = client.request(request.method, request.url);
    if let Some(token) = request.bearer {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
            PortError::person(format!(
                "{place}: the credential holds characters no HTTP header can carry (a line break?): correct the secret"
            ))
        })?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    if !request.accepts_gzip {
        builder = builder.header(ACCEPT_ENCODING, "identity");
    }
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    Ok(match request.form {
        Some(fields) => builder.form(fields),
        None => builder,
    })
}

#[cfg(test)]
mod tests;
