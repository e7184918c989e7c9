//! Lost cursors, repeated pages and wrong orders.

use std::pin::pin;

use simulators::openai::{EdgeIds, UnknownCursor};

use super::*;
use crate::openai::world::{event, start_time};

/// More requests than any of these tests makes.
const MAX_REQUESTS: u64 = 2_000;

/// Creates `count` events of one second.
fn events_of_one_second(name: &str, count: i64, second: i64) -> impl Iterator<Item = String> {
    (0..count).map(move |number| event(&format!("{name}-{number:04}"), second))
}

/// Creates a fault at every request with a cursor.
fn on_every_cursor(fault: &Fault) -> Vec<Scripted> {
    (1..MAX_REQUESTS).map(|number| at(number, "after", fault.clone())).collect()
}

/// Creates the vendor's answer to an unknown cursor.
fn cursor_gone(status: u16) -> Fault {
    let body = r#"{"error":{"message":"No such object.","type":"invalid_request_error","param":"after","code":null}}"#;
    Fault::answer(status, body)
}

#[tokio::test]
async fn f09_many_events_of_one_second_are_all_delivered_wherever_the_second_lies() {
    // The second is inside a window, its first or last second, or the current second.
    for second in [-5_000, -DAY, -DAY - 1, -1] {
        for count in [150, 3_000] {
            let world = World::with_events(events_of_one_second("crowd", count, second).collect());
            let report = world.tick().await.unwrap();
            assert_drained(&report, count.unsigned_abs());
            assert_eq!((report.listed.duplicates, report.lines.objects), (0, 1));
            // The bound is the pages of the second, and one window per day for either listing.
            assert!(world.requests() <= 2 * 7 + count.unsigned_abs() / 100, "{} requests", world.requests());
            world.minutes(1);
            assert_drained(&world.tick().await.unwrap(), 0);
            world.assert_exact();
        }
    }
}

#[tokio::test]
async fn f09_a_second_with_more_events_than_a_window_may_have_pages() {
    let world = World::with_events(events_of_one_second("crowd", 5_050, -5_000).collect());
    let reports = world.drain().await;
    assert_eq!(reports.iter().map(|report| report.lines.delivered).sum::<u64>(), 5_050);
    assert!(reports.iter().all(|report| report.failure.is_none()), "{reports:?}");
    world.assert_exact();
}

#[tokio::test]
async fn f18_without_last_id_the_last_events_id_leads_on() {
    for edge_ids in [EdgeIds::Null, EdgeIds::Absent] {
        let world = five_pages();
        world.simulator.change(|it| (it.edge_ids, it.edge_ids_withheld) = (edge_ids, 1.0));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!((report.listed.duplicates, world.requests(), world.watermark()), (0, REQUESTS_WITHOUT_FAULTS, 0));
        world.assert_exact();
    }
}

#[tokio::test]
async fn f18_without_last_id_the_last_event_that_has_an_id_leads_on() {
    // The events without an id are the last ones of the first page, and are repeated as the first ones of the next
    // page.
    let records = (0..200).map(|number| {
        let with_id = event(&format!("e-{number}"), -number - 1);
        if (97..100).contains(&number) { with_id.replacen("\"id\"", "\"no\"", 1) } else { with_id }
    });
    let world = World::with_events(records.collect());
    world.simulator.change(|it| (it.edge_ids, it.edge_ids_withheld) = (EdgeIds::Null, 1.0));
    let report = world.tick().await.unwrap();
    assert_drained(&report, 200);
    assert_eq!((report.listed.duplicates, world.watermark()), (3, 0));
    world.assert_exact();
}

#[tokio::test]
async fn f18_an_empty_page_that_promises_more_restarts_the_window() {
    for nothing in [r#"{"data":[],"last_id":null,"has_more":true}"#, r#"{"data":[],"has_more":true}"#] {
        let world = five_pages();
        world.script(on_page(3, 1, &Fault::answer(200, nothing)));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!((report.listed.duplicates, world.requests()), (200, REQUESTS_WITHOUT_FAULTS + 3));
        world.assert_exact();
    }
}

#[tokio::test]
async fn f18_endless_empty_pages_fail_the_window_and_the_next_tick_recovers() {
    let world = five_pages();
    let nothing = Fault::answer(200, r#"{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":true}"#);
    world.script((1..MAX_REQUESTS).map(|number| Scripted::new(LIST, number, nothing.clone())).collect());
    let worker = world.worker().await;
    for _ in 0..3 {
        let before = world.requests();
        let report = tick(&worker).await;
        assert_failed(&report, false, "does not advance");
        assert_eq!((report.lines.delivered, world.watermark()), (0, -DAY));
        assert!(world.requests() - before <= 130, "{} requests", world.requests() - before);
        world.minutes(1);
    }
    world.script(Vec::new());
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f18_endless_empty_pages_with_their_own_cursors_end_too() {
    let world = five_pages();
    let nothing = Fault::answer(200, r#"{"data":[],"last_id":"audit_log-00007","has_more":true}"#);
    world.script((1..MAX_REQUESTS).map(|number| Scripted::new(LIST, number, nothing.clone())).collect());
    let report = world.tick().await.unwrap();
    assert_failed(&report, false, "does not advance");
    assert!(world.requests() <= 260, "{} requests", world.requests());
    assert_eq!(world.watermark(), -DAY);
    world.script(Vec::new());
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f18_a_last_page_that_promises_more_is_followed_to_an_empty_one() {
    let world = five_pages();
    world.simulator.change(|it| it.false_has_more = 1.0);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 450);
    assert_eq!((report.listed.duplicates, world.requests(), world.watermark()), (0, REQUESTS_WITHOUT_FAULTS + 1, 0));
    world.assert_exact();
}

#[tokio::test]
async fn f19_a_lost_cursor_restarts_the_window() {
    for status in [400, 404] {
        let world = five_pages();
        world.script(on_page(3, 1, &cursor_gone(status)));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!(
            (report.listed.duplicates, world.requests(), world.watermark()),
            (200, REQUESTS_WITHOUT_FAULTS + 3, 0)
        );
        world.assert_exact();
    }
}

#[tokio::test]
async fn f19_a_vendor_that_forgets_every_cursor_is_listed_in_windows_of_one_page() {
    for status in [400, 404] {
        let world = five_pages();
        world.script(on_every_cursor(&cursor_gone(status)));
        let reports = world.drain().await;
        assert_eq!(reports.len(), 1);
        assert_drained(&reports[0], 450);
        assert!(world.requests() <= 90, "{} requests", world.requests());
        assert_eq!(world.watermark(), 0);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f19_an_event_that_the_vendor_dropped_is_a_lost_cursor() {
    // The vendor's retention drops the last event of a page and all older ones.
    for unknown_cursor in [UnknownCursor::BadRequest, UnknownCursor::NotFound, UnknownCursor::FirstPage] {
        let world = five_pages();
        world.simulator.change(|it| it.unknown_cursor = unknown_cursor);
        let worker = world.worker().await;
        let mut work = pin!(tick(&worker));
        until(work.as_mut(), || world.requests() == 2).await;
        let kept_since = start_time() - std::time::Duration::from_secs(60 * 150 + 1);
        world.simulator.change(|it| it.kept_since = kept_since);
        let report = work.await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        assert_eq!((report.lines.delivered, world.watermark()), (200, 0), "{unknown_cursor:?}");
    }
}

#[tokio::test]
async fn f20_a_page_that_is_repeated_once_restarts_the_window() {
    let world = five_pages();
    let first = world.first_page().await;
    world.script(on_page(3, 1, &Fault::answer(200, first)));
    let report = world.tick().await.unwrap();
    assert_drained(&report, 450);
    assert_eq!((report.listed.duplicates, world.watermark()), (300, 0));
    assert_eq!(world.requests(), 1 + REQUESTS_WITHOUT_FAULTS + 3);
    world.assert_exact();
}

#[tokio::test]
async fn f20_a_vendor_that_repeats_its_first_page_for_ever_loses_nothing() {
    let world = five_pages();
    world.simulator.change(|it| it.repeated_pages = 1.0);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 450);
    assert!(world.requests() <= 120, "{} requests", world.requests());
    assert_eq!(world.watermark(), 0);
    for _ in 0..5 {
        world.minutes(1);
        let before = world.requests();
        assert_drained(&tick(&worker).await, 0);
        assert_eq!(world.requests() - before, 2);
    }
    world.assert_exact();
}

#[tokio::test]
async fn f20_a_second_that_no_page_holds_becomes_pending_and_affects_only_itself() {
    let spread = (0..100).map(|number| event(&format!("e-{number}"), -600 * number - 1));
    let world = World::with_events(events_of_one_second("crowd", 150, -30_000).chain(spread).collect());
    world.simulator.change(|it| it.repeated_pages = 1.0);
    let worker = world.worker().await;
    let report = tick(&worker).await;
    assert_failed(&report, false, "does not advance");
    // Everything is delivered except the events of the crowded second that come after its first page.
    assert_eq!((report.lines.delivered, world.watermark()), (200, 0));
    assert_eq!(world.pending(), [(-30_000, -29_999)]);
    assert!(world.requests() <= 200, "{} requests", world.requests());
    for _ in 0..5 {
        world.minutes(1);
        let before = world.requests();
        let report = tick(&worker).await;
        assert_eq!((report.lines.delivered, report.drained, &report.failure), (0, false, &None), "{report:?}");
        assert!(report.pending.pending_reason.is_some_and(|reason| reason.contains("does not advance")));
        assert!(world.requests() - before <= 12, "{} requests", world.requests() - before);
    }
    world.simulator.change(|it| it.repeated_pages = 0.0);
    assert_eq!(world.drain().await.iter().map(|report| report.lines.delivered).sum::<u64>(), 50);
    assert_eq!(world.pending(), []);
    world.assert_exact();
}

#[tokio::test]
async fn f21_a_vendor_that_lists_the_oldest_first_loses_nothing() {
    let world = five_pages();
    world.simulator.change(|it| it.ascending = true);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 450);
    assert_eq!((report.listed.duplicates, world.requests(), world.watermark()), (0, REQUESTS_WITHOUT_FAULTS, 0));
    world.assert_exact();
}

#[tokio::test]
async fn f21_pages_in_no_order_lose_nothing() {
    let world = five_pages();
    world.simulator.change(|it| it.shuffled_pages = 1.0);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 450);
    assert_eq!((report.listed.duplicates, world.requests(), world.watermark()), (0, REQUESTS_WITHOUT_FAULTS, 0));
    world.assert_exact();
}

#[tokio::test]
async fn f21_an_order_that_flips_between_ticks_loses_nothing() {
    let world = World::with_visible_times(
        (0..2_000).map(|number| (event(&format!("e-{number}"), 2 * number), 2 * number)).collect(),
    );
    let worker = world.worker().await;
    for turn in 0..12 {
        world.simulator.change(|it| it.ascending = turn % 2 == 0);
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        world.minutes(7);
    }
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f21_an_order_that_flips_between_pages_loses_nothing() {
    for ascending in [true, false] {
        for page in 1..5 {
            let world = five_pages();
            world.simulator.change(|it| it.ascending = !ascending);
            let worker = world.worker().await;
            {
                let mut work = pin!(tick(&worker));
                until(work.as_mut(), || world.requests() == page).await;
                world.simulator.change(|it| it.ascending = ascending);
                let report = work.await;
                assert!(report.drained && report.failure.is_none(), "{report:?}");
                assert_eq!(report.lines.delivered, 450, "to ascending: {ascending}, after page {page}");
            }
            assert_eq!(world.watermark(), 0);
            world.assert_exact();
        }
    }
}
