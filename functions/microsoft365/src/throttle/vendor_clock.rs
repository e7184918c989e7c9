//! The vendor's clock, learnt from the `Date` of its answers.

use std::sync::Mutex;

use collector::{UnixSeconds, lock};
use jiff::{SignedDuration, Timestamp};

/// A vendor's clock that is ahead of ours by this or more is not trusted.
const MAX_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// The difference between the vendor's clock and ours.
///
/// Only a well-formed answer of the API with status 2xx may set it, because the `Date` of a refusal may come from a
/// gateway or proxy in between.
#[derive(Debug, Default)]
pub(crate) struct VendorClock {
    ahead: Mutex<Option<SignedDuration>>,
}

impl VendorClock {
    /// Learns the difference from the `Date`, if any, of a well-formed answer that arrived at `now`.
    pub(crate) fn learn(&self, date: Option<Timestamp>, now: Timestamp) {
        let Some(date) = date else { return };
        *self.ahead() = Some(date.duration_since(now));
    }

    /// Returns what the vendor's clock shows at our `now`, however wrong it is; `None` before the first answer.
    pub(crate) fn at(&self, now: Timestamp) -> Option<UnixSeconds> {
        let ahead = (*self.ahead())?;
        shifted(now, ahead)
    }

    /// Returns the time by which windows are planned at our `now`: the vendor's time, or ours if the vendor's clock is
    /// ahead by [`MAX_SKEW`] or more. `None` before the first answer.
    pub(crate) fn trusted_at(&self, now: Timestamp) -> Option<UnixSeconds> {
        let ahead = (*self.ahead())?;
        shifted(now, if ahead >= MAX_SKEW { SignedDuration::ZERO } else { ahead })
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, Option<SignedDuration>> {
        lock(&self.ahead)
    }
}

fn shifted(now: Timestamp, ahead: SignedDuration) -> Option<UnixSeconds> {
    now.saturating_add(ahead).ok().map(|now| now.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_clock_runs_on_from_the_last_answer() {
        let clock = VendorClock::default();
        assert_eq!(clock.at(at(1_000)), None);
        clock.learn(None, at(1_000));
        assert_eq!((clock.at(at(1_000)), clock.trusted_at(at(1_000))), (None, None));
        clock.learn(Some(at(640)), at(1_000));
        assert_eq!(clock.at(at(1_000)), Some(640));
        assert_eq!(clock.at(at(1_060)), Some(700));
        clock.learn(None, at(1_060));
        clock.learn(Some(at(1_400)), at(1_100));
        assert_eq!(clock.at(at(1_101)), Some(1_401));
    }

    #[test]
    fn a_clock_an_hour_or_more_ahead_is_not_trusted() {
        for (ahead, trusted) in [(0, 0), (3_599, 3_599), (3_600, 0), (864_000, 0), (-3_600, -3_600), (-90_000, -90_000)]
        {
            let clock = VendorClock::default();
            clock.learn(Some(at(1_000_000 + ahead)), at(1_000_000));
            assert_eq!(clock.trusted_at(at(1_000_060)), Some(1_000_060 + trusted), "{ahead}");
            assert_eq!(clock.at(at(1_000_060)), Some(1_000_060 + ahead), "{ahead}");
        }
    }
}
