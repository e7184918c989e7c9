//! Tests of backfills: they deliver as ticks do, and change nothing of the schedule.

use super::*;
use crate::base::policy::Retention;
use crate::base::time::Window;
use crate::deliver::restore::restore_rows;

const DAY: UnixSeconds = 86_400;
const SPAN: Window = window(NOW - 10 * DAY, NOW - 9 * DAY);

fn backfill_of(world: &World, span: Window) -> Backfill {
    Backfill::new(span, std::slice::from_ref(&world.stream), &world.policy, world.clock.now().as_second()).unwrap()
}

/// Runs a step of the backfill.
fn step(world: &World, backfill: &Backfill) -> StreamReport {
    let report = world.step(backfill);
    world.clock.advance(60);
    report
}

/// A stream whose schedule began after [`SPAN`], which has two events. Two more are before and after the span.
fn world() -> World {
    let mut world = World::listed_to(NOW - 100);
    change_head(&world, |head| {
        head.floor = NOW - DAY;
        head.times.last_delivery = Some(NOW - 3 * DAY);
    });
    world.vendor.add_events([SPAN.from - 1, SPAN.from, SPAN.to - 1, SPAN.to]);
    world
}

#[test]
fn ok_a_backfill_delivers_its_span_once_and_leaves_the_schedule_alone() {
    let world = world();
    let before = world.head();
    let backfill = backfill_of(&world, SPAN);
    assert_eq!(backfill.unfinished().len(), 1);
    let report = step(&world, &backfill);
    assert_eq!((report.drained, report.lines.delivered, report.failure), (true, 2, None));
    assert_eq!(world.delivered(), [SPAN.from.to_string(), (SPAN.to - 1).to_string()]);
    assert_eq!((backfill.unfinished(), backfill.is_open(&world.stream)), (vec![], false));
    let after = world.head();
    assert_eq!((after.floor, &after.listings, after.seq), (before.floor, &before.listings, before.seq + 1));
    assert_eq!(after.times.last_delivery, before.times.last_delivery, "old events do not end a silence");
    assert_eq!(after.times.last_event, Some(SPAN.to - 1));
    // A second run finds that nothing is new, and then writes nothing.
    world.calls.take();
    let report = step(&world, &backfill_of(&world, SPAN));
    assert_eq!((report.drained, report.lines.delivered, report.listed.duplicates), (true, 0, 2));
    assert!(!world.calls.take().contains(&"write"));
    assert_eq!(world.delivered().len(), 2);
}

#[test]
fn ok_a_backfill_takes_several_steps_and_continues_where_it_stopped() {
    let mut world = world();
    world.vendor.page_time = Duration::from_secs(10);
    let backfill = backfill_of(&world, SPAN);
    let (mut steps, mut requests) = (0, 0);
    while backfill.is_open(&world.stream) {
        let left = backfill.unfinished();
        requests += step(&world, &backfill).listed.requests;
        steps += 1;
        assert!(steps < 20 && (backfill.unfinished() != left), "{left:?}");
    }
    assert!(steps > 2, "{steps}");
    assert!(requests <= 100, "each window is listed once: {requests}");
    assert_eq!(world.delivered().len(), 2);
    assert_eq!(world.listing().watermark, NOW - 100);
}

#[test]
fn ok_a_broken_span_is_unfinished_and_not_pending_in_the_head() {
    let mut world = world();
    let broken = window(SPAN.from + 5_000, SPAN.from + 5_001);
    world.vendor.broken = vec![broken];
    let before = world.head().listings;
    let backfill = backfill_of(&world, SPAN);
    let report = step(&world, &backfill);
    assert_eq!((report.drained, report.lines.delivered, report.pending.pending_spans), (false, 2, 1));
    let unfinished = backfill.unfinished();
    assert!(
        unfinished.iter().all(|part| part.window.from <= broken.from && part.window.to >= broken.to),
        "{unfinished:?}"
    );
    assert!(unfinished[0].reason.as_deref().is_some_and(|reason| reason.contains("500")), "{unfinished:?}");
    assert_eq!(world.head().listings, before);
    // Once the vendor answers, a later step ends the backfill.
    world.vendor.broken = Vec::new();
    world.clock.advance(3_600);
    assert!(step(&world, &backfill).drained && backfill.unfinished().is_empty());
}

#[test]
fn ok_a_tick_between_the_steps_keeps_its_progress() {
    let mut world = world();
    world.vendor.page_time = Duration::from_secs(10);
    world.vendor.add_events([NOW - 50]);
    let backfill = backfill_of(&world, SPAN);
    step(&world, &backfill);
    let other = world.other_process();
    let ticked = other.tick();
    assert!(ticked.drained, "{ticked:?}");
    world.clock.advance(3_600);
    let watermark = {
        other.tick();
        other.listing().watermark
    };
    assert!(watermark > NOW - 100);
    while backfill.is_open(&world.stream) {
        step(&world, &backfill);
    }
    assert_eq!((world.listing().watermark, world.head().floor), (watermark, NOW - DAY));
}

/// A stream whose ledger expired, and whose bucket still has the events of [`SPAN`].
fn world_without_ledger() -> World {
    let mut world = world();
    step(&world, &backfill_of(&world, SPAN));
    world.state.forget_items();
    // Items of a commit of the last day are expected to be there.
    world.clock.advance(2 * 86_400);
    world.cache = SourceCache::default();
    world
}

#[test]
fn ok_rows_of_the_bucket_replace_an_expired_ledger() {
    let world = world_without_ledger();
    let backfill = backfill_of(&world, SPAN);
    for key in world.bucket.keys().iter().filter(|key| key.contains("/dt=")) {
        restore_rows(&backfill, &world.stream, key, &world.bucket.object(key).unwrap()).unwrap();
    }
    let report = step(&world, &backfill);
    assert_eq!((report.drained, report.lines.delivered, report.listed.duplicates), (true, 0, 2));
    assert_eq!(world.delivered().len(), 2);
    // Without them, the same span is delivered again: this shows that the ledger was gone.
    let world = world_without_ledger();
    step(&world, &backfill_of(&world, SPAN));
    assert_eq!(world.delivered().len(), 4);
}

#[test]
fn err_an_object_that_cannot_be_read_is_named() {
    let world = world();
    let error = restore_rows(&backfill_of(&world, SPAN), &world.stream, "t/dt=x/a-1.ndjson.gz", b"no").unwrap_err();
    assert!(error.message.contains("t/dt=x/a-1.ndjson.gz") && error.message.starts_with("acme/"), "{error}");
}

#[test]
fn ok_only_a_span_beyond_the_horizon_needs_restored_rows() {
    let world = world();
    let horizon = world.policy.dedup_horizon_seconds;
    assert_eq!(backfill_of(&world, window(NOW - horizon + 5 * DAY, NOW)).expired(NOW), None);
    let from = NOW - horizon - DAY;
    let expired = backfill_of(&world, window(from, NOW)).expired(NOW).unwrap();
    assert!(expired.from < from && expired.to > NOW - horizon, "{expired:?}");
}

#[test]
fn ok_a_new_stream_gets_its_head_first() {
    let mut world = World::new();
    world.vendor.add_events([SPAN.from]);
    let report = step(&world, &backfill_of(&world, SPAN));
    assert_eq!((report.drained, report.lines.delivered), (true, 1));
    assert_eq!(world.head().floor, NOW - world.settings.lookback_seconds);
}

#[test]
fn ok_the_part_that_the_vendor_dropped_is_lost_and_a_span_without_any_other_is_refused() {
    let mut world = world();
    world.policy.retention = Some(Retention { keep_seconds: 7 * DAY, margin_seconds: DAY });
    let backfill = backfill_of(&world, window(NOW - 10 * DAY, NOW - DAY));
    assert_eq!(backfill.lost(), Some(window(NOW - 10 * DAY, NOW - 6 * DAY)));
    assert_eq!(backfill.unfinished()[0].window, window(NOW - 6 * DAY, NOW - DAY));
    for (span, part) in [(SPAN, "keeps 7 days"), (window(NOW, NOW + 9), "before now"), (window(9, 9), "empty")] {
        let error = Backfill::new(span, &[], &world.policy, NOW).unwrap_err();
        assert!(error.message.contains(part), "{error}");
    }
}
