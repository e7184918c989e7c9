//! The Secrets Manager adapter: the answers of Secrets Manager and the adapter's reactions.

use std::time::Duration;

use adapters::aws::{ListSecrets, SecretsManager, secrets_client};
use collector::{Recovery, Secrets};
use secrecy::ExposeSecret;
use serde_json::json;

use super::secrets_server::Vault;
use super::{ATTEMPTS, Fault, Faults, HASTY, Hurried, PATIENT, assert_error, sdk};
use crate::conformance;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme/openai-AbCdEf";
const GET: &str = "GetSecretValue";

async fn world(call_timeout: Duration) -> (SecretsManager<Hurried>, Vault, Faults) {
    let (upstream, vault) = Vault::serve().await;
    let (url, faults) = Faults::between(upstream).await;
    vault.store(ARN, "sk-admin-canary");
    (SecretsManager::new(secrets_client(&sdk(&url, call_timeout).await), Hurried), vault, faults)
}

fn error(status: u16, code: &str) -> Fault {
    Fault::answer(status, json!({"__type": code, "message": "in a test"}).to_string())
}

#[tokio::test]
async fn conforms() {
    let (secrets, ..) = world(PATIENT).await;
    conformance::secrets(&secrets, ARN, "sk-admin-canary").await;
    assert!(!format!("{secrets:?}").contains("canary"));
}

#[tokio::test]
async fn read_once_while_warm_and_anew_when_asked() {
    let (secrets, vault, faults) = world(PATIENT).await;
    for _ in 0..3 {
        secrets.get(ARN, false).await.unwrap();
    }
    vault.store(ARN, "sk-admin-rotated");
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-canary");
    assert_eq!(faults.seen(GET).len(), 1);
    assert_eq!(secrets.get(ARN, true).await.unwrap().expose_secret(), "sk-admin-rotated");
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-rotated");
    assert_eq!(faults.seen(GET).len(), 2);
    assert!(faults.seen(GET).iter().all(|body| String::from_utf8_lossy(body).contains("AWSCURRENT")));
}

#[tokio::test]
async fn stored_as_bytes() {
    let (secrets, vault, _) = world(PATIENT).await;
    vault.store_bytes(ARN, "c2stYWRtaW4tYnl0ZXM=");
    assert_eq!(secrets.get(ARN, true).await.unwrap().expose_secret(), "sk-admin-bytes");
    vault.store_bytes(ARN, "//8=");
    assert_error(secrets.get(ARN, true).await, Recovery::Person, &["holds no text", "acme/openai-AbCdEf"]);
}

#[tokio::test]
async fn b3_a_secret_that_was_read_has_the_name_that_its_store_tells() {
    let (secrets, vault, faults) = world(PATIENT).await;
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}");
    vault.store(&arn("acme-openai-AbCdEf"), "sk-admin-canary");
    for reference in [arn("acme-openai"), arn("acme-openai-AbCdEf")] {
        assert_eq!(secrets.name(&reference), None);
        secrets.get(&reference, false).await.unwrap();
        assert_eq!(secrets.name(&reference).as_deref(), Some("acme-openai"));
    }
    // The answer has the whole ARN, which includes the name.
    let unnamed = json!({"ARN": arn("acme-tenant-AbCdEf"), "SecretString": "sk-admin-canary"});
    faults.next(GET, Fault::answer(200, unnamed.to_string()));
    secrets.get(&arn("acme-tenant"), false).await.unwrap();
    assert_eq!(secrets.name(&arn("acme-tenant")).as_deref(), Some("acme-tenant"));
}

#[tokio::test]
async fn transient_errors_are_retried() {
    let (secrets, _, faults) = world(HASTY).await;
    for fault in [error(400, "ThrottlingException"), error(500, "InternalServiceError"), Fault::Swallow] {
        faults.next(GET, fault);
    }
    assert_eq!(secrets.get(ARN, false).await.unwrap().expose_secret(), "sk-admin-canary");
    assert!(faults.are_spent());
}

#[tokio::test]
async fn err_permanent_errors_need_a_person() {
    let (secrets, _, faults) = world(PATIENT).await;
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
    let (secrets, vault, faults) = world(PATIENT).await;
    let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf");
    let names: Vec<_> = (0..250).map(|number| format!("audit-pull/tenant-{number:04}")).collect();
    names.iter().for_each(|name| vault.store(&arn(name), "x"));
    vault.store(&arn("audit-pulled/x"), "x");
    vault.store(&arn("Audit-Pull/x"), "x");
    faults.next("ListSecrets", error(400, "ThrottlingException"));
    let list = secrets.list("audit-pull/").await.unwrap();
    assert_eq!((list.arns, list.has_more), (names.iter().map(|name| arn(name)).collect(), false));
    (0..2_001).for_each(|number| vault.store(&arn(&format!("many/{number:04}")), "x"));
    let list = secrets.list("many/").await.unwrap();
    assert_eq!((list.arns.len(), list.has_more), (2_000, true));
    faults.next("ListSecrets", error(400, "AccessDeniedException"));
    let denied = secrets.list("audit-pull/").await;
    assert_error(denied, Recovery::Person, &["grant secretsmanager:ListSecrets", "audit-pull/"]);
}

#[tokio::test]
async fn b5_short_and_empty_pages_hide_none_of_a_thousand_secrets() {
    let (secrets, vault, faults) = world(PATIENT).await;
    let arn = |number: usize| {
        format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/tenant-{number:04}-AbCdEf")
    };
    (0..1_000).for_each(|number| vault.store(&arn(number), "x"));
    vault.list_in_short_pages(20);
    let list = secrets.list("audit-pull/").await.unwrap();
    assert_eq!((list.arns, list.has_more), ((0..1_000).map(arn).collect(), false));
    assert_eq!(faults.seen("ListSecrets").len(), 100);
}

#[tokio::test]
async fn b5_a_page_token_that_repeats_ends_the_listing_and_the_next_one_begins_anew() {
    let (secrets, vault, faults) = world(PATIENT).await;
    vault.store("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/acme-AbCdEf", "x");
    let again = Fault::answer(200, json!({"SecretList": [], "NextToken": "again"}).to_string());
    faults.next_times(2, "ListSecrets", &again);
    assert_error(secrets.list("audit-pull/").await, Recovery::NextTick, &["came before", "audit-pull/"]);
    assert_eq!(faults.seen("ListSecrets").len(), 2);
    assert_eq!(secrets.list("audit-pull/").await.unwrap().arns.len(), 1);
}

#[tokio::test]
async fn b5_a_listing_that_fails_on_a_later_page_goes_on_from_there() {
    let (secrets, vault, faults) = world(PATIENT).await;
    let arn = |number: usize| {
        format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/tenant-{number:04}-AbCdEf")
    };
    (0..250).for_each(|number| vault.store(&arn(number), "x"));
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
