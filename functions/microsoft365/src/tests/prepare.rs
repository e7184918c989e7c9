//! Preparing: a missing subscription is started.

use super::*;

const OFF: &str =
    r#"{"error":{"code":"StartSubscription [CorrId=1] canary","message":"Tenant canary does not exist."}}"#;

fn listed_as(status: &str) -> Reply {
    reply(200, format!(r#"[{{"contentType":"Audit.Exchange","status":"{status}"}}]"#))
}

#[tokio::test]
async fn prepare_finds_the_subscription() {
    let world = World::new(healthy(|_| None)).await;
    assert_eq!(world.prepare(None).await, world.ready(false));
    world.check_counts(&[("token", 1), ("list", 1)]);
}

#[tokio::test]
async fn prepare_starts_a_missing_subscription() {
    let world = World::of(ContentType::Dlp, healthy(|_| None)).await;
    assert_eq!(world.prepare(None).await, world.ready(true));
    assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
    let start = &world.vendor.seen("start")[0];
    assert_eq!((start.method.clone(), start.body.as_str()), (Method::POST, ""));
    assert_eq!(start.headers.get("content-length").unwrap(), "0");
    assert_eq!(start.query, format!("contentType=DLP.All&PublisherIdentifier={TENANT}"));
    world.check_counts(&[("token", 1), ("list", 1), ("start", 1)]);
}

#[tokio::test]
async fn prepare_takes_already_enabled_for_success_f31() {
    for status in [400, 200] {
        let enabled = move |seen: &Seen| (seen.operation == "start").then(|| af(status, "AF20024"));
        let world = World::of(ContentType::General, healthy(enabled)).await;
        assert_eq!(world.prepare(None).await, world.ready(true));
        assert_eq!(world.page(None).await, Page::default());
    }
}

#[tokio::test]
async fn prepare_starts_no_sooner_than_after_15_minutes_f66() {
    let world = World::of(ContentType::General, healthy(|_| None)).await;
    assert_eq!(world.prepare(Some(NOW - 899)).await, world.ready(false));
    world.check_counts(&[("token", 1), ("list", 1)]);
    world.clock.jump(Duration::from_secs(1));
    assert_eq!(world.prepare(Some(NOW - 899)).await, world.ready(true));
    world.check_counts(&[("token", 1), ("list", 1), ("start", 1)]);
}

#[tokio::test]
async fn auditing_that_is_off_is_retried_slowly_and_reported_by_the_listing_f55() {
    let world = World::of(
        ContentType::Dlp,
        healthy(move |seen| match seen.operation.as_str() {
            "start" => Some(reply(400, OFF)),
            "content" => Some(af(400, "AF20022")),
            _ => None,
        }),
    )
    .await;
    assert_eq!(world.prepare(None).await, world.ready(true));
    for _ in 0..3 {
        let error = world.list(None).await.unwrap_err();
        check_person(&error, "DLP.All: starting the subscription: HTTP 400: the tenant records no audit log");
        check_person(&error, "Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true");
        world.clock.jump(Duration::from_secs(299));
        assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
    }
    world.check_counts(&[("token", 1), ("list", 4), ("start", 1), ("content", 3)]);
    world.clock.jump(Duration::from_secs(3));
    assert_eq!(world.prepare(Some(NOW)).await, world.ready(true));
    assert_eq!(world.vendor.seen("start").len(), 2);
}

#[tokio::test]
async fn a_throttled_start_is_not_repeated_and_costs_no_listing_f66() {
    let throttled = |seen: &Seen| (seen.operation == "start").then(|| reply(403, "{'error':{'code':'AF429'}}"));
    let world = World::of(ContentType::Dlp, healthy(throttled)).await;
    assert_eq!(world.prepare(None).await, world.ready(true));
    assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
    assert_eq!(world.page(None).await, Page::default());
    assert!(world.clock.waits().is_empty());
    world.check_counts(&[("token", 1), ("list", 1), ("start", 1), ("content", 1)]);
}

#[tokio::test]
async fn a5_a_start_that_is_throttled_by_code_is_made_again_after_the_named_wait() {
    let words = "Too many frequent subscription start requests. Please retry again after 8m 46s.";
    let words_only = "Please retry again after 8m 46s.";
    for body in [
        format!(r#"{{"error":{{"code":"429","message":"{words}"}}}}"#),
        format!(r#"{{"error":{{"code":429,"message":"{words}"}}}}"#),
        format!(r#"{{"error":{{"code":"TooManyRequests","message":"{words}"}}}}"#),
        format!(r#"{{"error":{{"code":"RequestsThrottled","message":"{words_only}"}}}}"#),
        format!(r#"{{"code":"requeststhrottled","message":"{words_only}"}}"#),
        format!(r#"{{"code":429,"message":"{words_only}"}}"#),
    ] {
        let throttled = move |seen: &Seen| match (seen.operation.as_str(), seen.nth) {
            ("start", 0) => Some(reply(403, body.clone())),
            ("content", 0) => Some(af(400, "AF20022")),
            _ => None,
        };
        let world = World::of(ContentType::Dlp, healthy(throttled)).await;
        assert_eq!(world.prepare(None).await, world.ready(true));
        let error = world.list(None).await.unwrap_err();
        check_later(&error, "DLP.All: starting the subscription: HTTP 403 (AF429): too many requests for this tenant");
        check_later(&error, "it asks for a pause of 526 s");
        // A throttled start does not stop other calls.
        assert_eq!(world.page(None).await, Page::default());
        world.clock.jump(Duration::from_secs(525));
        assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
        assert_eq!(world.vendor.seen("start").len(), 1);
        world.clock.jump(Duration::from_secs(1));
        assert_eq!(world.prepare(Some(NOW)).await, world.ready(true));
        assert_eq!(world.vendor.seen("start").len(), 2);
    }
}

#[tokio::test]
async fn a_start_during_an_outage_counts_as_made() {
    for answer in [reply(503, "<html>"), af(500, "AF50000"), reply(200, "{").cut()] {
        let outage = move |seen: &Seen| match seen.operation.as_str() {
            "start" => Some(answer.clone()),
            "content" => Some(af(400, "AF20022")),
            _ => None,
        };
        let world = World::of(ContentType::Dlp, healthy(outage)).await;
        assert_eq!(world.prepare(None).await, world.ready(true));
        check_later(&world.list(None).await.unwrap_err(), "DLP.All: starting the subscription");
        world.clock.jump(Duration::from_secs(899));
        assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
        assert_eq!(world.vendor.seen("start").len(), 1);
        world.clock.jump(Duration::from_secs(1));
        assert_eq!(world.prepare(Some(NOW)).await, world.ready(true));
    }
}

#[tokio::test]
async fn a_start_that_was_not_sent_does_not_count() {
    let busy = |seen: &Seen| (seen.operation == "content").then(|| reply(429, "").header("retry-after", "600"));
    let world = World::of(ContentType::Dlp, healthy(busy)).await;
    let exchange = stream_of(&world.vendor.source_secret(), ContentType::Exchange);
    world.client.prepare(&exchange, None).await.unwrap();
    world.list(None).await.unwrap_err();
    check_paused(
        &world.prepare(None).await.unwrap_err(),
        "DLP.All: starting the subscription: the vendor refused requests",
    );
    assert!(world.vendor.seen("start").is_empty());
    world.clock.jump(Duration::from_secs(600));
    assert_eq!(world.prepare(None).await, world.ready(true));
    assert_eq!(world.vendor.seen("start").len(), 1);
}

#[tokio::test]
async fn prepare_without_the_list_starts_nothing_and_content_is_listed_f70() {
    for answer in [reply(500, ""), af(200, "AF50000"), af(401, "AF10001"), reply(200, "<html>")] {
        let broken = move |seen: &Seen| (seen.operation == "list").then(|| answer.clone());
        let world = World::of(ContentType::Dlp, healthy(broken)).await;
        // A refusal does not set the vendor's clock.
        assert_eq!(world.prepare(None).await, Ok(Prepared::Ready { vendor_now: None, started: false }));
        assert_eq!(world.page(None).await, Page::default());
        assert_eq!(world.vendor.counts().get("start"), None);
    }
}

#[tokio::test]
async fn prepare_lists_subscriptions_once_for_all_streams() {
    let world = World::new(healthy(|_| None)).await;
    let secret = world.vendor.source_secret();
    for content_type in ContentType::ALL {
        world.client.prepare(&stream_of(&secret, content_type), None).await.unwrap();
    }
    world.check_counts(&[("token", 1), ("list", 1), ("start", 4)]);
    world.clock.jump(Duration::from_secs(61));
    world.prepare(None).await.unwrap();
    world.check_counts(&[("token", 1), ("list", 2), ("start", 4)]);
}

#[tokio::test]
async fn prepare_reads_a_list_with_a_byte_order_mark_and_without_a_status() {
    for body in ["\u{feff}[{\"contentType\":\"AUDIT.exchange\"}]", " [{\"contentType\":\"Audit.Exchange\"},{}]"] {
        let world = World::new(healthy(move |seen| (seen.operation == "list").then(|| reply(200, body)))).await;
        assert_eq!(world.prepare(None).await, world.ready(false));
        world.check_counts(&[("token", 1), ("list", 1)]);
    }
}

#[tokio::test]
async fn a_disabled_subscription_is_started_again_and_the_possible_loss_is_reported_once_f34() {
    let disabled = |seen: &Seen| (seen.operation == "list" && seen.nth == 0).then(|| listed_as("disabled"));
    let world = World::new(healthy(disabled)).await;
    assert_eq!(world.prepare(Some(NOW - 90_000)).await, world.ready(true));
    let error = world.list(None).await.unwrap_err();
    check_later(&error, "Audit.Exchange: listing content: the subscription was disabled; it was started again");
    check_later(&error, "between 2026-08-21T08:44:05Z and 2026-08-21T09:00:00Z may be lost");
    assert_eq!(world.page(None).await, Page::default());
    world.clock.jump(Duration::from_secs(300));
    assert_eq!(world.prepare(Some(NOW)).await, world.ready(false));
    assert_eq!(world.page(None).await, Page::default());
    world.check_counts(&[("token", 1), ("list", 2), ("start", 1), ("content", 2)]);
}

#[tokio::test]
async fn a_subscription_disabled_again_needs_a_person_f34() {
    let disabled = |seen: &Seen| (seen.operation == "list").then(|| listed_as("disabled"));
    let world = World::new(healthy(disabled)).await;
    assert_eq!(world.prepare(Some(NOW - 1_000)).await, world.ready(true));
    check_person(&world.list(None).await.unwrap_err(), "disabled again after its start at 2026-08-21T08:43:20Z");
}
