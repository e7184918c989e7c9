//! Lambda's Runtime API for one function.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use collector::Clock;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use super::faults::serve;

/// The function as its invoker sees it.
#[derive(Debug)]
pub(crate) struct Function {
    events: mpsc::UnboundedSender<Event>,
    answers: mpsc::UnboundedReceiver<Answer>,
}

/// The result of an invocation: the response, or the error with its type.
pub(crate) type Answer = Result<Value, Value>;

#[derive(Debug)]
struct Event {
    payload: String,
    time: Duration,
}

#[derive(Clone)]
struct Api {
    events: Arc<Mutex<mpsc::UnboundedReceiver<Event>>>,
    answers: mpsc::UnboundedSender<Answer>,
    count: Arc<AtomicU64>,
}

/// Serves the API and returns its host and port in the form of `AWS_LAMBDA_RUNTIME_API`.
pub(crate) async fn start() -> (String, Function) {
    let (event_sender, events) = mpsc::unbounded_channel();
    let (answer_sender, answers) = mpsc::unbounded_channel();
    let api = Api { events: Arc::new(Mutex::new(events)), answers: answer_sender, count: Arc::default() };
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{what}", post(answered))
        .with_state(api);
    let host = serve(router).await.replace("http://", "");
    (host, Function { events: event_sender, answers })
}

impl Function {
    /// Invokes the function, which has `time` until Lambda would kill it, and waits for its answer.
    pub(crate) async fn invoke(&mut self, payload: impl Into<String>, time: Duration) -> Answer {
        self.events.send(Event { payload: payload.into(), time }).unwrap();
        let answer = tokio::time::timeout(time, self.answers.recv()).await;
        answer.unwrap_or_else(|_| panic!("killed: no answer within {time:?}")).unwrap()
    }
}

async fn next(State(api): State<Api>) -> Response<Body> {
    let Some(event) = api.events.lock().await.recv().await else { return std::future::pending().await };
    let killed_at = adapters::clock::SystemClock.now() + event.time;
    let count = api.count.fetch_add(1, Ordering::Relaxed);
    Response::builder()
        .header("lambda-runtime-aws-request-id", format!("request-{count}"))
        .header("lambda-runtime-deadline-ms", killed_at.as_millisecond())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:f")
        .header("lambda-runtime-trace-id", "Root=1-0-0")
        .header("content-type", "application/json")
        .body(Body::from(event.payload))
        .unwrap()
}

async fn answered(State(api): State<Api>, Path((_, what)): Path<(String, String)>, body: String) -> StatusCode {
    let body = serde_json::from_str(&body).unwrap();
    let _ = api.answers.send(if what == "response" { Ok(body) } else { Err(body) });
    StatusCode::ACCEPTED
}
