//! The Secrets Manager adapter: the answers of Secrets Manager and the adapter's reactions.

use std::time::Duration;

use adapters::aws::{ListSecrets, SecretsManager, secrets_client};
use collector::{Recovery, Secrets};
use secrecy::ExposeSecret;
use serde_json::json;

use super::secrets_server::SecretStore;
use super::{ATTEMPTS, ClockWithShortSleeps, Fault, Faults, LONG_TIMEOUT, SHORT_TIMEOUT, assert_error, sdk};
use crate::conformance;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme/openai-AbCdEf";
const GET: &str = "GetSecretValue";

async fn world(call_timeout: Duration) -> (SecretsManager<ClockWithShortSleeps>, SecretStore, Faults) {
    let (upstream, secret_store) = SecretStore::serve().await;
    let (url, faults) = Faults::between(upstream).await;
    secret_store.store(ARN, "sk-admin-canary");
    (SecretsManager::new(secrets_client(&sdk(&url, call_timeout).await), ClockWithShortSleeps), secret_store, faults)
}

fn error(status: u16, code: &str) -> Fault {
    Fault::answer(status, json!({"__type": code, "message": "in a test"}).to_string())
}

#[tokio::test]
async fn conforms() {
    let (secrets, ..) = world(LONG_TIMEOUT).await;
    conformance::secrets(&secrets, ARN, "sk-admin-canary").await;
    assert!(!format!("{secrets:?}").contains("canary"));
}

#[tokio::test]
async fn a_secret_is_read_once_while_warm_and_again_when_asked() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    for _ in 0..3 {
        secrets.get(ARN, false).await.unwrap();
    }
    secret_store.store(ARN, "sk-admin-rotated");
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-canary");
    assert_eq!(faults.seen(GET).len(), 1);
    assert_eq!(secrets.get(ARN, true).await.unwrap().expose_secret(), "sk-admin-rotated");
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-rotated");
    assert_eq!(faults.seen(GET).len(), 2);
    assert!(faults.seen(GET).iter().all(|body| String::from_utf8_lossy(body).contains("AWSCURRENT")));
}

#[tokio::test]
async fn stored_as_bytes() {
    let (secrets, secret_store, _) = world(LONG_TIMEOUT).await;
    secret_store.store_bytes(ARN, "c2stYWRtaW4tYnl0ZXM=");
    assert_eq!(secrets.get(ARN, true).await.unwrap().expose_secret(), "sk-admin-bytes");
    secret_store.store_bytes(ARN, "//8=");
    assert_error(secrets.get(ARN, true).await, Recovery::Person, &["holds no text", "acme/openai-AbCdEf"]);
}

#[tokio::test]
async fn b3_a_secret_has_the_name_that_its_store_returns() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}");
    secret_store.store(&arn("acme-openai-AbCdEf"), "sk-admin-canary");
    for reference in [arn("acme-openai"), arn("acme-openai-AbCdEf")] {
        assert_eq!(secrets.name(&reference), None);
        secrets.get(&reference, false).await.unwrap();
        assert_eq!(secrets.name(&reference).as_deref(), Some("acme-openai"));
    }
    // The answer lacks the name, but its whole ARN includes it.
    let unnamed = json!({"ARN": arn("acme-tenant-AbCdEf"), "SecretString": "sk-admin-canary"});
    faults.next(GET, Fault::answer(200, unnamed.to_string()));
    secrets.get(&arn("acme-tenant"), false).await.unwrap();
    assert_eq!(secrets.name(&arn("acme-tenant")).as_deref(), Some("acme-tenant"));
}

#[tokio::test]
async fn transient_errors_are_retried() {
    let (secrets, _, faults) = world(SHORT_TIMEOUT).await;
    for fault in [error(400, "ThrottlingException"), error(500, "InternalServiceError"), Fault::Swallow] {
        faults.next(GET, fault);
    }
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-canary");
    assert!(faults.are_spent());
}

#[tokio::test]
async fn err_permanent_errors_need_a_person() {
    let (secrets, _, faults) = world(LONG_TIMEOUT).await;
    for (code, says) in [
        ("AccessDeniedException", "grant secretsmanager:GetSecretValue on acme/openai-AbCdEf"),
        ("ResourceNotFoundException", "create acme/openai-AbCdEf, or correct its ARN"),
        ("InvalidRequestException", "in a test"),
        ("DecryptionFailure", "in a test"),
    ] {
        faults.next(GET, error(400, code));
        assert_error(secrets.get(ARN, false).await, Recovery::Person, &[code, says]);
    }
    assert_eq!(faults.seen(GET).len(), 4);
}

#[tokio::test]
async fn b5_secrets_are_listed_by_the_prefix_of_their_names_over_all_pages() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf");
    let names: Vec<_> = (0..250).map(|number| format!("audit-pull/tenant-{number:04}")).collect();
    names.iter().for_each(|name| secret_store.store(&arn(name), "x"));
    secret_store.store(&arn("audit-pulled/x"), "x");
    secret_store.store(&arn("Audit-Pull/x"), "x");
    faults.next("ListSecrets", error(400, "ThrottlingException"));
    let list = secrets.list("audit-pull/").await.unwrap();
    assert_eq!((list.arns, list.has_more), (names.iter().map(|name| arn(name)).collect(), false));
    (0..2_001).for_each(|number| secret_store.store(&arn(&format!("many/{number:04}")), "x"));
    let list = secrets.list("many/").await.unwrap();
    assert_eq!((list.arns.len(), list.has_more), (2_000, true));
    faults.next("ListSecrets", error(400, "AccessDeniedException"));
    let denied = secrets.list("audit-pull/").await;
    assert_error(denied, Recovery::Person, &["grant secretsmanager:ListSecrets", "audit-pull/"]);
}

#[tokio::test]
async fn b5_short_and_empty_pages_hide_none_of_a_thousand_secrets() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    let arn = |number: usize| {
        format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/tenant-{number:04}-AbCdEf")
    };
    (0..1_000).for_each(|number| secret_store.store(&arn(number), "x"));
    secret_store.list_in_short_pages(20);
    let list = secrets.list("audit-pull/").await.unwrap();
    assert_eq!((list.arns, list.has_more), ((0..1_000).map(arn).collect(), false));
    assert_eq!(faults.seen("ListSecrets").len(), 100);
}

#[tokio::test]
async fn b5_a_repeated_page_token_ends_the_listing_and_the_next_listing_restarts() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    secret_store.store("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/acme-AbCdEf", "x");
    let again = Fault::answer(200, json!({"SecretList": [], "NextToken": "again"}).to_string());
    faults.next_times(2, "ListSecrets", &again);
    assert_error(secrets.list("audit-pull/").await, Recovery::NextTick, &["came before", "audit-pull/"]);
    assert_eq!(faults.seen("ListSecrets").len(), 2);
    assert_eq!(secrets.list("audit-pull/").await.unwrap().arns.len(), 1);
}

#[tokio::test]
async fn b5_a_listing_that_fails_on_a_later_page_continues_there() {
    let (secrets, secret_store, faults) = world(LONG_TIMEOUT).await;
    let arn = |number: usize| {
        format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/tenant-{number:04}-AbCdEf")
    };
    (0..250).for_each(|number| secret_store.store(&arn(number), "x"));
    let token = Fault::answer(200, json!({"SecretList": [], "NextToken": "200"}).to_string());
    faults.next("ListSecrets", token.clone());
    faults.next_times(ATTEMPTS, "ListSecrets", &error(500, "InternalServiceError"));
    assert_error(secrets.list("audit-pull/").await, Recovery::NextTick, &["InternalServiceError"]);
    assert_eq!(secrets.list("audit-pull/").await.unwrap().arns.len(), 50);
    // After an expired page token the listing restarts.
    faults.next("ListSecrets", token);
    faults.next_times(ATTEMPTS, "ListSecrets", &error(500, "InternalServiceError"));
    assert_error(secrets.list("audit-pull/").await, Recovery::NextTick, &["InternalServiceError"]);
    faults.next("ListSecrets", error(400, "InvalidNextTokenException"));
    assert_eq!(secrets.list("audit-pull/").await.unwrap().arns.len(), 250);
}
