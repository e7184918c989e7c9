//! Spans of time that cannot be listed.

use simulators::microsoft365::BrokenSpan;

use super::*;

/// Hours before the start that have content.
const HOURS: i64 = 160;
/// Blobs per hour of content.
const BLOBS_PER_HOUR: i64 = 4;

/// Creates a broken span: the vendor refuses every listing that overlaps it. The bounds are seconds after the start.
fn broken_span((from, to): (i64, i64)) -> BrokenSpan {
    let content_type = Some(ContentType::Exchange);
    BrokenSpan { from: at(from), to: at(to), status: 500, code: None, content_type }
}

/// Returns the span of the hour that begins `number` hours before the start.
const fn hour(number: i64) -> (i64, i64) {
    (-number * HOUR, (1 - number) * HOUR)
}

impl World {
    fn break_spans(&self, spans: &[(i64, i64)]) {
        let spans = spans.iter().map(|span| broken_span(*span)).collect();
        self.simulator.change(|it| it.broken_spans = spans);
    }

    /// Returns the pending spans, in seconds after the start.
    fn pending_spans(&self) -> Vec<(i64, i64)> {
        let begin = start_time().as_second();
        self.pending(LogType::Exchange).spans.iter().map(|span| (span.from - begin, span.to - begin)).collect()
    }
}

/// Counts the times that lie in one of the spans.
fn count_inside(created: &[i64], spans: &[(i64, i64)]) -> usize {
    created.iter().filter(|at| spans.iter().any(|(from, to)| from <= at && *at < to)).count()
}

/// Returns the span of one second.
const fn second(at: i64) -> (i64, i64) {
    (at, at + 1)
}

/// Runs ticks for a week of content in which these spans (oldest first) are broken. Asserts that all content outside is
/// delivered within `max_ticks`, that after `max_exact` more ticks nothing else is pending, and that all is delivered
/// once the spans heal.
async fn assert_only_spans_affected(spans: Vec<(i64, i64)>, max_ticks: usize, max_exact: usize) {
    let created = seconds_before_start(HOURS, HOURS * BLOBS_PER_HOUR);
    let world = exchange_at(&created);
    world.break_spans(&spans);
    let broken = count_inside(&created, &spans);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(broken, max_ticks).await;
    let report = ticks.run_ticks(max_exact).await;
    assert_eq!((world.pending_spans(), world.undelivered()), (spans.clone(), broken));
    assert_eq!(report.pending.pending_spans as usize, spans.len(), "{report:?}");
    world.assert_caught_up(LogType::Exchange);
    // Spans that stay broken are not reported as a failure again. A search in a span that is broken as a whole ends
    // after 40 failures, and there are at most three searches per hour.
    let before = world.running.requests_of("content");
    for _ in 0..TICKS_PER_HOUR {
        let report = ticks.tick().await;
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
    }
    let requests = world.running.requests_of("content") - before;
    assert!(requests as usize <= TICKS_PER_HOUR * 6 + spans.len() * 3 * 42, "{requests} requests for {spans:?}");

    world.break_spans(&[]);
    let report = ticks.run_until_undelivered(0, TICKS_PER_HOUR).await;
    assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}

#[tokio::test]
async fn one_broken_second_of_a_week_affects_only_itself() {
    assert_only_spans_affected(vec![second(-50 * HOUR)], 1, 3).await;
}

#[tokio::test]
async fn two_broken_seconds_of_a_week_affect_only_themselves() {
    for (older, newer) in [(-96 * HOUR, -95 * HOUR), (-HOURS * HOUR, -HOUR), (-100 * HOUR, -30 * HOUR)] {
        assert_only_spans_affected(vec![second(older), second(newer)], 3, 3).await;
    }
}

#[tokio::test]
async fn broken_seconds_of_four_windows_affect_only_themselves() {
    assert_only_spans_affected([-150, -100, -77, -3].map(|hour| second(hour * HOUR)).into(), 1, 3).await;
}

#[tokio::test]
async fn three_broken_hours_in_a_row_affect_only_themselves() {
    for newest in [-50 * HOUR, -HOUR] {
        assert_only_spans_affected(vec![(newest - 3 * HOUR, newest)], 3, 3).await;
    }
}

#[tokio::test]
async fn the_oldest_the_next_and_the_newest_hour_affect_only_themselves() {
    assert_only_spans_affected(vec![(-HOURS * HOUR, (2 - HOURS) * HOUR), hour(1)], 5, 5).await;
}

#[tokio::test]
async fn every_tenth_hour_of_a_week_affects_only_itself() {
    assert_only_spans_affected((0..HOURS / 10).rev().map(|number| hour(10 * number + 1)).collect(), 5, 5).await;
}

#[tokio::test]
async fn a_second_that_is_always_refused_affects_only_itself() {
    let created = seconds_before_start(HOURS, HOURS * BLOBS_PER_HOUR);
    for (status, code) in [(400, "AF20030"), (401, "AF10001"), (403, "AF20010"), (404, "AF20050")] {
        for spans in [vec![second(-50 * HOUR)], vec![second(-HOURS * HOUR), second(-HOUR)]] {
            let mut world = exchange_at(&created);
            // The look-back is shorter than the vendor's retention, so nothing leaves the retention before a tick
            // reaches it.
            world.settings.lookback_seconds = (HOURS + 2) * HOUR;
            let broken = |span: &(i64, i64)| BrokenSpan { status, code: Some(code.to_owned()), ..broken_span(*span) };
            world.simulator.change(|it| it.broken_spans = spans.iter().map(broken).collect());
            let mut ticks = Ticks::new(&world);
            // A refusal that needs a person allows one probe per tick.
            ticks.run_until_undelivered(spans.len(), 10).await;
            world.break_spans(&[]);
            let report = ticks.run_until_undelivered(0, 2 * TICKS_PER_HOUR).await;
            assert!(report.drained, "{status}: {report:?}");
            assert!(ticks.gaps.is_empty(), "{status}: {:?}", ticks.gaps);
            world.assert_exact();
        }
    }
}

#[tokio::test]
async fn a_second_that_always_makes_the_vendor_ask_for_a_pause_affects_only_itself() {
    let created = seconds_before_start(HOURS, HOURS * BLOBS_PER_HOUR);
    for spans in [vec![second(-50 * HOUR)], vec![second(-HOUR)], vec![second(-HOURS * HOUR), second(-HOUR)]] {
        let mut world = exchange_at(&created);
        world.settings.lookback_seconds = (HOURS + 2) * HOUR;
        let code = Some("AF429".to_owned());
        let broken = |span: &(i64, i64)| BrokenSpan { status: 429, code: code.clone(), ..broken_span(*span) };
        world.simulator.change(|it| it.broken_spans = spans.iter().map(broken).collect());
        let mut ticks = Ticks::new(&world);
        // Every refusal ends the search of its tick, so each halving takes a tick.
        ticks.run_until_undelivered(spans.len(), 3 * TICKS_PER_HOUR).await;
        world.break_spans(&[]);
        let report = ticks.run_until_undelivered(0, 2 * TICKS_PER_HOUR).await;
        assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_second_that_breaks_while_the_stream_is_idle_affects_only_itself() {
    // New content is created every minute, and one second of it can never be listed.
    let created: Vec<_> = (0..240).map(|number| number * 60).collect();
    let world = exchange_at(&created);
    world.break_spans(&[(7_200, 7_201)]);
    let mut ticks = Ticks::new(&world);
    for _ in 0..4 * TICKS_PER_HOUR + 2 {
        ticks.tick().await;
        assert!(world.undelivered() <= 1 + 5, "{} are left", world.undelivered());
    }
    assert_eq!((world.undelivered(), world.pending_spans()), (1, vec![(7_200, 7_201)]));
}

#[tokio::test]
async fn a_broken_span_that_leaves_the_retention_is_reported_without_overlapping_gaps() {
    let created = seconds_before_start(HOURS, HOURS * BLOBS_PER_HOUR);
    let spans = [(-20 * HOUR, -17 * HOUR), (-10 * HOUR, -10 * HOUR + 1)];
    let world = exchange_at(&created);
    world.break_spans(&spans);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(count_inside(&created, &spans), 1).await;
    for _ in 0..7 * 24 {
        ticks.tick_after(HOUR).await;
    }
    assert!(world.pending(LogType::Exchange).is_empty());
    let mut gaps: Vec<_> = ticks.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    gaps.sort_unstable();
    assert!(gaps.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{gaps:?}");
    // Together the gaps are the broken spans, to the second.
    let seconds: i64 = gaps.iter().map(|(from, to)| to - from).sum();
    let edges = [gaps[0].0, gaps[gaps.len() - 1].1].map(|edge| edge - start_time().as_second());
    assert_eq!((seconds, edges), (3 * HOUR + 1, [-20 * HOUR, -10 * HOUR + 1]));
    let cause = |gap: &Gap| gap.cause.contains("could not be listed until the vendor dropped it");
    assert!(ticks.gaps.iter().all(cause), "{:?}", ticks.gaps);
}

#[tokio::test]
async fn broken_spans_and_broken_blobs_together_delay_nothing_else() {
    let created = seconds_before_start(HOURS, HOURS * BLOBS_PER_HOUR);
    let spans = [hour(HOURS), (-40 * HOUR, -40 * HOUR + 1), hour(2)];
    let world = exchange_at(&created);
    world.break_spans(&spans);
    world.break_blobs(vec![broken(BlobChoice::Ordinals((1..=600).step_by(20).collect()), 500)]);
    let broken =
        (1..=600).step_by(20).filter(|ordinal| count_inside(&created[*ordinal - 1..*ordinal], &spans) == 0).count();
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(broken + count_inside(&created, &spans), 5).await;
    world.break_spans(&[]);
    world.break_blobs(Vec::new());
    let report = ticks.run_until_undelivered(0, TICKS_PER_HOUR).await;
    assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}

#[tokio::test]
async fn pending_content_is_delivered_though_nothing_newer_can_be_listed() {
    let created = seconds_before_start(20, 80);
    let mut world = exchange_at(&created);
    world.settings.lookback_seconds = 2 * DAY;
    // The last day cannot be listed, and becomes pending.
    world.break_spans(&[(-DAY, 2 * DAY)]);
    let mut ticks = Ticks::new(&world);
    let report = ticks.run_ticks(2).await;
    assert_eq!((report.pending.pending_spans > 0, world.undelivered()), (true, 80), "{report:?}");
    // That day heals, but everything newer stays broken for two days.
    world.break_spans(&[(0, 2 * DAY)]);
    let report = ticks.run_until_undelivered(0, 2 * TICKS_PER_HOUR).await;
    assert!(report.gaps.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_search_that_is_broken_at_both_ends_goes_on_though_the_vendor_is_slow() {
    // The first and the last hour of one day are broken; the time between them is healthy.
    let created = seconds_before_start(HOURS, HOURS);
    let mut world = exchange_at(&created);
    let spans = [(-6 * DAY, -6 * DAY + HOUR), (-5 * DAY - HOUR, -5 * DAY)];
    world.break_spans(&spans);
    // A tick has time for 30 calls, and it takes 34 to find both edges.
    world.pace = (9_000, 9_000);
    let broken = count_inside(&created, &spans);
    let mut ticks = Ticks::new(&world);
    // At this pace the fetches alone take six ticks.
    ticks.run_until_undelivered(broken, 3 * TICKS_PER_HOUR).await;
}
