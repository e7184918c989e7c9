//! Logging in: which host gets which credential, and how often.

use collector::Secrets;
use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::auth::token::{Requester, Tokens};
use crate::auth::verified;
use crate::config::certificate::tests::certificate_and_key;

/// Returns a field of a login request, decoded.
fn form(seen: &Seen, field: &str) -> Option<String> {
    let parsed = adapters::http::Url::parse(&format!("http://x/?{}", seen.body)).unwrap();
    parsed.query_pairs().find(|(name, _)| name == field).map(|(_, value)| value.into_owned())
}

fn denied() -> Reply {
    reply(401, r#"{"Message":"Authorization has been denied. canary"}"#)
}

fn invalid_client(code: u32) -> Reply {
    let body = json!({"error": "invalid_client", "error_description": "canary", "error_codes": [code]});
    reply(401, body.to_string())
}

#[tokio::test]
async fn the_secret_goes_to_the_login_and_the_token_to_the_api() {
    let world = World::new(healthy(|_| None)).await;
    world.page(None).await;
    let login = &world.vendor.seen("token")[0];
    assert_eq!(login.path, format!("/login/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(form(login, "client_secret").unwrap(), "canary-secret-1");
    assert_eq!(form(login, "client_id").unwrap(), "app");
    assert_eq!(form(login, "grant_type").unwrap(), "client_credentials");
    assert_eq!(form(login, "scope").unwrap(), "https://manage.office.com/.default");
    assert_eq!(login.bearer(), None);
    let listing = &world.vendor.seen("content")[0];
    assert!(!format!("{listing:?}").contains("canary-secret"));
}

#[tokio::test]
async fn a_token_serves_until_five_minutes_before_its_end() {
    let world = World::new(healthy(|_| None)).await;
    world.page(None).await;
    world.clock.jump(Duration::from_secs(3_298));
    world.page(None).await;
    world.check_counts(&[("token", 1), ("content", 2)]);
    world.clock.jump(Duration::from_secs(1));
    world.page(None).await;
    world.check_counts(&[("token", 2), ("content", 3)]);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_yet_still_serves() {
    let outage = |seen: &Seen| (seen.operation == "token" && seen.nth > 0).then(|| reply(503, ""));
    let world = World::new(healthy(outage)).await;
    world.page(None).await;
    world.clock.jump(Duration::from_secs(3_400));
    world.page(None).await;
    world.clock.jump(Duration::from_secs(200));
    let error = world.list(None).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("logging in: HTTP 503"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_repeated() {
    let expired = |seen: &Seen| (seen.bearer() == Some("canary-token-1")).then(denied);
    let world = World::new(healthy(expired)).await;
    assert_eq!(world.page(None).await, Page::default());
    whole(world.fetch("").await.unwrap()).await.unwrap();
    world.check_counts(&[("token", 2), ("content", 2), ("b$1", 1)]);
    assert!(world.clock.waits().is_empty());
}

#[tokio::test]
async fn streams_that_meet_a_refused_token_together_renew_it_together() {
    let expired = |seen: &Seen| (seen.bearer() == Some("canary-token-1")).then(denied);
    let world = World::new(healthy(expired)).await;
    let (first, second, third) = futures_util::join!(world.page(None), world.page(None), world.page(None));
    assert_eq!([first, second, third], [Page::default(), Page::default(), Page::default()]);
    world.check_counts(&[("token", 2), ("content", 6)]);
}

#[tokio::test]
async fn e3_a_token_refused_twice_needs_a_person_only_if_that_persists() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(denied))).await;
    let refused = async || {
        let error = world.list(None).await.unwrap_err();
        assert_eq!(error.recovery, Recovery::PersonIfPersistent);
        assert!(error.message.contains("HTTP 401: a token just issued is refused; if this lasts, check that cloud"));
    };
    refused().await;
    world.check_counts(&[("token", 2), ("content", 2)]);
    // No third token is requested, because the token is not the cause.
    refused().await;
    world.check_counts(&[("token", 2), ("content", 3)]);
    world.clock.jump(Duration::from_secs(61));
    refused().await;
    world.check_counts(&[("token", 3), ("content", 5)]);
}

#[tokio::test]
async fn a_401_of_a_gateway_costs_one_token_and_is_left_to_the_next_tick() {
    for body in ["", "<html>canary</html>"] {
        let world = World::new(healthy(move |seen| (seen.operation == "content").then(|| reply(401, body)))).await;
        check_later(&world.list(None).await.unwrap_err(), "HTTP 401: the answer is not the API's");
        world.check_counts(&[("token", 2), ("content", 5)]);
        check_later(&world.list_with(Tries::Once, None).await.unwrap_err(), "HTTP 401: the answer is not the API's");
        world.check_counts(&[("token", 2), ("content", 6)]);
    }
    // An expired token may be refused in the same way.
    let expired = |seen: &Seen| (seen.bearer() == Some("canary-token-1")).then(|| reply(401, ""));
    let world = World::new(healthy(expired)).await;
    assert_eq!(world.page(None).await, Page::default());
    world.check_counts(&[("token", 2), ("content", 2)]);
}

#[tokio::test]
async fn a_gateway_before_the_login_is_left_to_the_next_tick_and_the_secret_not_read_again() {
    for (status, body) in [(302, ""), (400, ""), (401, "<html>"), (403, r#"{"error":"Forbidden"}"#), (404, "")] {
        let world = World::new(healthy(move |seen| (seen.operation == "token").then(|| reply(status, body)))).await;
        check_later(&world.list(None).await.unwrap_err(), &format!("logging in: HTTP {status}: "));
        world.check_counts(&[("token", 4)]);
        assert_eq!(world.secret.state.lock().unwrap().1, 0);
    }
}

#[tokio::test]
async fn a_login_is_retried_during_an_outage() {
    let outage = |seen: &Seen| {
        let replies = [reply(503, "<html>"), reply(429, "").header("retry-after", "3"), reply(200, "<html>")];
        replies.get(seen.nth).filter(|_| seen.operation == "token").cloned()
    };
    let world = World::new(healthy(outage)).await;
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.clock.waits(), [1.0, 3.5, 4.0]);
}

#[tokio::test]
async fn a_refused_secret_is_read_again_and_not_sent_again() {
    let refused = |seen: &Seen| (seen.operation == "token").then(|| invalid_client(7_000_222));
    let world = World::new(healthy(refused)).await;
    for _ in 0..3 {
        let error = world.list(None).await.unwrap_err();
        check_person(&error, "AADSTS7000222: the client secret has expired");
    }
    world.check_counts(&[("token", 1)]);
    assert_eq!(world.secret.state.lock().unwrap().1, 1);
    world.clock.jump(Duration::from_secs(61));
    world.list(None).await.unwrap_err();
    world.check_counts(&[("token", 2)]);
}

/// A store that never answers.
struct HangingSecrets;

impl Secrets for HangingSecrets {
    async fn get(&self, _: &str, _: bool) -> Result<SecretString, PortError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn e2_a_secret_store_that_hangs_after_a_refused_login_is_named_and_not_the_vendor() {
    let clock = JumpingClock::new();
    let refused = |seen: &Seen| (seen.operation == "token").then(|| invalid_client(7_000_222));
    let vendor = FakeVendor::serve(&clock, healthy(refused)).await;
    let (secret, http) = (vendor.source_secret(), HttpClient::new().unwrap());
    let client = Microsoft365::new(&secret, HangingSecrets, "the-secret", http, clock.clone());
    let stream = stream_of(&secret, ContentType::Exchange);
    let request =
        ListRequest { stream: &stream, listing: LISTING, window: WINDOW, cursor: None, tries: Tries::Patient };
    let error = client.list(request).await.unwrap_err();
    check_later(&error, "AADSTS7000222: the client secret has expired");
    check_later(&error, "; the secret store did not answer within 12 s when the secret the-secret was read again");
    assert_eq!((clock.waits(), vendor.seen("token").len()), (vec![12.0], 1));
}

#[tokio::test]
async fn a_rotated_secret_is_used() {
    let old = |seen: &Seen| {
        (form(seen, "client_secret").as_deref() == Some("canary-secret-1")).then(|| invalid_client(7_000_215))
    };
    let world = World::new(healthy(old)).await;
    world.secret.state.lock().unwrap().0 = secret_text("canary +/~=&2");
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(form(&world.vendor.seen("token")[1], "client_secret").unwrap(), "canary +/~=&2");
    world.check_counts(&[("token", 2), ("content", 1)]);
}

#[tokio::test]
async fn a_rotated_secret_of_another_tenant_is_not_used() {
    let world = World::new(healthy(|seen| (seen.operation == "token").then(|| invalid_client(7_000_215)))).await;
    let other = secret_text("canary-2").expose_secret().replace("0f3c", "1111");
    world.secret.state.lock().unwrap().0 = other.into();
    let error = world.list(None).await.unwrap_err();
    check_person(&error, "AADSTS7000215: the client secret is wrong");
    check_person(&error, "; the source's secret now names another tenant");
    world.secret.state.lock().unwrap().0 = "{\"canary".into();
    world.clock.jump(Duration::from_secs(61));
    check_person(&world.list(None).await.unwrap_err(), "; the source's secret, read again, is not JSON");
    world.check_counts(&[("token", 2)]);
}

#[tokio::test]
async fn five_streams_share_one_token() {
    let world = World::new(healthy(|_| None)).await;
    let pages = (0..5).map(|_| world.page(None));
    assert_eq!(join_all(pages).await, vec![Page::default(); 5]);
    world.check_counts(&[("token", 1), ("content", 5)]);
}

#[tokio::test]
async fn five_streams_share_a_failed_login_and_one_reports_it_in_full_f29_a7() {
    let world = World::new(healthy(|seen| (seen.operation == "token").then(|| reply(503, "")))).await;
    let secret = world.vendor.source_secret();
    let streams = ContentType::ALL.map(|content_type| stream_of(&secret, content_type));
    let tick = async || {
        let list = async |stream: &Stream| {
            world.client.prepare(stream, None).await.unwrap();
            let (listing, tries) = (LISTING, Tries::Patient);
            world.client.list(ListRequest { stream, listing, window: WINDOW, cursor: None, tries }).await.unwrap_err()
        };
        join_all(streams.iter().map(list)).await
    };
    for ticks in 1..=3 {
        let errors = tick().await;
        for error in &errors {
            check_later(error, ": listing content: logging in: HTTP 503");
        }
        let full = errors.iter().filter(|error| error.message.contains("the login service is not available"));
        assert_eq!(full.count(), 1, "{errors:?}");
        let brief = errors.iter().filter(|error| {
            error.message.ends_with(
                "logging in: HTTP 503; one login serves all content types: see what Audit.AzureActiveDirectory reports",
            )
        });
        assert_eq!(brief.count(), 4, "{errors:?}");
        // Each tick logs in once, with all retries.
        world.check_counts(&[("token", 4 * ticks)]);
    }
}

#[tokio::test]
async fn a7_a_login_host_that_cannot_be_reached_is_tried_once_per_tick() {
    // The listener is dropped, so connections to its port are refused.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let clock = JumpingClock::new();
    let vendor = FakeVendor::serve(&clock, healthy(|_| None)).await;
    let config = Config::from_variables(|name| {
        Some(if name == crate::LOGIN_URL_VARIABLE { format!("http://{closed}") } else { vendor.origin.clone() })
    });
    let secret = SourceSecret::parse(&secret_text(CANARY), &config.unwrap()).unwrap();
    let tokens = Tokens::new(&secret, ChangingSecret::new(CANARY), "the-secret".to_owned());
    let http = HttpClient::new().unwrap();
    let requester = |content_type| Requester { content_type, tries: Tries::Patient };
    for _ in 0..2 {
        tokens.begin_tick(ContentType::Dlp).await;
        let first = tokens.get(&http, &clock, requester(None)).await.unwrap_err();
        check_later(&first, "could not connect: Connection refused");
        let again = tokens.get(&http, &clock, requester(Some(ContentType::Dlp))).await.unwrap_err();
        assert_eq!(again, first);
        let other = tokens.get(&http, &clock, requester(Some(ContentType::General))).await.unwrap_err();
        check_later(&other, "logging in: no answer; one login serves all content types: see what DLP.All reports");
    }
    assert!(clock.waits().is_empty(), "{:?}", clock.waits());
}

#[tokio::test]
async fn five_streams_share_a_refused_credential_f30() {
    let world = World::new(healthy(|seen| (seen.operation == "token").then(|| invalid_client(7_000_222)))).await;
    for outcome in join_all((0..5).map(|_| world.list(None))).await {
        check_person(&outcome.unwrap_err(), "AADSTS7000222");
    }
    world.check_counts(&[("token", 1)]);
}

#[tokio::test]
async fn a_login_that_names_a_long_wait_is_not_retried_before_f29() {
    let busy = |seen: &Seen| (seen.operation == "token").then(|| reply(429, "").header("retry-after", "300"));
    let world = World::new(healthy(busy)).await;
    for _ in 0..5 {
        check_later(&world.list(None).await.unwrap_err(), "logging in: HTTP 429: too many logins");
        world.clock.jump(Duration::from_secs(42));
    }
    world.check_counts(&[("token", 1)]);
    assert!(world.clock.waits().is_empty());
    world.clock.jump(Duration::from_secs(90));
    world.list(None).await.unwrap_err();
    world.check_counts(&[("token", 2)]);
}

#[tokio::test]
async fn an_answer_without_a_token_is_an_error() {
    for body in ["{}", "[]", "", "<html>canary", r#"{"access_token":7}"#, r#"{"access_token":"","error":null}"#] {
        let world = World::new(healthy(move |seen| (seen.operation == "token").then(|| reply(200, body)))).await;
        check_later(&world.list(None).await.unwrap_err(), "logging in: HTTP 200: the answer holds no token");
        assert_eq!(world.vendor.seen("token").len(), 4);
    }
    let refusal = json!({"error": "invalid_client", "error_description": "AADSTS7000222: canary"}).to_string();
    let world = World::new(healthy(move |seen| (seen.operation == "token").then(|| reply(200, refusal.clone())))).await;
    check_person(&world.list(None).await.unwrap_err(), "HTTP 200 AADSTS7000222: the client secret has expired");
}

#[tokio::test]
async fn the_older_endpoint_takes_a_resource_and_sends_numbers_as_strings() {
    let old = |seen: &Seen| {
        let body = json!({
            "token_type": "Bearer", "access_token": format!("canary-token-{}", seen.nth + 1), "expires_in": "3599",
            "ext_expires_in": "3599", "expires_on": "1787306399", "not_before": "1787302800",
            "resource": "https://manage.office.com",
        });
        (seen.operation == "token").then(|| reply(200, body.to_string()))
    };
    let clock = JumpingClock::new();
    let vendor = FakeVendor::serve(&clock, healthy(old)).await;
    let (client, secret) =
        client_with_fields(&vendor, &clock, json!({"client_secret": "canary &", "token_endpoint": "v1"}));
    let stream = stream_of(&secret, ContentType::Exchange);
    client.prepare(&stream, None).await.unwrap();
    let login = &vendor.seen("token")[0];
    assert_eq!(login.path, format!("/m365/{TENANT}/oauth2/token"));
    assert_eq!(form(login, "resource").unwrap(), "https://manage.office.com");
    assert_eq!((form(login, "scope"), form(login, "client_secret").unwrap().as_str()), (None, "canary &"));
    // The token serves for the lifetime in the answer.
    clock.jump(Duration::from_secs(3_298));
    client.prepare(&stream, None).await.unwrap();
    assert_eq!(vendor.seen("token").len(), 1);
    clock.jump(Duration::from_secs(61));
    client.prepare(&stream, None).await.unwrap();
    assert_eq!(vendor.seen("token").len(), 2);
}

#[tokio::test]
async fn a_certificate_signs_for_the_token_url() {
    for (endpoint, path) in [("v2", "/oauth2/v2.0/token"), ("v1", "/oauth2/token")] {
        let (certificate, private_key, key) = certificate_and_key();
        let clock = JumpingClock::new();
        let vendor = FakeVendor::serve(&clock, healthy(|_| None)).await;
        let fields = json!({
            "certificate_pem": certificate, "private_key_pem": private_key.expose_secret(), "token_endpoint": endpoint,
        });
        let (client, secret) = client_with_fields(&vendor, &clock, fields);
        client.prepare(&stream_of(&secret, ContentType::Exchange), None).await.unwrap();
        let login = &vendor.seen("token")[0];
        assert_eq!(form(login, "client_secret"), None);
        let (_, claims) = verified(&form(login, "client_assertion").unwrap(), &key);
        assert_eq!(claims["aud"], format!("{}/m365/{TENANT}{path}", vendor.origin));
        assert_eq!(form(login, "client_id").unwrap(), "app");
        let kind = form(login, "client_assertion_type").unwrap();
        assert_eq!(kind, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    }
}

#[tokio::test]
async fn every_cloud_has_its_own_token_audience() {
    for (cloud, audience) in [
        ("commercial", "https://manage.office.com"),
        ("gcc", "https://manage-gcc.office.com"),
        ("gcc-high", "https://manage.office365.us"),
        ("dod", "https://manage.protection.apps.mil"),
    ] {
        for (endpoint, field, target) in
            [("v2", "scope", format!("{audience}/.default")), ("v1", "resource", audience.into())]
        {
            let clock = JumpingClock::new();
            let vendor = FakeVendor::serve(&clock, healthy(|_| None)).await;
            let fields = json!({"client_secret": "canary", "cloud": cloud, "token_endpoint": endpoint});
            let (client, secret) = client_with_fields(&vendor, &clock, fields);
            client.prepare(&stream_of(&secret, ContentType::Exchange), None).await.unwrap();
            assert_eq!(form(&vendor.seen("token")[0], field).unwrap(), target);
        }
    }
}

#[tokio::test]
async fn a_token_that_expires_between_blobs_costs_one_renewal_and_no_blob_f28() {
    // From the 20th blob on only the second token is accepted.
    let expires = |seen: &Seen| {
        (seen.operation == "b$1" && seen.nth >= 20 && seen.bearer() == Some("canary-token-1")).then(denied)
    };
    let world = World::new(healthy(expires)).await;
    for fetched in join_all((0..40).map(|_| world.fetch(""))).await {
        assert_eq!(whole(fetched.unwrap()).await.unwrap(), b"[{\"Id\":\"1\"}]");
    }
    assert_eq!(world.vendor.seen("token").len(), 2);
}
