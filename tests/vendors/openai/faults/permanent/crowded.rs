//! More than a tick can list, in one second or behind one that is broken.

use simulators::openai::UnknownCursor;

use super::*;

/// So many events of one second.
fn crowd(count: i64, second: i64) -> World {
    World::of((0..count).map(|number| event(&format!("crowd-{number:06}"), second)).collect())
}

/// Ticks of one process, a minute apart, until `due` lines are delivered; how many. `before` each tick.
async fn drains(world: &World, due: u64, before: impl Fn()) -> usize {
    let (worker, mut delivered) = (world.worker().await, 0);
    for number in 1..=MOST_TICKS {
        before();
        let report = tick(&worker).await;
        delivered += report.lines.delivered;
        world.minutes(1);
        if delivered == due {
            return number;
        }
    }
    panic!("{delivered} of {due} delivered in {MOST_TICKS} ticks, pending: {:?}", world.pending());
}

#[tokio::test]
async fn a_broken_second_with_34_000_events_behind_it_costs_only_itself() {
    // A day of events; the vendor takes 0.3 s a page. The least is 340 pages in ticks of 42 s.
    for lookback in [DAY, 7 * DAY] {
        let at = |number: i64| -1 - number * 86_000 / 34_000;
        let mut world = World::of((0..34_000).map(|number| event(&format!("e-{number:05}"), at(number))).collect());
        world.pace = (300, 300);
        world.settings.lookback = lookback;
        world.simulator.change(|it| it.broken_spans = vec![broken(-86_000, at(33_999) + 1, 500)]);
        let lost = (0..34_000).filter(|number| at(*number) == at(33_999)).count() as u64;
        let ticks = ticks_until(&world, 34_000 - lost).await;
        assert!(ticks <= 8, "{ticks} ticks");
    }
}

#[tokio::test]
async fn a_second_with_more_than_a_tick_can_list_drains_by_its_cursor() {
    // 300 pages, of which a tick lists 140.
    let mut world = crowd(30_000, -5_000);
    world.pace = (300, 300);
    let ticks = drains(&world, 30_000, || {}).await;
    println!("{ticks} ticks, {} requests", world.requests());
    assert!(ticks <= 20, "{ticks} ticks");
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a_second_with_more_than_a_tick_can_list_drains_though_its_cursor_is_lost_between_ticks() {
    for unknown_cursor in [UnknownCursor::BadRequest, UnknownCursor::NotFound, UnknownCursor::FirstPage] {
        let mut world = crowd(12_000, -5_000);
        world.pace = (300, 300);
        world.simulator.change(|it| it.unknown_cursor = unknown_cursor);
        let ticks = drains(&world, 12_000, || ()).await;
        println!("{ticks} ticks, {} requests", world.requests());
    }
}
