//! The length of windows, which adapts to the number of pages that the last windows had.

use std::time::Duration;

use crate::base::policy::VendorPolicy;
use crate::base::time::{UnixSeconds, Window};

/// The next window is longer if the last one had few pages: at most the maximum number of pages divided by this
/// constant.
const FEW_PAGES_DIVISOR: u32 = 3;
/// Windows with too many pages shorten the next window more and more. After this many of them in a row the factor no
/// longer grows.
const MAX_SHORTENING_STEPS: u32 = 3;

/// The length of a listing's next window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowSize {
    seconds: UnixSeconds,
    max_seconds: UnixSeconds,
    /// A window with at least this many pages is too long; `None` if windows are never split.
    max_pages: Option<u32>,
    /// Number of windows in a row that were too long.
    too_long_in_a_row: u32,
}

impl WindowSize {
    /// Returns the size that the head stores, or else the size of the vendor's first window.
    pub(crate) fn new(remembered: Option<UnixSeconds>, policy: &VendorPolicy) -> Self {
        let seconds = remembered.unwrap_or(policy.first_window_seconds).clamp(1, policy.max_window_seconds);
        Self {
            seconds,
            max_seconds: policy.max_window_seconds,
            max_pages: policy.split_after_pages,
            too_long_in_a_row: 0,
        }
    }

    /// Returns the length in seconds.
    pub(crate) fn seconds(self) -> UnixSeconds {
        self.seconds
    }

    /// Returns the maximum length of a window, in seconds.
    pub(crate) fn max_seconds(self) -> UnixSeconds {
        self.max_seconds
    }

    /// Returns `true` if the vendor's windows may be split and `window` has at least two seconds.
    pub(crate) fn can_halve(self, window: Window) -> bool {
        self.max_pages.is_some() && window.seconds() > 1
    }

    /// Returns `true` if the window must be split, because `pages` of its pages are listed and more follow.
    pub(crate) fn is_too_long(self, window: Window, pages: u32) -> bool {
        self.max_pages.is_some_and(|max| pages >= max) && self.can_halve(window)
    }

    /// Returns a size that is half the length of `window`.
    pub(crate) fn halved(self, window: Window) -> Self {
        Self { seconds: (window.seconds() / 2).clamp(1, self.max_seconds), ..self }
    }

    /// Returns the size after a window with too many pages: half the length of that window, a quarter after the second
    /// such window in a row, and a sixteenth after the third. A single second with very many events is thus found after
    /// few windows.
    pub(crate) fn shortened(self, window: Window) -> Self {
        let halvings = 1_u32 << self.too_long_in_a_row.min(MAX_SHORTENING_STEPS);
        let seconds = (window.seconds() >> halvings.min(62)).clamp(1, self.max_seconds);
        Self { seconds, too_long_in_a_row: self.too_long_in_a_row + 1, ..self }
    }

    /// Returns the size after a window that had `pages` pages and took the time `spent`. The size doubles if the window
    /// had few pages and twice the time `spent` is not longer than the time `left` in the tick.
    pub(crate) fn after(self, pages: u32, spent: Duration, left: Duration) -> Self {
        let has_few_pages = self.max_pages.is_some_and(|max| pages * FEW_PAGES_DIVISOR <= max);
        let next_seconds =
            if has_few_pages && spent * 2 <= left { self.seconds.saturating_mul(2) } else { self.seconds };
        Self { seconds: next_seconds.min(self.max_seconds), too_long_in_a_row: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(seconds: UnixSeconds) -> WindowSize {
        WindowSize { seconds, max_seconds: 1_000, max_pages: Some(30), too_long_in_a_row: 0 }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ok_few_pages_make_the_next_window_longer_if_there_is_time() {
        assert_eq!(size(300).after(10, SECOND, SECOND * 2).seconds(), 600);
        assert_eq!(size(300).after(11, SECOND, SECOND * 2).seconds(), 300);
        assert_eq!(size(300).after(10, SECOND, SECOND).seconds(), 300);
        assert_eq!(size(600).after(1, SECOND, SECOND * 9).seconds(), 1_000);
        let never_cut = WindowSize { max_pages: None, ..size(300) };
        assert_eq!(never_cut.after(1, SECOND, SECOND * 9).seconds(), 300);
    }

    #[test]
    fn ok_windows_that_are_too_long_are_shortened_faster_and_faster() {
        let window = |size: WindowSize| Window { from: 0, to: size.seconds() };
        let (mut size, mut seen) = (WindowSize { max_seconds: 86_400, ..size(86_400) }, Vec::new());
        while size.seconds() > 1 {
            size = size.shortened(window(size));
            seen.push(size.seconds());
        }
        assert_eq!(seen, [43_200, 10_800, 675, 2, 1]);
        let again = size.after(99, SECOND, SECOND);
        assert_eq!(again.shortened(Window { from: 0, to: 100 }).seconds(), 50);
    }

    #[test]
    fn ok_a_window_is_halved_down_to_a_second() {
        let window = |seconds| Window { from: 0, to: seconds };
        assert_eq!(size(300).halved(window(100)).seconds(), 50);
        assert_eq!(size(300).halved(window(1)).seconds(), 1);
        assert!(size(300).can_halve(window(2)) && !size(300).can_halve(window(1)));
        assert!(size(300).is_too_long(window(2), 30) && !size(300).is_too_long(window(2), 29));
        assert!(!size(300).is_too_long(window(1), 99));
    }
}
