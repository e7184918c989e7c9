//! Secrets Manager, as much of it as is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::faults::serve;

/// The secrets by ARN: what GetSecretValue answers beside the name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vault(Arc<Mutex<BTreeMap<String, Value>>>);

impl Vault {
    /// Serves the vault and tells where.
    pub(crate) async fn serve() -> (String, Self) {
        let vault = Self::default();
        (serve(Router::new().route("/", post(answer)).with_state(vault.clone())).await, vault)
    }

    /// Stores a secret's current version.
    pub(crate) fn store(&self, arn: &str, text: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretString": text}));
    }

    /// Stores one as bytes; `base64` as the wire has it.
    pub(crate) fn store_bytes(&self, arn: &str, base64: &str) {
        self.0.lock().unwrap().insert(arn.to_owned(), json!({"SecretBinary": base64}));
    }

    /// A page of the secrets that the first filter names; the token is where it begins.
    fn page(&self, request: &Value) -> Value {
        assert_eq!(request["Filters"][0]["Key"], "name");
        let prefix = request["Filters"][0]["Values"][0].as_str().unwrap();
        let begin: usize = request["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let size = usize::try_from(request["MaxResults"].as_u64().unwrap()).unwrap();
        let secrets = self.0.lock().unwrap();
        // The service does not tell capitals apart in every case, and a suffix of six letters ends each ARN.
        let named = secrets.keys().filter_map(|arn| {
            let name = arn.splitn(7, ':').nth(6)?.rsplit_once('-')?.0;
            name.to_lowercase().starts_with(&prefix.to_lowercase()).then(|| json!({"ARN": arn, "Name": name}))
        });
        let page: Vec<_> = named.skip(begin).take(size + 1).collect();
        let next = (page.len() > size).then(|| (begin + size).to_string());
        json!({"SecretList": page[..page.len().min(size)], "NextToken": next})
    }
}

async fn answer(State(vault): State<Vault>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).unwrap();
    if headers["x-amz-target"].to_str().unwrap().ends_with(".ListSecrets") {
        return (StatusCode::OK, vault.page(&request).to_string());
    }
    let arn = request["SecretId"].as_str().unwrap();
    let Some(mut secret) = vault.0.lock().unwrap().get(arn).cloned() else {
        let body = json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."});
        return (StatusCode::BAD_REQUEST, body.to_string());
    };
    secret["ARN"] = json!(arn);
    secret["VersionStages"] = json!([request["VersionStage"].as_str().unwrap_or("AWSCURRENT")]);
    (StatusCode::OK, secret.to_string())
}
