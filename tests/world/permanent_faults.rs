//! PermanentFaults at the vendor that does not end by itself.

use std::collections::BTreeMap;

use collector::{ListingId, UnixSeconds, Window};

use super::rng::SeededRng;

/// Seconds that each chunk of a trickling blob takes.
pub const TRICKLE_SECONDS: i64 = 5;
/// Seconds for which a clock that is wrong now and then stays as it is.
const CLOCK_PERIOD: i64 = 600;

/// What is permanently wrong at a vendor. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermanentFaults {
    /// Spans of vendor time that cannot be listed: a window that touches one fails.
    pub spans: Vec<BrokenSpan>,
    /// Blobs that cannot be consumed, by id.
    pub blobs: BTreeMap<String, BrokenBlob>,
    /// How the vendor's clock is wrong.
    pub clock: WrongClock,
    /// When the vendor answers nothing, by the world's clock.
    pub down: Vec<Window>,
}

/// A span of vendor time that cannot be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenSpan {
    /// The only listing that has the trouble; `None`: all have it.
    pub listing: Option<ListingId>,
    /// The span.
    pub window: Window,
}

/// How a blob cannot be consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenBlob {
    /// Each fetch fails.
    Fails,
    /// The vendor lists it and does not find it.
    Missing,
    /// Its bytes are not one JSON array.
    Unreadable,
    /// It sends a byte every few seconds, and never ends.
    Trickles,
}

/// How a vendor's clock is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WrongClock {
    /// Seconds that it is ahead; negative: behind.
    pub ahead: i64,
    /// In so many of 1,000 periods.
    pub per_mille: u64,
    /// Decides in which.
    pub seed: u64,
}

impl WrongClock {
    /// What the clock shows at `now`.
    pub fn at(self, now: UnixSeconds) -> UnixSeconds {
        let period = now.div_euclid(CLOCK_PERIOD).unsigned_abs();
        let is_wrong = SeededRng::new(self.seed ^ period).happens(self.per_mille);
        if is_wrong { now + self.ahead } else { now }
    }
}

impl PermanentFaults {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.blobs.is_empty() && self.clock.per_mille == 0 && self.down.is_empty()
    }

    /// Whether the vendor answers nothing at `now`.
    pub fn is_down(&self, now: UnixSeconds) -> bool {
        self.down.iter().any(|down| (down.from..down.to).contains(&now))
    }

    /// Returns `true` if the trouble keeps a tick at `now` from listing the newest time: the vendor answers nothing, or
    /// its clock is behind.
    pub fn delays(&self, now: UnixSeconds) -> bool {
        self.is_down(now) || self.clock.at(now) < now
    }

    /// Whether a window of the listing cannot be listed.
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
        let delays = |permanent_faults: PermanentFaults| [9, 10].map(|now| permanent_faults.delays(now));
        assert_eq!(delays(PermanentFaults::default()), [false, false]);
        assert_eq!(
            delays(PermanentFaults { down: vec![Window { from: 0, to: 10 }], ..PermanentFaults::default() }),
            [true, false]
        );
        assert_eq!(delays(PermanentFaults { clock: clock(-1), ..PermanentFaults::default() }), [true, true]);
        assert_eq!(delays(PermanentFaults { clock: clock(1), ..PermanentFaults::default() }), [false, false]);
    }
}
