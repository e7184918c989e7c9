//! The client over real HTTP, against a vendor that says what each test wants said.

use std::time::Duration;

use axum::http::Method;
use collector::{
    BlobRef, Body, Fetched, Item, ListRequest, Listed, Page, PortError, Prepared, Recovery, Stream, UnixSeconds,
    Vendor, Window,
};
use secrecy::ExposeSecret;

use crate::blob::Blob;
use crate::config::LISTING;
use crate::content_type::ContentType;
use crate::source::Microsoft365;
use crate::testing::*;

mod login;

const WINDOW: Window = Window { from: 1_787_301_845, to: 1_787_305_445 };
const DATE: &str = "Fri, 21 Aug 2026 08:55:00 GMT";
const VENDOR_NOW: UnixSeconds = 1_787_302_500;
const NOW: UnixSeconds = 1_787_302_800;

/// A vendor, its client for one content type, and the clock between them.
struct World {
    vendor: FakeVendor,
    client: Microsoft365<ChangingSecret, JumpingClock>,
    clock: JumpingClock,
    secret: ChangingSecret,
    stream: Stream,
}

impl World {
    async fn of(content_type: ContentType, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let vendor = FakeVendor::serve(script).await;
        let (clock, secret) = (JumpingClock::new(), ChangingSecret::new("canary-secret-1"));
        let (client, stream) = (vendor.client(&clock, &secret), stream_of(&vendor.config(), content_type));
        Self { vendor, client, clock, secret, stream }
    }

    async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(ContentType::Exchange, script).await
    }

    async fn prepare(&self, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        checked(self.client.prepare(&self.stream, last_start).await)
    }

    async fn list(&self, cursor: Option<&str>) -> Result<Listed, PortError> {
        let request = ListRequest { stream: &self.stream, listing: LISTING, window: WINDOW, cursor };
        checked(self.client.list(request).await)
    }

    /// The page, but for the scripted server's clock, which is the machine's.
    async fn page(&self, cursor: Option<&str>) -> Page {
        match self.list(cursor).await.unwrap() {
            Listed::Page(page) => Page { vendor_now: None, ..page },
            other => panic!("{other:?}"),
        }
    }

    async fn fetch(&self, uri: &str) -> Result<Fetched<Blob>, PortError> {
        let blob = BlobRef { id: "b$1".to_owned(), uri: uri.to_owned(), created: WINDOW.from, expires: WINDOW.to };
        checked(self.client.fetch(&self.stream, &blob).await)
    }

    fn counts(&self, expected: &[(&str, usize)]) {
        let expected = expected.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
        assert_eq!(self.vendor.counts(), expected);
    }
}

/// No message holds a secret, a token, or a word of the vendor's; each names the content type.
fn checked<T>(result: Result<T, PortError>) -> Result<T, PortError> {
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        assert!(error.message.starts_with("Audit.") || error.message.starts_with("DLP."), "{error}");
        assert!(!matches!(error.recovery, Recovery::Again { .. }), "{error}");
    }
    result
}

/// The healthy vendor; `reply` may say otherwise to single requests.
fn healthy(reply_to: impl Fn(&Seen) -> Option<Reply> + Send + Sync) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        reply_to(seen).unwrap_or_else(|| match seen.what.as_str() {
            "token" => token(&format!("canary-token-{}", seen.nth + 1)),
            "list" => reply(200, subscriptions(&["Audit.Exchange"])).header("date", DATE),
            "start" => reply(200, r#"{"contentType":"Audit.Exchange","status":"enabled","webhook":null}"#),
            "content" => reply(200, "[]"),
            _ => reply(200, "[{\"Id\":\"1\"}]"),
        })
    }
}

fn subscriptions(enabled: &[&str]) -> String {
    let entries = enabled.iter().map(|name| format!(r#"{{"contentType":"{name}","status":"enabled"}}"#));
    format!("[{}]", entries.collect::<Vec<_>>().join(","))
}

fn item(id: &str, uri: &str) -> String {
    format!(
        r#"{{"contentType":"Audit.Exchange","contentId":"{id}","contentUri":"{uri}",
            "contentCreated":"2026-08-21T08:50:00.700Z","contentExpiration":"2026-08-28T08:50:00.700Z"}}"#
    )
}

async fn whole(fetched: Fetched<Blob>) -> Result<Vec<u8>, PortError> {
    let Fetched::Body(mut blob) = fetched else { panic!("{fetched:?}") };
    let mut body = Vec::new();
    while let Some(bytes) = checked(blob.chunk().await)? {
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

#[track_caller]
fn person(error: &PortError, says: &str) {
    assert_eq!(error.recovery, Recovery::Person, "{error}");
    assert!(error.message.contains(says), "{error}");
}

fn ready(vendor_now: Option<UnixSeconds>, started: bool) -> Result<Prepared, PortError> {
    Ok(Prepared::Ready { vendor_now, started })
}

// Preparing.

#[tokio::test]
async fn prepare_finds_the_subscription() {
    let world = World::new(healthy(|_| None)).await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), false));
    world.counts(&[("token", 1), ("list", 1)]);
}

#[tokio::test]
async fn prepare_starts_what_is_missing() {
    let world = World::of(ContentType::Dlp, healthy(|_| None)).await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), true));
    assert_eq!(world.prepare(Some(NOW)).await, ready(Some(VENDOR_NOW), false));
    let start = &world.vendor.seen("start")[0];
    assert_eq!((start.method.clone(), start.body.as_str()), (Method::POST, ""));
    assert_eq!(start.headers.get("content-length").unwrap(), "0");
    assert_eq!(start.query, format!("contentType=DLP.All&PublisherIdentifier={TENANT}"));
    world.counts(&[("token", 1), ("list", 1), ("start", 1)]);
}

#[tokio::test]
async fn prepare_takes_already_enabled_for_success() {
    let enabled = |seen: &Seen| (seen.what == "start").then(|| af(400, "AF20024"));
    let world = World::of(ContentType::General, healthy(enabled)).await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), true));
}

#[tokio::test]
async fn prepare_starts_no_sooner_than_after_15_minutes() {
    let world = World::of(ContentType::General, healthy(|_| None)).await;
    assert_eq!(world.prepare(Some(NOW - 899)).await, ready(Some(VENDOR_NOW), false));
    world.counts(&[("token", 1), ("list", 1)]);
    world.clock.jump(Duration::from_secs(1));
    assert_eq!(world.prepare(Some(NOW - 899)).await, ready(Some(VENDOR_NOW + 1), true));
    world.counts(&[("token", 1), ("list", 1), ("start", 1)]);
}

#[tokio::test]
async fn a_refused_start_is_remembered_and_told_by_the_listing() {
    let off = r#"{"error":{"code":"StartSubscription [CorrId=1] canary","message":"Tenant canary does not exist."}}"#;
    let world = World::of(
        ContentType::Dlp,
        healthy(move |seen| match seen.what.as_str() {
            "start" => Some(reply(400, off)),
            "content" => Some(af(400, "AF20022")),
            _ => None,
        }),
    )
    .await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), true));
    for _ in 0..2 {
        let error = world.list(None).await.unwrap_err();
        person(&error, "DLP.All: starting the subscription: HTTP 400: the tenant records no audit log");
        person(&error, "unified audit logging");
        world.clock.jump(Duration::from_secs(300));
        assert_eq!(world.prepare(Some(NOW)).await, ready(Some(VENDOR_NOW), false));
    }
    world.counts(&[("token", 1), ("list", 3), ("start", 1), ("content", 2)]);
}

#[tokio::test]
async fn a_throttled_start_is_not_repeated_and_costs_no_listing() {
    let throttled = |seen: &Seen| (seen.what == "start").then(|| reply(403, "{'error':{'code':'AF429'}}"));
    let world = World::of(ContentType::Dlp, healthy(throttled)).await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), true));
    assert_eq!(world.prepare(Some(NOW)).await, ready(Some(VENDOR_NOW), false));
    assert_eq!(world.page(None).await, Page::default());
    assert!(world.clock.waits().is_empty());
    world.counts(&[("token", 1), ("list", 1), ("start", 1), ("content", 1)]);
}

#[tokio::test]
async fn prepare_repeats_a_start_that_met_an_outage() {
    let outage = |seen: &Seen| (seen.what == "start" && seen.nth < 2).then(|| reply(503, "<html>"));
    let world = World::of(ContentType::Dlp, healthy(outage)).await;
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW + 3), true));
    assert_eq!(world.clock.waits(), [1.0, 2.0]);
}

#[tokio::test]
async fn prepare_without_the_list_starts_nothing() {
    let broken = |seen: &Seen| (seen.what == "list").then(|| reply(500, ""));
    let world = World::of(ContentType::Dlp, healthy(broken)).await;
    assert_eq!(world.prepare(None).await, ready(None, false));
    world.counts(&[("token", 1), ("list", 4)]);
}

#[tokio::test]
async fn prepare_asks_once_for_all_streams() {
    let world = World::new(healthy(|_| None)).await;
    let config = world.vendor.config();
    for content_type in ContentType::ALL {
        world.client.prepare(&stream_of(&config, content_type), None).await.unwrap();
    }
    world.counts(&[("token", 1), ("list", 1), ("start", 4)]);
    world.clock.jump(Duration::from_secs(61));
    world.prepare(None).await.unwrap();
    world.counts(&[("token", 1), ("list", 2), ("start", 4)]);
}

// Listing.

#[tokio::test]
async fn list_names_window_and_publisher_and_keeps_blobs_at_home() {
    let world = World::new(healthy(|seen| {
        let items = [item("a$1", "https://elsewhere.example.com/api/v1.0/x/activity/feed/audit/a$1"), item("b$1", "")];
        (seen.what == "content").then(|| reply(200, format!("\u{feff}[{}]", items.join(","))))
    }))
    .await;
    let page = world.page(None).await;
    let uris = ["a$1", "b$1"].map(|id| format!("{}/audit/{id}?PublisherIdentifier={TENANT}", world.vendor.feed()));
    let blobs = ["a$1", "b$1"].iter().zip(uris).map(|(id, uri)| {
        Item::Blob(BlobRef { id: (*id).to_owned(), uri, created: 1_787_302_200, expires: 1_787_907_000 })
    });
    assert_eq!(page, Page { items: blobs.collect(), next: None, vendor_now: None });
    let seen = &world.vendor.seen("content")[0];
    assert_eq!(seen.bearer(), Some("canary-token-1"));
    let times = "startTime=2026-08-21T08%3A44%3A05&endTime=2026-08-21T09%3A44%3A05";
    assert_eq!(seen.query, format!("contentType=Audit.Exchange&{times}&PublisherIdentifier={TENANT}"));
}

#[tokio::test]
async fn list_follows_pages_by_either_header_also_from_an_empty_one() {
    let vendor = std::sync::OnceLock::<String>::new();
    let vendor = std::sync::Arc::new(vendor);
    let root = vendor.clone();
    let world = World::new(healthy(move |seen| {
        if seen.what != "content" {
            return None;
        }
        let next = |place: &str| format!("{}/subscriptions/content?nextpage={place}", root.get().unwrap());
        Some(match seen.nth {
            0 => reply(200, "[]").header("NextPageUri", next("two")),
            1 => reply(200, format!("[{}]", item("x", ""))).header("nextpageurl", next("three")),
            _ => reply(200, format!("[{}]", item("y", ""))),
        })
    }))
    .await;
    vendor.set(world.vendor.feed().replace("v1.0", "v1")).unwrap();
    let first = world.page(None).await;
    let second = world.page(first.next.as_deref()).await;
    let third = world.page(second.next.as_deref()).await;
    assert_eq!((first.items.len(), second.items.len(), third.items.len()), (0, 1, 1));
    assert_eq!(third.next, None);
    let followed = &world.vendor.seen("content")[1];
    assert_eq!(followed.path, format!("/m365/api/v1/{TENANT}/activity/feed/subscriptions/content"));
    assert_eq!(followed.query, format!("nextpage=two&PublisherIdentifier={TENANT}"));
}

#[tokio::test]
async fn list_brings_a_foreign_next_page_home() {
    let world = World::new(healthy(|seen| {
        let link = "https://manage.office.com/api/v1/x/subscriptions/content?nextPage=two";
        (seen.what == "content" && seen.nth == 0).then(|| reply(200, "[]").header("NextPageUri", link))
    }))
    .await;
    let next = world.page(None).await.next.unwrap();
    assert!(next.starts_with(&world.vendor.feed()) && next.ends_with("&nextPage=two"), "{next}");
    world.page(Some(&next)).await;
}

#[tokio::test]
async fn list_never_follows_a_foreign_cursor() {
    let world = World::new(healthy(|_| None)).await;
    let elsewhere = FakeVendor::serve(|_| reply(200, "[]")).await;
    let error = world.list(Some(&format!("{}/subscriptions/content", elsewhere.feed()))).await.unwrap_err();
    person(&error, "not followed");
    assert!(elsewhere.counts().is_empty());
}

#[tokio::test]
async fn list_loses_a_stale_cursor_only() {
    for code in ["AF20031", "AF20055", "AF20030"] {
        let world = World::new(healthy(move |seen| (seen.what == "content").then(|| af(400, code)))).await;
        let cursor = format!("{}/subscriptions/content?nextPage=x", world.vendor.feed());
        assert_eq!(world.list(Some(&cursor)).await, Ok(Listed::CursorLost));
        let error = world.list(None).await.unwrap_err();
        assert_eq!(error.recovery, Recovery::NextTick);
        assert!(error.message.contains(code), "{error}");
    }
}

#[tokio::test]
async fn list_repeats_what_an_outage_answers() {
    let world = World::new(healthy(|seen| {
        let outages = [reply(503, "<html>"), reply(200, ""), af(200, "AF50000")];
        outages.get(seen.nth).filter(|_| seen.what == "content").cloned()
    }))
    .await;
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.clock.waits(), [1.0, 2.0, 4.0]);
}

#[tokio::test]
async fn list_gives_up_an_outage_until_the_next_tick() {
    let world = World::new(healthy(|seen| (seen.what == "content").then(|| reply(500, "canary")))).await;
    let error = world.list(None).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("Audit.Exchange: listing content: HTTP 500"), "{error}");
    assert_eq!(world.vendor.seen("content").len(), 4);
}

#[tokio::test]
async fn list_waits_when_throttled_and_so_do_the_others() {
    let body = "{'error':{'code':'AF429','message':'Too many requests. Method=GetBlob'}}";
    let world =
        World::new(healthy(move |seen| (seen.what == "content" && seen.nth == 0).then(|| reply(403, body)))).await;
    assert_eq!(world.page(None).await, Page::default());
    let waited: f64 = world.clock.waits().iter().sum();
    assert!((30.0..35.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn list_waits_as_long_as_named() {
    let busy =
        |seen: &Seen| (seen.what == "content" && seen.nth == 0).then(|| reply(429, "").header("retry-after", "7"));
    let world = World::new(healthy(busy)).await;
    world.page(None).await;
    let waited: f64 = world.clock.waits().iter().sum();
    assert!((7.0..9.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn list_without_a_subscription_starts_one_and_finds_nothing() {
    let world = World::new(healthy(|seen| (seen.what == "content").then(|| af(400, "AF20022")))).await;
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.vendor.seen("start").len(), 1);
    // The head learns of that start by the next preparation.
    assert_eq!(world.prepare(None).await, ready(Some(VENDOR_NOW), true));
    world.clock.jump(Duration::from_secs(300));
    let error = world.list(None).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("AF20022: there is no subscription, although"), "{error}");
}

#[tokio::test]
async fn list_of_a_subscription_that_stays_disabled_needs_a_person() {
    let world = World::new(healthy(|seen| (seen.what == "content").then(|| af(400, "AF20023")))).await;
    assert_eq!(world.page(None).await, Page::default());
    world.clock.jump(Duration::from_secs(300));
    person(&world.list(None).await.unwrap_err(), "disabled");
    world.clock.jump(Duration::from_secs(600));
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.vendor.seen("start").len(), 2);
}

#[tokio::test]
async fn list_names_the_missing_permission() {
    let world = World::of(ContentType::Dlp, healthy(|seen| (seen.what == "content").then(|| af(401, "AF10001")))).await;
    let error = world.list(None).await.unwrap_err();
    person(&error, "DLP.All: listing content: HTTP 401 AF10001");
    person(&error, "ActivityFeed.ReadDlp");
    // It says nothing about the token.
    world.counts(&[("token", 1), ("content", 1)]);
}

#[tokio::test]
async fn list_with_an_item_that_names_nothing_is_not_a_page() {
    let world = World::new(healthy(|seen| (seen.what == "content").then(|| reply(200, "[{}]")))).await;
    assert_eq!(world.list(None).await.unwrap_err().recovery, Recovery::NextTick);
}

// Fetching.

#[tokio::test]
async fn fetch_streams_the_blob_as_it_is() {
    let world = World::new(healthy(|seen| {
        (seen.what == "b$1").then(|| reply(200, b"\xEF\xBB".to_vec()).then(b"\xBF [1".to_vec()).then(",2]\n"))
    }))
    .await;
    let uri = format!("{}/audit/b$1", world.vendor.feed());
    assert_eq!(whole(world.fetch(&uri).await.unwrap()).await.unwrap(), b"[1,2]\n");
    let seen = &world.vendor.seen("b$1")[0];
    assert_eq!(seen.query, format!("PublisherIdentifier={TENANT}"));
    assert_eq!(seen.bearer(), Some("canary-token-1"));
}

#[tokio::test]
async fn fetch_never_follows_a_foreign_uri() {
    let world = World::new(healthy(|_| None)).await;
    let elsewhere = FakeVendor::serve(|_| reply(200, "[]")).await;
    let other_tenant = world.vendor.feed().replace(TENANT, "11111111-2222-3333-4444-555555555555");
    for uri in [format!("{}/audit/x", elsewhere.feed()), format!("{other_tenant}/audit/x"), "localhost".to_owned()] {
        whole(world.fetch(&uri).await.unwrap()).await.unwrap();
    }
    assert!(elsewhere.counts().is_empty());
    world.counts(&[("token", 1), ("b$1", 3)]);
}

#[tokio::test]
async fn fetch_tells_missing_from_expired() {
    let world = World::new(healthy(|seen| {
        let replies = [af(404, "AF20050"), af(200, "AF20050"), reply(404, ""), af(400, "AF20052"), af(400, "AF20051")];
        replies.get(seen.nth).filter(|_| seen.what == "b$1").cloned()
    }))
    .await;
    for _ in 0..4 {
        assert!(matches!(world.fetch("").await, Ok(Fetched::Missing)));
    }
    assert!(matches!(world.fetch("").await, Ok(Fetched::Expired)));
}

#[tokio::test]
async fn fetch_rebuilds_a_uri_the_vendor_does_not_know() {
    let world = World::new(healthy(|seen| (seen.what == "odd").then(|| af(400, "AF20052")))).await;
    let fetched = world.fetch(&format!("{}/audit/odd", world.vendor.feed())).await.unwrap();
    whole(fetched).await.unwrap();
    world.counts(&[("token", 1), ("odd", 1), ("b$1", 1)]);
}

#[tokio::test]
async fn fetch_takes_an_object_for_an_error() {
    let world = World::new(healthy(|seen| {
        let replies = [af(200, "AF50005"), reply(200, "<html>"), reply(200, " ")];
        replies.get(seen.nth).filter(|_| seen.what == "b$1").cloned()
    }))
    .await;
    assert_eq!(whole(world.fetch("").await.unwrap()).await.unwrap(), b"[{\"Id\":\"1\"}]");
    assert_eq!(world.vendor.seen("b$1").len(), 4);
}

#[tokio::test]
async fn fetch_of_a_blob_that_breaks_off_does_not_end_well() {
    let cut = |seen: &Seen| (seen.what == "b$1").then(|| reply(200, "[1,").then("2").cut());
    let world = World::new(healthy(cut)).await;
    let error = whole(world.fetch("").await.unwrap()).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("fetching content b$1"), "{error}");
}
