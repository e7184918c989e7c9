//! Fakes for the tests: a clock that jumps, a secret that changes, and a vendor that answers by a script.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::http::HttpClient;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use collector::{Clock, PortError, Secrets, Stream};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use crate::config::content_type::ContentType;
use crate::config::{API_URL_VARIABLE, Config, LOGIN_URL_VARIABLE, SourceSecret};
use crate::source::Microsoft365;

pub(crate) const TENANT: &str = "0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";
/// A part of every secret and token in a test. No message may hold it.
pub(crate) const CANARY: &str = "canary";

pub(crate) fn secret_text(client_secret: &str) -> SecretString {
    json!({"tenant_id": TENANT, "client_id": "app", "client_secret": client_secret}).to_string().into()
}

/// Returns a secret whose API and login are at these URLs.
pub(crate) fn secret_at(api_url: &str, login_url: &str) -> SourceSecret {
    let variable = |name: &str| match name {
        API_URL_VARIABLE => Some(api_url.to_owned()),
        LOGIN_URL_VARIABLE => Some(login_url.to_owned()),
        _ => None,
    };
    SourceSecret::parse(&secret_text("canary-secret-1"), &Config::from_variables(variable).unwrap()).unwrap()
}

pub(crate) fn stream_of(secret: &SourceSecret, content_type: ContentType) -> Stream {
    secret.streams().into_iter().find(|stream| stream.log_type == content_type.log_type()).unwrap()
}

/// A clock that moves only when a test sleeps or jumps.
#[derive(Debug, Clone)]
pub(crate) struct JumpingClock {
    state: Arc<Mutex<(Timestamp, Vec<Duration>)>>,
}

impl JumpingClock {
    pub(crate) fn new() -> Self {
        let start = "2026-08-21T09:00:00Z".parse().unwrap();
        Self { state: Arc::new(Mutex::new((start, Vec::new()))) }
    }

    pub(crate) fn jump(&self, duration: Duration) {
        let mut state = self.state.lock().unwrap();
        state.0 = state.0.checked_add(duration).unwrap();
    }

    /// Returns the sleeps so far, in seconds.
    pub(crate) fn waits(&self) -> Vec<f64> {
        self.state.lock().unwrap().1.iter().map(Duration::as_secs_f64).collect()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap().0
    }

    async fn sleep(&self, duration: Duration) {
        self.jump(duration);
        self.state.lock().unwrap().1.push(duration);
    }

    fn random(&self) -> u64 {
        0
    }
}

/// A store of one secret that a test can change. It counts the fresh reads.
#[derive(Debug, Clone)]
pub(crate) struct ChangingSecret {
    /// The secret and the number of fresh reads.
    pub(crate) state: Arc<Mutex<(SecretString, u32)>>,
}

impl ChangingSecret {
    pub(crate) fn new(client_secret: &str) -> Self {
        Self { state: Arc::new(Mutex::new((secret_text(client_secret), 0))) }
    }
}

impl Secrets for ChangingSecret {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        assert_eq!(reference, "the-secret");
        let mut state = self.state.lock().unwrap();
        state.1 += u32::from(fresh);
        Ok(state.0.clone())
    }
}

/// A request that the vendor received.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `token`, `list`, `start`, `content`, or a blob's id.
    pub(crate) operation: String,
    /// Number of earlier requests of the same kind.
    pub(crate) nth: usize,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
    }
}

/// An answer of the vendor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    chunks: Vec<Vec<u8>>,
    is_cut: bool,
}

pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, chunks: vec![body.into()], ..Reply::default() }
}

/// Returns an error in the API's form.
pub(crate) fn af(status: u16, code: &str) -> Reply {
    reply(status, json!({"error": {"code": code, "message": "canary of the vendor's"}}).to_string())
}

/// Returns a login answer with that token, valid for an hour.
pub(crate) fn token(name: &str) -> Reply {
    reply(200, json!({"access_token": name, "expires_in": 3_599, "token_type": "Bearer"}).to_string())
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn then(mut self, chunk: impl Into<Vec<u8>>) -> Self {
        self.chunks.push(chunk.into());
        self
    }

    /// Breaks the connection after the last chunk.
    pub(crate) fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }

    fn into_response(self, date: Timestamp) -> Response {
        let mut builder = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        builder = builder.header("date", date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let broken = self.is_cut.then_some(()).into_iter();
        let broken = stream::iter(broken).then(async |()| {
            // The chunks before the break are sent first.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("cut"))
        });
        builder.body(Body::from_stream(stream::iter(self.chunks).map(Ok).chain(broken))).unwrap()
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A vendor on loopback, with both the API and the login.
#[derive(Clone)]
pub(crate) struct FakeVendor {
    pub(crate) origin: String,
    /// Time by which the vendor's clock is ahead of ours.
    pub(crate) ahead_seconds: Arc<AtomicI64>,
    clock: JumpingClock,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Requests in flight by kind: the number now, and the highest number.
    in_flight: Arc<Mutex<BTreeMap<String, (usize, usize)>>>,
}

impl FakeVendor {
    /// Starts a vendor whose clock is five minutes behind ours.
    pub(crate) async fn serve(clock: &JumpingClock, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (ahead_seconds, clock) = (Arc::new(AtomicI64::new(-300)), clock.clone());
        let (script, seen, in_flight) = (Arc::new(script), Arc::default(), Arc::default());
        let vendor = Self { origin, ahead_seconds, clock, script, seen, in_flight };
        let router = Router::new().fallback(answer).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        vendor
    }

    pub(crate) fn source_secret(&self) -> SourceSecret {
        secret_at(&format!("{}/m365", self.origin), &format!("{}/login", self.origin))
    }

    pub(crate) fn client(
        &self,
        clock: &JumpingClock,
        secrets: &ChangingSecret,
    ) -> Microsoft365<ChangingSecret, JumpingClock> {
        let http = HttpClient::new().unwrap();
        Microsoft365::new(&self.source_secret(), secrets.clone(), "the-secret", http, clock.clone())
    }

    /// Returns the root URL of the tenant's feed.
    pub(crate) fn feed(&self) -> String {
        format!("{}/m365/api/v1.0/{TENANT}/activity/feed", self.origin)
    }

    pub(crate) fn seen(&self, operation: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.operation == operation).cloned().collect()
    }

    /// Returns and resets the highest number of concurrent requests of that kind.
    pub(crate) fn take_max_concurrent(&self, operation: &str) -> usize {
        self.in_flight.lock().unwrap().remove(operation).map_or(0, |(_, max)| max)
    }

    /// Delays an answer until other requests had time to arrive.
    async fn delay(&self, operation: &str) {
        self.with_in_flight(operation, |(now, max)| {
            *now += 1;
            *max = (*now).max(*max);
        });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.with_in_flight(operation, |(now, _)| *now -= 1);
    }

    fn with_in_flight(&self, operation: &str, change: impl FnOnce(&mut (usize, usize))) {
        change(self.in_flight.lock().unwrap().entry(operation.to_owned()).or_default());
    }

    /// Returns the number of requests of each kind.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.seen.lock().unwrap().iter() {
            *counts.entry(seen.operation.clone()).or_default() += 1;
        }
        counts
    }
}

async fn answer(
    State(vendor): State<FakeVendor>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let operation = path.rsplit('/').next().unwrap_or_default().to_owned();
    let seen = Seen {
        nth: vendor.seen(&operation).len(),
        operation,
        method,
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    vendor.seen.lock().unwrap().push(seen.clone());
    vendor.delay(&seen.operation).await;
    let date = vendor.clock.now() + SignedDuration::from_secs(vendor.ahead_seconds.load(Ordering::SeqCst));
    (vendor.script)(&seen).into_response(date)
}
