//! Faults: throttling, the forms of errors, and a wrong clock of the API.

use std::collections::BTreeSet;

use serde_json::Value;
use simulators::microsoft365::{Behaviours, ContentType, Throttle};
use simulators::{Fault, Scripted, Transport};

use super::{FEED, PUBLISHER, World, long_lived_tokens, status_and_code};
use crate::client::send;
use crate::run;

const LIST: &str = "/api/v1.0/3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10/activity/feed/subscriptions/list";

#[test]
fn b60_more_requests_a_minute_than_allowed_are_throttled_by_publisher() {
    run(async {
        let world = World::new(Behaviours { per_minute: 5, per_minute_shared: 2, ..long_lived_tokens() });
        let client = world.client().await;
        let other = "PublisherIdentifier=0a1b2c3d-0000-4000-8000-00000000000f";
        for (target, max, publisher) in [
            (format!("{LIST}?{PUBLISHER}"), 5, "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10"),
            (LIST.to_owned(), 2, "00000000-0000-0000-0000-000000000000"),
            (format!("{LIST}?{other}"), 5, "0a1b2c3d-0000-4000-8000-00000000000f"),
        ] {
            for _ in 0..max {
                assert_eq!(client.get(&target).await.status, 200);
            }
            let throttled = client.get(&target).await;
            assert_eq!((throttled.status, throttled.header("retry-after")), (403, None));
            assert!(throttled.text().contains(&format!("Method=ListSubscriptions, PublisherId={publisher}")));
        }
        world.clock.advance(60);
        assert_eq!(client.get(LIST).await.status, 200, "another minute");
    });
}

#[test]
fn b60_throttling_is_a_403_without_json_or_a_429() {
    run(async {
        let world = World::new(Behaviours { throttled: 1.0, ..Behaviours::default() });
        let client = world.client().await;
        let quoted = client.get(&format!("{FEED}/audit/a$b?{PUBLISHER}")).await;
        assert!(quoted.status == 403 && quoted.text().starts_with("{'error':{'code':'AF429','message':'Too many"));
        assert!(quoted.text().contains("Method=GetBlob") && serde_json::from_slice::<Value>(&quoted.body).is_err());
        world.simulator.change(|behaviours| behaviours.throttle = Throttle::TooManyRequests);
        assert_eq!(status_and_code(&client.get(LIST).await), (429, "AF429".to_owned()));
    });
}

#[test]
fn b60_a_publisher_that_is_no_guid_is_refused_and_counts_as_no_publisher() {
    run(async {
        let world = World::new(Behaviours { per_minute_shared: 2, ..long_lived_tokens() });
        let client = world.client().await;
        for expected in [(400, "AF20002"), (400, "AF20002")] {
            let answer = client.get(&format!("{LIST}?PublisherIdentifier=me")).await;
            assert_eq!(status_and_code(&answer), (expected.0, expected.1.to_owned()));
        }
        assert_eq!(client.get(&format!("{LIST}?PublisherIdentifier=you")).await.status, 403);
    });
}

#[test]
fn b61_internal_errors_have_one_of_three_codes() {
    run(async {
        let world = World::new(Behaviours { internal_error: 1.0, ..Behaviours::default() });
        let client = world.client().await;
        let mut codes = BTreeSet::new();
        for _ in 0..30 {
            let (status, code) = status_and_code(&client.get(LIST).await);
            assert_eq!(status, 500);
            codes.insert(code);
        }
        assert_eq!(codes, ["AF50000", "AF50005", "AF50006"].map(str::to_owned).into());
    });
}

#[test]
fn b61_server_errors_have_json_html_or_no_body() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client().await;
        world.simulator.change(|b| b.transport = Transport { server_error: 1.0, ..b.transport.clone() });
        let mut kinds = BTreeSet::new();
        for _ in 0..120 {
            let answer = client.get(LIST).await;
            kinds.insert((answer.status, answer.text().get(..5).unwrap_or_default().to_owned()));
        }
        let expected = [500, 502, 503].map(|status| ["", "<html", "{\"err"].map(|start| (status, start.to_owned())));
        assert_eq!(kinds, expected.into_iter().flatten().collect());
    });
}

#[test]
fn b61_an_error_may_have_status_200_and_one_content_type_may_always_fail() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[ContentType::Entra, ContentType::General]).await;
        let items = client.all_items(ContentType::Entra, world.now()).await;
        let blob = client.path(items[0]["contentUri"].as_str().unwrap());
        world.simulator.change(|behaviours| behaviours.error_in_ok = 1.0);
        for answer in [client.get(&blob).await, client.list(ContentType::Entra, "").await, client.get(LIST).await] {
            assert_eq!(status_and_code(&answer), (200, "AF50000".to_owned()));
        }
        world.simulator.change(|behaviours| {
            (behaviours.error_in_ok, behaviours.broken_content_type) = (0.0, Some(ContentType::Entra));
        });
        for answer in [client.get(&blob).await, client.list(ContentType::Entra, "").await] {
            assert!(answer.status == 500 && status_and_code(&answer).1.starts_with("AF5000"));
        }
        assert_eq!(client.list(ContentType::General, "").await.status, 200);
    });
}

#[test]
fn b63_every_answer_has_the_date_of_the_apis_clock() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
        for (off, date) in [(0, "09:00:00"), (-360, "08:54:00"), (360, "09:06:00")] {
            world.simulator.change(|behaviours| (behaviours.date_off_seconds, behaviours.grace_seconds) = (off, 0));
            let week = 7 * 24 * 3_600;
            for (target, status) in [(LIST, 200), ("/nothing", 404), (&format!("{FEED}/audit/malformed"), 400)] {
                let answer = client.get(target).await;
                let expected = format!("Sun, 22 Nov 2026 {date} GMT");
                assert_eq!((answer.status, answer.header("date")), (status, Some(expected.as_str())));
            }
            // By the API's clock, one window starts exactly a week ago, the other one a second earlier.
            for (older, status) in [(0, 200), (1, 400)] {
                let from = world.now() + jiff::SignedDuration::from_secs(off - week - older);
                let answer = client.window(ContentType::Entra, from, from + jiff::SignedDuration::from_mins(5)).await;
                assert_eq!(answer.status, status, "{off} {older}");
            }
        }
    });
}

#[test]
fn a_scripted_date_replaces_the_usual_one() {
    run(async {
        let headers = vec![("date".to_owned(), "Wed, 02 Dec 2026 09:00:00 GMT".to_owned())];
        let fault = Fault::Answer { status: 200, headers, body: b"<html>gateway</html>".into() };
        let script = vec![Scripted::new("subscriptions", 1, fault)];
        let world = World::new(Behaviours { script, date_off_seconds: 60, ..long_lived_tokens() });
        let client = world.client().await;
        for date in ["Wed, 02 Dec 2026 09:00:00 GMT", "Sun, 22 Nov 2026 09:01:00 GMT"] {
            let answer = client.get(LIST).await;
            assert_eq!((answer.status, answer.headers_named("date")), (200, vec![date]));
        }
    });
}

#[test]
fn b64_headers_are_as_in_production_and_gzip_is_supported() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
        let throttled = Behaviours { throttled: 1.0, ..long_lived_tokens() };
        let refused = World::new(throttled);
        let answers = [
            client.list(ContentType::Entra, "").await,
            client.list(ContentType::Dlp, "").await,
            refused.client().await.get(LIST).await,
        ];
        for answer in answers {
            for (name, value) in [
                ("content-type", "application/json; charset=utf-8"),
                ("cache-control", "no-cache"),
                ("pragma", "no-cache"),
                ("expires", "-1"),
                ("x-aspnet-version", "4.0.30319"),
                ("x-powered-by", "ASP.NET"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{name} of {}", answer.text());
            }
        }
        world.simulator.change(|behaviours| behaviours.transport.gzip = 1.0);
        let authorization = format!("Bearer {}", client.token);
        let headers = [("authorization", authorization.as_str()), ("accept-encoding", "gzip")];
        let answer = send(world.running.address(), "GET", LIST, &headers, "").await.unwrap();
        assert_eq!((answer.header("content-encoding"), &answer.body[..2]), (Some("gzip"), &[0x1F, 0x8B][..]));
    });
}
