//! Faults of a vendor that do not end by themselves.

use std::collections::BTreeMap;

use collector::{ListingId, UnixSeconds, Window};

use super::rng::SeededRng;

/// Seconds that each chunk of a trickling blob takes.
pub const TRICKLE_SECONDS: i64 = 5;
/// Seconds for which the error of a wrong clock stays the same.
const CLOCK_PERIOD_SECONDS: i64 = 600;

/// The permanent faults of a vendor. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermanentFaults {
    /// Spans of vendor time that cannot be listed: a window that overlaps one fails.
    pub spans: Vec<BrokenSpan>,
    /// Blobs that cannot be consumed, by id.
    pub blobs: BTreeMap<String, BrokenBlob>,
    /// The error of the vendor's clock.
    pub clock: WrongClock,
    /// Outages, by the world's clock: the vendor answers nothing.
    pub outages: Vec<Window>,
}

/// A span of vendor time that cannot be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenSpan {
    /// The listing that has the fault, or `None` if all listings have it.
    pub listing: Option<ListingId>,
    /// The span.
    pub window: Window,
}

/// The way in which a blob cannot be consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenBlob {
    /// Every fetch fails.
    Fails,
    /// The vendor lists the blob and does not find it.
    Missing,
    /// The bytes are not one JSON array.
    Unreadable,
    /// The body brings one byte every few seconds and never ends.
    Trickles,
}

/// The error of a vendor's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrongClock {
    /// Seconds by which the clock is ahead; negative if it is behind.
    pub ahead: i64,
    /// Periods in which the clock is wrong, per 1,000.
    pub per_mille: u64,
    /// The seed that selects these periods.
    pub seed: u64,
}

impl WrongClock {
    /// Returns the time that the clock shows at `now`.
    pub fn at(self, now: UnixSeconds) -> UnixSeconds {
        let period = now.div_euclid(CLOCK_PERIOD_SECONDS).unsigned_abs();
        let is_wrong = SeededRng::new(self.seed ^ period).happens(self.per_mille);
        if is_wrong { now + self.ahead } else { now }
    }
}

impl PermanentFaults {
    /// Returns `true` if there is no fault.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.blobs.is_empty() && self.clock.per_mille == 0 && self.outages.is_empty()
    }

    /// Returns `true` if the vendor answers nothing at `now`.
    pub fn is_down(&self, now: UnixSeconds) -> bool {
        self.outages.iter().any(|down| (down.from..down.to).contains(&now))
    }

    /// Returns `true` if a fault keeps a tick at `now` from listing the newest time: the vendor answers nothing, or
    /// its clock is behind.
    pub fn delays_newest_time(&self, now: UnixSeconds) -> bool {
        self.is_down(now) || self.clock.at(now) < now
    }

    /// Returns `true` if a window of the listing cannot be listed.
    pub fn breaks(&self, listing: &str, window: Window) -> bool {
        let concerns = |span: &&BrokenSpan| span.listing.is_none_or(|only| only == listing);
        let touches = |span: &BrokenSpan| span.window.from < window.to && window.from < span.window.to;
        self.spans.iter().filter(concerns).any(touches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_that_is_down_or_whose_clock_is_behind_delays_events() {
        let clock = |ahead| WrongClock { ahead, per_mille: 1_000, seed: 1 };
        let delays = |permanent_faults: PermanentFaults| [9, 10].map(|now| permanent_faults.delays_newest_time(now));
        assert_eq!(delays(PermanentFaults::default()), [false, false]);
        assert_eq!(
            delays(PermanentFaults { outages: vec![Window { from: 0, to: 10 }], ..PermanentFaults::default() }),
            [true, false]
        );
        assert_eq!(delays(PermanentFaults { clock: clock(-1), ..PermanentFaults::default() }), [true, true]);
        assert_eq!(delays(PermanentFaults { clock: clock(1), ..PermanentFaults::default() }), [false, false]);
    }
}
