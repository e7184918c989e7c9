//! Backlogs that one tick cannot list.

use collector::BatchLimits;
use tests::rig::reconciliation::delivered;

use super::*;
use crate::openai::world::{event, start_time, stream};

/// The maximum number of ticks, which is more than any of these backlogs needs.
const MAX_TICKS: usize = 100;

/// Creates `count` events spread evenly over the `seconds` before the start.
fn spread(count: i64, seconds: i64) -> Vec<String> {
    (0..count).map(|number| event(&format!("e-{number:05}"), -1 - number * seconds / count)).collect()
}

/// Returns the measures of progress, all of which grow with it: the watermark, the delivered lines, and the negative
/// window length.
fn progress(world: &World, delivered: u64) -> (i64, u64, i64) {
    let listing = &world.head().listings[openai::ORGANIZATION];
    (listing.watermark, delivered, -listing.window_seconds.unwrap_or(DAY))
}

/// Runs ticks a minute apart until one is drained. Asserts that each makes progress and none fails.
async fn catch_up(world: &World) -> Vec<StreamReport> {
    let worker = world.worker().await;
    let (mut reports, mut delivered): (Vec<StreamReport>, _) = (Vec::new(), 0);
    loop {
        let before = world.store.head_of(&stream()).map(|_| progress(world, delivered));
        let report = tick(&worker).await;
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        delivered += report.lines.delivered;
        let (drained, after) = (report.drained, progress(world, delivered));
        reports.push(report);
        if drained {
            return reports;
        }
        // Every tick but the last makes progress. Overlaps and sweeps, which move no measure, are listed by the last
        // one.
        let somewhere = before.is_none_or(|before| after.0 > before.0 || after.1 > before.1 || after.2 > before.2);
        assert!(somewhere, "tick {} of {after:?}: {:?}", reports.len(), reports.last());
        assert!(before.is_none_or(|before| after.0 >= before.0), "the watermark fell");
        assert!(reports.len() < MAX_TICKS, "{after:?}: {:?}", reports.last());
        world.minutes(1);
    }
}

/// Delivers 20,000 events of the `seconds` before the start from a vendor that takes `pace` milliseconds
/// per page. Returns the number of requests.
async fn requests_for_20_000(seconds: i64, pace: i64) -> u64 {
    let mut world = World::with_events(spread(20_000, seconds));
    world.pace = (pace, pace);
    world.settings.batch = BatchLimits { lines: 700, ..BatchLimits::default() };
    let reports = catch_up(&world).await;
    assert_eq!(reports.iter().map(|report| report.lines.delivered).sum::<u64>(), 20_000);
    world.assert_exact();
    // No object is longer than a batch, so a tick holds no more in memory.
    let objects = delivered(&world.store, &stream()).unwrap();
    assert!(objects.iter().all(|lines| lines.len() <= 700));
    world.requests()
}

#[tokio::test]
async fn f12_a_backlog_of_days_takes_at_most_twice_the_minimum_of_requests() {
    // The minimum is 200 pages and one page of the tenant's listing.
    for (days, pace) in [(4, 1_000), (6, 2_000), (4, 4_000)] {
        let requests = requests_for_20_000(days * DAY, pace).await;
        assert!(requests <= 2 * 201, "{days} days at {pace} ms: {requests} requests");
    }
}

#[tokio::test]
async fn f12_an_hour_with_more_events_than_a_tick_can_list_is_split_until_it_is_delivered() {
    // The overlap behind every watermark is almost as much as a tick can list.
    let requests = requests_for_20_000(3_600, 1_000).await;
    assert!(requests <= 4 * 201, "{requests} requests");
}

#[tokio::test]
async fn f12_a_look_back_longer_than_a_tick_is_delivered_over_several_ticks() {
    // A sweep lists a full day again every hour, at more than a second per page.
    let mut world = World::with_events(spread(5_000, DAY));
    world.drain().await;
    world.pace = (1_200, 1_200);
    let swept = |world: &World| world.head().listings[openai::ORGANIZATION].swept[&86_400] - start_time().as_second();
    let mut last = swept(&world);
    for hour in 1..=3 {
        world.minutes(61);
        let reports = catch_up_with_sweeps(&world).await;
        assert!(reports <= 4, "{reports} ticks in hour {hour}");
        assert!(swept(&world) >= last + 3_600, "in hour {hour}");
        last = swept(&world);
    }
    world.assert_exact();
}

/// Runs ticks until one is drained. Returns their number.
async fn catch_up_with_sweeps(world: &World) -> usize {
    let worker = world.worker().await;
    for number in 1..=MAX_TICKS {
        if tick(&worker).await.drained {
            return number;
        }
        world.minutes(1);
    }
    panic!("no end after {MAX_TICKS} ticks");
}

#[tokio::test]
async fn f24_ten_days_down_resumes_at_the_old_watermark_window_by_window() {
    // There is an event every ten minutes, from a day before the start to eleven days after it.
    let records = (-144..1_584).map(|number| (event(&format!("e-{number}"), 600 * number), (600 * number).max(0)));
    let mut world = World::with_visible_times(records.collect());
    assert_drained(&world.tick().await.unwrap(), 144);
    let watermark = world.watermark();
    assert_eq!(watermark, 0);

    world.minutes(10 * 24 * 60);
    world.pace = (6_000, 6_000);
    let asked_before = world.running.received_requests().len();
    let reports = catch_up(&world).await;
    assert!(reports.len() >= 2, "one tick is enough for it: {reports:?}");
    assert!(reports.iter().all(|report| report.gaps.is_empty()));

    // Windows come oldest first and without a gap: each begins no later than the last one ended.
    let windows: Vec<_> =
        world.running.received_requests()[asked_before..].iter().filter_map(organization_window).collect();
    let mut reached = start_time().as_second() + watermark;
    for (from, to) in windows {
        assert!(from <= reached, "nothing was listed from {reached} to {from}");
        assert!(to - from <= 30 * DAY, "{from} to {to}");
        reached = reached.max(to);
    }
    assert!(world.watermark() >= 10 * DAY, "{}", world.watermark());
    world.minutes(24 * 60);
    world.drain().await;
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

/// Returns the window of a request of the organization's listing.
fn organization_window(asked: &simulators::ReceivedRequest) -> Option<(i64, i64)> {
    let bound = |name: &str| asked.target.split_once(name)?.1.split('&').next()?.parse::<i64>().ok();
    let organization = asked.target.contains("tenant_only=false");
    organization.then(|| Some((bound("%5Bgte%5D=")?, bound("%5Blt%5D=")?))).flatten()
}
