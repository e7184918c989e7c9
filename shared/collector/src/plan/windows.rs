//! The plan of the spans of vendor time that a tick lists.

use crate::base::head::{ListingState, SweepProgress};
use crate::base::policy::{Sweep, VendorPolicy};
use crate::base::time::{UnixSeconds, Window};

/// The spans to list of one listing in one tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The span from the watermark to the vendor's time. Without a backlog it also includes the overlap before the
    /// watermark. It is listed first, because it raises the watermark.
    pub(crate) main: Option<Window>,
    /// The span before `main` that the due sweeps list. It begins at the place where the last tick stopped. With a
    /// backlog it includes the overlap.
    pub(crate) sweep: Option<Window>,
    /// The time at which the unfinished sweep of an earlier tick began, if there is one.
    pub(crate) began: Option<UnixSeconds>,
    /// The reaches of the due sweeps that are done once `sweep` and `main` are listed.
    pub(crate) sweeps: Vec<u32>,
    /// The reaches of the due sweeps that are done once `main` is listed.
    pub(crate) sweeps_with_main: Vec<u32>,
    /// The span that was never listed and that the vendor no longer keeps.
    pub(crate) lost: Option<Window>,
}

/// Plans one listing at the vendor's time `now`. `our_now` is the time by our clock, or `now` if that is later. The
/// plan covers the time since the watermark, the overlap, and the due sweeps. It never reaches below the floor, beyond
/// the vendor's retention, or past the vendor's time. The loss is computed with the later clock, because a vendor whose
/// clock is behind may have dropped more than its clock suggests.
///
/// A sweep begins its reach before the *last* sweep, not before the watermark. Time before that point was older than
/// the reach when it was last listed, however late this sweep or the watermark is, so it needs no further sweep. Every
/// event is thus found that the vendor shows no later than the reach after the event's time.
pub(crate) fn plan(
    listing: &ListingState,
    floor: UnixSeconds,
    policy: &VendorPolicy,
    [now, our_now]: [UnixSeconds; 2],
) -> Plan {
    let watermark = listing.watermark.min(now);
    let kept_from_at = |now| {
        policy.retention.map_or(UnixSeconds::MIN, |retention| now - retention.keep_seconds + retention.margin_seconds)
    };
    let (oldest, kept_from) = (kept_from_at(now), kept_from_at(our_now));
    let last_sweep = |reach: u32| listing.swept.get(&reach).copied();
    let due = |sweep: &&Sweep| last_sweep(sweep.reach_seconds).is_none_or(|last| now - last >= sweep.interval_seconds);
    let due: Vec<u32> = policy.sweeps.iter().filter(due).map(|sweep| sweep.reach_seconds).collect();

    let bounded_start = |at: UnixSeconds, reach: u32| (at - UnixSeconds::from(reach)).max(floor).max(oldest);
    let sweep_start = |reach: &u32| bounded_start(last_sweep(*reach).unwrap_or(watermark), *reach);
    // With a backlog of more than one window the overlap is listed after the backlog: in spare time, or at the latest
    // in the next sweep.
    let lag_seconds = now - watermark;
    let is_swept = policy.sweeps.iter().any(|sweep| sweep.reach_seconds >= policy.overlap_seconds);
    let is_long_backlog = lag_seconds > UnixSeconds::from(policy.overlap_seconds)
        && listing.window_seconds.is_some_and(|seconds| seconds < lag_seconds);
    let backlog = is_long_backlog && is_swept;
    let overlap = bounded_start(watermark, policy.overlap_seconds);
    let main_start = if backlog { bounded_start(watermark, 0) } else { overlap };
    // If the watermark is further behind than a sweep's reach, the main span covers that sweep as well.
    let overdue_sweep_start =
        due.iter().filter(|reach| lag_seconds >= UnixSeconds::from(**reach)).map(sweep_start).min();
    let main = overdue_sweep_start.map_or(main_start, |from| from.min(main_start));
    let overlap_after_backlog = (backlog && overdue_sweep_start.is_none()).then_some(overlap);
    let (sweeps_with_main, sweeps): (Vec<u32>, Vec<u32>) =
        due.into_iter().partition(|reach| sweep_start(reach) >= main);
    let sweep = sweeps.iter().map(sweep_start).chain(overlap_after_backlog).min();
    // The progress of a narrower sweep is not used if a wider sweep has become due since then.
    let max_reach = sweeps.iter().copied().max();
    let is_continued = |progress: &SweepProgress| {
        Some(progress.reach) == max_reach && last_sweep(progress.reach).is_none_or(|last| last < progress.began)
    };
    let unfinished = listing.sweep_progress.filter(is_continued).filter(|_| sweep.is_some_and(|from| from < main));
    let sweep = unfinished.map_or(sweep, |progress| sweep.map(|from| progress.at.clamp(from, main - 1)));
    let lost = (watermark < kept_from).then_some(Window { from: watermark, to: kept_from.min(now) });
    Plan {
        main: span(main, now),
        sweep: sweep.and_then(|from| span(from, main)),
        began: unfinished.map(|progress| progress.began),
        sweeps,
        sweeps_with_main,
        lost,
    }
}

fn span(from: UnixSeconds, to: UnixSeconds) -> Option<Window> {
    (from < to).then_some(Window { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::policy::{Retention, Sweep};

    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    const NOW: i64 = 1_790_000_000;

    fn policy(retention: Option<Retention>) -> VendorPolicy {
        VendorPolicy {
            tick_seconds: 60,
            overlap_seconds: 600,
            sweeps: &[
                Sweep { interval_seconds: HOUR, reach_seconds: 86_400 },
                Sweep { interval_seconds: DAY, reach_seconds: 604_800 },
            ],
            first_window_seconds: DAY,
            max_window_seconds: DAY,
            retention,
            dedup_horizon_seconds: 30 * DAY,
            silence: None,
            no_data_advice: "",
            start_delay: None,
            fetches_ahead: 1,
            split_after_pages: None,
        }
    }

    fn listing(watermark: i64, swept: &[(u32, i64)]) -> ListingState {
        ListingState { watermark, swept: swept.iter().copied().collect(), ..ListingState::default() }
    }

    fn window(from: i64, to: i64) -> Option<Window> {
        Some(Window { from, to })
    }

    #[test]
    fn ok_an_idle_stream_lists_the_overlap_only() {
        let state = listing(NOW - 60, &[(86_400, NOW - 100), (604_800, NOW - 100)]);
        let got = plan(&state, 0, &policy(None), [NOW; 2]);
        let (main, none) = (window(NOW - 660, NOW), Vec::new);
        assert_eq!(got, Plan { main, sweep: None, began: None, sweeps: none(), sweeps_with_main: none(), lost: None });
    }

    #[test]
    fn ok_a_due_sweep_follows_the_main_span_and_stops_at_the_floor() {
        let state = listing(NOW - 60, &[(604_800, NOW - 100), (86_400, NOW - HOUR)]);
        let got = plan(&state, 0, &policy(None), [NOW; 2]);
        assert_eq!((got.main, got.sweep), (window(NOW - 660, NOW), window(NOW - HOUR - DAY, NOW - 660)));
        assert_eq!(got.sweeps, [86_400]);
        assert_eq!(plan(&state, NOW - 900, &policy(None), [NOW; 2]).sweep, window(NOW - 900, NOW - 660));
        assert_eq!(plan(&state, NOW - 600, &policy(None), [NOW; 2]).sweep, None);
    }

    #[test]
    fn ok_a_late_sweep_looks_back_from_the_last_one() {
        let state = listing(NOW, &[(604_800, NOW), (86_400, NOW - 5 * HOUR)]);
        assert_eq!(plan(&state, 0, &policy(None), [NOW; 2]).sweep, window(NOW - 5 * HOUR - DAY, NOW - 600));
        // The wider of two due sweeps decides. A stream that was never swept begins at its watermark.
        let state = listing(NOW, &[(86_400, NOW - 5 * HOUR)]);
        let got = plan(&state, 0, &policy(None), [NOW; 2]);
        assert_eq!((got.sweep, got.sweeps), (window(NOW - 7 * DAY, NOW - 600), vec![86_400, 604_800]));
    }

    #[test]
    fn ok_an_unfinished_sweep_continues_where_it_stopped() {
        let left = |reach, began, at| ListingState {
            sweep_progress: Some(SweepProgress { reach, began, at }),
            ..listing(NOW, &[(604_800, NOW), (86_400, NOW - 2 * HOUR)])
        };
        let planned = |left| {
            let plan = plan(&left, 0, &policy(None), [NOW; 2]);
            (plan.sweep, plan.began)
        };
        let (since, began) = (NOW - 2 * HOUR - DAY, NOW - HOUR);
        assert_eq!(planned(left(86_400, began, NOW - DAY)), (window(NOW - DAY, NOW - 600), Some(began)));
        // Stored progress outside the sweep's span is clamped to the span.
        assert_eq!(planned(left(86_400, began, NOW)), (window(NOW - 601, NOW - 600), Some(began)));
        assert_eq!(planned(left(86_400, began, 0)), (window(since, NOW - 600), Some(began)));
        // Progress is not used if it belongs to a sweep of another reach, or if another tick has finished the sweep
        // since.
        assert_eq!(planned(left(604_800, began, NOW - DAY)), (window(since, NOW - 600), None));
        assert_eq!(planned(left(86_400, NOW - 2 * HOUR, NOW - DAY)), (window(since, NOW - 600), None));
    }

    #[test]
    fn ok_the_main_span_covers_the_sweep_if_the_watermark_is_far_behind() {
        let stopped = NOW - 3 * DAY;
        let state = listing(stopped, &[(604_800, NOW), (86_400, stopped - 100)]);
        let got = plan(&state, 0, &policy(None), [NOW; 2]);
        assert_eq!((got.main, got.sweep), (window(stopped - 100 - DAY, NOW), None));
        assert_eq!(got.sweeps_with_main, [86_400]);
        assert_eq!(plan(&state, stopped - 900, &policy(None), [NOW; 2]).main, window(stopped - 900, NOW));
        // Time that was first listed a day or more after it passed is not swept again.
        let state = listing(stopped + DAY, &[(604_800, NOW), (86_400, stopped + 2 * DAY)]);
        assert_eq!(plan(&state, 0, &policy(None), [NOW; 2]).main, window(stopped + DAY - 600, NOW));
        // If the backlog does not fit into one window, the overlap is not listed again either.
        let state = ListingState { window_seconds: Some(HOUR), ..state };
        let got = plan(&state, 0, &policy(None), [NOW; 2]);
        assert_eq!((got.main, got.sweep), (window(stopped + DAY, NOW), None));
    }

    #[test]
    fn ok_a_backlog_is_listed_before_the_overlap() {
        let swept = [(604_800, NOW - 100), (86_400, NOW - 100)];
        let cut = |watermark, swept| ListingState { window_seconds: Some(600), ..listing(watermark, swept) };
        let got = plan(&cut(NOW - 601, &swept), 0, &policy(None), [NOW; 2]);
        assert_eq!((got.main, got.sweep), (window(NOW - 601, NOW), window(NOW - 1_201, NOW - 601)));
        assert!(got.sweeps.is_empty());
        // The overlap is part of a due sweep.
        let due = [swept[0], (86_400, NOW - HOUR)];
        let got = plan(&cut(NOW - HOUR, &due), 0, &policy(None), [NOW; 2]);
        assert_eq!((got.main, got.sweep), (window(NOW - HOUR, NOW), window(NOW - HOUR - DAY, NOW - HOUR)));
        // A span that fits into one window is no backlog. An idle stream has such a span, because its watermark is
        // written only once per hour.
        for state in [cut(NOW - 600, &swept), listing(NOW - HOUR, &swept)] {
            let got = plan(&state, 0, &policy(None), [NOW; 2]);
            assert_eq!((got.main, got.sweep), (window(state.watermark - 600, NOW), None));
        }
    }

    #[test]
    fn ok_a_vendor_whose_clock_is_behind_may_have_dropped_more_than_it_says() {
        let policy = policy(Some(Retention { keep_seconds: 7 * DAY, margin_seconds: 600 }));
        let got = plan(&listing(NOW - 4 * DAY, &[]), 0, &policy, [NOW, NOW + 5 * DAY]);
        assert_eq!(got.lost, window(NOW - 4 * DAY, NOW - 2 * DAY + 600));
        assert_eq!(got.main.unwrap().to, NOW, "all of it is listed nevertheless");
    }

    #[test]
    fn ok_a_plan_stays_inside_the_retention_and_reports_the_loss() {
        let retention = Retention { keep_seconds: 7 * DAY, margin_seconds: 600 };
        let got = plan(&listing(NOW - 9 * DAY, &[]), 0, &policy(Some(retention)), [NOW; 2]);
        let oldest = NOW - 7 * DAY + 600;
        assert_eq!((got.main, got.sweep), (window(oldest, NOW), None));
        assert_eq!(got.lost, window(NOW - 9 * DAY, oldest));
    }

    #[test]
    fn ok_a_watermark_ahead_of_the_vendor_does_not_hide_the_overlap() {
        let state = listing(NOW + 3 * DAY, &[(86_400, NOW), (604_800, NOW)]);
        assert_eq!(plan(&state, 0, &policy(None), [NOW; 2]).main, window(NOW - 600, NOW));
    }
}
