//! Hundreds of broken blobs: the healthy ones are found wherever they lie.

use tests::effort::variants;

use super::*;

#[tokio::test]
async fn a_hundred_healthy_blobs_behind_520_broken_ones_are_delivered_within_2_ticks() {
    for &(hours, status) in variants(&[(1, 500), (150, 500), (1, 404), (20, 403), (20, 200)]) {
        let world = exchange_at(&seconds_before_start(hours, 620));
        world.break_blobs(vec![broken(BlobChoice::First(520), status)]);
        let mut ticks = Ticks::new(&world);
        let report = ticks.run_until_undelivered(520, 2).await;
        world.assert_caught_up(LogType::Exchange);
        assert!(!report.drained && !report.pending.is_empty(), "{hours} h, {status}: {report:?}");
        // The broken blobs stay pending, and are delivered when they heal.
        ticks.run_ticks(4).await;
        assert_eq!(world.undelivered(), 520);
        world.break_blobs(Vec::new());
        let report = ticks.run_until_undelivered(0, 2).await;
        assert!(report.drained && ticks.gaps.is_empty(), "{hours} h, {status}: {report:?}");
    }
}

#[tokio::test]
async fn healthy_blobs_between_broken_ones_at_both_ends_are_delivered_within_a_few_ticks() {
    for (hours, older, healthy, newer) in
        [(1, 30, 100, 30), (20, 300, 100, 300), (100, 500, 100, 500), (5, 200, 1, 3), (30, 100, 10, 300)]
    {
        let world = exchange_at(&seconds_before_start(hours, i64::from(older + healthy + newer)));
        let ordinals = (1..=older).chain(older + healthy + 1..=older + healthy + newer).collect();
        world.break_blobs(vec![broken(BlobChoice::Ordinals(ordinals), 500)]);
        let mut ticks = Ticks::new(&world);
        ticks.run_until_undelivered((older + newer) as usize, 10).await;
    }
}

#[tokio::test]
async fn of_blobs_that_are_broken_at_random_the_healthy_half_is_delivered_within_3_ticks() {
    for &(hours, status) in variants(&[(1, 500), (150, 500), (20, 404), (20, 200)]) {
        let world = exchange_at(&seconds_before_start(hours, 1_000));
        world.break_blobs(vec![broken(BlobChoice::Share(0.5), status)]);
        let mut ticks = Ticks::new(&world);
        ticks.run_ticks(3).await;
        let left = world.undelivered();
        assert!((400..600).contains(&left), "{left}");
        // Only the broken blobs are left, and more ticks deliver none of them.
        ticks.run_ticks(TICKS_PER_HOUR).await;
        assert_eq!(world.undelivered(), left, "{hours} h, {status}");
        world.assert_caught_up(LogType::Exchange);
    }
}

#[tokio::test]
async fn a_thousand_blobs_that_fail_for_an_hour_are_delivered_within_2_ticks_of_healing() {
    for &hours in variants(&[1, 150]) {
        // Meanwhile a healthy blob is created every ten minutes.
        let created: Vec<_> =
            seconds_before_start(hours, 1_000).into_iter().chain((0..12).map(|number| number * 600)).collect();
        let world = exchange_at(&created);
        world.break_blobs(vec![BrokenBlobs { until: at(HOUR + 60), ..broken(BlobChoice::First(1_000), 500) }]);
        let mut ticks = Ticks::new(&world);
        for _ in 0..TICKS_PER_HOUR {
            ticks.tick().await;
            assert_eq!(world.undelivered(), 1_000, "{hours} h");
        }
        let report = ticks.run_until_undelivered(0, 2).await;
        assert!(report.pending.is_empty() && ticks.gaps.is_empty(), "{hours} h: {report:?}");
        ticks.next_start = at(2 * HOUR + 60);
        ticks.tick().await;
        assert_eq!(world.assert_exact(), 1_012);
    }
}

#[tokio::test]
async fn a_thousand_blobs_that_fail_for_an_hour_recover_though_nothing_else_comes() {
    for &lookback in variants(&[DAY, 7 * DAY]) {
        let mut world = exchange_at(&seconds_before_start(10, 1_000));
        world.settings.lookback_seconds = lookback;
        world.break_blobs(vec![BrokenBlobs { until: at(HOUR + 60), ..broken(BlobChoice::First(1_000), 500) }]);
        let mut ticks = Ticks::new(&world);
        ticks.run_ticks(TICKS_PER_HOUR).await;
        assert_eq!(world.undelivered(), 1_000);
        let report = ticks.run_until_undelivered(0, 2).await;
        assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
        world.assert_exact();
    }
}

#[tokio::test]
async fn six_hundred_unreadable_blobs_in_a_row_delay_none_behind_them_and_each_is_in_a_gap() {
    let world = exchange_at(&seconds_before_start(2, 700));
    world.break_blobs(vec![broken(BlobChoice::First(600), 200)]);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(600, 1).await;
    for _ in 0..22 {
        let report = ticks.tick_after(8 * HOUR).await;
        assert!(report.failure.is_none() && report.lines.delivered == 0, "{report:?}");
    }
    // Each blob is in exactly one gap. More than a hundred were given up one by one; their content, which is the same,
    // is kept raw in one object.
    assert!(world.pending(LogType::Exchange).is_empty());
    assert_each_in_a_gap_once(&ticks, 600);
    let of_blobs = ticks.gaps.iter().filter(|gap| gap.cause.contains("is not a JSON array")).count();
    assert!(of_blobs > 100, "{of_blobs}");
    assert_eq!(world.store.objects("rejected/microsoft365_audit_exchange/").len(), 1);
}

#[tokio::test]
async fn six_hundred_blobs_that_are_broken_until_the_vendor_drops_them_are_each_in_a_gap_once() {
    let world = exchange_at(&seconds_before_start(2, 620));
    world.break_blobs(vec![broken(BlobChoice::First(600), 500)]);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(600, 2).await;
    for _ in 0..22 {
        ticks.tick_after(8 * HOUR).await;
    }
    assert!(world.pending(LogType::Exchange).is_empty());
    assert_each_in_a_gap_once(&ticks, 600);
}

/// Asserts that this number of blobs is not delivered, that no blob is in two gaps, and that no gaps of spans overlap.
#[track_caller]
fn assert_each_in_a_gap_once(ticks: &Ticks<'_>, undelivered: usize) {
    assert_eq!(ticks.world.undelivered(), undelivered);
    let (of_blobs, of_spans): (Vec<_>, Vec<_>) = ticks.gaps.iter().partition(|gap| gap.cause.contains("content "));
    let causes: HashSet<_> = of_blobs.iter().map(|gap| &gap.cause).collect();
    assert_eq!(causes.len(), of_blobs.len(), "a blob was given up twice");
    let mut of_spans: Vec<_> = of_spans.into_iter().map(|gap| (gap.from, gap.to)).collect();
    of_spans.sort_unstable();
    assert!(of_spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{of_spans:?}");
}

#[tokio::test]
async fn pending_work_beyond_its_bounds_loses_nothing_while_it_heals_gradually() {
    const COUNT: u32 = 700;
    let mut world = exchange_at(&seconds_before_start(2, i64::from(COUNT)));
    // Small batches make the tick write the head in the middle of windows.
    world.settings.batch.lines = 3;
    let healing = |hour: u32| BrokenBlobs {
        until: at(i64::from(hour) * HOUR),
        ..broken(BlobChoice::Ordinals((1..=COUNT).filter(|ordinal| ordinal % 8 == hour).collect()), 500)
    };
    world.break_blobs((1..8).map(healing).collect());
    let mut ticks = Ticks::new(&world);
    // `Ticks` asserts after every tick that each blob is delivered, pending or in a gap.
    ticks.run_ticks(8 * TICKS_PER_HOUR).await;
    let report = ticks.run_until_undelivered(0, 2).await;
    assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}
