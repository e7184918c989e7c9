//! A vendor that is down as a whole: nothing becomes pending.

use simulators::Outage;

use super::*;

#[tokio::test]
async fn a_vendor_that_is_down_for_six_hours_leaves_nothing_pending_and_is_drained_by_the_next_ticks() {
    // The outage begins at the first tick, or after an hour without faults.
    for (from, status) in [(0, 503), (HOUR, 500), (HOUR, 502)] {
        let created: Vec<_> = seconds_before_start(100, 600).into_iter().chain((0..96).map(|n| n * 300)).collect();
        let mut world = exchange_at(&created);
        world.settings.lookback_seconds = 5 * DAY;
        world.simulator.change(|it| it.outages = vec![Outage { from: at(from), to: at(from + 6 * HOUR), status }]);
        let mut ticks = Ticks::new(&world);
        while world.time.now() < at(from + 6 * HOUR) - SignedDuration::from_secs(TICK_INTERVAL_SECONDS) {
            let is_down = ticks.next_start >= at(from);
            let report = ticks.tick().await;
            assert!(report.pending.is_empty() && report.gaps.is_empty(), "{report:?}");
            assert_eq!(report.failure.is_some(), is_down, "{report:?}");
        }
        ticks.wait();
        let report = ticks.run_until_undelivered(0, 2).await;
        assert!(report.drained && report.pending.is_empty(), "{report:?}");
        ticks.run_ticks(2 * TICKS_PER_HOUR).await;
        assert!(ticks.gaps.is_empty() && world.running.pending() == 0);
        world.assert_exact();
    }
}

#[tokio::test]
async fn listings_that_fail_for_six_hours_leave_nothing_pending_either() {
    let created: Vec<_> = seconds_before_start(100, 600).into_iter().chain((0..96).map(|n| n * 300)).collect();
    let mut world = exchange_at(&created);
    world.settings.lookback_seconds = 5 * DAY;
    world.simulator.change(|it| it.broken_content_type = Some(ContentType::Exchange));
    let mut ticks = Ticks::new(&world);
    for _ in 0..6 * TICKS_PER_HOUR {
        let report = ticks.tick().await;
        assert!(report.pending.is_empty() && report.gaps.is_empty(), "{report:?}");
        assert_failed(&report, false, "listing content");
    }
    world.simulator.change(|it| it.broken_content_type = None);
    let report = ticks.run_until_undelivered(0, 2).await;
    assert!(report.drained, "{report:?}");
    ticks.run_ticks(2 * TICKS_PER_HOUR + 1).await;
    world.assert_exact();
}
