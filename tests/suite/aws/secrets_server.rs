//! The part of Secrets Manager that the adapter uses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::faults::serve;

/// The secrets by ARN, each as the fields of the answer to GetSecretValue, and the maximum number of secrets per page
/// (0 for what the request asks).
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretStore(Arc<Mutex<BTreeMap<String, Value>>>, Arc<AtomicUsize>);

/// The last character of a page token that an empty page returned.
const AFTER_EMPTY_PAGE_MARK: char = '!';

impl SecretStore {
    /// Serves an empty secret store. Returns its address and the store.
    pub(crate) async fn serve() -> (String, Self) {
        let secret_store = Self::default();
        (serve(Router::new().route("/", post(answer)).with_state(secret_store.clone())).await, secret_store)
    }

    /// Stores a secret's current version.
    pub(crate) fn store(&self, arn: &str, text: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretString": text}));
    }

    /// Stores a secret as bytes, given in `base64` as on the wire.
    pub(crate) fn store_bytes(&self, arn: &str, base64: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretBinary": base64}));
    }

    /// From now on a page has at most this number of secrets, and an empty page comes before each page, as happens in
    /// an account with very many other secrets.
    pub(crate) fn list_in_short_pages(&self, secrets: usize) {
        self.1.store(secrets, Ordering::Relaxed);
    }

    /// Returns a page of the secrets whose names match the request's filter. The request's token is the index of the
    /// first one.
    fn page(&self, request: &Value) -> Value {
        assert_eq!(request["Filters"][0]["Key"], "name");
        let prefix = request["Filters"][0]["Values"][0].as_str().unwrap();
        let token = request["NextToken"].as_str().unwrap_or("0");
        let begin: usize = token.trim_end_matches(AFTER_EMPTY_PAGE_MARK).parse().unwrap();
        let mut size = usize::try_from(request["MaxResults"].as_u64().unwrap()).unwrap();
        let short_page_size = self.1.load(Ordering::Relaxed);
        if short_page_size > 0 {
            size = short_page_size;
            if !token.ends_with(AFTER_EMPTY_PAGE_MARK) {
                return json!({"SecretList": [], "NextToken": format!("{begin}{AFTER_EMPTY_PAGE_MARK}")});
            }
        }
        let secrets = self.0.lock().unwrap();
        // The service may ignore case, so the adapter must compare names itself.
        let named = secrets.keys().filter_map(|arn| {
            let name = name(arn)?;
            name.to_lowercase().starts_with(&prefix.to_lowercase()).then(|| json!({"ARN": arn, "Name": name}))
        });
        let page: Vec<_> = named.skip(begin).take(size + 1).collect();
        let next = (page.len() > size).then(|| (begin + size).to_string());
        json!({"SecretList": page[..page.len().min(size)], "NextToken": next})
    }

    /// Returns the whole ARN of the secret with this ARN, and the secret; `None` if there is none. The given ARN may
    /// lack the random suffix.
    fn find(&self, id: &str) -> Option<(String, Value)> {
        let secrets = self.0.lock().unwrap();
        let has_requested_id = |arn: &str| arn == id || arn.rsplit_once('-').is_some_and(|(stem, _)| stem == id);
        let (arn, secret) =
            secrets.get_key_value(id).or_else(|| secrets.iter().find(|(arn, _)| has_requested_id(arn)))?;
        Some((arn.clone(), secret.clone()))
    }
}

/// Returns the secret's name in a whole ARN, without the random suffix.
fn name(arn: &str) -> Option<&str> {
    Some(arn.splitn(7, ':').nth(6)?.rsplit_once('-')?.0)
}

async fn answer(State(secret_store): State<SecretStore>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).unwrap();
    if headers["x-amz-target"].to_str().unwrap().ends_with(".ListSecrets") {
        return (StatusCode::OK, secret_store.page(&request).to_string());
    }
    let Some((arn, mut secret)) = secret_store.find(request["SecretId"].as_str().unwrap()) else {
        let body = json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."});
        return (StatusCode::BAD_REQUEST, body.to_string());
    };
    (secret["Name"], secret["ARN"]) = (json!(name(&arn)), json!(arn));
    secret["VersionStages"] = json!([request["VersionStage"].as_str().unwrap_or("AWSCURRENT")]);
    (StatusCode::OK, secret.to_string())
}
