//! The vendor's clock, as the `Date` of its answers tells it.

use std::sync::{Mutex, PoisonError};

use collector::UnixSeconds;
use jiff::{SignedDuration, Timestamp};

/// How far the vendor's clock is from ours. Any answer tells, a refusal as well: a clock of ours that
/// is wrong is found out by the very refusal it brings about.
#[derive(Debug, Default)]
pub(crate) struct VendorClock {
    ahead: Mutex<Option<SignedDuration>>,
}

impl VendorClock {
    /// An answer of the vendor's came at `now` and bears that `Date`, if any.
    pub(crate) fn note(&self, date: Option<Timestamp>, now: Timestamp) {
        let Some(date) = date else { return };
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(date.duration_since(now));
    }

    /// What it shows at our `now`; `None` before the first answer.
    pub(crate) fn at(&self, now: Timestamp) -> Option<UnixSeconds> {
        let ahead = (*self.ahead.lock().unwrap_or_else(PoisonError::into_inner))?;
        now.saturating_add(ahead).ok().map(|now| now.as_second())
    }
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
        assert_eq!(clock.at(at(1_000)), None);
        clock.note(Some(at(640)), at(1_000));
        assert_eq!(clock.at(at(1_000)), Some(640));
        assert_eq!(clock.at(at(1_060)), Some(700));
        clock.note(None, at(1_060));
        clock.note(Some(at(1_400)), at(1_100));
        assert_eq!(clock.at(at(1_101)), Some(1_401));
    }
}
