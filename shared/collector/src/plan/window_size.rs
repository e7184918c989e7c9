//! How long windows are: they follow how full the last ones were.

use std::time::Duration;

use crate::base::policy::VendorPolicy;
use crate::base::time::{UnixSeconds, Window};

/// A window with at most this share of the pages that make one too long is followed by a longer one.
const FEW_PAGES_DIVISOR: u32 = 3;
/// Windows in a row that were too long after which windows are not shortened any faster.
const MAX_SHORTENING: u32 = 3;

/// The length of a listing's next window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowSize {
    seconds: UnixSeconds,
    max_seconds: UnixSeconds,
    /// A window with more pages is too long; `None`: windows are never cut.
    max_pages: Option<u32>,
    /// Windows in a row that were too long.
    too_long_in_a_row: u32,
}

impl WindowSize {
    /// The size that the head remembers, or the vendor's first.
    pub(crate) fn new(remembered: Option<UnixSeconds>, policy: &VendorPolicy) -> Self {
        let seconds = remembered.unwrap_or(policy.first_window).clamp(1, policy.longest_window);
        Self { seconds, max_seconds: policy.longest_window, max_pages: policy.split_after_pages, too_long_in_a_row: 0 }
    }

    /// In seconds.
    pub(crate) fn seconds(self) -> UnixSeconds {
        self.seconds
    }

    /// The longest that a window may be, in seconds.
    pub(crate) fn max_seconds(self) -> UnixSeconds {
        self.max_seconds
    }

    /// Whether the vendor's windows are cut, and this one can be: vendors list whole seconds.
    pub(crate) fn can_halve(self, window: Window) -> bool {
        self.max_pages.is_some() && window.seconds() > 1
    }

    /// Whether a window with that many pages, and more to come, is better cut.
    pub(crate) fn is_too_long(self, window: Window, pages: u32) -> bool {
        self.max_pages.is_some_and(|max| pages >= max) && self.can_halve(window)
    }

    /// The size after a window that is to be cut in two.
    pub(crate) fn halved(self, window: Window) -> Self {
        Self { seconds: (window.seconds() / 2).clamp(1, self.max_seconds), ..self }
    }

    /// The size after a window with too many pages: a half of it, of a second one in a row a quarter, of a third a
    /// sixteenth. So a crowded second is found after few windows.
    pub(crate) fn shortened(self, window: Window) -> Self {
        let halvings = 1_u32 << self.too_long_in_a_row.min(MAX_SHORTENING);
        let seconds = (window.seconds() >> halvings.min(62)).clamp(1, self.max_seconds);
        Self { seconds, too_long_in_a_row: self.too_long_in_a_row + 1, ..self }
    }

    /// The size after a window of `pages` pages that took `spent`: twice as long when it had few pages and twice
    /// the time fits into what is `left` of the tick.
    pub(crate) fn after(self, pages: u32, spent: Duration, left: Duration) -> Self {
        let few = self.max_pages.is_some_and(|max| pages * FEW_PAGES_DIVISOR <= max);
        let longer = if few && spent * 2 <= left { self.seconds.saturating_mul(2) } else { self.seconds };
        Self { seconds: longer.min(self.max_seconds), too_long_in_a_row: 0, ..self }
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
