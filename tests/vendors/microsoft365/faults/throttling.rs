//! Throttling, and the client's own rate limit.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;

/// The maximum number of a tenant's requests per minute: eight tenths of the vendor's limit, and a burst at the start.
const MAX_REQUESTS_PER_MINUTE: usize = 1_700;

#[tokio::test]
async fn f37_a_throttle_that_comes_as_403_in_single_quotes_is_waited_out() {
    for operation in ["content", "blob", "subscriptions"] {
        let world = tenant(60);
        world.script(vec![Scripted::new(operation, 1, Fault::Throttled { retry_after: None })]);
        assert_drained(&world.tick().await.unwrap(), 60);
        assert_eq!(world.statuses(operation).iter().filter(|status| **status == 403).count(), 1);
        // No request is made during the wait.
        let asked = world.running.received_requests();
        let refused = asked.iter().position(|asked| asked.status == Some(403)).unwrap();
        let later: Vec<_> = asked[refused + 1..].iter().map(|next| next.at.duration_since(asked[refused].at)).collect();
        let early = later.iter().filter(|after| after.as_secs() < 30).count();
        assert!(early <= 4, "{early} requests in the pause after {operation}");
        assert!((30.0..60.0).contains(&world.elapsed_seconds()), "{}", world.elapsed_seconds());
        world.assert_exact();
    }
}

#[tokio::test]
async fn f37_a_named_wait_is_kept() {
    let world = exchange(20);
    world.script(vec![Scripted::new("content", 2, Fault::Throttled { retry_after: Some(75) })]);
    assert_drained(&world.tick().await.unwrap(), 20);
    let pages = world.received_requests_of("content");
    assert!(pages[2].at.duration_since(pages[1].at).as_secs() >= 75);
    world.assert_exact();
}

#[tokio::test]
async fn f37_endless_throttling_is_no_permission_error_and_loses_nothing() {
    let world = tenant(60);
    world.drain().await;
    world.simulator.change(|it| it.throttled = 1.0);
    for _ in 0..3 {
        world.minutes(5);
        let before = world.running.requests();
        for report in world.tick().await.unwrap() {
            assert_failed(&report, false, "too many");
            assert!(report.failure.unwrap().message.contains("tick"), "it says who carries on");
        }
        let requests = world.running.requests() - before;
        assert!(requests <= 25, "{requests} requests to one who says there are too many");
    }
    world.simulator.change(|it| it.throttled = 0.0);
    world.minutes(5);
    assert_drained(&world.tick().await.unwrap(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f38_a_throttle_at_blob_37_of_90_costs_a_pause_and_no_blob_twice() {
    for status in [403, 429] {
        let world = exchange(90);
        let throttled = match status {
            403 => Fault::Throttled { retry_after: None },
            _ => vendor_error(429, "AF429"),
        };
        world.script(vec![Scripted::new("blob", 37, throttled)]);
        assert_drained(&world.tick().await.unwrap(), 90);
        assert_eq!(world.running.requests_of("blob"), 91);
        assert!((30.0..60.0).contains(&world.elapsed_seconds()), "{}", world.elapsed_seconds());
        world.assert_fetched_once();
        world.assert_exact();
    }
}

#[tokio::test]
async fn f38_when_throttled_from_blob_37_on_the_next_tick_fetches_only_the_rest() {
    let world = exchange(90);
    let throttled = |number| Scripted::new("blob", number, Fault::Throttled { retry_after: None });
    world.script((37..=120).map(throttled).collect());
    let reports = world.tick().await.unwrap();
    // The tick ended because its time was spent on waits.
    assert!(!reports[0].drained && reports[0].failure.is_none(), "{reports:?}");
    assert_eq!((reports[0].lines.delivered, reports[0].listed.blobs), (36, 36));
    // The watermark has not passed the first blob that is left.
    let blobs = world.simulator.ledger().blobs().collect::<Vec<_>>();
    let created: Vec<_> = blobs.iter().map(|blob| blob.created.as_second() - start_time().as_second()).collect();
    let watermark = world.watermark(LogType::Exchange);
    assert!(created.iter().filter(|at| **at < watermark).count() <= 36, "{watermark} of {created:?}");

    world.script(Vec::new());
    world.minutes(5);
    let fetched = world.running.requests_of("blob");
    assert_drained(&world.tick().await.unwrap(), 54);
    assert_eq!(world.running.requests_of("blob") - fetched, 54);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f62_a_flood_after_an_outage_is_taken_at_the_vendors_pace_oldest_first_over_ticks() {
    let mut world = exchange(6_000);
    world.simulator.change(|it| it.page_size = 500);
    world.pace = (5, 5);
    let mut ticks = 0;
    let worker = world.worker();
    loop {
        let reports = worker.tick(70, None).await.unwrap();
        ticks += 1;
        assert!(reports[0].failure.is_none(), "{reports:?}");
        if reports[0].drained {
            break;
        }
        // Every tick delivers a good part of the backlog.
        assert!(reports[0].lines.delivered > 1_000, "{reports:?}");
        world.time.advance(std::time::Duration::from_secs(5));
    }
    assert!((4..=8).contains(&ticks), "{ticks} ticks");
    assert_within_budget(&world);

    let expiry: BTreeMap<String, Timestamp> =
        world.simulator.ledger().blobs().map(|blob| (blob.id, blob.expires)).collect();
    let fetched: Vec<_> = world.received_requests_of("blob").iter().map(|asked| expiry[id(&asked.target)]).collect();
    let mut sorted = fetched.clone();
    sorted.sort();
    // Concurrent requests may overtake one another.
    let place = |at: &Timestamp| sorted.partition_point(|other| other < at);
    let strays = fetched.iter().enumerate().filter(|(index, at)| place(at).abs_diff(*index) > 32).count();
    assert_eq!(strays, 0, "of {}", fetched.len());
    // Up to 16 requests that were open at the end of a tick are made again.
    assert!(fetched.len() <= 6_000 + 16 * ticks, "{}", fetched.len());
    world.assert_exact();
}

#[tokio::test]
async fn f62_all_content_types_share_one_rate_limit() {
    let mut world = tenant_with(3_000, |it| (it.records_per_blob, it.page_size, it.delayed_blobs) = (1, 200, 1.0));
    world.pace = (1, 1);
    let ticks = world.drain().await;
    assert_eq!(ticks.iter().map(|reports| delivered(reports)).sum::<u64>(), 3_000);
    assert!(world.elapsed_seconds() > 105.0, "{}", world.elapsed_seconds());
    assert_within_budget(&world);
    world.assert_fetched_once();
    world.assert_exact();
}

/// Asserts that in every period of 60 seconds the API gets at most [`MAX_REQUESTS_PER_MINUTE`] requests.
#[track_caller]
fn assert_within_budget(world: &World) {
    let asked: Vec<_> =
        world.running.received_requests().into_iter().filter(|asked| asked.operation != "token").collect();
    for (index, first) in asked.iter().enumerate().step_by(50) {
        let end = asked.partition_point(|asked| asked.at.duration_since(first.at).as_secs() < 60);
        assert!(end - index <= MAX_REQUESTS_PER_MINUTE, "{} in the minute from {}", end - index, first.at);
    }
}

/// Returns the blob's id in the target of a request.
fn id(target: &str) -> &str {
    target.split("/audit/").nth(1).unwrap().split('?').next().unwrap()
}
