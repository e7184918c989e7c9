//! Clock skew between the collector and the vendor.

use super::*;
use crate::openai::world::{event, start_time};
use simulators::Options;
use simulators::openai::Behaviours;

/// Creates a world with an event every seven seconds, from ten minutes before the start to half an hour after it. Every
/// fifth event becomes visible two minutes late. The collector's clock is `ahead` seconds ahead.
fn skewed(ahead: i64) -> World {
    let second = |number: i64| 7 * number - 600;
    let late = |number: i64| if number % 5 == 0 { 120 } else { 0 };
    let events = (0..340).map(|number| (event(&format!("e-{number}"), second(number)), second(number) + late(number)));
    let (records, seconds): (Vec<_>, Vec<_>) = events.unzip();
    let visible_at =
        seconds.into_iter().map(|second: i64| start_time() + jiff::SignedDuration::from_secs(second)).collect();
    World::with_clock_ahead(
        &Options { records: Some(records), visible_at, ..Options::new(start_time()) },
        Behaviours::default(),
        ahead,
    )
}

/// Returns the seconds by which the watermark is ahead of the vendor's clock.
fn ahead_of_vendor(world: &World) -> i64 {
    let listings = world.head().listings;
    listings.values().map(|listing| listing.watermark).max().unwrap() - world.time.now().as_second()
}

async fn assert_exact_with_skew(ahead: i64) {
    let mut world = skewed(ahead);
    world.pace = (0, 0);
    let worker = world.worker().await;
    for minute in 0..=36 {
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        assert!(ahead_of_vendor(&world) <= 0, "{} s after minute {minute}", ahead_of_vendor(&world));
        if ahead >= 0 {
            // A window that ends in the vendor's future lists all events.
            world.assert_exact();
        }
        world.minutes(1);
    }
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f23_a_clock_90_seconds_ahead_loses_nothing_and_moves_no_watermark_into_the_vendors_future() {
    assert_exact_with_skew(90).await;
}

#[tokio::test]
async fn f23_a_clock_90_seconds_behind_delivers_somewhat_later() {
    assert_exact_with_skew(-90).await;
}

#[tokio::test]
async fn f23_a_clock_that_is_set_right_or_wrong_between_ticks_loses_nothing() {
    let mut world = skewed(0);
    for (minute, ahead) in [90, -90, 90, 0, -90, 3_600, -3_600, 90].into_iter().cycle().take(48).enumerate() {
        world.set_clock(ahead);
        let report = world.tick().await.unwrap();
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        assert!(ahead_of_vendor(&world) <= 0, "{} s after minute {minute}", ahead_of_vendor(&world));
        world.minutes(1);
    }
    world.set_clock(0);
    world.minutes(60);
    world.drain().await;
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f23_a_clock_a_day_ahead_at_the_first_tick_looks_back_less_and_loses_nothing_after() {
    let mut world = skewed(DAY);
    let report = world.tick().await.unwrap();
    assert!(report.drained, "{report:?}");
    assert!(ahead_of_vendor(&world) <= 0);
    world.set_clock(0);
    world.minutes(40);
    world.drain().await;
    world.assert_exact();
}
