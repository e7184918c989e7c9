//! Vendor time in whole seconds, and the time left until a deadline.

use std::time::Duration;

use jiff::Timestamp;

/// Seconds since 1970, UTC.
pub type UnixSeconds = i64;

/// A half-open span `[from, to)` of vendor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first second of the window.
    pub from: UnixSeconds,
    /// The first second after the window.
    pub to: UnixSeconds,
}

impl Window {
    /// Returns the length in seconds.
    pub fn seconds(&self) -> UnixSeconds {
        self.to - self.from
    }

    /// Returns `true` if the two windows share a second.
    pub(crate) fn overlaps(&self, other: &Window) -> bool {
        self.from.max(other.from) < self.to.min(other.to)
    }

    /// Returns the parts of the window outside `other`, the oldest first.
    pub(crate) fn without(self, other: Window) -> impl Iterator<Item = Window> {
        let before = Window { from: self.from, to: self.to.min(other.from) };
        let after = Window { from: self.from.max(other.to), to: self.to };
        let parts = if self.overlaps(&other) { [before, after] } else { [self, Window { from: 0, to: 0 }] };
        parts.into_iter().filter(|part| part.from < part.to)
    }

    /// Returns the two halves, the older first. The window must have at least two seconds.
    pub(crate) fn halves(self) -> [Window; 2] {
        let middle = self.from + self.seconds() / 2;
        [Window { from: self.from, to: middle }, Window { from: middle, to: self.to }]
    }
}

/// Returns the time from `now` to `then`; zero if `then` has passed.
pub fn time_until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn window(from: i64, to: i64) -> Window {
        Window { from, to }
    }

    #[test]
    fn ok_without_removes_the_overlap() {
        let without = |other| window(10, 20).without(other).collect::<Vec<_>>();
        assert_eq!(without(window(12, 15)), [window(10, 12), window(15, 20)]);
        assert_eq!(without(window(5, 15)), [window(15, 20)]);
        assert_eq!(without(window(15, 25)), [window(10, 15)]);
        assert_eq!(without(window(10, 20)), []);
        assert_eq!(without(window(20, 30)), [window(10, 20)]);
        assert_eq!(without(window(15, 15)), [window(10, 20)]);
    }

    #[test]
    fn ok_halves_cover_the_window() {
        assert_eq!(window(10, 13).halves(), [window(10, 11), window(11, 13)]);
        assert_eq!(window(10, 12).halves(), [window(10, 11), window(11, 12)]);
    }

    #[test]
    fn ok_no_time_is_left_until_a_past_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(time_until(at(5), at(7)), Duration::from_secs(2));
        assert_eq!(time_until(at(7), at(5)), Duration::ZERO);
    }
}
