//! Outages of the whole vendor, which must not make every window pending.

use simulators::Outage;

use super::*;
use crate::openai::world::start_time;

/// Starts an outage at `from` for `seconds`, by the vendor's clock.
fn outage(world: &World, from: i64, seconds: i64) {
    let at = |second| Timestamp::from_second(start_time().as_second() + second).unwrap();
    world.simulator.change(|it| it.outages = vec![Outage { from: at(from), to: at(from + seconds), status: 503 }]);
}

#[tokio::test]
async fn an_outage_of_six_hours_leaves_nothing_pending_and_drains_within_the_usual_ticks() {
    // There is one event per minute, also during the outage; or a week of backlog that no tick has begun.
    for is_new in [false, true] {
        let records =
            (-1_440..420).map(|minute| (event(&format!("e-{minute}"), 60 * minute + 7), (60 * minute + 7).max(0)));
        let world = World::with_visible_times(records.collect());
        let worker = world.worker().await;
        if !is_new {
            assert_drained(&tick(&worker).await, 1_440);
        }
        world.minutes(1);
        outage(&world, 60, 6 * HOUR);
        while world.elapsed() < (60 + 6 * HOUR) as f64 - 60.0 {
            let watermark = world.store.head_of(&stream()).map(|_| world.watermark());
            let report = tick(&worker).await;
            assert_failed(&report, false, "HTTP 503");
            assert_eq!((report.lines.delivered, report.pending.is_empty()), (0, true), "{report:?}");
            assert!(watermark.is_none_or(|before| world.watermark() == before));
            world.minutes(1);
        }
        world.wait_until(60 + 6 * HOUR);
        let reports = world.drain().await;
        assert!(reports.len() <= 2, "{} ticks after it healed: {reports:?}", reports.len());
        assert!(reports.iter().all(|report| report.failure.is_none()), "{reports:?}");
        world.minutes(60);
        world.drain().await;
        assert_eq!((world.pending(), world.running.pending()), (vec![], 0));
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_vendor_that_goes_down_in_the_middle_of_a_tick_leaves_little_pending_and_recovers() {
    for pages in 1..8 {
        let mut world =
            World::with_events((0..700).map(|number| event(&format!("e-{number}"), -864 * number - 1)).collect());
        world.pace = (1_000, 1_000);
        let worker = world.worker().await;
        outage(&world, pages, HOUR);
        for _ in 0..60 {
            tick(&worker).await;
            assert!(world.pending().len() <= 4, "{:?}", world.pending());
            world.minutes(1);
        }
        let reports = world.drain().await;
        assert!(reports.len() <= 3, "down after {pages} pages: {} ticks after it healed", reports.len());
        assert_eq!(world.pending(), []);
        world.assert_exact();
    }
}
