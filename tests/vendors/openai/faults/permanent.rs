//! Permanent faults: they affect only the events that they break.

mod crowded;
mod dates;
mod kinds;
mod memory;
mod outages;
mod restored;
mod spans;

use std::collections::BTreeSet;

use tests::rig::reconciliation::reconcile;

use super::*;
use crate::openai::world::{event, stream};

const HOUR: i64 = 3_600;
/// The number of events of [`week`].
const WEEK: u64 = 168;
/// The maximum number of ticks of a test.
const MAX_TICKS: usize = 60;

/// Returns the time of event `number` of [`week`] (0 is the newest), in seconds after the start.
fn second(number: i64) -> i64 {
    -HOUR * number - HOUR / 2
}

fn id(number: i64) -> String {
    format!("e-{number:03}")
}

/// Creates a world with an event per hour for a week.
fn week(seed: u64) -> World {
    World::with_events_and_seed(
        (0..WEEK.cast_signed()).map(|number| event(&id(number), second(number))).collect(),
        seed,
    )
}

/// Creates a span of the second of this event of [`week`]; requests for it get `status`.
fn broken_second(number: i64, status: u16) -> BrokenSpan {
    broken(second(number), second(number) + 1, status)
}

/// Creates a span of the hour around this event of [`week`]; requests for it get `status`.
fn broken_hour(number: i64, status: u16) -> BrokenSpan {
    broken(-HOUR * (number + 1), -HOUR * number, status)
}

/// Runs one tick per minute in one process until `due` lines are delivered, and returns the number of ticks. Asserts
/// that no tick reports a gap, and that no more than `due` lines are delivered.
async fn ticks_until(world: &World, due: u64) -> usize {
    let (worker, mut delivered) = (world.worker().await, 0);
    for number in 1..=MAX_TICKS {
        let report = tick(&worker).await;
        assert!(report.gaps.is_empty(), "{report:?}");
        delivered += report.lines.delivered;
        assert!(delivered <= due, "{delivered} of {due}");
        world.minutes(1);
        if delivered == due {
            return number;
        }
    }
    panic!("{delivered} of {due} delivered in {MAX_TICKS} ticks, pending: {:?}", world.pending());
}

/// Returns the ticks within which all events of a week but `lost` are delivered while these spans are broken.
async fn ticks_of(seed: u64, spans: Vec<BrokenSpan>, lost: &[i64]) -> usize {
    let world = week(seed);
    world.simulator.change(|it| it.broken_spans = spans);
    let ticks = ticks_until(&world, WEEK - lost.len() as u64).await;
    assert_all_but(&world, lost.iter().copied());
    ticks
}

/// Returns the maximum and the average number of ticks over these seeds.
async fn ticks_over(seeds: u64, ticks: impl AsyncFn(u64) -> usize) -> (usize, f64) {
    let (mut max, mut sum) = (0, 0);
    for seed in 0..seeds {
        let ticks = ticks(seed).await;
        max = max.max(ticks);
        sum += ticks;
    }
    (max, sum as f64 / seeds as f64)
}

/// Asserts that every event except `lost` is in the bucket exactly once.
#[track_caller]
fn assert_all_but(world: &World, lost: impl IntoIterator<Item = i64>) {
    let result = reconcile(&world.store, &stream(), &world.running.served()).unwrap();
    let expected: BTreeSet<_> = lost.into_iter().map(id).collect();
    assert_eq!(result.lost.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert!(result.duplicated.is_empty() && result.unexpected.is_empty(), "{result:?}");
}

/// Ends the faults. Asserts that within `minutes` all is delivered and nothing is pending.
async fn assert_heals_within(world: &World, minutes: u64) {
    world.simulator.change(|it| it.broken_spans.clear());
    let worker = world.worker().await;
    for _ in 0..minutes {
        world.minutes(1);
        if tick(&worker).await.drained {
            world.assert_exact();
            return;
        }
    }
    panic!("not drained {minutes} minutes after it healed, pending: {:?}", world.pending());
}
