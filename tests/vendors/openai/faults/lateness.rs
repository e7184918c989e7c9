//! Events that become visible late. An event that is at most a day late is delivered exactly once.

use super::*;
use crate::openai::world::event;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// Creates a world with an event for each pair: the second of the event, and the second at which it becomes visible.
/// Calls take no time, so that seconds are exact.
fn showing(events: impl Iterator<Item = (i64, i64)>) -> World {
    let records = events.map(|(at, visible)| (event(&format!("e-{at}-{visible}"), at), visible));
    let mut world = World::with_visible_times(records.collect());
    world.pace = (0, 0);
    world
}

#[tokio::test]
async fn f10_an_event_that_is_visible_within_ten_minutes_is_delivered_by_the_next_tick() {
    // Events come every 61 seconds, so that they happen and become visible at every second of a minute, with every
    // delay.
    let lateness = [1, 59, 60, 61, 4 * MINUTE, 599, 600];
    let world = showing((0..70).map(|n| 61 * n).zip(lateness.into_iter().cycle()).map(|(at, late)| (at, at + late)));
    let worker = world.worker().await;
    for minute in 0..85 {
        world.wait_until(MINUTE * minute);
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        // All visible events are delivered now.
        world.assert_exact();
    }
    assert_eq!(world.running.pending(), 0);
}

#[tokio::test]
async fn f10_an_event_four_minutes_late_at_a_tick_or_a_second_beside_it_is_delivered() {
    let around_ticks = (0..10).flat_map(|n| [-1, 0, 1].map(|beside| 6 * MINUTE * (n + 1) + beside));
    let world = showing(around_ticks.map(|visible| (visible - 4 * MINUTE, visible)));
    for minute in 0..65 {
        world.wait_until(MINUTE * minute);
        // Each tick runs in a new process, so only stored state is known.
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        world.assert_exact();
    }
    assert_eq!(world.running.pending(), 0);
}

/// Returns seconds just before and after the sweep of this hour.
fn about(hour: i64) -> [i64; 6] {
    [-1, 0, 1, 2, HOUR / 2, HOUR - 1].map(|beside| HOUR * hour + beside)
}

/// The delays of late events, in seconds: just beyond the overlap, two hours, and up to a day.
const DELAYS_SECONDS: [i64; 6] = [601, 660, 2 * HOUR, 12 * HOUR + 7, 24 * HOUR - 1, 24 * HOUR];

/// Creates events with every delay that become visible at each of these moments.
fn late(moments: impl IntoIterator<Item = i64>) -> World {
    showing(moments.into_iter().flat_map(|visible| DELAYS_SECONDS.map(|late| (visible - late, visible))))
}

/// Runs ticks of one process every twenty minutes over these hours, except while it is down; sweeps are due
/// every hour.
async fn ticks(world: &World, hours: std::ops::Range<i64>, down: std::ops::Range<i64>) {
    let worker = world.worker().await;
    for third in 3 * hours.start..3 * hours.end {
        if down.contains(&(third / 3)) {
            continue;
        }
        world.wait_until(HOUR / 3 * third);
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        if third % 3 == 0 {
            // After the hourly sweep all visible events are delivered.
            world.assert_exact();
        }
    }
}

#[tokio::test]
async fn f11_an_event_that_is_visible_within_a_day_is_delivered_within_the_hour() {
    let world = late(about(25));
    ticks(&world, 0..28, 0..0).await;
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f11_a_late_event_that_appears_while_the_process_is_down_is_delivered() {
    for down in [24..26, 25..29, 1..27, 2..60] {
        let world = late(about(25));
        ticks(&world, 0..down.end + 2, down.clone()).await;
        assert_eq!(world.running.pending(), 0, "{down:?}");
        world.assert_exact();
    }
}

#[tokio::test]
async fn f11_a_late_event_is_delivered_by_rare_ticks_in_new_processes() {
    let world = late(about(25).into_iter().chain(about(26)));
    // Ticks come every 101 minutes, so sweeps come at irregular times.
    for number in 0..20 {
        world.wait_until(101 * MINUTE * number);
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{report:?}");
    }
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f11_a_late_event_is_delivered_by_sweeps_that_come_hours_too_late() {
    for until in [26, 27, 31, 50] {
        let mut world = late(about(25));
        ticks(&world, 0..24, 0..0).await;
        // New events take the whole time of a tick, so no time is left for a sweep.
        world.pace = (22_000, 22_000);
        let slow = world.worker().await;
        for third in 3 * 24..3 * until {
            world.wait_until(HOUR / 3 * third);
            let report = tick(&slow).await;
            assert!(report.failure.is_none(), "{report:?}");
            assert!(!report.drained || third == 3 * 24, "there was time to look back: {report:?}");
        }
        drop(slow);
        world.pace = (0, 0);
        ticks(&world, until..until + 3, 0..0).await;
        assert_eq!(world.running.pending(), 0);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f11_a_late_event_is_delivered_after_sweeps_that_fail_for_hours() {
    let world = late(about(25));
    ticks(&world, 0..25, 0..0).await;
    // For four hours the vendor fails for times more than an hour and a half ago, which only sweeps list.
    let worker = world.worker().await;
    let mut failed = 0;
    for third in 3 * 25 + 1..3 * 29 {
        let second = HOUR / 3 * third;
        world.wait_until(second);
        world.simulator.change(|it| it.broken_spans = vec![broken(-DAY, second - 90 * MINUTE, 500)]);
        let report = tick(&worker).await;
        // A failed sweep becomes pending and counts as done, so it does not fail every tick.
        failed += u64::from(report.failure.is_some());
        assert!(!report.drained || failed == 0, "{report:?}");
    }
    assert!((4..=8).contains(&failed), "{failed} ticks failed");
    world.simulator.change(|it| it.broken_spans.clear());
    world.wait_until(30 * HOUR - MINUTE);
    tick(&worker).await;
    assert_eq!(world.pending(), []);
    ticks(&world, 30..33, 0..0).await;
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}
