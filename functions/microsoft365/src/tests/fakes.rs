//! For tests: a clock that jumps, a secret that changes, and a vendor that says what a test wants said.

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

use crate::config::{API_URL, Config, LOGIN_URL, Overrides, streams};
use crate::content_type::ContentType;
use crate::source::Microsoft365;

pub(crate) const TENANT: &str = "0f3c9a52-7b1e-4d8a-9c60-5e2f4b7a1d93";
/// In every secret and token of a test; in no message.
pub(crate) const CANARY: &str = "canary";

pub(crate) fn secret(client_secret: &str) -> SecretString {
    json!({"tenant_id": TENANT, "client_id": "app", "client_secret": client_secret}).to_string().into()
}

pub(crate) fn config(api: &str, login: &str) -> Config {
    let variable = |name: &str| match name {
        API_URL => Some(api.to_owned()),
        LOGIN_URL => Some(login.to_owned()),
        _ => None,
    };
    Config::parse(&secret("canary-secret-1"), &Overrides::read(variable).unwrap()).unwrap()
}

pub(crate) fn stream_of(config: &Config, content_type: ContentType) -> Stream {
    streams(config).into_iter().find(|stream| stream.log_type == content_type.log_type()).unwrap()
}

/// Stands still but for what is slept on it.
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

    /// The waits so far, in seconds.
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

/// The secret as it is now; `fresh` reads are counted.
#[derive(Debug, Clone)]
pub(crate) struct ChangingSecret {
    pub(crate) state: Arc<Mutex<(SecretString, u32)>>,
}

impl ChangingSecret {
    pub(crate) fn new(client_secret: &str) -> Self {
        Self { state: Arc::new(Mutex::new((secret(client_secret), 0))) }
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

/// One request, as the vendor got it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `token`, `list`, `start`, `content`, or the blob's id.
    pub(crate) what: String,
    /// How many of them came before.
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

/// What the vendor says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Vec<u8>>,
    cut: bool,
}

pub(crate) fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, pieces: vec![body.into()], ..Reply::default() }
}

/// An error as the API words it.
pub(crate) fn af(status: u16, code: &str) -> Reply {
    reply(status, json!({"error": {"code": code, "message": "canary of the vendor's"}}).to_string())
}

/// A token of that name, living an hour.
pub(crate) fn token(name: &str) -> Reply {
    reply(200, json!({"access_token": name, "expires_in": 3_599, "token_type": "Bearer"}).to_string())
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn then(mut self, piece: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(piece.into());
        self
    }

    /// The connection breaks at the end of what was said.
    pub(crate) fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    fn into_response(self, date: Timestamp) -> Response {
        let mut builder = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        builder = builder.header("date", date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let broken = self.cut.then_some(()).into_iter();
        let broken = stream::iter(broken).then(async |()| {
            // What was said goes out first.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("cut"))
        });
        builder.body(Body::from_stream(stream::iter(self.pieces).map(Ok).chain(broken))).unwrap()
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A vendor on loopback, API and login both.
#[derive(Clone)]
pub(crate) struct FakeVendor {
    pub(crate) origin: String,
    /// How far its clock is ahead of ours, in seconds.
    pub(crate) ahead: Arc<AtomicI64>,
    clock: JumpingClock,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Requests under way by kind: now, and at most.
    under_way: Arc<Mutex<BTreeMap<String, (usize, usize)>>>,
}

impl FakeVendor {
    /// A vendor whose clock is five minutes behind.
    pub(crate) async fn serve(clock: &JumpingClock, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (ahead, clock) = (Arc::new(AtomicI64::new(-300)), clock.clone());
        let (script, seen, under_way) = (Arc::new(script), Arc::default(), Arc::default());
        let vendor = Self { origin, ahead, clock, script, seen, under_way };
        let router = Router::new().fallback(answer).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        vendor
    }

    pub(crate) fn config(&self) -> Config {
        config(&format!("{}/m365", self.origin), &format!("{}/login", self.origin))
    }

    pub(crate) fn client(
        &self,
        clock: &JumpingClock,
        secrets: &ChangingSecret,
    ) -> Microsoft365<ChangingSecret, JumpingClock> {
        let http = HttpClient::new().unwrap();
        Microsoft365::new(&self.config(), secrets.clone(), "the-secret", http, clock.clone())
    }

    /// The feed's root.
    pub(crate) fn feed(&self) -> String {
        format!("{}/m365/api/v1.0/{TENANT}/activity/feed", self.origin)
    }

    pub(crate) fn seen(&self, what: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.what == what).cloned().collect()
    }

    /// How many requests of that kind were under way at most at the same time, since this was last asked.
    pub(crate) fn most_at_once(&self, what: &str) -> usize {
        self.under_way.lock().unwrap().remove(what).map_or(0, |(_, most)| most)
    }

    /// It takes its time, as long as others can get through.
    async fn take_time(&self, what: &str) {
        self.with_under_way(what, |(now, most)| {
            *now += 1;
            *most = (*now).max(*most);
        });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.with_under_way(what, |(now, _)| *now -= 1);
    }

    fn with_under_way(&self, what: &str, change: impl FnOnce(&mut (usize, usize))) {
        change(self.under_way.lock().unwrap().entry(what.to_owned()).or_default());
    }

    /// How many requests of each kind came.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.seen.lock().unwrap().iter() {
            *counts.entry(seen.what.clone()).or_default() += 1;
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
    let what = path.rsplit('/').next().unwrap_or_default().to_owned();
    let seen = Seen {
        nth: vendor.seen(&what).len(),
        what,
        method,
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    vendor.seen.lock().unwrap().push(seen.clone());
    vendor.take_time(&seen.what).await;
    let date = vendor.clock.now() + SignedDuration::from_secs(vendor.ahead.load(Ordering::SeqCst));
    (vendor.script)(&seen).into_response(date)
}
