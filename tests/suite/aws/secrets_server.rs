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

/// The secrets by ARN, as the fields that GetSecretValue answers beside the ARN.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vault(Arc<Mutex<BTreeMap<String, Value>>>, Arc<AtomicUsize>);

/// The end of the token of a page that follows an empty one.
const BEHIND_AN_EMPTY_PAGE: char = '!';

impl Vault {
    /// Serves the vault and returns its address.
    pub(crate) async fn serve() -> (String, Self) {
        let vault = Self::default();
        (serve(Router::new().route("/", post(answer)).with_state(vault.clone())).await, vault)
    }

    /// Stores a secret's current version.
    pub(crate) fn store(&self, arn: &str, text: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretString": text}));
    }

    /// Stores a secret as bytes, given in `base64` as on the wire.
    pub(crate) fn store_bytes(&self, arn: &str, base64: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretBinary": base64}));
    }

    /// Limits the secrets per page from now on and puts an empty page before each page, as happens in an account
    /// with very many other secrets.
    pub(crate) fn list_in_short_pages(&self, secrets: usize) {
        self.1.store(secrets, Ordering::Relaxed);
    }

    /// A page of the secrets that the first filter names; the token is where it begins.
    fn page(&self, request: &Value) -> Value {
        assert_eq!(request["Filters"][0]["Key"], "name");
        let prefix = request["Filters"][0]["Values"][0].as_str().unwrap();
        let token = request["NextToken"].as_str().unwrap_or("0");
        let begin: usize = token.trim_end_matches(BEHIND_AN_EMPTY_PAGE).parse().unwrap();
        let mut size = usize::try_from(request["MaxResults"].as_u64().unwrap()).unwrap();
        let short = self.1.load(Ordering::Relaxed);
        if short > 0 {
            size = short;
            if !token.ends_with(BEHIND_AN_EMPTY_PAGE) {
                return json!({"SecretList": [], "NextToken": format!("{begin}{BEHIND_AN_EMPTY_PAGE}")});
            }
        }
        let secrets = self.0.lock().unwrap();
        // The service ignores case in some cases, and a suffix of six letters ends each ARN.
        let named = secrets.keys().filter_map(|arn| {
            let name = name(arn)?;
            name.to_lowercase().starts_with(&prefix.to_lowercase()).then(|| json!({"ARN": arn, "Name": name}))
        });
        let page: Vec<_> = named.skip(begin).take(size + 1).collect();
        let next = (page.len() > size).then(|| (begin + size).to_string());
        json!({"SecretList": page[..page.len().min(size)], "NextToken": next})
    }

    /// The secret that an ARN means, with its whole ARN. An ARN without its suffix means a secret too.
    fn find(&self, id: &str) -> Option<(String, Value)> {
        let secrets = self.0.lock().unwrap();
        let is_meant = |arn: &str| arn == id || arn.rsplit_once('-').is_some_and(|(stem, _)| stem == id);
        let (arn, secret) = secrets.get_key_value(id).or_else(|| secrets.iter().find(|(arn, _)| is_meant(arn)))?;
        Some((arn.clone(), secret.clone()))
    }
}

/// The name in a whole ARN.
fn name(arn: &str) -> Option<&str> {
    Some(arn.splitn(7, ':').nth(6)?.rsplit_once('-')?.0)
}

async fn answer(State(vault): State<Vault>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).unwrap();
    if headers["x-amz-target"].to_str().unwrap().ends_with(".ListSecrets") {
        return (StatusCode::OK, vault.page(&request).to_string());
    }
    let Some((arn, mut secret)) = vault.find(request["SecretId"].as_str().unwrap()) else {
        let body = json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."});
        return (StatusCode::BAD_REQUEST, body.to_string());
    };
    (secret["Name"], secret["ARN"]) = (json!(name(&arn)), json!(arn));
    secret["VersionStages"] = json!([request["VersionStage"].as_str().unwrap_or("AWSCURRENT")]);
    (StatusCode::OK, secret.to_string())
}
