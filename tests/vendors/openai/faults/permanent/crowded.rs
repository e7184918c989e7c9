//! More events than a tick can list, in one second or behind a broken second.

use simulators::openai::UnknownCursor;

use super::*;

/// Creates a world with `count` events of one second.
fn events_of_one_second(count: i64, second: i64) -> World {
    World::with_events((0..count).map(|number| event(&format!("crowd-{number:06}"), second)).collect())
}

#[tokio::test]
async fn a_broken_second_with_34_000_events_behind_it_affects_only_itself() {
    // The events span a day, and the vendor takes 0.3 s per page. The minimum is 340 pages in ticks of 42 s.
    for lookback in [DAY, 7 * DAY] {
        let at = |number: i64| -1 - number * 86_000 / 34_000;
        let mut world =
            World::with_events((0..34_000).map(|number| event(&format!("e-{number:05}"), at(number))).collect());
        world.pace = (300, 300);
        world.settings.lookback_seconds = lookback;
        world.simulator.change(|it| it.broken_spans = vec![broken(-86_000, at(33_999) + 1, 500)]);
        let lost = (0..34_000).filter(|number| at(*number) == at(33_999)).count() as u64;
        let ticks = ticks_until(&world, 34_000 - lost).await;
        assert!(ticks <= 8, "{ticks} ticks");
    }
}

/// Creates a world with 250 pages of one second, of which a tick lists 140.
fn more_than_a_tick() -> World {
    let mut world = events_of_one_second(25_000, -5_000);
    world.pace = (300, 300);
    world
}

#[tokio::test]
async fn a_second_with_more_than_a_tick_can_list_drains_by_its_cursor() {
    let world = more_than_a_tick();
    let ticks = ticks_until(&world, 25_000).await;
    // The crowded second alone needs two ticks. The rest are for the search: until it has narrowed down to that second,
    // most requests list longer windows.
    assert!(ticks <= 10, "{ticks} ticks, {} requests", world.requests());
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a_second_with_more_than_ticks_can_list_drains_whatever_the_pace() {
    // A tick lists 14 of 60 pages, fewer than the number after which a window counts as too long.
    let mut world = events_of_one_second(6_000, -5_000);
    world.pace = (3_000, 3_000);
    let ticks = ticks_until(&world, 6_000).await;
    assert!(ticks <= 40, "{ticks} ticks");
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a_second_with_more_than_a_tick_can_list_restarts_when_its_cursor_is_lost() {
    for unknown_cursor in [UnknownCursor::BadRequest, UnknownCursor::NotFound, UnknownCursor::FirstPage] {
        let world = more_than_a_tick();
        world.simulator.change(|it| it.unknown_cursor = unknown_cursor);
        while world.store.head_of(&stream()).is_none_or(|_| world.cursor().is_none()) {
            tick(&world.worker().await).await;
            world.minutes(1);
        }
        world.simulator.change(|it| it.lost_cursors = 1.0);
        let report = tick(&world.worker().await).await;
        assert!(!report.drained && report.failure.is_none(), "{report:?}");
        assert_eq!(world.cursor(), None, "{unknown_cursor:?}");
        world.simulator.change(|it| it.lost_cursors = 0.0);
        world.minutes(2);
        let reports = world.drain().await;
        assert!(reports.len() <= 4, "{unknown_cursor:?}: {} ticks", reports.len());
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_second_with_more_than_a_tick_can_list_goes_on_where_a_page_failed() {
    // Two of a hundred pages fail: no tick lists the whole second, and most ticks reach a page that fails.
    let world = more_than_a_tick();
    world.simulator.change(|it| it.transport.server_error = 0.02);
    let ticks = ticks_until(&world, 25_000).await;
    assert!(ticks <= 25, "{ticks} ticks");
    world.simulator.change(|it| it.transport.server_error = 0.0);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a_late_event_of_a_second_that_continues_at_its_cursor_is_not_lost() {
    // The second is almost a day old when its listing begins, and a sweep falls due while it is pending.
    let second = -DAY + 1_800;
    let mut records: Vec<_> = (0..25_000).map(|number| (event(&format!("crowd-{number:05}"), second), 0)).collect();
    // The late events become visible within a day, at any place in the second's order.
    records.extend(["a-late", "z-late"].map(|id| (event(id, second), 1_500)));
    let mut world = World::with_visible_times(records);
    (world.pace, world.settings.lookback_seconds) = ((300, 300), 2 * DAY);
    while world.store.head_of(&stream()).is_none_or(|_| world.cursor().is_none()) {
        tick(&world.worker().await).await;
        world.minutes(1);
    }
    assert!(world.elapsed() < 1_500.0, "{} s", world.elapsed());
    // No tick runs until the event is more than a day old.
    world.wait_until(3_700);
    world.drain().await;
    world.minutes(61);
    world.drain().await;
    world.assert_exact();
}

impl World {
    /// Returns the cursor at which the organization's oldest pending span continues.
    fn cursor(&self) -> Option<String> {
        self.head().listings[openai::ORGANIZATION].pending.spans.first()?.cursor.clone()
    }
}
