//! Which spans of vendor time a tick lists.

use crate::head::ListingState;
use crate::policy::VendorPolicy;

/// Seconds since 1970, UTC.
pub type UnixSeconds = i64;

/// A half-open span `[from, to)` of vendor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first second within.
    pub from: UnixSeconds,
    /// The first second past it.
    pub to: UnixSeconds,
}

impl Window {
    /// How long it is, in seconds.
    pub fn span(&self) -> UnixSeconds {
        self.to - self.from
    }

    /// The first `span` seconds of it and what is left, or all of it where it is no longer than that.
    pub(crate) fn split_first(self, span: UnixSeconds) -> (Window, Option<Window>) {
        let cut = self.from.saturating_add(span.max(1));
        if cut >= self.to {
            return (self, None);
        }
        (Window { from: self.from, to: cut }, Some(Window { from: cut, to: self.to }))
    }
}

/// What to list of one listing in one tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// All of it in one span; `None` when there is nothing to list yet.
    pub(crate) span: Option<Window>,
    /// The sweeps that listing it to the end completes, by reach.
    pub(crate) sweeps: Vec<u32>,
    /// Vendor time that was never listed and that the vendor no longer has.
    pub(crate) lost: Option<Window>,
}

/// Plans one listing at the vendor's `now`: from the watermark, less the overlap or the widest
/// sweep that is due, never below the floor, never past the vendor's retention, never into its future.
pub(crate) fn plan(listing: &ListingState, floor: UnixSeconds, policy: &VendorPolicy, now: UnixSeconds) -> Plan {
    let due = |every: UnixSeconds, reach: u32| listing.swept.get(&reach).is_none_or(|last| now - last >= every);
    let sweeps: Vec<u32> =
        policy.sweeps.iter().filter(|sweep| due(sweep.every, sweep.reach)).map(|sweep| sweep.reach).collect();
    let reach = sweeps.iter().copied().chain([policy.overlap]).max().unwrap_or(policy.overlap);

    let oldest = policy.retention.map_or(UnixSeconds::MIN, |retention| now - retention.keeps + retention.margin);
    let from = (listing.watermark - UnixSeconds::from(reach)).max(floor).max(oldest);
    let lost = (listing.watermark < oldest).then_some(Window { from: listing.watermark, to: oldest.min(now) });
    Plan { span: (from < now).then_some(Window { from, to: now }), sweeps, lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Retention, Sweep};

    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    const NOW: i64 = 1_790_000_000;

    fn policy(retention: Option<Retention>) -> VendorPolicy {
        VendorPolicy {
            overlap: 600,
            sweeps: &[Sweep { every: HOUR, reach: 86_400 }, Sweep { every: DAY, reach: 604_800 }],
            longest_window: DAY,
            retention,
            horizon: 30 * DAY,
            fetches_ahead: 1,
            split_after_pages: None,
        }
    }

    fn listing(watermark: i64, swept: &[(u32, i64)]) -> ListingState {
        ListingState { watermark, swept: swept.iter().copied().collect(), not_offered_until: None }
    }

    #[test]
    fn ok_idle_lists_the_overlap_only() {
        let state = listing(NOW - 60, &[(86_400, NOW - 100), (604_800, NOW - 100)]);
        let got = plan(&state, 0, &policy(None), NOW);
        assert_eq!(got, Plan { span: Some(Window { from: NOW - 660, to: NOW }), sweeps: vec![], lost: None });
    }

    #[test]
    fn ok_a_due_sweep_reaches_further_and_the_floor_stops_it() {
        let state = listing(NOW - 60, &[(604_800, NOW - 100), (86_400, NOW - HOUR)]);
        assert_eq!(plan(&state, 0, &policy(None), NOW).span, Some(Window { from: NOW - 60 - DAY, to: NOW }));
        assert_eq!(plan(&state, NOW - 900, &policy(None), NOW).span, Some(Window { from: NOW - 900, to: NOW }));
        assert_eq!(plan(&state, 0, &policy(None), NOW).sweeps, [86_400]);
    }

    #[test]
    fn ok_never_past_retention_and_the_loss_is_told() {
        let retention = Retention { keeps: 7 * DAY, margin: 600 };
        let got = plan(&listing(NOW - 9 * DAY, &[]), 0, &policy(Some(retention)), NOW);
        let oldest = NOW - 7 * DAY + 600;
        assert_eq!(got.span, Some(Window { from: oldest, to: NOW }));
        assert_eq!(got.lost, Some(Window { from: NOW - 9 * DAY, to: oldest }));
    }

    #[test]
    fn ok_a_watermark_ahead_of_the_vendor_is_listed_from_the_overlap() {
        let state = listing(NOW + 90, &[(86_400, NOW), (604_800, NOW)]);
        assert_eq!(plan(&state, 0, &policy(None), NOW).span, Some(Window { from: NOW - 510, to: NOW }));
        assert_eq!(
            plan(
                &listing(NOW + DAY, state.swept.iter().map(|(a, b)| (*a, *b)).collect::<Vec<_>>().as_slice()),
                0,
                &policy(None),
                NOW
            )
            .span,
            None
        );
    }

    #[test]
    fn ok_split_first_tiles() {
        let whole = Window { from: 10, to: 20 };
        assert_eq!(whole.split_first(4), (Window { from: 10, to: 14 }, Some(Window { from: 14, to: 20 })));
        assert_eq!(whole.split_first(10), (whole, None));
        assert_eq!(whole.split_first(0).0.span(), 1);
    }
}
