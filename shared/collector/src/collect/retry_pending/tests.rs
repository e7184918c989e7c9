use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::base::head::Head;
use crate::base::pending::PendingBlob;
use crate::base::policy::Retention;
use crate::base::ports::Item;
use crate::testing::{Content, LISTING, NOW, World, due, event, event_of, pending_blob, pending_span, window};

/// A stream that is listed up to now, with these pending spans.
fn world(spans: impl IntoIterator<Item = PendingSpan>) -> World {
    let world = World::listed_to(NOW);
    let mut head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.spans = spans.into_iter().collect();
    world.set_head(head);
    world
}

fn set_blobs(world: &World, blobs: impl IntoIterator<Item = PendingBlob>) {
    let mut head: Head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.blobs = blobs.into_iter().collect();
    world.set_head(head);
}

/// The state of a tick when it begins with pending work.
struct TickStart {
    /// `true` if a window of the listing was listed earlier in this tick.
    has_succeeded: bool,
    /// `true` if no further window of the listing is to be listed in this tick.
    has_ended: bool,
    /// Windows that failed in this tick and are pending already.
    new_spans: &'static [Window],
    limit: u64,
}

const IDLE: TickStart = TickStart { has_succeeded: false, has_ended: false, new_spans: &[], limit: u64::MAX };
const ANSWERING: TickStart = TickStart { has_succeeded: true, ..IDLE };
/// A tick in which no window could be listed.
const DOWN: TickStart = TickStart { has_ended: true, ..IDLE };
/// A tick in which the listing answered at first and then stopped answering.
const WENT_DOWN: TickStart = TickStart { has_ended: true, ..ANSWERING };

/// The parts of a tick's outcome that the tests compare.
struct Tick {
    listed: Vec<Window>,
    failure: Option<String>,
    gaps: Vec<Window>,
}

/// Runs a tick that tries the pending work of the listing.
fn tick_after(world: &World, before: TickStart) -> Tick {
    let env = world.env();
    let mut run = world.begin(&env);
    give_up_expired_spans(&mut run, NOW);
    // The second that passes here is never listed, because the tick tries only pending work.
    world.clock.advance(1);
    let mut listing = ListingRun::plan(&mut run, LISTING, env.now()).unwrap();
    (listing.has_succeeded, listing.new_spans) = (before.has_succeeded, before.new_spans.to_vec());
    listing.has_ended = before.has_ended;
    world.clock.run(async {
        retry(&mut run, &mut listing, RequestLimit(before.limit)).await.unwrap();
        run.intake.finish().await.unwrap();
    });
    let failure = run.findings.failure.take().map(|failure| failure.message);
    let gaps = run.intake.delivery.into_parts().1.gaps.iter().map(|gap| window(gap.from, gap.to)).collect();
    Tick { listed: world.vendor.take_listed(), failure, gaps }
}

fn tick(world: &World) -> Tick {
    tick_after(world, IDLE)
}

fn spans(world: &World) -> Vec<PendingSpan> {
    world.listing().pending.spans
}

fn windows(world: &World) -> Vec<Window> {
    world.listing().pending.windows().collect()
}

/// Returns a span that failed often and is due only in half an hour.
fn later(from: UnixSeconds, to: UnixSeconds) -> PendingSpan {
    PendingSpan { schedule: Schedule { attempts: 7, next_attempt: NOW + 1_800, ..due() }, ..pending_span(from, to) }
}

const fn second(at: UnixSeconds) -> Window {
    window(at, at + 1)
}

#[test]
fn ok_due_spans_are_tried_and_resolved_when_they_are_listed() {
    let mut world = world([pending_span(10, 11), later(30, 40)]);
    world.vendor.add_events([10, 30, 35]);
    world.vendor.broken = vec![second(10)];
    let tick = tick(&world);
    assert_eq!((tick.listed, tick.failure), (vec![second(10)], None));
    let again = &spans(&world)[0];
    assert_eq!((again.schedule.first_failure, again.schedule.attempts), (NOW - 100, 2));
    assert_eq!(again.schedule.next_attempt, NOW + 1 + 120 - 30);

    world.vendor.broken.clear();
    world.clock.advance(120);
    // Once the first span recovers, the second one is due at once.
    assert_eq!(self::tick(&world).listed, [second(10), window(30, 40)]);
    assert_eq!((windows(&world), world.delivered().len()), (vec![], 3));
}

#[test]
fn ok_a_span_that_provokes_a_pause_is_tried_in_other_pieces_next_time() {
    let mut world = world([pending_span(0, 1_000)]);
    world.vendor.add_events((0..1_000).step_by(10));
    let is_paused = Rc::new(Cell::new(false));
    let paused = is_paused.clone();
    // The listing of a window with second 705 fails, and the vendor answers no later call of that tick.
    world.vendor.answer = Box::new(move |request| {
        if paused.get() {
            return Some(Err(PortError::paused("a pause of 60 s")));
        }
        paused.set(request.window.overlaps(&second(705)));
        paused.get().then(|| Err(PortError::next_tick("status 429")))
    });
    let mut ticks = 0;
    while world.delivered().len() < 100 {
        (ticks, _) = (ticks + 1, is_paused.replace(false));
        assert!(ticks <= 16, "{:?} is left", windows(&world));
        assert_eq!(tick_after(&world, ANSWERING).failure, None);
        world.clock.advance(3_600);
    }
}

#[test]
fn ok_a_span_that_hangs_comes_after_the_others_next_time() {
    let mut world = world([pending_span(10, 11), pending_span(20, 21)]);
    world.vendor.hanging = vec![second(10)];
    // The tick is shorter than one call may take.
    world.tick_time = Duration::from_secs(6);
    tick(&world);
    assert_eq!((windows(&world), world.vendor.take_listed()), (vec![second(10), second(20)], vec![]));
    assert_eq!(spans(&world)[0].schedule.attempts, 1);
    world.clock.advance(60);
    assert_eq!(tick(&world).listed[0], second(20));
    assert_eq!(windows(&world), [second(10)]);
}

#[test]
fn ok_only_a_failure_that_needs_a_person_is_reported() {
    // A single second is tried as a whole; a longer span is searched for its broken seconds.
    for (to, before) in [(11, IDLE), (20, ANSWERING)] {
        let mut world = world([pending_span(10, to)]);
        world.vendor.broken = vec![window(10, to)];
        world.vendor.error = PortError::person("status 403");
        assert_eq!(tick_after(&world, before).failure.unwrap(), "acme/openai_audit: status 403");
        assert_eq!((windows(&world), spans(&world)[0].schedule.attempts), (vec![window(10, to)], 2));
    }
}

#[test]
fn ok_blobs_go_first_and_their_recovery_makes_spans_due() {
    let mut world = world([later(30, 40)]);
    set_blobs(&world, [pending_blob("a", 5)]);
    world.vendor.add_blob("a", 5, Content::of(&[event(5)]));
    assert_eq!(tick(&world).listed, [window(30, 40)]);
    assert!(world.listing().pending.is_empty());
}

#[test]
fn ok_no_span_is_tried_if_nothing_can_be_listed() {
    let world = world([pending_span(10, 20)]);
    assert_eq!(tick_after(&world, DOWN).listed, []);
    assert_eq!(spans(&world), [pending_span(10, 20)]);
}

#[test]
fn ok_if_nothing_can_be_listed_one_blob_is_tried_and_the_others_once_it_is_consumed() {
    let ids = ["a", "b", "c"];
    let failing_content = || Content::Fails(PortError::next_tick("status 500"));
    let mut world = world([pending_span(10, 20)]);
    for (second, id) in (5..).zip(ids) {
        world.vendor.add_blob(id, second, failing_content());
    }
    set_blobs(&world, (5..).zip(ids).map(|(second, id)| pending_blob(id, second)));
    assert_eq!(tick_after(&world, DOWN).listed, []);
    assert_eq!(world.vendor.take_fetched(), ["a"]);
    let attempts: Vec<_> = world.listing().pending.blobs.iter().map(|blob| blob.schedule.attempts).collect();
    assert_eq!(attempts, [2, 1, 1]);

    // The failed blob waits for its backoff, and the next one is tried.
    world.vendor.contents.insert("b".to_owned(), Content::of(&[event(6)]));
    assert_eq!(tick_after(&world, DOWN).listed, []);
    assert_eq!(
        (world.vendor.take_fetched(), world.delivered()),
        (vec!["b".to_owned(), "c".to_owned()], vec!["6".to_owned()])
    );
    assert_eq!(spans(&world), [pending_span(10, 20)]);
}

#[test]
fn ok_a_listing_that_stopped_answering_has_a_bounded_number_of_requests() {
    for (limit, requests) in [(u64::MAX, MAX_REQUESTS_AFTER_END), (5, 5)] {
        let mut world = world((0..50).map(|number| pending_span(number * 10, number * 10 + 1)));
        world.vendor.broken = vec![window(0, 1_000)];
        let listed = tick_after(&world, TickStart { limit, ..WENT_DOWN }).listed;
        assert_eq!(listed.len() as u64, requests);
        let tried = spans(&world).iter().filter(|span| span.schedule.attempts == 2).count();
        assert_eq!((tried as u64, spans(&world).len()), (requests, 50));
    }
    // Each piece of a search counts as a request, and so does each blob.
    let mut world = world([pending_span(0, 1_000)]);
    world.vendor.broken = vec![window(0, 1_000)];
    world.vendor.add_blob("a", 5, Content::Fails(PortError::next_tick("status 500")));
    set_blobs(&world, [pending_blob("a", 5)]);
    let listed = tick_after(&world, WENT_DOWN).listed;
    assert_eq!((listed.len() + world.vendor.take_fetched().len()) as u64, MAX_REQUESTS_AFTER_END);
}

#[test]
fn ok_the_broken_seconds_of_a_span_are_found_if_the_listing_answers() {
    let mut world = world([pending_span(0, 1_000)]);
    world.vendor.add_events(0..1_000);
    world.policy.split_after_pages = None;
    world.vendor.page_size = 1_000;
    world.vendor.broken = vec![second(400), second(777)];
    tick_after(&world, ANSWERING);
    assert_eq!((windows(&world), world.delivered().len()), (vec![second(400), second(777)], 998));
    assert!(spans(&world).iter().all(|span| span.schedule.attempts == 2 && span.reason == "status 500"));
}

#[test]
fn ok_a_span_that_fails_as_a_whole_is_not_searched_while_nothing_else_answers() {
    let mut world = world([pending_span(0, 1_000)]);
    world.vendor.broken = vec![second(400)];
    assert_eq!(tick(&world).listed, [window(0, 1_000)]);
    assert_eq!(windows(&world), [window(0, 1_000)]);
}

#[test]
fn ok_a_window_that_failed_in_this_tick_is_searched_at_once() {
    let failed = Schedule { next_attempt: NOW + 30, last_attempt: NOW, ..due() };
    let mut world = world([PendingSpan { schedule: failed, ..pending_span(0, 1_000) }]);
    world.vendor.broken = vec![second(400)];
    const FAILED: Window = window(0, 1_000);
    let tick = tick_after(&world, TickStart { new_spans: &[FAILED], ..ANSWERING });
    assert_ne!(tick.listed[0], FAILED);
    assert_eq!(windows(&world), [second(400)]);
}

#[test]
fn ok_a_search_without_requests_left_continues_in_the_next_tick() {
    let mut world = world([pending_span(0, 1_000), pending_span(5_000, 5_010)]);
    world.vendor.broken = vec![second(400)];
    let listed = tick_after(&world, TickStart { limit: 5, ..ANSWERING }).listed;
    assert_eq!(listed.len(), 5);
    let left = spans(&world);
    assert!(left.iter().all(|span| span.schedule.next_attempt <= NOW + 1));
    // The second span was not tried. The first one was listed in part, which does not count as another failure.
    assert!(left.iter().all(|span| span.schedule.attempts == 1), "{left:?}");
    assert!(left.iter().any(|span| span.window().overlaps(&second(400))));
    // No second that was listed is still pending.
    let is_left = |listed: &Window| left.iter().any(|span| span.window().overlaps(listed));
    assert!(!listed.iter().any(|listed| !listed.overlaps(&second(400)) && is_left(listed)));
    tick_after(&world, ANSWERING);
    assert_eq!(windows(&world), [second(400)]);
}

#[test]
fn ok_a_span_longer_than_a_window_is_listed_in_pieces() {
    let world = world([pending_span(0, 5_000)]);
    let listed = tick(&world).listed;
    assert_eq!((listed.len(), windows(&world)), (5, vec![]));
    assert!(listed.iter().all(|window| window.seconds() == 1_000));
}

#[test]
fn ok_a_span_of_too_many_pages_is_listed_in_halves() {
    let mut world = world([pending_span(0, 100)]);
    world.policy.split_after_pages = Some(2);
    world.vendor.add_events(0..100);
    tick(&world);
    assert_eq!((windows(&world), world.delivered().len()), (vec![], 100));
}

#[test]
fn ok_a_second_of_many_pages_continues_at_its_cursor_over_ticks() {
    let mut world = world([PendingSpan { cursor: Some("20".to_owned()), ..pending_span(7, 8) }]);
    let events = (0..95).map(|number| event_of(&number.to_string(), 7).into_bytes());
    world.vendor.items.extend(events.map(|event| (7, Item::Event(event))));
    (world.vendor.page_size, world.vendor.page_time) = (4, Duration::from_secs(12));
    for cursor in ["52", "84"] {
        tick(&world);
        let span = &spans(&world)[0];
        assert_eq!(
            (span.cursor.as_deref(), span.schedule.attempts, windows(&world)),
            (Some(cursor), 1, vec![second(7)])
        );
    }
    tick(&world);
    // The whole span is listed a second time, because the vendor may have changed its order between two ticks.
    assert_eq!((windows(&world), world.delivered().len()), (vec![second(7)], 75));
    assert!(spans(&world)[0].cursor.is_none() && spans(&world)[0].is_second_pass);
    for _ in 0..3 {
        tick(&world);
    }
    assert_eq!((windows(&world), world.delivered().len()), (vec![], 95));
}

#[test]
fn ok_nothing_is_lost_when_the_vendor_reverses_its_order_between_two_pages() {
    let mut world = world([pending_span(7, 8)]);
    let events = (0..195).map(|number| event_of(&number.to_string(), 7).into_bytes());
    world.vendor.items.extend(events.map(|event| (7, Item::Event(event))));
    (world.vendor.page_size, world.vendor.page_time) = (10, Duration::from_secs(12));
    tick(&world);
    assert_eq!(spans(&world)[0].cursor.as_deref(), Some("80"));
    // Because of the new order, the events that were not listed yet are on the pages before the cursor.
    world.vendor.items.reverse();
    for _ in 0..5 {
        tick(&world);
    }
    assert_eq!((windows(&world), world.delivered().len()), (vec![], 195));
}

#[test]
fn ok_a_span_without_time_for_its_pages_and_without_a_cursor_is_halved() {
    let mut world = world([pending_span(0, 100)]);
    world.vendor.add_blob("a", 0, Content::bytes("[]"));
    world.vendor.add_events(0..50);
    (world.vendor.page_size, world.vendor.page_time) = (5, Duration::from_secs(12));
    tick(&world);
    assert_eq!(windows(&world), [window(0, 50), window(50, 100)]);
    assert!(spans(&world).iter().all(|span| span.schedule.next_attempt <= NOW + 101));
}

#[test]
fn ok_a_piece_without_time_for_its_pages_continues_at_its_cursor() {
    let mut world = world([pending_span(0, 2_000)]);
    world.vendor.add_events((0..2_000).step_by(20));
    world.vendor.page_time = Duration::from_secs(12);
    tick(&world);
    let left = spans(&world);
    let with_place = left.iter().filter(|span| span.cursor.is_some()).count();
    assert_eq!((with_place, left.iter().map(|span| span.window().seconds()).sum::<i64>()), (1, 1_000));
    world.vendor.page_time = Duration::ZERO;
    tick(&world);
    assert_eq!(world.delivered().len(), 100);
    // The piece that continued at its cursor is still to be listed a second time.
    assert_eq!(windows(&world).iter().map(|window| window.seconds()).sum::<i64>(), 1_000);
    tick(&world);
    assert_eq!((windows(&world), world.delivered().len()), (vec![], 100));
}

#[test]
fn ok_the_part_before_the_failed_blobs_of_a_span_is_resolved() {
    let mut world = world([pending_span(0, 100)]);
    world.vendor.add_blob("settled", 10, Content::bytes("[]"));
    for number in 50..80 {
        world.vendor.add_blob(&number.to_string(), number, Content::Fails(PortError::next_tick("status 500")));
    }
    tick(&world);
    // The span failed once before, so the walk stops after 20 failures in a row. Of the other blobs, the newest and the
    // oldest are probed.
    let failed = world.listing().pending.blobs.iter().map(|blob| blob.created).collect::<Vec<_>>();
    assert_eq!((windows(&world), failed), (vec![window(71, 100)], (50..71).chain([79]).collect()));
    assert_eq!(spans(&world)[0].schedule.attempts, 2);
}

#[test]
fn ok_the_consumed_part_of_a_span_without_time_for_all_blobs_is_resolved() {
    let mut world = world([pending_span(0, 100)]);
    for number in 0..8 {
        world.vendor.add_blob(&number.to_string(), number * 10, Content::trickle(Duration::from_secs(10), 0));
    }
    tick(&world);
    assert_eq!((windows(&world), spans(&world)[0].schedule), (vec![window(40, 100)], due()));
}

#[test]
fn ok_a_pending_span_that_the_vendor_no_longer_keeps_is_a_gap_and_given_up() {
    let mut world = world([pending_span(10, 20), pending_span(NOW - 1_000, NOW - 100), later(NOW - 50, NOW)]);
    world.policy.retention = Some(Retention { keep_seconds: 800, margin_seconds: 100 });
    world.vendor.broken = vec![window(0, NOW + 100)];
    assert_eq!(tick(&world).gaps, [window(10, 20), window(NOW - 1_000, NOW - 700)]);
    assert_eq!(windows(&world), [window(NOW - 700, NOW - 100), window(NOW - 50, NOW)]);
}

#[test]
fn ok_work_is_due_from_its_next_attempt_on() {
    let is_due = |spans: Vec<PendingSpan>, blobs: Vec<PendingBlob>| {
        let world = world(spans);
        set_blobs(&world, blobs);
        let env = world.env();
        is_due(&world.begin(&env))
    };
    assert!(!is_due(vec![], vec![]) && !is_due(vec![later(0, 1)], vec![]));
    assert!(is_due(vec![later(0, 1), pending_span(2, 3)], vec![]) && is_due(vec![], vec![pending_blob("a", 0)]));
}

/// A second with 25 events that is pending at the page after the first 20.
fn world_at_cursor(list_again: bool, attempts: u32) -> World {
    let schedule = Schedule { attempts, ..due() };
    let mut world = world([PendingSpan { cursor: Some("20".to_owned()), list_again, schedule, ..pending_span(7, 8) }]);
    let events = (0..25).map(|number| event_of(&number.to_string(), 7).into_bytes());
    world.vendor.items.extend(events.map(|event| (7, Item::Event(event))));
    world
}

#[test]
fn ok_a_span_that_was_continued_is_listed_again_from_its_start_and_only_once() {
    let world = world_at_cursor(true, 0);
    // First the pages from the cursor on are listed: one page.
    assert_eq!((tick(&world).listed, world.delivered().len()), (vec![second(7)], 5));
    let span = &spans(&world)[0];
    assert_eq!((windows(&world), span.cursor.as_deref(), span.list_again), (vec![second(7)], None, false));
    assert!(span.schedule.next_attempt <= NOW + 1, "it is due at once: {:?}", span.schedule);
    // Then the whole second is listed from its start: three pages.
    assert_eq!((tick(&world).listed, world.delivered().len()), (vec![second(7); 3], 25));
    assert_eq!((windows(&world), tick(&world).listed), (vec![], vec![]));
}

#[test]
fn ok_a_continued_span_that_recovers_is_listed_again_in_the_same_tick() {
    let world = world_at_cursor(true, 3);
    assert_eq!((tick(&world).listed, world.delivered().len()), (vec![second(7); 4], 25));
    assert_eq!(windows(&world), []);
}

#[test]
fn ok_a_continued_second_pass_is_done_after_its_last_page() {
    let world = world_at_cursor(false, 0);
    assert_eq!((tick(&world).listed, world.delivered().len()), (vec![second(7)], 5));
    assert_eq!((windows(&world), tick(&world).listed), (vec![], vec![]));
}

#[test]
fn ok_a_stopped_search_that_listed_nothing_counts_as_an_attempt() {
    let mut world = world([pending_span(0, 1_000)]);
    world.vendor.broken = vec![window(0, 1_000)];
    for attempts in 2..5 {
        assert_eq!(tick_after(&world, TickStart { limit: 5, ..ANSWERING }).listed.len(), 5);
        let span = &spans(&world)[0];
        assert_eq!((windows(&world), span.schedule.attempts), (vec![window(0, 1_000)], attempts));
        assert!(span.schedule.next_attempt <= world.env().now(), "it is due at once: {:?}", span.schedule);
    }
}

#[test]
fn ok_work_that_failed_in_this_tick_is_not_due_though_other_work_recovered() {
    // There are more than ten items, so each tick tries one even if none is due.
    let mut world = world((0..30).map(|number| pending_span(number * 10, number * 10 + 1)));
    world.vendor.broken = vec![window(10, 1_000)];
    assert_eq!(tick(&world).listed.len(), 30);
    assert!(spans(&world).iter().all(|span| span.schedule.attempts == 2));
}

/// Tries a pending second or a pending blob, which fails with these errors in turn. Returns two values for each
/// attempt: the stored number of refusals in a row, and `true` if a person is needed.
fn count_refusals(is_blob: bool, errors: &[PortError]) -> Vec<(u32, bool)> {
    let mut world = world([]);
    world.policy.retention = Some(Retention { keep_seconds: 604_800, margin_seconds: 600 });
    // Earlier failures of other kinds must not count.
    let schedule = Schedule { attempts: 9, ..due() };
    let at = NOW - 500;
    if is_blob {
        set_blobs(&world, [PendingBlob { schedule, ..pending_blob("b", at) }]);
    } else {
        let mut head = world.head();
        head.listings.get_mut(LISTING).unwrap().pending.spans =
            vec![PendingSpan { schedule, ..pending_span(at, at + 1) }];
        world.set_head(head);
    }
    world.vendor.broken = vec![second(at)];
    let outcome = |error: &PortError| {
        world.vendor.error = error.clone();
        world.vendor.add_blob("b", at, Content::Fails(error.clone()));
        let failure = tick(&world).failure;
        world.clock.advance(7_200);
        let pending = world.listing().pending;
        let schedule = if is_blob { pending.blobs[0].schedule } else { pending.spans[0].schedule };
        (schedule.refusals, failure.is_some_and(|failure| failure.contains("3 times in a row")))
    };
    errors.iter().map(outcome).collect()
}

#[test]
fn e3_pending_work_that_is_refused_needs_a_person_only_after_refusals_in_a_row() {
    let (refused, down) = (PortError::person_if_persistent("status 403"), PortError::next_tick("status 500"));
    for is_blob in [true, false] {
        let row = vec![refused.clone(); 4];
        assert_eq!(count_refusals(is_blob, &row), [(1, false), (2, false), (3, true), (4, true)], "{is_blob}");
        let broken = [&refused, &refused, &down, &refused].map(Clone::clone);
        assert_eq!(count_refusals(is_blob, &broken), [(1, false), (2, false), (0, false), (1, false)], "{is_blob}");
    }
}
