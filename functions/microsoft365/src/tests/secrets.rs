//! Secrets: nothing that can be printed holds a secret, a token or an assertion.

use serde_json::json;

use super::*;
use crate::config::certificate::tests::certificate_and_key;

#[tokio::test]
async fn a_client_that_has_logged_in_shows_no_secret_and_no_token() {
    let world = World::new(healthy(|_| None)).await;
    world.prepare(None).await.unwrap();
    let blob = world.fetch("").await.unwrap();
    let shown = format!("{:?} {blob:?} {:?}", world.client, world.vendor.source_secret());
    assert!(shown.contains(TENANT), "{shown}");
    assert!(!shown.contains(CANARY), "{shown}");
}

#[tokio::test]
async fn a_client_with_a_certificate_shows_no_key_and_no_assertion() {
    let (certificate, private_key, _) = certificate_and_key();
    let clock = JumpingClock::new();
    let vendor = FakeVendor::serve(&clock, healthy(|_| None)).await;
    let fields = json!({"certificate_pem": certificate, "private_key_pem": private_key.expose_secret()});
    let (client, secret) = client_with_fields(&vendor, &clock, fields);
    client.prepare(&stream_of(&secret, ContentType::Exchange), None).await.unwrap();
    let shown = format!("{client:?} {secret:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    let key: String = private_key.expose_secret().lines().filter(|line| !line.starts_with("--")).collect();
    let login = &vendor.seen("token")[0].body;
    let (_, assertion) = login.split_once("client_assertion=").unwrap();
    for secret in [key.as_str(), assertion] {
        assert!(!shown.contains(&secret[..16]) && !shown.contains(&secret[100..116]), "{shown}");
    }
}

#[tokio::test]
async fn a_message_holds_no_credential_that_an_answer_repeats() {
    for status in [200, 302, 400, 401, 403, 404, 418, 429, 500] {
        let repeats = move |seen: &Seen| {
            let body = json!({"error": seen.body, "error_description": seen.body, "message": seen.body}).to_string();
            let heard = format!("{body} {:?}", seen.headers);
            matches!(seen.operation.as_str(), "token" | "content" | "b$1").then(|| reply(status, heard))
        };
        let world = World::new(healthy(repeats)).await;
        world.list(None).await.unwrap_err();
        world.fetch("").await.unwrap_err();
    }
    // The API gets the token, and its answer repeats it.
    for status in [200, 302, 400, 401, 403, 404, 418, 429, 500] {
        let repeats = move |seen: &Seen| {
            let body = json!({"error": {"code": seen.bearer(), "message": seen.bearer()}}).to_string();
            matches!(seen.operation.as_str(), "list" | "start" | "content").then(|| reply(status, body))
        };
        let world = World::new(healthy(repeats)).await;
        // `prepare` may succeed. If it fails, `World` checks the message.
        let _ = world.prepare(None).await;
        world.list(None).await.unwrap_err();
    }
}
