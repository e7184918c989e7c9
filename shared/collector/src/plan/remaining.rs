//! The parts of a span that are still to be listed, and the choice of the next window.

use std::collections::BTreeSet;

use crate::base::time::{UnixSeconds, Window};

/// The choice of the window that is taken next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The oldest window.
    Oldest,
    /// The newest window.
    Newest,
    /// A window chosen by this random number.
    Random(u64),
}

/// The parts of a span that are still to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remaining {
    /// The parts. They are disjoint and not empty, the oldest first.
    parts: Vec<Window>,
    /// Seconds at which windows must begin or end. No window extends across one.
    borders: BTreeSet<UnixSeconds>,
}

impl Remaining {
    /// Returns all of `span` without the `pending` windows, which are tried again on their own schedules.
    pub(crate) fn new(span: Window, pending: impl Iterator<Item = Window>) -> Self {
        let mut parts = vec![span];
        for window in pending {
            parts = parts.into_iter().flat_map(|part| part.without(window)).collect();
        }
        Self { parts, borders: BTreeSet::new() }
    }

    /// Returns `true` if everything was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the first second that is still to be listed; `None` if nothing is left.
    pub(crate) fn first_second(&self) -> Option<UnixSeconds> {
        self.parts.first().map(|part| part.from)
    }

    /// Returns the number of seconds that are still to be listed.
    #[cfg(test)]
    pub(crate) fn seconds(&self) -> UnixSeconds {
        self.parts.iter().map(|part| part.seconds()).sum()
    }

    /// Takes a window of at most `seconds`. Returns `None` if nothing is left.
    pub(crate) fn take(&mut self, choice: Choice, seconds: UnixSeconds) -> Option<Window> {
        let seconds = seconds.max(1);
        let window = match choice {
            Choice::Oldest => {
                let part = *self.parts.first()?;
                Window { to: part.to.min(part.from.saturating_add(seconds)), ..part }
            }
            Choice::Newest => {
                let part = *self.parts.last()?;
                Window { from: part.from.max(part.to.saturating_sub(seconds)), ..part }
            }
            Choice::Random(number) => self.nth_window(number, seconds)?,
        };
        self.parts = self.parts.iter().flat_map(|part| part.without(window)).collect();
        Some(window)
    }

    /// Returns the window that `number` chooses, as if all parts were split into windows of `seconds`.
    fn nth_window(&self, number: u64, seconds: UnixSeconds) -> Option<Window> {
        let windows = |part: &Window| part.seconds().unsigned_abs().div_ceil(seconds.unsigned_abs());
        let count: u64 = self.parts.iter().map(windows).sum();
        let mut index = number.checked_rem(count)?;
        for part in &self.parts {
            if index < windows(part) {
                let from = part.from.saturating_add(index.cast_signed().saturating_mul(seconds));
                return Some(Window { from, to: part.to.min(from.saturating_add(seconds)) });
            }
            index -= windows(part);
        }
        None
    }

    /// Makes `dense`, which has many events, a window of its own from now on. So the time before and after it can be
    /// listed in longer windows.
    pub(crate) fn separate(&mut self, dense: Window) {
        self.borders.extend([dense.from, dense.to]);
        let inside = |part: &Window| Window { from: part.from.max(dense.from), to: part.to.min(dense.to) };
        let cut = |part: Window| part.without(dense).chain([inside(&part)]).filter(|part| part.from < part.to);
        self.parts = std::mem::take(&mut self.parts).into_iter().flat_map(cut).collect();
        self.parts.sort_unstable();
    }

    /// Puts back a window that was taken and not listed.
    pub(crate) fn put_back(&mut self, window: Window) {
        self.parts.push(window);
        self.parts.sort_unstable();
        let mut joined: Vec<Window> = Vec::with_capacity(self.parts.len());
        for part in self.parts.drain(..) {
            match joined.last_mut() {
                Some(last) if last.to >= part.from && !self.borders.contains(&part.from) => {
                    last.to = last.to.max(part.to)
                }
                _ => joined.push(part),
            }
        }
        self.parts = joined;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn window(from: i64, to: i64) -> Window {
        Window { from, to }
    }

    #[test]
    fn ok_pending_spans_are_left_out() {
        let pending = [window(3, 5), window(8, 20)];
        let mut remaining = Remaining::new(window(0, 10), pending.into_iter());
        let mut taken = Vec::new();
        while let Some(window) = remaining.take(Choice::Oldest, 2) {
            taken.push(window);
        }
        assert_eq!(taken, [window(0, 2), window(2, 3), window(5, 7), window(7, 8)]);
        assert!(remaining.is_empty() && remaining.first_second().is_none());
    }

    #[test]
    fn ok_the_newest_window_is_taken_from_the_end() {
        let mut remaining = Remaining::new(window(0, 10), std::iter::empty());
        assert_eq!(remaining.take(Choice::Newest, 4), Some(window(6, 10)));
        assert_eq!(remaining.take(Choice::Newest, 4), Some(window(2, 6)));
        assert_eq!(remaining.take(Choice::Newest, 4), Some(window(0, 2)));
        assert_eq!(remaining.take(Choice::Newest, 4), None);
    }

    #[test]
    fn ok_a_random_window_can_be_any_and_leaves_the_rest() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..100 {
            let mut remaining = Remaining::new(window(0, 10), std::iter::once(window(4, 6)));
            let taken = remaining.take(Choice::Random(number), 3).unwrap();
            seen.insert(taken);
            remaining.put_back(taken);
            assert_eq!(remaining, Remaining::new(window(0, 10), std::iter::once(window(4, 6))));
        }
        assert_eq!(Vec::from_iter(seen), [window(0, 3), window(3, 4), window(6, 9), window(9, 10)]);
        assert_eq!(Remaining { parts: vec![], borders: BTreeSet::new() }.take(Choice::Random(7), 3), None);
    }

    #[test]
    fn ok_a_dense_part_becomes_a_window_of_its_own() {
        let mut remaining = Remaining::new(window(0, 100), std::iter::empty());
        let taken = remaining.take(Choice::Oldest, 80).unwrap();
        remaining.put_back(taken);
        remaining.separate(window(40, 41));
        let mut windows = Vec::new();
        while let Some(window) = remaining.take(Choice::Oldest, 50) {
            windows.push(window);
        }
        assert_eq!(windows, [window(0, 40), window(40, 41), window(41, 91), window(91, 100)]);
        // The windows stay separate after they are put back.
        remaining.put_back(window(40, 41));
        remaining.put_back(window(0, 40));
        assert_eq!(remaining.take(Choice::Oldest, 50), Some(window(0, 40)));
    }

    #[test]
    fn ok_windows_put_back_are_joined_again() {
        let mut remaining = Remaining::new(window(0, 10), std::iter::empty());
        let first = remaining.take(Choice::Oldest, 3).unwrap();
        let second = remaining.take(Choice::Oldest, 3).unwrap();
        assert_eq!(remaining.first_second(), Some(6));
        remaining.put_back(first);
        assert_eq!(remaining.first_second(), Some(0));
        remaining.put_back(second);
        assert_eq!(remaining, Remaining::new(window(0, 10), std::iter::empty()));
    }
}
