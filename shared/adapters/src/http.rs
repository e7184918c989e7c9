//! The HTTP client of both vendors: one TLS stack, a bound on every wait and body, no secret in any message.
//!
//! It sends one request and hands back one answer. Which statuses are errors is the vendor's
//! client's business, and repeating is [`collector::retry`]'s. What fails in transport is
//! [`PortError::again`]. Redirects are not followed: a token goes to the host it was meant for.

mod answer;
mod base_url;
mod cause;
mod headers;
mod wait_text;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use collector::PortError;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};

use cause::cause;

pub use answer::Answer;
pub use base_url::{BadBaseUrl, base_url, endpoint};
pub use reqwest::Url;
pub use wait_text::wait_in_text;

/// Until a connection stands, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From sending a request to the first byte of its answer, connecting included.
pub const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two pieces of a body.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection unused for this long is not used again: a frozen process cannot tell that it died.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The `User-Agent` of every request.
const USER_AGENT: &str = concat!("audit-pull/", env!("CARGO_PKG_VERSION"));

/// The time-outs of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOuts {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the first byte of an answer.
    pub first_byte: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
}

impl Default for TimeOuts {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, first_byte: FIRST_BYTE_TIMEOUT, idle: IDLE_TIMEOUT }
    }
}

/// One request.
///
/// No `Debug`: a form's fields may be secret.
#[derive(Clone)]
pub struct Request<'a> {
    method: Method,
    url: Url,
    bearer: Option<&'a SecretString>,
    headers: Vec<(&'static str, &'a str)>,
    form: Option<&'a [(&'a str, &'a str)]>,
    gzip: bool,
}

impl<'a> Request<'a> {
    /// GET `url`.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, bearer: None, headers: Vec::new(), form: None, gzip: true }
    }

    /// POST to `url` with an empty body.
    pub fn post(url: Url) -> Self {
        Self { method: Method::POST, ..Self::get(url) }
    }

    /// With `Authorization: Bearer` and this token.
    pub fn bearer(self, token: &'a SecretString) -> Self {
        Self { bearer: Some(token), ..self }
    }

    /// With one more header; not for secrets.
    pub fn header(mut self, name: &'static str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With these fields as an `application/x-www-form-urlencoded` body.
    pub fn form(self, fields: &'a [(&'a str, &'a str)]) -> Self {
        Self { form: Some(fields), ..self }
    }

    /// Asking for an answer that is not compressed; by default gzip is offered.
    pub fn uncompressed(self) -> Self {
        Self { gzip: false, ..self }
    }

    /// Host and path: what a message may say of the request.
    fn place(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}{}", self.url.host_str().unwrap_or_default(), self.url.path())
    }
}

/// The reason for the missing answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Nobody answers at the host: no connection could be made, or it stayed silent. Another try costs as long.
    Unreachable(PortError),
    /// Anything else.
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

/// The client. Cheap to clone; clones share their connections.
///
/// Requests by `https` go over the system's proxy settings and trusted roots, which are read at the
/// first one. Requests by plain `http` go straight to their host ([`base_url`] allows the loopback only).
#[derive(Debug, Clone)]
pub struct HttpClient {
    plain: Client,
    secure: Arc<OnceLock<Client>>,
    timeouts: TimeOuts,
}

impl HttpClient {
    /// A client with the default time-outs. Fails when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, PortError> {
        Self::with_timeouts(TimeOuts::default())
    }

    /// A client with these time-outs.
    pub fn with_timeouts(timeouts: TimeOuts) -> Result<Self, PortError> {
        let plain = build(common(timeouts).no_proxy().tls_certs_only([]))?;
        Ok(Self { plain, secure: Arc::default(), timeouts })
    }

    /// Sends the request and waits for the answer's head, whatever its status.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, PortError> {
        self.try_send(request).await.map_err(PortError::from)
    }

    /// The same; the error tells whether there is anybody at all on the other side.
    pub async fn try_send(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let place = request.place();
        let client = self.client_for(&request.url)?;
        let sending = prepare(client, request)?.send();
        match tokio::time::timeout(self.timeouts.first_byte, sending).await {
            Ok(Ok(response)) => Ok(Answer::new(place, response, self.timeouts.idle)),
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
        let built = build(common(self.timeouts).https_only(true))?;
        Ok(self.secure.get_or_init(|| built))
    }
}

fn common(timeouts: TimeOuts) -> ClientBuilder {
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
    if !request.gzip {
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
