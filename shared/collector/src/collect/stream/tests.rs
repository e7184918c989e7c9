use std::time::Duration;

use super::*;
use crate::base::head::Head;
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::policy::{Silence, StartDelay, Sweep};
use crate::base::ports::Listed;
use crate::testing::{Content, Fault, FaultyCall, LISTING, NOW, World, due, event, pending_blob, pending_span, window};

mod backfill;

fn change_head(world: &World, change: impl FnOnce(&mut Head)) {
    let mut head = world.head();
    change(&mut head);
    world.set_head(head);
}

fn set_pending(world: &World, spans: Vec<PendingSpan>) {
    change_head(world, |head| head.listings.get_mut(LISTING).unwrap().pending.spans = spans);
}

/// Runs one tick of the stream. Returns its report.
fn tick(world: &World) -> StreamReport {
    let report = world.tick();
    world.clock.advance(60);
    report
}

fn failure(report: &StreamReport) -> &str {
    report.failure.as_ref().map_or("", |failure| failure.message.as_str())
}

#[test]
fn ok_a_tick_lists_delivers_and_reports() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.add_events([NOW - 50, NOW - 40, NOW - 40]);
    world.vendor.add_blob("b", NOW - 30, Content::of(&[event(NOW - 30)]));
    let report = tick(&world);
    let listed = ListedCounts { requests: 2, pages: 1, blobs: 1, events: 4, duplicates: 1 };
    assert_eq!((report.listed, report.lines.delivered, report.lines.objects), (listed, 3, 1));
    assert_eq!((report.failure, report.drained, report.notes.watermark_lag_seconds), (None, true, Some(0)));
    assert_eq!(report.stream, "openai_audit");
}

#[test]
fn ok_an_idle_tick_costs_one_request_one_read_and_no_write() {
    let world = World::listed_to(NOW);
    tick(&world);
    world.calls.take();
    world.vendor.take_listed();
    assert!(tick(&world).drained);
    assert_eq!((world.calls.take(), world.vendor.take_listed().len()), (vec!["head"], 1));
}

/// A stream with two listings, each to be listed from 100 seconds ago.
fn world_of_two_listings() -> World {
    let mut world = World::listed_to(NOW - 100);
    world.stream.listings = vec![LISTING, "other"];
    change_head(&world, |head| _ = head.listings.insert("other".to_owned(), head.listings[LISTING].clone()));
    world
}

#[test]
fn ok_a_listing_that_hangs_starves_no_other() {
    for hanging in [LISTING, "other"] {
        let mut world = world_of_two_listings();
        world.vendor.hanging_listing = Some(hanging);
        tick(&world);
        let report = tick(&world);
        let healthy = if hanging == LISTING { "other" } else { LISTING };
        let watermark = |listing| world.head().listings[listing].watermark;
        assert!(watermark(healthy) >= NOW && watermark(hanging) == NOW - 100, "{hanging}: {report:?}");
        assert!(failure(&report).contains("did not answer within"), "{report:?}");
    }
}

#[test]
fn ok_a_listing_that_hangs_leaves_time_for_pending_work() {
    let mut world = world_of_two_listings();
    world.vendor.hanging_listing = Some(LISTING);
    change_head(&world, |head| {
        head.listings.get_mut("other").unwrap().pending.spans = vec![pending_span(10, 20)];
    });
    tick(&world);
    tick(&world);
    assert!(world.head().listings["other"].pending.is_empty());
}

#[test]
fn ok_main_spans_come_first_then_sweeps_then_pending_work() {
    let mut world = World::listed_to(NOW - 100);
    world.stream.listings = vec![LISTING, "other"];
    world.policy.sweeps = &[Sweep { interval_seconds: 600, reach_seconds: 500 }];
    change_head(&world, |head| _ = head.listings.insert("other".to_owned(), head.listings[LISTING].clone()));
    set_pending(&world, vec![pending_span(10, 20)]);
    assert!(tick(&world).drained);
    let (main, sweep) = (window(NOW - 100, NOW), window(NOW - 600, NOW - 100));
    assert_eq!(world.vendor.take_listed(), [main, main, sweep, sweep, window(10, 20)]);
}

/// A stream with a backlog of 200 windows that take a second each, and 50 pending spans that fail.
fn world_with_backlog() -> World {
    let mut world = World::listed_to(NOW - 20_000);
    (world.policy.first_window_seconds, world.policy.max_window_seconds) = (100, 100);
    world.vendor.page_time = Duration::from_secs(1);
    world.vendor.broken = vec![window(0, 10_000)];
    set_pending(&world, (0..50).map(|number| pending_span(number * 10, number * 10 + 1)).collect());
    world
}

#[test]
fn ok_pending_work_has_a_fifth_of_the_time_and_the_requests_of_a_backlog() {
    let world = world_with_backlog();
    assert!(!tick(&world).drained);
    let (retried, listed): (Vec<_>, Vec<_>) =
        world.vendor.take_listed().into_iter().partition(|window| window.to < 10_000);
    assert_eq!((retried.len(), listed.len()), (20, 80));
    assert_eq!(world.listing().watermark, NOW - 20_000 + 80 * 100);
}

#[test]
fn ok_the_backlog_gets_the_time_that_pending_work_leaves() {
    let mut world = world_with_backlog();
    world.vendor.broken.clear();
    set_pending(&world, vec![pending_span(10, 20)]);
    tick(&world);
    assert_eq!(world.vendor.take_listed().len(), 100);
    assert_eq!(world.listing().watermark, NOW - 20_000 + 99 * 100);
}

#[test]
fn ok_a_backlog_without_pending_work_has_all_of_the_time() {
    let world = world_with_backlog();
    set_pending(&world, vec![]);
    tick(&world);
    assert_eq!(world.listing().watermark, NOW - 20_000 + 100 * 100);
}

#[test]
fn ok_all_due_work_is_tried_if_no_other_work_waits() {
    let world = world_with_backlog();
    change_head(&world, |head| head.listings.get_mut(LISTING).unwrap().watermark = NOW);
    tick(&world);
    assert_eq!(world.vendor.take_listed().len(), 50);
}

#[test]
fn ok_pending_work_is_reported_as_the_head_has_it() {
    let mut world = World::listed_to(NOW - 100);
    change_head(&world, |head| {
        let pending = &mut head.listings.get_mut(LISTING).unwrap().pending;
        let older = Schedule { first_failure: NOW - 900, next_attempt: NOW + 99, ..due() };
        let span = PendingSpan { schedule: older, reason: "status 502".to_owned(), ..pending_span(10, 20) };
        (pending.spans, pending.blobs) = (vec![span], vec![pending_blob("b", 5)]);
    });
    world.vendor.contents.insert("b".to_owned(), Content::Fails(PortError::next_tick("status 500")));
    let report = tick(&world);
    let expected = PendingReport {
        pending_spans: 1,
        pending_blobs: 1,
        pending_age_seconds: Some(900),
        pending_reason: Some("status 502".to_owned()),
    };
    // A failed retry is not reported as a failure, but a stream with pending work is not drained.
    assert_eq!((report.pending, report.failure, report.drained), (expected, None, false));
}

#[test]
fn ok_a_stream_that_is_not_ready_is_neither_drained_nor_failed() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.prepared = Ok(Prepared::NotYet);
    let report = tick(&world);
    assert_eq!((report.drained, report.failure, report.notes.watermark_lag_seconds), (false, None, Some(100)));
    assert_eq!(world.vendor.take_listed(), []);
}

#[test]
fn err_a_stream_that_cannot_be_prepared_is_not_listed() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.prepared = Err(PortError::person("no permission"));
    let report = tick(&world);
    assert_eq!((failure(&report), report.drained), ("acme/openai_audit: no permission", false));
    assert_eq!((world.vendor.take_listed(), world.listing().watermark), (vec![], NOW - 100));
}

#[test]
fn ok_a_recording_that_was_started_is_remembered_before_anything_is_listed() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.prepared = Ok(Prepared::Ready { vendor_now: None, started: true });
    world.vendor.answer = Box::new(|_| panic!("the process dies"));
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tick(&world)));
    assert!(died.is_err());
    assert_eq!(world.head().times.last_start, Some(NOW));
}

#[test]
fn ok_a_wrong_vendor_clock_is_reported_and_not_used() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.prepared = Ok(Prepared::Ready { vendor_now: Some(NOW + 864_000), started: false });
    let report = tick(&world);
    assert_eq!((report.notes.clock_skew_seconds, report.drained), (Some(864_000), true));
    assert_eq!(world.vendor.take_listed(), [window(NOW - 100, NOW)]);
}

#[test]
fn ok_a_listing_that_is_not_offered_is_named_and_does_not_count_for_the_lag() {
    let mut world = World::listed_to(NOW - 100);
    world.stream.listings = vec![LISTING, "other"];
    change_head(&world, |head| head.floor = NOW - 5_000);
    world.vendor.answer = Box::new(|request| (request.listing == "other").then_some(Ok(Listed::NotOffered)));
    let report = tick(&world);
    assert_eq!((report.notes.not_offered, report.notes.watermark_lag_seconds), (vec!["other"], Some(0)));
    assert!(report.drained);
}

#[test]
fn ok_a_stream_that_never_showed_an_event_gets_advice() {
    let silence = |after_seconds, events: &[UnixSeconds]| {
        let mut world = World::listed_to(NOW - 100);
        change_head(&world, |head| head.floor = NOW - 172_800);
        world.policy.silence = Some(Silence { after_seconds, advice: "look at the settings" });
        world.vendor.add_events(events.iter().copied());
        tick(&world).notes.silence
    };
    let expected = "acme/openai_audit: no event at all in 2 days; look at the settings";
    assert_eq!(silence(172_800, &[]).as_deref(), Some(expected));
    assert_eq!((silence(172_801, &[]), silence(172_800, &[NOW - 50])), (None, None));
}

#[test]
fn err_a_state_that_cannot_be_read_is_a_failure_of_the_stream() {
    let world = World::listed_to(NOW - 100);
    world.calls.fault(FaultyCall::Next("head"), Fault::Before);
    let report = tick(&world);
    assert_eq!((failure(&report), report.notes.watermark_lag_seconds), ("acme/openai_audit: no answer", None));
}

#[test]
fn err_a_tick_that_cannot_commit_fails_and_the_next_one_delivers() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.add_events([NOW - 50]);
    world.calls.fault(FaultyCall::Next("write"), Fault::Before);
    let report = tick(&world);
    assert_eq!((failure(&report), report.lines.delivered, report.drained), ("acme/openai_audit: no answer", 0, false));
    assert_eq!((tick(&world).lines.delivered, world.delivered().len()), (1, 1));
}

#[test]
fn ok_a_tick_may_die_at_any_call_without_loss_or_duplicates() {
    for number in 0.. {
        let mut world = World::new();
        world.settings.lookback_seconds = 1_000;
        world.settings.batch.lines = 2;
        world.vendor.add_events((NOW - 500..NOW).step_by(100));
        world.vendor.broken = vec![window(NOW - 900, NOW - 899)];
        world.calls.fault(FaultyCall::Number(number), if number % 2 == 0 { Fault::Before } else { Fault::After });
        tick(&world);
        if world.calls.has_faults() {
            assert!(number > 10, "a tick makes more calls than that");
            return;
        }
        tick(&world);
        assert_eq!(world.delivered().len(), 5, "died at call {number}");
        let pending: Vec<_> = world.listing().pending.windows().collect();
        assert_eq!(pending, [window(NOW - 900, NOW - 899)], "died at call {number}");
    }
}

#[test]
fn d9_a_stream_that_was_started_lately_reports_since_when_it_waits() {
    let mut world = World::listed_to(NOW);
    let waiting = |world: &World| tick(world).notes.waiting;
    change_head(&world, |head| head.times.last_start = Some(NOW - 100));
    assert_eq!(waiting(&world), None, "the vendor shows content at once");
    world.policy.start_delay = Some(StartDelay { max_seconds: 1_000, cause: "it takes a while" });
    let text = waiting(&world).unwrap();
    let since = jiff::Timestamp::from_second(NOW - 100).unwrap();
    assert!(text.contains(&format!("waits for its first content since {since}")), "{text}");
    assert!(text.ends_with("it takes a while"), "{text}");
    change_head(&world, |head| head.times.last_event = Some(NOW - 50));
    assert_eq!(waiting(&world), None, "it has shown some");
    change_head(&world, |head| (head.times.last_event, head.times.last_start) = (None, Some(NOW - 1_000)));
    assert_eq!(waiting(&world), None, "it should have shown some by now");
}

#[test]
fn d3_a_tick_records_its_progress() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.add_events([NOW - 50, NOW - 40, NOW - 40]);
    world.vendor.add_blob("b", NOW - 30, Content::of(&[event(NOW - 30)]));
    tick(&world);
    let counts = world.cache.progress();
    assert_eq!((counts.pages, counts.blobs, counts.events, counts.delivered), (1, 1, 4, 3));
    assert_eq!(counts.watermark_lag_seconds, Some(0));
}

#[test]
fn b4_events_of_another_owner_under_the_same_source_stop_the_stream() {
    let mut world = World::listed_to(NOW - 100);
    world.vendor.owner = Some("org-a".to_owned());
    world.vendor.add_events([NOW - 50]);
    assert_eq!(tick(&world).lines.delivered, 1);
    world.calls.take();
    tick(&world);
    assert_eq!(world.calls.take(), ["head"], "a known owner costs nothing");
    world.vendor.owner = Some("org-b".to_owned());
    world.vendor.add_events([NOW + 50]);
    for is_cold in [false, true] {
        if is_cold {
            world.cache = Default::default();
        }
        let report = tick(&world);
        assert!(
            failure(&report).contains("answers for \"org-b\", but the events of this source are those of \"org-a\"")
        );
        assert!(report.failure.is_some_and(|failure| failure.needs_person));
        assert_eq!((report.lines.delivered, report.drained, world.delivered().len()), (0, false, 1));
    }
    // With the right credential the stream continues where it stopped.
    world.vendor.owner = Some("org-a".to_owned());
    assert_eq!(tick(&world).lines.delivered, 1);
}
