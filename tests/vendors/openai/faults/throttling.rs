//! Throttling and exhausted credit.

use std::time::Duration;

use super::*;
use crate::openai::world::event;

fn throttled(seconds: u32) -> Fault {
    Fault::Throttled { retry_after: Some(seconds) }
}

/// Creates a 429 for exhausted credit, which no wait cures.
fn exhausted_credit(code: &str, retry_after: Option<&str>) -> Fault {
    let body = format!(r#"{{"error":{{"message":"Check your plan.","type":"{code}","param":null,"code":"{code}"}}}}"#);
    let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_owned())).into_iter().collect();
    Fault::Answer { status: 429, headers, body: body.into_bytes() }
}

#[tokio::test]
async fn f01_throttled_on_page_3_waits_as_asked_and_loses_no_page() {
    let world = five_pages();
    world.script(on_page(3, 1, &throttled(7)));
    let report = world.tick().await.unwrap();
    assert_drained(&report, 450);
    assert_eq!((report.listed.duplicates, report.lines.objects, world.watermark()), (0, 1, 0));
    // The time is a wait of seven seconds with jitter, and six pages at a tenth of a second.
    assert!((7.6..8.1).contains(&world.elapsed()), "{}", world.elapsed());
    assert_eq!(world.requests(), REQUESTS_WITHOUT_FAULTS + 1);
    world.assert_exact();
}

#[tokio::test]
async fn f01_throttled_for_longer_than_a_tick_waits_keeps_the_pages_and_asks_no_sooner() {
    let world = five_pages();
    world.script(on_page(3, 1, &throttled(60)));
    let worker = world.worker().await;
    let report = tick(&worker).await;
    assert_failed(&report, false, "too many requests; it asks for 60 s");
    assert_eq!((report.lines.delivered, world.watermark()), (200, -DAY));
    // The tick made no request of the other listing either.
    assert_eq!(world.requests(), 3);

    world.time.advance(Duration::from_secs(58));
    // A wait is not a failure.
    let report = tick(&worker).await;
    assert_eq!((report.drained, report.failure), (false, None));
    assert_eq!(world.requests(), 3);

    world.time.advance(Duration::from_secs(2));
    let report = tick(&worker).await;
    assert_drained(&report, 250);
    assert_eq!(report.listed.duplicates, 200);
    world.assert_exact();
}

#[tokio::test]
async fn f01_throttled_past_the_deadline_commits_what_came_and_exits_cleanly() {
    let mut world = five_pages();
    world.pace = (10_000, 10_000);
    world.script(on_page(3, 1, &throttled(25)));
    let report = world.tick().await.unwrap();
    assert_eq!((report.drained, report.failure.as_ref(), report.lines.delivered), (false, None, 200), "{report:?}");
    assert_eq!((world.requests(), world.watermark()), (3, -DAY));
    world.pace = (100, 100);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f02_after_exhausted_credit_no_request_is_made_for_ten_minutes() {
    let mut records: Vec<_> = (0..30).map(|number| (event(&format!("old-{number}"), -60 * number - 1), 0)).collect();
    records.extend((0..30).map(|number| (event(&format!("new-{number}"), 20 * number), 20 * number)));
    let world = World::with_visible_times(records);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 30);
    let (before, watermark) = (world.requests(), world.watermark());

    world.minutes(1);
    world.simulator.change(|it| it.quota_exhausted = 1.0);
    let asked_at = world.elapsed();
    let report = tick(&worker).await;
    assert_failed(&report, true, "settle the organization's billing");
    assert_eq!((report.lines.delivered, world.watermark()), (0, watermark));
    assert_eq!(world.requests(), before + 1, "one request, of one listing");
    // There was no wait: at most the time of four calls, of which three were not made.
    assert!(world.elapsed() - asked_at < 0.5);

    for _ in 0..9 {
        world.minutes(1);
        let report = tick(&worker).await;
        assert_failed(&report, true, "settle the organization's billing");
        assert!(report.failure.unwrap().message.contains("not asked again for another"));
    }
    assert_eq!((world.requests(), world.watermark()), (before + 1, watermark));

    world.minutes(1);
    world.simulator.change(|it| it.quota_exhausted = 0.0);
    assert_drained(&tick(&worker).await, 30);
    assert!(world.watermark() > watermark + 600);
    world.assert_exact();
}

#[tokio::test]
async fn f02_exhausted_credit_in_the_middle_keeps_the_pages_that_came() {
    for code in ["insufficient_quota", "credit_balance_exhausted"] {
        let world = five_pages();
        world.script(on_page(4, 1, &exhausted_credit(code, None)));
        let report = world.tick().await.unwrap();
        assert_failed(&report, true, "settle the organization's billing");
        assert_eq!((report.lines.delivered, world.watermark(), world.requests()), (300, -DAY, 4));
        // Another process does not know of the refusal and makes a request.
        let report = world.tick().await.unwrap();
        assert_drained(&report, 150);
        assert_eq!(report.listed.duplicates, 300);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f02_exhausted_credit_that_names_a_wait_is_asked_again_after_it() {
    let world = World::with_event_per_minute(5);
    world.script(on_page(1, 1, &exhausted_credit("insufficient_quota", Some("90"))));
    let worker = world.worker().await;
    assert_failed(&tick(&worker).await, true, "billing");
    let asked = world.requests();
    world.time.advance(Duration::from_secs(88));
    assert_failed(&tick(&worker).await, true, "not asked again for another 1 s");
    assert_eq!(world.requests(), asked);
    world.time.advance(Duration::from_secs(2));
    assert_drained(&tick(&worker).await, 5);
    world.assert_exact();
}
