//! The vendor's clock, and the limits within which it is believed.

use crate::base::time::UnixSeconds;

/// A vendor's clock is not believed if it differs from ours by this many seconds or more.
const MAX_CLOCK_SKEW_SECONDS: UnixSeconds = 3_600;

/// The vendor's clock, as the answers in one tick show it.
///
/// While the vendor's clock and ours are less than [`MAX_CLOCK_SKEW_SECONDS`] apart, the vendor's clock is used.
/// Otherwise the earlier of the two is used. A wrong clock may then delay events, but time that was not listed never counts as listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct VendorTime {
    /// The earlier of the two clocks at the first answer that contained the vendor's time.
    first: Option<UnixSeconds>,
    last: Option<UnixSeconds>,
    skew_seconds: Option<i64>,
}

impl VendorTime {
    /// Records an answer that came at `ours` by our clock. `vendor` is the vendor's time in the answer; `None` if the
    /// answer has none. Returns the time that is used from now on.
    pub(crate) fn record_answer(&mut self, vendor: Option<UnixSeconds>, ours: UnixSeconds) -> UnixSeconds {
        let Some(vendor) = vendor else { return self.last.map_or(ours, |last| last.min(ours)) };
        let skew = vendor.saturating_sub(ours);
        let is_believed = skew.abs() < MAX_CLOCK_SKEW_SECONDS;
        if !is_believed {
            self.skew_seconds = Some(skew);
        }
        let now = if is_believed { vendor } else { vendor.min(ours) };
        self.first = self.first.or(Some(now.min(ours)));
        self.last = Some(now);
        now
    }

    /// Returns the earlier of `at` and the vendor's last known time, because a listing cannot show anything later than
    /// that time.
    pub(crate) fn cap(&self, at: UnixSeconds) -> UnixSeconds {
        self.last.map_or(at, |last| at.min(last))
    }

    /// Returns the earliest of three times: `at`, and the times of both clocks when this tick first learned the
    /// vendor's time. Every window was listed after that moment, even if one of the clocks is wrong.
    pub(crate) fn cap_to_first(&self, at: UnixSeconds) -> UnixSeconds {
        self.first.map_or(at, |first| at.min(first))
    }

    /// Returns the seconds by which the vendor's clock was ahead of ours (negative: behind); `None` if the vendor's
    /// clock was always believed.
    pub(crate) fn skew_seconds(&self) -> Option<i64> {
        self.skew_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_clock_near_ours_is_believed() {
        let mut time = VendorTime::default();
        assert_eq!((time.cap(900), time.cap_to_first(900)), (900, 900));
        assert_eq!(time.record_answer(Some(1_300), 1_000), 1_300);
        assert_eq!(time.record_answer(Some(1_400), 1_010), 1_400);
        assert_eq!((time.cap(9_000), time.cap_to_first(9_000), time.cap(7)), (1_400, 1_000, 7));
        assert_eq!(time.skew_seconds(), None);
    }

    #[test]
    fn ok_the_earlier_of_two_clocks_an_hour_apart_is_used() {
        for (vendor, counts) in [(10 + 864_000, 10), (10 - 864_000, 10 - 864_000), (10 + 3_600, 10)] {
            let mut time = VendorTime::default();
            assert_eq!(time.record_answer(Some(vendor), 10), counts);
            assert_eq!((time.cap(i64::MAX), time.skew_seconds()), (counts, Some(vendor - 10)));
        }
    }

    #[test]
    fn ok_an_answer_without_a_time_changes_nothing() {
        let mut time = VendorTime::default();
        assert_eq!(time.record_answer(None, 50), 50);
        time.record_answer(Some(40), 50);
        assert_eq!((time.record_answer(None, 60), time.cap(60)), (40, 40));
    }
}
