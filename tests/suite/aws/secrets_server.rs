//! Secrets Manager, as much of it as is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
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
}

async fn answer(State(vault): State<Vault>, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).unwrap();
    let arn = request["SecretId"].as_str().unwrap();
    let Some(mut secret) = vault.0.lock().unwrap().get(arn).cloned() else {
        let body = json!({"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find it."});
        return (StatusCode::BAD_REQUEST, body.to_string());
    };
    secret["ARN"] = json!(arn);
    secret["VersionStages"] = json!([request["VersionStage"].as_str().unwrap_or("AWSCURRENT")]);
    (StatusCode::OK, secret.to_string())
}
