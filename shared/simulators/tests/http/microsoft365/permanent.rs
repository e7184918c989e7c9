//! Faults that last: listings and fetches that always fail, very slow blobs, outages and gateways.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::microsoft365::{Behaviours, BlobChoice, BrokenBlobs, BrokenSpan, ContentType, TricklingBlobs};
use simulators::{Gateway, Outage};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{COMMERCIAL_AUDIENCE, Client, World, item_time, long_lived_tokens, status_and_code, token};
use crate::client::{open, send};
use crate::run;

const ENTRA: ContentType = ContentType::Entra;
const EXCHANGE: ContentType = ContentType::Exchange;
const LIST: &str = "/api/v1.0/3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10/activity/feed/subscriptions/list";

/// Returns a tenant with `count` blobs of [`ENTRA`] and `count` blobs of [`EXCHANGE`], each with one small record.
fn small_blobs(count: usize, behaviours: Behaviours) -> World {
    World::with(Behaviours { records_per_blob: 1, page_size: 200, ..behaviours }, |options| {
        let records = (0..count).flat_map(|number| {
            [ENTRA, EXCHANGE].map(|content_type| {
                json!({"content_type": content_type.name(), "record": {"Id": number.to_string()}}).to_string()
            })
        });
        options.records = Some(records.collect());
    })
}

/// Returns the items of the last day, sorted by their `contentCreated`.
async fn items(client: &Client<'_>, content_type: ContentType, now: Timestamp) -> Vec<Value> {
    let mut items = client.items(content_type, now - SignedDuration::from_hours(24), now).await;
    items.sort_by_key(|item| item_time(item, "contentCreated"));
    items
}

/// Fetches the blobs that `items` describe, and returns the statuses in the same order.
async fn statuses(client: &Client<'_>, items: &[Value]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for item in items {
        statuses.push(client.get(&client.path(item["contentUri"].as_str().unwrap())).await.status);
    }
    statuses
}

fn broken(blobs: BlobChoice, status: u16) -> BrokenBlobs {
    BrokenBlobs { blobs, content_type: None, status, code: None, until: Timestamp::MAX }
}

#[test]
fn broken_spans_refuse_every_overlapping_listing() {
    run(async {
        let [from, to] = ["2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z"].map(|text| text.parse().unwrap());
        let span = BrokenSpan { from, to, status: 500, code: None, content_type: None };
        let world = World::new(Behaviours { broken_spans: vec![span.clone()], ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA, EXCHANGE]).await;
        for (start, end, status) in [
            ("05:00:00", "06:00:00", 200),
            ("05:00:00", "06:00:01", 500),
            ("06:20:00", "06:30:00", 500),
            ("06:59:59", "08:00:00", 500),
            ("07:00:00", "08:00:00", 200),
        ] {
            let window = format!("&startTime=2026-11-22T{start}&endTime=2026-11-22T{end}");
            assert_eq!(client.list(ENTRA, &window).await.status, status, "{window}");
        }
        assert_eq!(status_and_code(&client.list(ENTRA, "").await), (500, "AF50000".to_owned()), "the last 24 hours");
        let code = Some("AF50005".to_owned());
        let span = BrokenSpan { code, content_type: Some(EXCHANGE), ..span };
        world.simulator.change(|b| b.broken_spans = vec![span]);
        assert_eq!(client.list(ENTRA, "").await.status, 200);
        assert_eq!(status_and_code(&client.list(EXCHANGE, "").await), (500, "AF50005".to_owned()));
    });
}

#[test]
fn broken_blobs_are_the_first_in_order_of_creation_or_those_that_are_named() {
    run(async {
        let world = small_blobs(8, long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA, EXCHANGE]).await;
        world.simulator.change(|b| b.broken_blobs = vec![broken(BlobChoice::First(3), 500)]);
        for content_type in [ENTRA, EXCHANGE] {
            let items = items(&client, content_type, world.now()).await;
            for _ in 0..2 {
                assert_eq!(statuses(&client, &items).await, [500, 500, 500, 200, 200, 200, 200, 200]);
            }
        }
        let chosen = BrokenBlobs { content_type: Some(ENTRA), ..broken(BlobChoice::Ordinals(vec![8, 2]), 404) };
        world.simulator.change(|b| b.broken_blobs = vec![chosen, broken(BlobChoice::First(2), 503)]);
        let entra = items(&client, ENTRA, world.now()).await;
        assert_eq!(statuses(&client, &entra).await, [503, 404, 200, 200, 200, 200, 200, 404]);
        let exchange = items(&client, EXCHANGE, world.now()).await;
        assert_eq!(statuses(&client, &exchange).await, [503, 503, 200, 200, 200, 200, 200, 200]);
    });
}

#[test]
fn broken_blobs_are_counted_in_the_order_of_creation_even_if_listed_late() {
    run(async {
        let world = World::new(Behaviours { late_blobs: 0.3, same_instant: 0.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        world.clock.advance(4);
        let mut items = client.all_items(ENTRA, world.now()).await;
        let listed: Vec<_> = items.iter().map(|item| item_time(item, "contentCreated")).collect();
        items.sort_by_key(|item| item_time(item, "contentCreated"));
        let created: Vec<_> = items.iter().map(|item| item_time(item, "contentCreated")).collect();
        assert_ne!(listed, created, "some are listed late");
        world.simulator.change(|b| b.broken_blobs = vec![broken(BlobChoice::First(10), 500)]);
        let statuses = statuses(&client, &items).await;
        assert!(statuses[..10].iter().all(|status| *status == 500), "{statuses:?}");
        assert!(statuses.len() > 12 && statuses[10..].iter().all(|status| *status == 200), "{statuses:?}");
    });
}

#[test]
fn the_seed_decides_which_share_of_blobs_is_broken() {
    run(async {
        let world = small_blobs(200, long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = items(&client, ENTRA, world.now()).await;
        let broken = BrokenBlobs { content_type: Some(ENTRA), ..broken(BlobChoice::Share(0.25), 500) };
        world.simulator.change(|b| b.broken_blobs = vec![broken]);
        let first = statuses(&client, &items).await;
        let count = first.iter().filter(|status| **status == 500).count();
        assert!((30..70).contains(&count), "{count}");
        assert_eq!(statuses(&client, &items).await, first, "the same ones, however often they are asked for");
    });
}

#[test]
fn broken_blobs_have_the_codes_of_the_api_until_their_end() {
    run(async {
        let world = small_blobs(1, long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = items(&client, ENTRA, world.now()).await;
        let blob = client.path(items[0]["contentUri"].as_str().unwrap());
        for (status, code, expected) in [
            (404, None, "AF20050"),
            (404, Some("AF20051"), "AF20051"),
            (400, Some("AF20051"), "AF20051"),
            (500, None, "AF50000"),
            (429, None, "AF429"),
        ] {
            let code = code.map(str::to_owned);
            let broken = BrokenBlobs { code, ..broken(BlobChoice::First(1), status) };
            world.simulator.change(|b| b.broken_blobs = vec![broken]);
            assert_eq!(status_and_code(&client.get(&blob).await), (status, expected.to_owned()));
        }
        let until = world.now() + SignedDuration::from_hours(30);
        let broken = BrokenBlobs { until, ..broken(BlobChoice::First(1), 500) };
        // The API's clock is ten minutes ahead, but `until` is a time by the simulator's clock.
        world.simulator.change(|b| (b.broken_blobs, b.date_off_seconds) = (vec![broken], 600));
        world.clock.advance(30 * 3_600 - 1);
        assert_eq!(client.get(&blob).await.status, 500);
        world.clock.advance(1);
        assert_eq!(client.get(&blob).await.text(), r#"[{"Id":"0"}]"#);
    });
}

#[test]
fn trickling_blobs_send_the_first_byte_at_once_and_each_other_after_a_pause() {
    run(async {
        let world = small_blobs(2, long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = items(&client, ENTRA, world.now()).await;
        let trickling = |pause| TricklingBlobs { blobs: BlobChoice::Ordinals(vec![2]), content_type: None, pause };
        world.simulator.change(|b| b.trickling_blobs = vec![trickling(Duration::from_millis(5))]);
        let whole = client.get(&client.path(items[1]["contentUri"].as_str().unwrap())).await;
        assert_eq!((whole.status, whole.text().as_str()), (200, r#"[{"Id":"1"}]"#));
        assert_eq!(whole.header("content-length"), Some("12"));

        world.simulator.change(|b| b.trickling_blobs = vec![trickling(Duration::from_secs(3_600))]);
        let authorization = format!("Bearer {}", client.token);
        let headers = [("authorization", authorization.as_str())];
        let path = client.path(items[1]["contentUri"].as_str().unwrap());
        let mut stream = open(world.running.address(), "GET", &path, &headers, "").await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n[") {
            let byte = timeout(Duration::from_secs(20), stream.read_u8()).await;
            bytes.push(byte.expect("the first byte comes at once").unwrap());
        }
        assert!(timeout(Duration::from_millis(100), stream.read_u8()).await.is_err(), "a second byte without a pause");
        // Another blob is sent at once even while the slow one is being sent.
        assert_eq!(statuses(&client, &items[..1]).await, [200]);
    });
}

#[test]
fn an_outage_answers_every_request_with_one_status_for_a_span_of_time() {
    run(async {
        let [from, to] = ["2026-11-22T10:00:00Z", "2026-11-24T10:00:00Z"].map(|text| text.parse().unwrap());
        let outages = vec![Outage { from, to, status: 503 }];
        let world = World::new(Behaviours { outages, date_off_seconds: 3_600, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        world.clock.advance(3_599);
        assert_eq!(client.get(LIST).await.status, 200);
        for seconds in [1, 2 * 86_400 - 1] {
            world.clock.advance(seconds);
            let path = "/login/3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10/oauth2/v2.0/token";
            for answer in [
                client.list(ENTRA, "").await,
                client.get(LIST).await,
                client.get("/none").await,
                token(&world.running, path, &format!("scope={COMMERCIAL_AUDIENCE}/.default")).await,
            ] {
                assert_eq!(status_and_code(&answer), (503, "AF50000".to_owned()));
            }
        }
        world.clock.advance(1);
        assert_eq!(client.get(LIST).await.status, 200);
    });
}

#[test]
fn a_gateway_answers_with_a_page_and_a_date_of_its_own() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let operation = Some("subscriptions".to_owned());
        let body = "<html>".to_owned();
        let gateway = Gateway { operation, share: 1.0, status: 200, body, date_offset_seconds: 864_000 };
        world.simulator.change(|b| b.gateway = vec![gateway]);
        let answer = client.get(LIST).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "<html>"));
        assert_eq!(answer.headers_named("date"), ["Wed, 02 Dec 2026 09:00:00 GMT"]);
        assert_eq!((answer.header("content-type"), answer.header("pragma")), (Some("text/html"), None));
        let listing = client.list(ENTRA, "").await;
        assert_eq!((listing.status, listing.headers_named("date")), (200, vec!["Sun, 22 Nov 2026 09:00:00 GMT"]));
        let nowhere = send(world.running.address(), "GET", "/none", &[], "").await.unwrap();
        assert_eq!(nowhere.status, 404);
    });
}
