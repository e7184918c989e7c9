//! A proxy to DynamoDB that lets a reader see a transaction in parts.
//!
//! DynamoDB isolates a transaction from a single `GetItem`, but not from a `Query` or a `BatchGetItem` as a
//! whole: a reader may see the head of a commit before the commit's ledger items. The proxy makes that
//! frequent. It splits each `TransactWriteItems` into puts: the first one, the head's, is applied at once
//! and its condition decides the outcome; each other item is applied after a random delay of its own. All
//! other calls pass through unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use adapters::clock::SystemClock;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Extracted;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use collector::Clock;
use serde_json::{Map, Value, json};
use tests::world::rng::SeededRng;

use super::faults::serve;

const TARGET: &str = "x-amz-target";
const TRANSACT: &str = "DynamoDB_20120810.TransactWriteItems";
const PUT: &str = "DynamoDB_20120810.PutItem";

/// A running proxy. All clones are handles of the same proxy.
#[derive(Debug, Clone)]
pub(crate) struct TornProxy {
    url: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    upstream: String,
    client: reqwest::Client,
    max_delay: Duration,
    rng: Mutex<SeededRng>,
    /// The idempotency tokens of the transactions that were applied. Held while a head is put, so that a
    /// repeated request never overtakes the first one.
    applied: tokio::sync::Mutex<BTreeSet<String>>,
    hidden: Mutex<Hidden>,
}

/// The items of applied transactions that no reader sees yet.
#[derive(Debug, Default)]
struct Hidden {
    next_id: u64,
    puts: BTreeMap<u64, HiddenPut>,
}

/// A request for one put, as it will be sent.
#[derive(Debug, Clone)]
struct HiddenPut {
    headers: HeaderMap,
    body: Bytes,
}

impl TornProxy {
    /// Starts a proxy to the DynamoDB at the URL `upstream`. Each ledger item stays hidden for up to
    /// `max_delay`; `seed` selects the delays.
    pub(crate) async fn start(upstream: String, max_delay: Duration, seed: u64) -> Self {
        let inner = Arc::new(Inner {
            upstream,
            client: reqwest::Client::builder().no_proxy().tls_certs_only([]).gzip(false).build().unwrap(),
            max_delay,
            rng: Mutex::new(SeededRng::new(seed)),
            applied: tokio::sync::Mutex::default(),
            hidden: Mutex::default(),
        });
        let url = serve(Router::new().fallback(answer).with_state(Arc::clone(&inner))).await;
        Self { url, inner }
    }

    /// Returns the address of the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the number of hidden items.
    pub(crate) fn hidden(&self) -> usize {
        self.inner.hidden().puts.len()
    }

    /// Shows every hidden item at once.
    pub(crate) async fn reveal(&self) {
        let ids: Vec<u64> = self.inner.hidden().puts.keys().copied().collect();
        for id in ids {
            self.inner.show(id).await;
        }
    }
}

async fn answer(Extracted(inner): Extracted<Arc<Inner>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let answer = match parts.headers.get(TARGET).is_some_and(|target| target == TRANSACT) {
        true => inner.transact(parts.headers, &body).await,
        false => inner.send(parts.headers, body).await,
    };
    answer.map(Body::from)
}

impl Inner {
    /// Applies the first put of the transaction now and the others later, once per idempotency token.
    async fn transact(self: &Arc<Self>, mut headers: HeaderMap, body: &Bytes) -> Response<Bytes> {
        let transaction: Value = serde_json::from_slice(body).unwrap();
        let Some(puts) = puts_of(&transaction) else {
            return error("ValidationException", json!({"message": "the torn proxy splits transactions of puts only"}));
        };
        headers.insert(TARGET, HeaderValue::from_static(PUT));
        headers.remove("content-length");
        let mut applied = self.applied.lock().await;
        let token = transaction["ClientRequestToken"].as_str().unwrap_or_default().to_owned();
        if applied.contains(&token) {
            return Response::new(Bytes::from_static(b"{}"));
        }
        let head = self.send(headers.clone(), puts[0].clone()).await;
        if head.status() != StatusCode::OK {
            return refusal(head, puts.len());
        }
        applied.insert(token);
        for put in &puts[1..] {
            self.hide(HiddenPut { headers: headers.clone(), body: put.clone() });
        }
        Response::new(Bytes::from_static(b"{}"))
    }

    fn hide(self: &Arc<Self>, put: HiddenPut) {
        let max_nanos = u64::try_from(self.max_delay.as_nanos()).unwrap();
        let delay = Duration::from_nanos(self.rng.lock().unwrap().below(max_nanos.saturating_add(1).max(1)));
        let id = {
            let mut hidden = self.hidden();
            let id = hidden.next_id;
            hidden.next_id += 1;
            hidden.puts.insert(id, put);
            id
        };
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            SystemClock.sleep(delay).await;
            inner.show(id).await;
        });
    }

    /// Applies a hidden put. A second application is harmless, because ledger items never change.
    async fn show(&self, id: u64) {
        let Some(put) = self.hidden().puts.get(&id).cloned() else { return };
        let answer = self.send(put.headers, put.body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        self.hidden().puts.remove(&id);
    }

    fn hidden(&self) -> MutexGuard<'_, Hidden> {
        self.hidden.lock().unwrap()
    }

    async fn send(&self, headers: HeaderMap, body: Bytes) -> Response<Bytes> {
        let sent = self.client.post(&self.upstream).headers(headers).body(body).send().await.unwrap();
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = sent.status();
        *answer.headers_mut() = sent.headers().clone();
        answer.headers_mut().remove("transfer-encoding");
        *answer.body_mut() = sent.bytes().await.unwrap();
        answer
    }
}

/// Returns the bodies of the `PutItem` requests that the transaction stands for; `None` if it has other actions.
fn puts_of(transaction: &Value) -> Option<Vec<Bytes>> {
    let actions = transaction["TransactItems"].as_array().filter(|actions| !actions.is_empty())?;
    let put = |action: &Value| {
        let action: &Map<String, Value> = action.as_object().filter(|action| action.len() == 1)?;
        Some(Bytes::from(action.get("Put")?.to_string()))
    };
    actions.iter().map(put).collect()
}

/// Converts DynamoDB's answer to the put of the head into its answer to the transaction.
fn refusal(head: Response<Bytes>, actions: usize) -> Response<Bytes> {
    let body: Value = serde_json::from_slice(head.body()).unwrap_or_default();
    if !body["__type"].as_str().is_some_and(|code| code.ends_with("#ConditionalCheckFailedException")) {
        return head;
    }
    let mut reasons = vec![json!({"Code": "None"}); actions];
    reasons[0] = json!({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"});
    error("TransactionCanceledException", json!({"Message": "Transaction cancelled", "CancellationReasons": reasons}))
}

fn error(code: &str, mut body: Value) -> Response<Bytes> {
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{code}").into();
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer
}
