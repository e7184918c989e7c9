//! The vendor's clock, as the `Date` of its answers tells it.

use std::sync::{Mutex, PoisonError};

use collector::UnixSeconds;
use jiff::{SignedDuration, Timestamp};

/// A clock of the vendor's that differs from ours by this or more is not followed into our future.
const MAX_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// How far the vendor's clock is from ours.
///
/// Only a well-formed answer of the API itself with status 2xx may tell it: the `Date` of a refusal may be that of a
/// gateway or proxy in between.
#[derive(Debug, Default)]
pub(crate) struct VendorClock {
    ahead: Mutex<Option<SignedDuration>>,
}

impl VendorClock {
    /// Learns from the `Date`, if any, of a well-formed answer that came at `now`.
    pub(crate) fn note(&self, date: Option<Timestamp>, now: Timestamp) {
        let Some(date) = date else { return };
        *self.ahead() = Some(date.duration_since(now));
    }

    /// What the vendor's clock shows at our `now`, however wrong it may be; `None` before the first answer.
    pub(crate) fn at(&self, now: Timestamp) -> Option<UnixSeconds> {
        let ahead = (*self.ahead())?;
        shifted(now, ahead)
    }

    /// The time to judge windows by at our `now`: the vendor's, or the earlier of both where they differ by
    /// [`MAX_SKEW`] or more. `None` before the first answer.
    pub(crate) fn trusted_at(&self, now: Timestamp) -> Option<UnixSeconds> {
        let ahead = (*self.ahead())?;
        shifted(now, if ahead >= MAX_SKEW { SignedDuration::ZERO } else { ahead })
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, Option<SignedDuration>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn it_runs_on_from_the_last_answer() {
        let clock = VendorClock::default();
        assert_eq!(clock.at(at(1_000)), None);
        clock.note(None, at(1_000));
        assert_eq!((clock.at(at(1_000)), clock.trusted_at(at(1_000))), (None, None));
        clock.note(Some(at(640)), at(1_000));
        assert_eq!(clock.at(at(1_000)), Some(640));
        assert_eq!(clock.at(at(1_060)), Some(700));
        clock.note(None, at(1_060));
        clock.note(Some(at(1_400)), at(1_100));
        assert_eq!(clock.at(at(1_101)), Some(1_401));
    }

    #[test]
    fn an_hour_or_more_ahead_is_not_trusted() {
        for (ahead, trusted) in [(0, 0), (3_599, 3_599), (3_600, 0), (864_000, 0), (-3_600, -3_600), (-90_000, -90_000)]
        {
            let clock = VendorClock::default();
            clock.note(Some(at(1_000_000 + ahead)), at(1_000_000));
            assert_eq!(clock.trusted_at(at(1_000_060)), Some(1_000_060 + trusted), "{ahead}");
            assert_eq!(clock.at(at(1_000_060)), Some(1_000_060 + ahead), "{ahead}");
        }
    }
}
