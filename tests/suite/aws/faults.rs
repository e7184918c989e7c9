//! A proxy between a client and a server that injects the faults of networks and services.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use futures_util::stream;
use tokio::net::TcpListener;

/// The proxy's treatment of one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The proxy answers, and the service does not get the request.
    Answer { status: u16, headers: &'static [(&'static str, &'static str)], body: String },
    /// No fault: the proxy passes the request on.
    Pass,
    /// The proxy neither passes the request on nor answers.
    Swallow,
    /// The request takes effect, but the answer never comes.
    LoseAnswer,
    /// The request takes effect, but the answer's body ends in the middle.
    CutShort,
    /// The request takes effect, but a byte of the answer's body is changed.
    Corrupt,
}

impl Fault {
    pub(crate) fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, headers: &[], body: body.into() }
    }
}

/// The planned faults of the proxy, and the requests so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    plan: VecDeque<(String, Fault)>,
    seen: Vec<(String, Bytes)>,
}

impl Faults {
    /// Starts a proxy to `upstream` and returns its address.
    pub(crate) async fn between(upstream: String) -> (String, Self) {
        let faults = Self::default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).gzip(false).build().unwrap();
        let proxy = Proxy { upstream, client, faults: faults.clone() };
        let url = serve(Router::new().fallback(pass).with_state(proxy)).await;
        (url, faults)
    }

    /// Plans a fault for the next request of `operation` that has none planned yet. The operation is an HTTP method, or
    /// the operation that the header `x-amz-target` names.
    pub(crate) fn next(&self, operation: &str, fault: Fault) {
        self.0.lock().unwrap().plan.push_back((operation.to_owned(), fault));
    }

    /// Plans the same fault `times` times.
    pub(crate) fn next_times(&self, times: usize, operation: &str, fault: &Fault) {
        (0..times).for_each(|_| self.next(operation, fault.clone()));
    }

    /// Returns the bodies of all requests of `operation`, in order.
    pub(crate) fn seen(&self, operation: &str) -> Vec<Bytes> {
        let inner = self.0.lock().unwrap();
        inner.seen.iter().filter(|(seen, _)| seen == operation).map(|(_, body)| body.clone()).collect()
    }

    /// Returns `true` if every planned fault occurred.
    pub(crate) fn are_spent(&self) -> bool {
        self.0.lock().unwrap().plan.is_empty()
    }

    fn take(&self, operation: &str, body: &Bytes) -> Option<Fault> {
        let mut inner = self.0.lock().unwrap();
        inner.seen.push((operation.to_owned(), body.clone()));
        let at = inner.plan.iter().position(|(planned, _)| planned == operation)?;
        inner.plan.remove(at).map(|(_, fault)| fault)
    }
}

/// Serves on a free port of the loopback until the test ends.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[derive(Clone)]
struct Proxy {
    upstream: String,
    client: reqwest::Client,
    faults: Faults,
}

async fn pass(State(proxy): State<Proxy>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let operation = operation(&parts.method, &parts.headers);
    let fault = proxy.faults.take(&operation, &body);
    match fault {
        Some(Fault::Answer { status, headers, body }) => {
            let answer = headers.iter().fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value));
            return answer.status(status).body(Body::from(body)).unwrap();
        }
        Some(Fault::Swallow) => pending().await,
        _ => {}
    }
    let answer = proxy.forward(parts.method, &parts.uri, parts.headers, body).await;
    match fault {
        Some(Fault::LoseAnswer) => pending().await,
        Some(Fault::CutShort) => cut_short(answer),
        Some(Fault::Corrupt) => corrupt(answer),
        _ => answer.map(Body::from),
    }
}

impl Proxy {
    async fn forward(&self, method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Response<Bytes> {
        let url = format!("{}{uri}", self.upstream);
        let sent = self.client.request(method, url).headers(headers).body(body).send().await.unwrap();
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::from_u16(sent.status().as_u16()).unwrap();
        *answer.headers_mut() = sent.headers().clone();
        answer.headers_mut().remove("transfer-encoding");
        *answer.body_mut() = sent.bytes().await.unwrap();
        answer
    }
}

fn operation(method: &Method, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| target.rsplit('.').next()).unwrap_or(method.as_str()).to_owned()
}

fn cut_short(answer: Response<Bytes>) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let pieces = [Ok(body.slice(..body.len() / 2)), Err(std::io::Error::other("the line broke"))];
    Response::from_parts(parts, Body::from_stream(stream::iter(pieces)))
}

fn corrupt(answer: Response<Bytes>) -> Response<Body> {
    answer.map(|body| {
        let mut body = body.to_vec();
        *body.last_mut().unwrap() ^= 1;
        Body::from(body)
    })
}
