//! Tests of spans, their windows and sweeps.

mod probes;

use std::time::Duration;

use super::*;
use crate::base::head::{ListingState, SweepProgress};
use crate::base::policy::{Retention, Sweep};
use crate::base::ports::Listed;
use crate::base::report::Failure;
use crate::base::stream::ListingId;
use crate::base::time::Window;
use crate::testing::{Content, LISTING, NOW, TestRun, World, pending_span, window};

/// The watermark with which the streams of these tests begin.
const BEGIN: UnixSeconds = NOW - 1_000;

/// A stream with ten windows of 100 seconds to list.
fn world() -> World {
    let mut world = World::listed_to(BEGIN);
    (world.policy.first_window_seconds, world.policy.max_window_seconds) = (100, 100);
    world
}

/// A stream with one window of 1,000 seconds to list.
fn world_of_one_window() -> World {
    World::listed_to(BEGIN)
}

/// Returns window number `number` of [`world`]. Negative numbers are before the watermark.
fn nth_window(number: i64) -> Window {
    window(BEGIN + 100 * number, BEGIN + 100 * (number + 1))
}

/// Makes the vendor fail for the windows with these numbers.
fn break_windows(world: &mut World, numbers: &[i64]) {
    world.vendor.broken = numbers.iter().map(|number| nth_window(*number)).collect();
}

/// The parts of a tick's outcome that the tests compare.
struct Tick {
    failure: Option<Failure>,
    gaps: Vec<Window>,
    has_more: bool,
    has_succeeded: bool,
    new_spans: Vec<Window>,
    not_offered: Vec<ListingId>,
}

/// Runs a tick that does `before` and then lists the listing.
fn tick_after(world: &World, before: impl FnOnce(&mut TestRun<'_>)) -> Tick {
    let env = world.env();
    let mut run = world.begin(&env);
    before(&mut run);
    let now = run.vendor_time.record_answer(world.vendor.vendor_now, env.now());
    let mut listing = ListingRun::plan(&mut run, LISTING, now);
    world.clock.run(async {
        if let Some(listing) = &mut listing {
            list_main(listing, &mut run).await.unwrap();
            list_sweep(listing, &mut run).await.unwrap();
        }
        // Because of this flag any progress is written to the head, as it would be an hour after the last write.
        run.intake.delivery.update.more_to_list = true;
        run.intake.finish().await.unwrap();
    });
    let (failure, not_offered) = (run.findings.failure.take(), std::mem::take(&mut run.findings.not_offered));
    let has_more = run.findings.has_more || listing.as_ref().is_some_and(ListingRun::has_more);
    let gaps = run.intake.delivery.into_parts().1.gaps.iter().map(|gap| window(gap.from, gap.to)).collect();
    let (has_succeeded, new_spans) =
        listing.map(|listing| (listing.has_succeeded, listing.new_spans)).unwrap_or_default();
    Tick { failure, gaps, has_more, has_succeeded, new_spans, not_offered }
}

fn tick(world: &World) -> Tick {
    tick_after(world, |_| ())
}

/// Returns the numbers of the windows that were requested.
fn listed(world: &World) -> Vec<i64> {
    let number = |window: Window| {
        assert_eq!((window.seconds(), (window.from - BEGIN) % 100), (100, 0), "{window:?}");
        (window.from - BEGIN) / 100
    };
    world.vendor.take_listed().into_iter().map(number).collect()
}

fn pending(world: &World) -> Vec<Window> {
    world.listing().pending.windows().collect()
}

fn watermark(world: &World) -> UnixSeconds {
    world.listing().watermark
}

#[test]
fn ok_windows_are_listed_from_the_oldest_on_and_raise_the_watermark() {
    let mut world = world();
    world.vendor.add_events((0..1_000).step_by(50).map(|second| BEGIN + second));
    let tick = tick(&world);
    assert_eq!((listed(&world), watermark(&world), pending(&world)), ((0..10).collect(), NOW, vec![]));
    assert!(tick.failure.is_none() && !tick.has_more && tick.has_succeeded);
    assert_eq!(world.delivered().len(), 20);
    // The next tick has nothing to list and requests nothing.
    assert!(!self::tick(&world).has_more && listed(&world).is_empty());
}

#[test]
fn ok_windows_grow_while_they_have_few_pages() {
    let mut world = world();
    world.policy.max_window_seconds = 1_000;
    tick(&world);
    let seconds: Vec<_> = world.vendor.take_listed().iter().map(Window::seconds).collect();
    assert_eq!((seconds, world.listing().window_seconds), (vec![100, 200, 400, 300], Some(800)));
}

#[test]
fn ok_a_window_of_too_many_pages_is_listed_in_parts() {
    let mut world = world_of_one_window();
    world.policy.split_after_pages = Some(2);
    world.vendor.add_events((0..1_000).step_by(20).map(|second| BEGIN + second));
    tick(&world);
    assert_eq!((world.delivered().len(), watermark(&world)), (50, NOW));
    let windows = world.vendor.take_listed();
    // After two pages the window counts as too long. The span of the events seen so far becomes a window of its own.
    let dense = window(BEGIN, BEGIN + 381);
    assert_eq!(windows[..4], [window(BEGIN, NOW), dense].map(|window| [window; 2]).concat());
    assert!(world.listing().window_seconds.unwrap() <= 500);
}

#[test]
fn ok_a_window_without_time_for_all_its_pages_is_smaller_on_the_next_tick() {
    let mut world = world_of_one_window();
    world.vendor.add_events((0..100).map(|second| BEGIN + second));
    world.vendor.page_time = Duration::from_secs(40);
    let tick = tick(&world);
    assert_eq!((watermark(&world), pending(&world), world.listing().window_seconds), (BEGIN, vec![], Some(500)));
    assert!(tick.has_more);
}

#[test]
fn ok_a_second_without_time_for_all_its_pages_keeps_its_cursor() {
    let mut world = World::listed_to(NOW - 2);
    (world.policy.first_window_seconds, world.policy.max_window_seconds) = (1, 1);
    world.vendor.add_events(std::iter::repeat_n(NOW - 2, 100));
    world.vendor.page_time = Duration::from_secs(30);
    let tick = tick(&world);
    let pending = world.listing().pending.spans;
    assert_eq!((pending[0].window(), pending[0].cursor.as_deref()), (window(NOW - 2, NOW - 1), Some("30")));
    assert_eq!((pending[0].schedule.attempts, pending[0].schedule.next_attempt), (0, NOW + 100));
    // The watermark passes the pending second. There was no time for the next second.
    assert_eq!((watermark(&world), tick.has_more, tick.failure), (NOW - 1, true, None));
}

#[test]
fn ok_the_rest_of_a_window_is_pending_after_many_blobs_failed_in_a_row() {
    let mut world = world();
    for number in 0..20 {
        world.vendor.add_blob(&number.to_string(), BEGIN + number, Content::Fails(PortError::next_tick("status 500")));
    }
    let tick = tick(&world);
    // The blobs that were tried are pending. The rest of the window is a pending span.
    let [rest] = pending(&world)[..] else { panic!("{:?}", pending(&world)) };
    assert_eq!((watermark(&world), rest.to, world.listing().pending.blobs.is_empty()), (NOW, nth_window(0).to, false));
    assert!(rest.from > BEGIN && rest.from < BEGIN + 20, "{rest:?}");
    assert_eq!(tick.new_spans, []);
}

#[test]
fn ok_the_watermark_does_not_pass_blobs_for_which_there_was_no_time() {
    let mut world = world();
    for number in 0..6 {
        let wait = Duration::from_secs(10);
        world.vendor.add_blob(&number.to_string(), BEGIN + 10 * number, Content::trickle(wait, 0));
    }
    let tick = tick(&world);
    assert_eq!((watermark(&world), listed(&world), tick.has_more), (BEGIN + 40, vec![0], true));
}

#[test]
fn ok_listing_stops_for_a_stream_that_is_not_recorded() {
    let mut world = world();
    world.vendor.answer = Box::new(|_| Some(Ok(Listed::NotYet { started: None, fault: None, lost: None })));
    let tick = tick(&world);
    assert_eq!((listed(&world), watermark(&world)), (vec![0], BEGIN));
    assert!(tick.has_more && tick.failure.is_none());
}

#[test]
fn ok_the_watermark_never_passes_the_vendors_clock() {
    let mut world = world();
    world.vendor.vendor_now = Some(NOW - 250);
    tick(&world);
    assert_eq!(watermark(&world), NOW - 250);
}

#[test]
fn ok_time_that_the_vendor_no_longer_keeps_is_a_gap_once_the_watermark_has_passed_it() {
    let mut world = world();
    world.policy.retention = Some(Retention { keep_seconds: 800, margin_seconds: 100 });
    break_windows(&mut world, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(tick(&world).gaps, []);
    world.vendor.broken.clear();
    let tick = tick(&world);
    assert_eq!((tick.gaps, watermark(&world)), (vec![window(BEGIN, NOW - 700)], NOW));
}

/// A stream that is listed up to now, with a sweep of 1,000 seconds that is due.
fn world_of_sweep() -> World {
    let mut world = World::listed_to(NOW);
    world.policy.sweeps = &[Sweep { interval_seconds: 600, reach_seconds: 1_000 }];
    (world.policy.first_window_seconds, world.policy.max_window_seconds) = (100, 100);
    world
}

#[test]
fn ok_a_sweep_lists_its_whole_reach_again() {
    let world = world_of_sweep();
    assert!(!tick(&world).has_more);
    assert_eq!((listed(&world), world.listing().swept[&1_000]), ((0..10).collect(), NOW));
    world.clock.advance(599);
    tick(&world);
    assert_eq!(world.vendor.take_listed().len(), 6, "it is due again after its time");
}

#[test]
fn ok_a_sweep_leaves_pending_spans_out() {
    let world = world_of_sweep();
    let mut head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.spans.push(pending_span(nth_window(4).from, nth_window(4).to));
    world.set_head(head);
    tick(&world);
    assert_eq!((listed(&world), pending(&world)), (vec![0, 1, 2, 3, 5, 6, 7, 8, 9], vec![nth_window(4)]));
    assert_eq!(world.listing().swept[&1_000], NOW);
}

#[test]
fn ok_a_failed_window_of_a_sweep_is_pending_and_the_sweep_is_done() {
    let mut world = world_of_sweep();
    break_windows(&mut world, &[4]);
    tick(&world);
    assert_eq!((pending(&world), world.listing().swept[&1_000]), (vec![nth_window(4)], NOW));
}

#[test]
fn f5_a_sweep_passes_no_window_that_failed_unless_it_is_pending() {
    // Every single window fails in turn, and then every pair of windows. If any other window answers, the failed
    // windows are pending when the sweep is done.
    let pairs = (0..10).flat_map(|first| (first..10).map(move |second| (first, second)));
    for (first, second) in pairs {
        let mut world = world_of_sweep();
        break_windows(&mut world, &[first, second]);
        // The vendor shows this event late, and its window can only be listed by a later tick.
        world.vendor.add_events([nth_window(first).from + 7]);
        let tick = tick(&world);
        let failed: std::collections::BTreeSet<_> = [first, second].map(|number| nth_window(number).from).into();
        let pending: Vec<_> = pending(&world).iter().map(|window| window.from).collect();
        assert_eq!(pending, failed.into_iter().collect::<Vec<_>>());
        assert!(tick.failure.is_some() && world.listing().swept[&1_000] == NOW);
        // Unlike the tick above, a whole tick also tries pending work again.
        world.vendor.broken.clear();
        world.clock.advance(30);
        world.tick();
        assert_eq!((world.delivered().len(), world.listing().pending.spans.len()), (1, 0), "{first} {second}");
    }
    // If no window answers, the sweep is not done.
    let mut world = world_of_sweep();
    break_windows(&mut world, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    tick(&world);
    assert_eq!((pending(&world), world.listing().swept.get(&1_000)), (vec![], None));
}

#[test]
fn ok_a_sweep_without_time_continues_where_it_stopped() {
    let mut world = world_of_sweep();
    world.vendor.page_time = Duration::from_secs(30);
    assert!(tick(&world).has_more);
    let progress = SweepProgress { reach: 1_000, began: NOW, at: nth_window(3).from };
    assert_eq!((world.vendor.take_listed().len(), world.listing().sweep_progress), (4, Some(progress)));
    world.vendor.page_time = Duration::ZERO;
    tick(&world);
    let windows = world.vendor.take_listed();
    // The time since the last tick is listed before the sweep continues.
    assert_eq!((windows[0], windows[1]), (window(NOW, NOW + 100), nth_window(3)));
    assert_eq!((world.listing().sweep_progress, world.listing().swept[&1_000]), (None, NOW));
}

#[test]
fn ok_a_sweep_is_recorded_by_the_earlier_clock() {
    for (vendor_now, recorded) in [(NOW - 30, NOW - 30), (NOW + 30, NOW), (NOW + 864_000, NOW)] {
        let mut world = world_of_sweep();
        world.vendor.vendor_now = Some(vendor_now);
        tick(&world);
        assert_eq!(world.listing().swept[&1_000], recorded, "the vendor's clock says {vendor_now}");
    }
}

#[test]
fn ok_a_main_span_that_reaches_back_far_enough_completes_the_sweep() {
    let mut world = world_of_sweep();
    let swept = [(1_000, NOW - 2_000)].into();
    world.policy.max_window_seconds = 10_000;
    let listing =
        ListingState { watermark: NOW - 2_000, swept, window_seconds: Some(4_000), ..ListingState::default() };
    world.set_head(crate::base::head::Head { listings: [(LISTING.to_owned(), listing)].into(), ..world.head() });
    tick(&world);
    assert_eq!((world.vendor.take_listed(), world.listing().swept[&1_000]), (vec![window(NOW - 3_000, NOW)], NOW));
}

#[test]
fn ok_no_sweep_begins_before_the_main_span_is_done() {
    let mut world = world_of_sweep();
    world.clock.advance(100);
    world.vendor.broken = vec![window(NOW, NOW + 100)];
    assert!(tick(&world).has_more);
    assert!(world.vendor.take_listed().iter().all(|window| window.from >= NOW));
}
