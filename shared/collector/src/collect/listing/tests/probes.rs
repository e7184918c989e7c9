//! Tests of failed windows and the probes that follow.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::base::pending::PendingSpan;

#[test]
fn ok_a_failed_window_is_pending_once_the_newest_was_listed() {
    let mut world = world();
    break_windows(&mut world, &[3]);
    let tick = tick(&world);
    assert_eq!(listed(&world), [0, 1, 2, 3, 9, 4, 5, 6, 7, 8]);
    assert_eq!((watermark(&world), pending(&world), tick.new_spans), (NOW, vec![nth_window(3)], vec![nth_window(3)]));
    let schedule = world.listing().pending.spans[0].schedule;
    assert_eq!((schedule.attempts, schedule.first_failure, schedule.next_attempt), (1, NOW, NOW + 30));
    assert_eq!(tick.failure.unwrap().message, "acme/openai_audit: status 500");
    // The pending window waits for its next attempt and is not listed with the others.
    world.clock.advance(100);
    self::tick(&world);
    assert_eq!(listed(&world), [10]);
}

#[test]
fn ok_the_newest_the_oldest_and_a_random_window_are_probed() {
    let mut world = world();
    break_windows(&mut world, &[0, 9, 1]);
    world.clock.set_random(4);
    tick(&world);
    assert_eq!(listed(&world), [0, 9, 1, 6, 2, 3, 4, 5, 7, 8]);
    assert_eq!((watermark(&world), pending(&world)), (NOW, vec![nth_window(0), nth_window(1), nth_window(9)]));
}

#[test]
fn err_the_vendor_is_down_if_no_window_answers() {
    let mut world = world();
    break_windows(&mut world, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let tick = tick(&world);
    assert_eq!(listed(&world), [0, 9, 1, 2]);
    assert_eq!((watermark(&world), pending(&world)), (BEGIN, vec![]));
    assert!(tick.has_more && !tick.has_succeeded && tick.failure.is_some());
    // The next tick begins with a short window, in case the windows of this tick were too long for the vendor.
    assert_eq!((world.listing().window_seconds, world.listing().probe_seconds), (None, Some(12)));
}

#[test]
fn ok_failed_windows_are_pending_if_another_window_answered_in_this_tick() {
    let mut world = world();
    break_windows(&mut world, &[2, 3, 4, 5, 6, 7, 8, 9]);
    let tick = tick(&world);
    assert_eq!(listed(&world), [0, 1, 2, 9, 3, 4]);
    assert_eq!(
        (watermark(&world), pending(&world)),
        (nth_window(5).from, vec![nth_window(2), nth_window(3), nth_window(4), nth_window(9)])
    );
    assert!(tick.has_more);
    assert_eq!(world.listing().window_seconds, None);
}

#[test]
fn err_only_one_window_is_probed_after_a_failure_that_needs_a_person() {
    let mut world = world();
    break_windows(&mut world, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    world.vendor.error = PortError::person("status 401");
    let tick = tick(&world);
    let windows = listed(&world);
    assert_eq!((windows.len(), windows[0], watermark(&world), pending(&world)), (2, 0, BEGIN, vec![]));
    assert!(tick.failure.unwrap().needs_person);
    assert_eq!(world.listing().window_seconds, None);
}

#[test]
fn ok_the_only_window_is_probed_in_halves() {
    let (older, newer) = (window(BEGIN, NOW - 500), window(NOW - 500, NOW));
    for (broken, asked, left) in [(BEGIN, vec![newer], older), (NOW - 1, vec![newer, older], newer)] {
        let mut world = world_of_one_window();
        world.vendor.broken = vec![window(broken, broken + 1)];
        let tick = tick(&world);
        assert_eq!(world.vendor.take_listed(), [vec![window(BEGIN, NOW)], asked].concat());
        assert_eq!((watermark(&world), pending(&world)), (NOW, vec![left]));
        assert_eq!(tick.new_spans, [window(BEGIN, NOW)]);
    }
}

#[test]
fn err_the_vendor_is_down_if_the_only_window_and_both_halves_fail() {
    let mut world = world_of_one_window();
    world.vendor.broken = vec![window(BEGIN, NOW)];
    tick(&world);
    assert_eq!((world.vendor.take_listed().len(), watermark(&world), pending(&world)), (3, BEGIN, vec![]));
    assert_eq!((world.listing().window_seconds, world.listing().probe_seconds), (None, Some(125)));
}

#[test]
fn ok_the_last_window_of_a_listing_that_answers_needs_no_probe() {
    let mut world = world();
    break_windows(&mut world, &[9]);
    tick(&world);
    assert_eq!((listed(&world), watermark(&world), pending(&world)), ((0..10).collect(), NOW, vec![nth_window(9)]));
}

#[test]
fn ok_a_window_that_hangs_becomes_pending() {
    let mut world = world();
    world.vendor.hanging = vec![nth_window(0)];
    let tick = tick(&world);
    assert_eq!((watermark(&world), pending(&world), world.clock.elapsed_seconds()), (NOW, vec![nth_window(0)], 75.0));
    assert!(tick.failure.unwrap().message.contains("did not answer within 75 s"));
}

#[test]
fn ok_a_probe_without_time_changes_nothing() {
    let mut world = world();
    break_windows(&mut world, &[0]);
    world.vendor.page_time = Duration::from_secs(40);
    let tick = tick_after(&world, |run| run.cutoff -= Duration::from_secs(50));
    assert_eq!((listed(&world), watermark(&world), pending(&world)), (vec![0, 9], BEGIN, vec![]));
    assert!(tick.has_more);
}

fn not_offered() -> World {
    let mut world = world();
    world.vendor.answer = Box::new(|_| Some(Ok(Listed::NotOffered)));
    world
}

#[test]
fn ok_a_listing_that_never_answered_is_suspended_at_its_first_refusal() {
    let world = not_offered();
    world.set_head(crate::base::head::Head { floor: BEGIN, ..world.head() });
    for (seconds, asked) in [(0, 2), (60, 0), (86_339, 0), (1, 2)] {
        world.clock.advance(seconds);
        let tick = tick(&world);
        assert_eq!((tick.not_offered, tick.failure), (vec![LISTING], None));
        assert_eq!(listed(&world).len(), asked, "after {seconds} s");
    }
}

#[test]
fn ok_a_listing_that_answered_is_suspended_after_three_refusals_in_a_row() {
    let mut world = not_offered();
    for (refusals, has_failed, is_suspended) in [(1, true, false), (2, true, false), (3, false, true)] {
        let tick = tick(&world);
        assert_eq!((tick.failure.is_some(), tick.has_more), (has_failed, has_failed), "refusal {refusals}");
        let state = world.listing();
        assert_eq!((state.not_offered.unwrap().refusals, state.is_suspended(NOW)), (refusals, is_suspended));
        assert_eq!((state.watermark, tick.not_offered), (BEGIN, vec![LISTING]));
    }
    // After an answer the listing counts as offered.
    world.vendor.answer = Box::new(|_| None);
    world.clock.advance(86_400);
    tick(&world);
    assert_eq!(world.listing().not_offered, None);
}

#[test]
fn e3_a_refusal_that_may_pass_needs_a_person_once_it_persists_over_ticks() {
    let mut world = world();
    let refuse = |world: &mut World| {
        world.vendor.answer = Box::new(|_| Some(Err(PortError::person_if_persistent("status 401"))));
    };
    refuse(&mut world);
    for (needs_person, refusals) in [(false, 1), (false, 2), (true, 3), (true, 3)] {
        let tick = tick(&world);
        let failure = tick.failure.unwrap();
        assert!(failure.message.contains("status 401"), "{failure:?}");
        assert_eq!((failure.needs_person, tick.has_more), (needs_person, true), "refusal {refusals}");
        // The listing is not suspended.
        assert_eq!((world.listing().refusals, world.listing().not_offered), (refusals, None));
        assert_eq!((listed(&world).len(), watermark(&world)), (2, BEGIN));
    }
    world.vendor.answer = Box::new(|_| None);
    assert!(tick(&world).failure.is_none());
    assert_eq!((world.listing().refusals, watermark(&world)), (0, NOW));
    // An answer resets the count.
    world.clock.advance(100);
    refuse(&mut world);
    assert!(!tick(&world).failure.unwrap().needs_person);
}

/// The outcome of one tick of the listing.
#[derive(Debug, Clone, Copy)]
enum TickOutcome {
    NotOffered,
    Refused,
    Failed,
    Answered,
    Paused,
}

/// Runs ticks of a listing that answered before. Returns three values for each tick: the count of "not offered", the
/// count of refusals, and `true` if a person is needed.
fn run_and_count(outcomes: &[TickOutcome]) -> Vec<(u32, u32, bool)> {
    let mut world = world();
    let mut counted = Vec::new();
    for outcome in outcomes {
        let outcome = *outcome;
        world.vendor.answer = Box::new(move |_| match outcome {
            TickOutcome::NotOffered => Some(Ok(Listed::NotOffered)),
            TickOutcome::Refused => Some(Err(PortError::person_if_persistent("status 401"))),
            TickOutcome::Failed => Some(Err(PortError::next_tick("status 500"))),
            TickOutcome::Paused => Some(Err(PortError::paused("a pause of 60 s"))),
            TickOutcome::Answered => None,
        });
        let failure = tick(&world).failure;
        let state = world.listing();
        let not_offered = state.not_offered.map_or(0, |refused| refused.refusals);
        assert!(!state.is_suspended(NOW) || not_offered >= 3, "{outcomes:?}");
        counted.push((not_offered, state.refusals, failure.is_some_and(|failure| failure.needs_person)));
        world.clock.advance(100);
    }
    counted
}

#[test]
fn a4_two_kinds_of_refusal_are_counted_apart_and_only_in_a_row() {
    use TickOutcome::{Answered, Failed, NotOffered, Paused, Refused};
    let (no, yes) = (false, true);
    // The two kinds of refusal are counted separately.
    assert_eq!(run_and_count(&[NotOffered, Refused, NotOffered]), [(1, 0, no), (0, 1, no), (1, 0, no)]);
    assert_eq!(
        run_and_count(&[Refused, Refused, NotOffered, Refused]),
        [(0, 1, no), (0, 2, no), (1, 0, no), (0, 1, no)]
    );
    // Any other outcome resets the counts.
    for between in [Failed, Answered] {
        assert_eq!(
            run_and_count(&[NotOffered, NotOffered, between, NotOffered])[2..],
            [(0, 0, no), (1, 0, no)],
            "{between:?}"
        );
        assert_eq!(run_and_count(&[Refused, Refused, between, Refused])[2..], [(0, 0, no), (0, 1, no)], "{between:?}");
    }
    // A call that was not made does not change the counts.
    assert_eq!(run_and_count(&[Refused, Refused, Paused, Refused])[1..], [(0, 2, no), (0, 2, no), (0, 3, yes)]);
    assert_eq!(run_and_count(&[Refused; 4])[2..], [(0, 3, yes), (0, 3, yes)]);
    assert_eq!(run_and_count(&[NotOffered; 3])[1..], [(2, 0, no), (3, 0, no)]);
}

#[test]
fn a4_a_failed_window_counts_more_than_one_that_is_not_offered() {
    let mut world = world();
    let newest = nth_window(9);
    world.vendor.answer = Box::new(move |request| {
        let is_newest = request.window.overlaps(&newest);
        Some(if is_newest { Err(PortError::next_tick("status 500")) } else { Ok(Listed::NotOffered) })
    });
    world.clock.set_random(3);
    let tick = tick(&world);
    assert_eq!(listed(&world), [0, 9]);
    assert!(tick.failure.unwrap().message.contains("status 500"));
    assert_eq!((tick.not_offered, world.listing().not_offered), (vec![], None));
}

#[test]
fn ok_a_refusal_in_a_tick_with_another_failure_does_not_count() {
    let world = not_offered();
    let tick = tick_after(&world, |run| run.record_failure(&PortError::next_tick("status 500")));
    assert_eq!((tick.not_offered, world.listing().not_offered), (vec![LISTING], None));
}

/// A stream of which no window can be listed, and which has this pending span.
fn world_with_pending(span: PendingSpan) -> World {
    let mut world = world();
    break_windows(&mut world, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let mut head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.spans.push(span);
    world.set_head(head);
    world
}

#[test]
fn ok_failed_windows_become_pending_if_a_due_pending_span_can_be_listed() {
    let mut world = world_with_pending(pending_span(nth_window(-5).from, nth_window(-5).to));
    world.vendor.add_events([nth_window(-5).from]);
    let tick = tick(&world);
    // The pending span (-5) can be listed, so the failed windows become pending. After window 3 fails, too, all probes
    // fail, and the listing ends.
    assert_eq!(listed(&world), [0, 9, 1, 2, -5, 3, 8, 4, 5]);
    let failed = [0, 1, 2, 3, 4, 5, 8, 9].map(nth_window);
    assert_eq!((watermark(&world), pending(&world)), (nth_window(6).from, failed.to_vec()));
    assert!(tick.has_succeeded && tick.has_more && failed.iter().all(|window| tick.new_spans.contains(window)));
    assert_eq!(world.delivered().len(), 1);
}

#[test]
fn ok_only_a_part_of_a_long_pending_span_is_probed() {
    let world = world_with_pending(pending_span(nth_window(-5).from, nth_window(-3).to));
    tick(&world);
    assert_eq!(listed(&world)[..5], [0, 9, 1, 2, -5]);
    assert_eq!(pending(&world)[..2], [window(nth_window(-4).from, nth_window(-3).to), nth_window(0)]);
}

#[test]
fn err_nothing_becomes_pending_if_a_due_pending_span_fails_too() {
    let span = pending_span(nth_window(-5).from, nth_window(-5).to);
    let mut world = world_with_pending(span.clone());
    world.vendor.broken.push(nth_window(-5));
    let tick = tick(&world);
    assert_eq!(listed(&world), [0, 9, 1, 2, -5]);
    assert_eq!((watermark(&world), world.listing().pending.spans), (BEGIN, vec![span]));
    assert!(tick.has_more && !tick.has_succeeded && tick.new_spans.is_empty() && tick.failure.is_some());
}

#[test]
fn err_a_pending_span_that_is_not_due_is_not_probed() {
    let mut span = pending_span(nth_window(-5).from, nth_window(-5).to);
    span.schedule.next_attempt = NOW + 1;
    let world = world_with_pending(span.clone());
    tick(&world);
    assert_eq!((listed(&world), world.listing().pending.spans), (vec![0, 9, 1, 2], vec![span]));
}

/// A world in which the windows with these numbers make the vendor ask for a pause. The pause lasts until the test
/// clears the flag.
fn world_with_pauses(numbers: &[i64]) -> (World, Rc<Cell<bool>>) {
    let mut world = world();
    let broken: Vec<_> = numbers.iter().map(|number| nth_window(*number)).collect();
    let is_paused = Rc::new(Cell::new(false));
    let paused = Rc::clone(&is_paused);
    world.vendor.answer = Box::new(move |request| {
        if paused.get() {
            return Some(Err(PortError::paused("a pause of 60 s")));
        }
        paused.set(broken.iter().any(|window| window.overlaps(&request.window)));
        paused.get().then(|| Err(PortError::next_tick("status 429")))
    });
    (world, is_paused)
}

#[test]
fn ok_after_a_pause_nothing_is_pending_and_the_next_tick_begins_at_a_random_window() {
    let (world, is_paused) = world_with_pauses(&[0, 5]);
    world.clock.set_random(70);
    let first = tick(&world);
    assert_eq!((listed(&world), watermark(&world), pending(&world)), (vec![0, 9], BEGIN, vec![]));
    assert!(first.has_more && !first.has_succeeded && world.listing().probe_seconds.is_some());
    assert_eq!(first.failure.unwrap().message, "acme/openai_audit: status 429");
    is_paused.set(false);
    // The random window answers, so only the first window was bad.
    let second = tick(&world);
    let windows = world.vendor.take_listed();
    assert!(second.has_succeeded && second.has_more && world.listing().probe_seconds.is_none());
    assert!(windows[0].from > nth_window(0).to && windows[1].from == BEGIN, "{windows:?}");
    assert_eq!(pending(&world), [windows[1]]);
    assert_eq!(watermark(&world), windows[1].to);
}

#[test]
fn ok_a_tick_that_begins_in_a_pause_changes_nothing() {
    let mut world = world();
    world.vendor.answer = Box::new(|_| Some(Err(PortError::paused("a pause of 60 s"))));
    let tick = tick(&world);
    assert_eq!((listed(&world), watermark(&world), pending(&world)), (vec![0], BEGIN, vec![]));
    assert!(tick.has_more && world.listing().probe_seconds.is_none() && world.listing().window_seconds.is_none());
    assert_eq!(tick.failure.unwrap().message, "acme/openai_audit: a pause of 60 s");
}
