//! Tokens: who gets which credential, and how often.

use serde_json::json;

use super::*;
use crate::certificate::tests::{pair, verified};

/// What the login was asked, decoded.
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
    world.counts(&[("token", 1), ("content", 2)]);
    world.clock.jump(Duration::from_secs(1));
    world.page(None).await;
    world.counts(&[("token", 2), ("content", 3)]);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_yet_still_serves() {
    let outage = |seen: &Seen| (seen.what == "token" && seen.nth > 0).then(|| reply(503, ""));
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
    world.counts(&[("token", 2), ("content", 2), ("b$1", 1)]);
    assert!(world.clock.waits().is_empty());
}

#[tokio::test]
async fn streams_that_meet_a_refused_token_together_renew_it_together() {
    let expired = |seen: &Seen| (seen.bearer() == Some("canary-token-1")).then(denied);
    let world = World::new(healthy(expired)).await;
    let (first, second, third) = futures_util::join!(world.page(None), world.page(None), world.page(None));
    assert_eq!([first, second, third], [Page::default(), Page::default(), Page::default()]);
    world.counts(&[("token", 2), ("content", 6)]);
}

#[tokio::test]
async fn a_token_refused_twice_needs_a_person() {
    let world = World::new(healthy(|seen| (seen.what == "content").then(denied))).await;
    person(&world.list(None).await.unwrap_err(), "HTTP 401: a token just issued is refused; check that cloud");
    world.counts(&[("token", 2), ("content", 2)]);
}

#[tokio::test]
async fn a_login_outage_is_waited_for() {
    let outage = |seen: &Seen| {
        let replies = [reply(503, "<html>"), reply(429, "").header("retry-after", "3"), reply(200, "<html>")];
        replies.get(seen.nth).filter(|_| seen.what == "token").cloned()
    };
    let world = World::new(healthy(outage)).await;
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.clock.waits(), [1.0, 3.5, 4.0]);
}

#[tokio::test]
async fn a_refused_secret_is_read_again_and_not_tried_again() {
    let refused = |seen: &Seen| (seen.what == "token").then(|| invalid_client(7_000_222));
    let world = World::new(healthy(refused)).await;
    for _ in 0..3 {
        let error = world.list(None).await.unwrap_err();
        person(&error, "AADSTS7000222: the client secret has expired");
    }
    world.counts(&[("token", 1)]);
    assert_eq!(world.secret.state.lock().unwrap().1, 1);
    world.clock.jump(Duration::from_secs(61));
    world.list(None).await.unwrap_err();
    world.counts(&[("token", 2)]);
}

#[tokio::test]
async fn a_rotated_secret_is_taken_up() {
    let old = |seen: &Seen| {
        (form(seen, "client_secret").as_deref() == Some("canary-secret-1")).then(|| invalid_client(7_000_215))
    };
    let world = World::new(healthy(old)).await;
    world.secret.state.lock().unwrap().0 = secret("canary +/~=&2");
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(form(&world.vendor.seen("token")[1], "client_secret").unwrap(), "canary +/~=&2");
    world.counts(&[("token", 2), ("content", 1)]);
}

#[tokio::test]
async fn a_rotated_secret_of_another_tenant_is_not() {
    let world = World::new(healthy(|seen| (seen.what == "token").then(|| invalid_client(7_000_215)))).await;
    let other = secret("canary-2").expose_secret().replace("0f3c", "1111");
    world.secret.state.lock().unwrap().0 = other.into();
    person(&world.list(None).await.unwrap_err(), "names another tenant");
    world.secret.state.lock().unwrap().0 = "{\"canary".into();
    world.clock.jump(Duration::from_secs(61));
    person(&world.list(None).await.unwrap_err(), "the source's secret is not JSON");
    world.counts(&[("token", 2)]);
}

#[tokio::test]
async fn a_certificate_signs_for_its_login() {
    let (certificate, private_key, key) = pair();
    let vendor = FakeVendor::serve(healthy(|_| None)).await;
    let secret = json!({
        "tenant_id": TENANT, "client_id": "app",
        "certificate_pem": certificate, "private_key_pem": private_key.expose_secret(),
    });
    let origin = vendor.origin.clone();
    let overrides = crate::config::Overrides::read(|_| Some(format!("{origin}/m365"))).unwrap();
    let config = crate::config::Config::parse(&secret.to_string().into(), &overrides).unwrap();
    let http = adapters::http::HttpClient::new().unwrap();
    let secrets = ChangingSecret::new("canary");
    let client = Microsoft365::new(&config, secrets, "the-secret", http, JumpingClock::new());
    let stream = stream_of(&config, ContentType::Exchange);
    client.prepare(&stream, None).await.unwrap();
    let login = &vendor.seen("token")[0];
    assert_eq!(form(login, "client_secret"), None);
    let (_, claims) = verified(&form(login, "client_assertion").unwrap(), &key);
    assert_eq!(claims["aud"], format!("{}{}", vendor.origin, login.path));
    let kind = form(login, "client_assertion_type").unwrap();
    assert_eq!(kind, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
}
