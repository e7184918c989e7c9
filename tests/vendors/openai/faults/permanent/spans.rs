//! Seconds and hours that can never be listed.

use super::*;

#[tokio::test]
async fn two_broken_seconds_of_a_week_affect_only_themselves() {
    for (old, new) in [(96, 95), (167, 0), (167, 166), (100, 30), (1, 0), (72, 71)] {
        let spans = vec![broken_second(old, 500), broken_second(new, 500)];
        assert!(ticks_of(1, spans, &[old, new]).await <= 3, "{old} and {new}");
    }
}

#[tokio::test]
async fn three_broken_hours_in_a_row_affect_only_themselves() {
    for oldest in [167, 100, 49, 24, 2] {
        let hours = [oldest, oldest - 1, oldest - 2];
        let spans = hours.map(|number| broken_hour(number, 500)).into();
        assert!(ticks_of(2, spans, &hours).await <= 3, "from {oldest}");
    }
}

#[tokio::test]
async fn the_oldest_the_next_and_the_newest_hour_affect_only_themselves() {
    let hours = [167, 166, 0];
    let spans = || hours.map(|number| broken_hour(number, 500)).into();
    let (most, average) = ticks_over(12, async |seed| ticks_of(seed, spans(), &hours).await).await;
    assert!(most <= 10 && average <= 5.0, "at most {most} ticks, {average} on average");
}

#[tokio::test]
async fn probes_of_a_second_after_an_outage_do_not_starve_behind_broken_hours() {
    let hours = [167, 166, 0];
    let (most, average) = ticks_over(6, async |seed| {
        let world = week(seed);
        let span = |number| broken_hour(number, 500);
        world.simulator.change(|it| it.broken_spans = vec![broken(-30 * DAY, DAY, 500)]);
        for _ in 0..20 {
            assert_eq!(world.tick().await.unwrap().lines.delivered, 0);
            world.minutes(1);
        }
        let listing = &world.head().listings[openai::ORGANIZATION];
        // Every tick of the outage began with a shorter probe, and the windows are as long as before.
        assert_eq!((world.pending(), listing.probe_seconds, listing.window_seconds), (vec![], Some(1), None));
        world.simulator.change(|it| it.broken_spans = hours.map(span).into());
        let ticks = ticks_until(&world, WEEK - 3).await;
        assert_all_but(&world, hours);
        ticks
    })
    .await;
    assert!(most <= 12 && average <= 6.0, "at most {most} ticks, {average} on average");
}

#[tokio::test]
async fn fifty_broken_seconds_of_a_day_affect_only_themselves() {
    // There is an event every ten minutes for a day; every third one is in a broken second.
    let at = |number: i64| -600 * number - 300;
    for lookback in [DAY, 7 * DAY] {
        let mut world = World::with_events_and_seed((0..144).map(|number| event(&id(number), at(number))).collect(), 5);
        world.settings.lookback_seconds = lookback;
        let broken_ones: Vec<i64> = (0..144).step_by(3).chain([1, 76]).collect();
        world.simulator.change(|it| {
            it.broken_spans = broken_ones.iter().map(|number| broken(at(*number), at(*number) + 1, 500)).collect();
        });
        let ticks = ticks_until(&world, 94).await;
        assert!(ticks <= 15, "{ticks} ticks");
        assert_all_but(&world, broken_ones);
        // A few ticks search for the seconds; then every tick retries one of them, and sometimes all.
        for _ in 0..10 {
            world.tick().await.unwrap();
            world.minutes(1);
        }
        assert_eq!(world.pending().len(), 50);
        let asked = world.requests();
        for _ in 0..60 {
            world.tick().await.unwrap();
            world.minutes(1);
        }
        let requests = world.requests() - asked;
        assert!(requests <= 60 * 10, "{requests} requests in an hour");
        assert_heals_within(&world, 3).await;
    }
}

#[tokio::test]
async fn a_broken_second_that_heals_is_delivered_and_nothing_is_pending_any_more() {
    for (minutes, within) in [(3, 5), (30, 32), (600, 62)] {
        let world = week(3);
        world.simulator.change(|it| it.broken_spans = vec![broken_second(50, 500)]);
        assert!(ticks_until(&world, WEEK - 1).await <= 2);
        assert_eq!(world.pending(), [(second(50), second(50) + 1)]);
        let worker = world.worker().await;
        for minute in 0..minutes {
            let report = tick(&worker).await;
            assert_eq!((&report.failure, report.drained, report.pending.pending_spans), (&None, false, 2));
            assert!(report.pending.pending_age_seconds >= Some(60 * (minute - 1)), "{report:?}");
            world.minutes(1);
        }
        assert_heals_within(&world, within).await;
    }
}

#[tokio::test]
async fn a_broken_second_at_the_newest_edge_of_an_idle_stream_affects_only_itself() {
    for status in [500, 404, 403, 400] {
        let mut records = vec![(event("e-001", -2 * DAY), 0)];
        records.extend((0..30).map(|number| (event(&format!("new-{number}"), 60 * number + 59), 60 * number + 59)));
        let world = World::with_visible_times(records);
        let worker = world.worker().await;
        assert_drained(&tick(&worker).await, 1);
        // The broken second is the one before the tick of minute 10.
        world.simulator.change(|it| it.broken_spans = vec![broken(599, 600, status)]);
        let (mut delivered, mut late) = (0, 0);
        for minute in 1..=30 {
            world.minutes(1);
            delivered += tick(&worker).await.lines.delivered;
            late += u64::from(delivered < minute - u64::from(minute >= 10));
        }
        assert_eq!(delivered, 29, "HTTP {status}");
        // After a refusal, only one half of the failed window is probed. If that half contains the broken second, the
        // listing ends, and this tick's event comes late.
        assert!(late <= if status == 500 { 0 } else { 3 }, "HTTP {status}: late in {late} ticks");
        assert_eq!(world.pending(), [(599, 600)]);
        assert_heals_within(&world, 40).await;
    }
}
