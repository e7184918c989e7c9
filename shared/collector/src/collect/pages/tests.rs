use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::base::ports::Page;
use crate::testing::{Content, LISTING, NOW, TestRun, World, event, event_of, window};

/// A vendor with this number of events, all in second 0.
fn world(events: usize) -> World {
    let mut world = World::listed_to(0);
    let ids = (0..events).map(|number| event_of(&number.to_string(), 0));
    world.vendor.items.extend(ids.map(|event| (0, Item::Event(event.into_bytes()))));
    world
}

/// Lists `[0, to)` from the cursor and ends the tick. Returns the outcome and the result of `look`.
fn list_from<T>(
    world: &World,
    to: UnixSeconds,
    cursor: Option<&str>,
    look: impl FnOnce(&TestRun<'_>) -> T,
) -> (WindowOutcome, T) {
    let env = world.env();
    let mut run = world.begin(&env);
    let size = WindowSize::new(None, &world.policy);
    let request =
        WindowRequest { listing: LISTING, window: window(0, to), cursor, tries: Tries::Patient, schedule: None, size };
    let outcome = world.clock.run(async {
        let outcome = list_window(&mut run, request).await.unwrap();
        run.intake.finish().await.unwrap();
        outcome
    });
    (outcome, look(&run))
}

fn list(world: &World, to: UnixSeconds) -> WindowOutcome {
    list_from(world, to, None, |_| ()).0
}

fn page(items: Vec<Item>, next: Option<&str>) -> Option<Result<Listed, PortError>> {
    Some(Ok(Listed::Page(Page { items, next: next.map(str::to_owned), vendor_now: None, owner: None })))
}

#[track_caller]
fn assert_does_not_advance(outcome: &WindowOutcome) {
    let does_not_advance =
        matches!(outcome, WindowOutcome::Failed { error, .. } if error.message.contains("does not advance"));
    assert!(does_not_advance, "{outcome:?}");
}

#[test]
fn ok_every_page_is_taken() {
    let world = world(25);
    assert_eq!(list(&world, 100), WindowOutcome::Complete { pages: 3 });
    assert_eq!(world.delivered().len(), 25);
}

#[test]
fn ok_a_window_continues_at_the_cursor_of_the_request() {
    let world = world(25);
    assert_eq!(list_from(&world, 100, Some("10"), |_| ()).0, WindowOutcome::Complete { pages: 2 });
    assert_eq!(world.delivered().len(), 15);
}

#[test]
fn ok_a_window_starts_again_when_its_cursor_is_lost() {
    let mut world = world(25);
    let losses = Cell::new(2);
    world.vendor.answer = Box::new(move |request| {
        let is_lost = request.cursor == Some("10") && losses.get() > 0;
        losses.set(losses.get() - u32::from(is_lost));
        is_lost.then_some(Ok(Listed::CursorLost))
    });
    assert_eq!(list_from(&world, 100, Some("10"), |_| ()).0, WindowOutcome::Complete { pages: 3 });
    assert_eq!((world.vendor.take_listed().len(), world.delivered().len()), (1 + 2 + 3, 25));
}

#[test]
fn err_a_window_whose_cursor_is_always_lost_is_too_long_or_fails() {
    let mut world = world(25);
    world.vendor.answer = Box::new(|request| request.cursor.map(|_| Ok(Listed::CursorLost)));
    assert_eq!(list(&world, 100), WindowOutcome::TooLong { dense: None });
    // A single second cannot be halved.
    assert_does_not_advance(&list(&world, 1));
}

#[test]
fn err_a_window_in_a_pagination_loop_is_too_long_or_fails() {
    let mut world = world(0);
    world.vendor.answer = Box::new(|request| page(vec![], Some(if request.cursor == Some("a") { "b" } else { "a" })));
    assert_eq!(list(&world, 100), WindowOutcome::TooLong { dense: None });
    assert_eq!(world.vendor.take_listed().len(), 3 * 3);
    assert_does_not_advance(&list(&world, 1));
}

#[test]
fn err_a_last_page_without_new_events_is_not_believed() {
    let mut world = world(0);
    let event = Item::Event(event(0).into_bytes());
    world.vendor.answer = Box::new(move |request| page(vec![event.clone()], request.cursor.is_none().then_some("a")));
    assert_eq!(list(&world, 100), WindowOutcome::TooLong { dense: None });
    // A single second cannot be halved, so the last page of the last start is accepted.
    assert_eq!(list(&world, 1), WindowOutcome::Complete { pages: 2 });
}

#[test]
fn err_a_window_with_too_many_pages_for_a_second_fails() {
    let mut world = world(0);
    world.vendor.answer = Box::new(|request| {
        let number: u32 = request.cursor.map_or(0, |cursor| cursor.parse().unwrap());
        page(vec![], Some(&(number + 1).to_string()))
    });
    assert_does_not_advance(&list(&world, 1));
    assert_eq!(world.vendor.take_listed().len(), MAX_PAGES as usize);
}

#[test]
fn ok_a_window_of_too_many_pages_is_too_long() {
    let world = world(101);
    assert_eq!(list(&world, 100), WindowOutcome::TooLong { dense: Some(Window { from: 0, to: 1 }) });
    assert_eq!(world.vendor.take_listed().len(), 10);
    // The events of the ten listed pages are delivered nevertheless.
    assert_eq!(world.delivered().len(), 100);
    assert_eq!(list(&world, 1), WindowOutcome::Complete { pages: 11 });
}

#[test]
fn ok_a_cut_off_window_without_blobs_returns_its_next_cursor() {
    let mut world = world(95);
    world.vendor.page_time = Duration::from_secs(30);
    assert_eq!(list(&world, 100), WindowOutcome::CutOff { pages: 3, cursor: Some("30".to_owned()) });
    assert_eq!(world.delivered().len(), 30);
    world.tick_time = Duration::from_secs(4);
    assert_eq!(list(&world, 100), WindowOutcome::CutOff { pages: 0, cursor: None });
}

#[test]
fn err_a_window_whose_first_page_hangs_fails() {
    let mut world = world(0);
    world.vendor.page_time = Duration::from_secs(76);
    let WindowOutcome::Failed { error, .. } = list(&world, 100) else { panic!("it did not fail") };
    assert!(error.message.contains("did not answer within 75 s"), "{error}");
    assert_eq!(world.clock.elapsed_seconds(), 75.0);
}

#[test]
fn ok_a_cut_off_window_with_blobs_returns_no_cursor() {
    let mut world = world(95);
    world.vendor.add_blob("b", 0, Content::bytes("[]"));
    world.vendor.items.rotate_right(1);
    world.vendor.page_time = Duration::from_secs(30);
    assert_eq!(list(&world, 100), WindowOutcome::CutOff { pages: 3, cursor: None });
    assert_eq!(world.vendor.take_fetched(), [""; 0]);
}

#[test]
fn ok_blobs_are_consumed_once_all_pages_are_listed() {
    let mut world = world(0);
    for number in 0..12 {
        let events = [event(number)];
        world.vendor.add_blob(&number.to_string(), number, Content::of(&events));
    }
    assert_eq!(list(&world, 100), WindowOutcome::Complete { pages: 2 });
    assert_eq!(world.delivered().len(), 12);
}

#[test]
fn ok_a_window_counts_as_consumed_only_up_to_its_oldest_untried_blob() {
    // Each case has the creation time of the blobs, which may lie outside the window, and the end of the part that
    // counts as complete.
    for (created, to) in [(40, 40), (99, 99), (100, 0), (5_000, 0), (-5, 0)] {
        for (content, is_stalled) in [(Content::Hangs, false), (Content::Fails(PortError::person("status 403")), true)]
        {
            let mut world = world(0);
            for number in 0..6 {
                world.vendor.add_blob(&number.to_string(), 50, content.clone());
                let Some((_, Item::Blob(blob))) = world.vendor.items.last_mut() else { unreachable!() };
                blob.created = created;
            }
            match list(&world, 100) {
                WindowOutcome::Unfinished { to: end } if !is_stalled => assert_eq!(end, to),
                WindowOutcome::Stalled { to: end, .. } if is_stalled => assert_eq!(end, to),
                outcome => panic!("created at {created}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn err_an_answer_other_than_a_page_is_returned_as_its_outcome() {
    let mut world = world(0);
    world.vendor.broken = vec![window(0, 1)];
    assert_eq!(list(&world, 100), WindowOutcome::Failed { error: PortError::next_tick("status 500"), cursor: None });
    world.vendor.answer = Box::new(|_| Some(Ok(Listed::NotOffered)));
    assert_eq!(list(&world, 100), WindowOutcome::NotOffered);
}

#[test]
fn ok_a_stream_that_is_not_recorded_remembers_the_start_at_once() {
    let mut world = world(0);
    let fault = PortError::person("auditing is off");
    let not_yet = Listed::NotYet { started: Some(NOW - 5), fault: Some(fault), lost: Some(window(3, 9)) };
    world.vendor.answer = Box::new(move |_| Some(Ok(not_yet.clone())));
    let (outcome, (failure, gaps)) =
        list_from(&world, 100, None, |run| (run.findings.failure.clone().unwrap(), run.findings.gaps.clone()));
    assert_eq!((outcome, world.head().times.last_start), (WindowOutcome::NotYet, Some(NOW - 5)));
    assert_eq!((failure.needs_person, gaps[0].from, gaps[0].to), (true, 3, 9));
    assert!(gaps[0].cause.ends_with("may not have been recorded"), "{gaps:?}");
}

#[test]
fn ok_the_vendors_time_is_taken_from_the_first_page() {
    let mut world = world(0);
    world.vendor.answer = Box::new(|request| {
        let is_first = request.cursor.is_none();
        let vendor_now = Some(if is_first { NOW - 50 } else { NOW - 20 });
        Some(Ok(Listed::Page(Page { items: vec![], next: is_first.then(|| "a".to_owned()), vendor_now, owner: None })))
    });
    assert_eq!(list_from(&world, 100, None, |run| run.now()).1, NOW - 50);
}
