//! Pages of blobs, and the positions from which a next page continues.

use jiff::Timestamp;

use super::super::window::Window;
use crate::seeded_rng::{hash, mix};

/// The largest number of empty pages that follow each other.
const MAX_EMPTY_PAGES: u8 = 3;

/// The indices of a page's blobs in their feed, and the position at which the next page begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<usize>,
    pub(super) next_position: Option<PagePosition>,
}

/// The position at which a page begins: the index of a blob in its feed, and the number of empty pages that were sent
/// at this index before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PagePosition {
    pub(super) index: usize,
    pub(super) empty_pages: u8,
}

impl Page {
    /// Returns the page that begins at `from` and has at most `size` blobs. `length` is the number of blobs in the
    /// feed, and `created` returns the time at which the blob with an index became available, or `None` if it is not
    /// visible.
    ///
    /// A blob that is listed late has a higher index than those that were listed before it, so it does not shift the
    /// pages.
    pub(super) fn new(
        length: usize,
        window: Window,
        from: PagePosition,
        size: usize,
        created: impl Fn(usize) -> Option<Timestamp>,
    ) -> Self {
        let in_window = |at: Timestamp| window.start <= at && at < window.end;
        let mut matching = (from.index..length).filter(|index| created(*index).is_some_and(in_window));
        let blobs = matching.by_ref().take(size.max(1)).collect();
        Self { blobs, next_position: matching.next().map(|index| PagePosition { index, empty_pages: 0 }) }
    }

    /// Returns an empty page; the next page begins at the same blob. `None` if [`MAX_EMPTY_PAGES`] were sent at this
    /// blob already.
    pub(super) fn empty(from: PagePosition) -> Option<Self> {
        let next = PagePosition { index: from.index, empty_pages: from.empty_pages + 1 };
        (next.empty_pages <= MAX_EMPTY_PAGES).then_some(Self { blobs: Vec::new(), next_position: Some(next) })
    }
}

impl PagePosition {
    /// Returns the position as an opaque text for the URL of the next page. Its checksum makes it valid only for the
    /// list with the name `list`.
    pub(super) fn to_text(self, seed: u64, list: &str) -> String {
        format!("{:02x}{:08x}{:016x}", self.empty_pages, self.index, self.checksum(seed, list))
    }

    /// Parses a text that [`Self::to_text`] returned; `None` if it is malformed or belongs to another list.
    pub(super) fn parse(text: &str, seed: u64, list: &str) -> Option<Self> {
        let empty_pages = u8::from_str_radix(text.get(..2)?, 16).ok().filter(|pages| *pages <= MAX_EMPTY_PAGES)?;
        let index = usize::from_str_radix(text.get(2..10)?, 16).ok()?;
        let given = u64::from_str_radix(text.get(10..)?, 16).ok()?;
        let position = Self { index, empty_pages };
        (given == position.checksum(seed, list)).then_some(position)
    }

    fn checksum(self, seed: u64, list: &str) -> u64 {
        mix(seed ^ hash(list) ^ mix(self.index as u64) ^ u64::from(self.empty_pages))
    }
}

/// Returns a text that names the list of blobs of one content type in one window.
pub(super) fn list_name(content_type: &str, window: Window) -> String {
    format!("{content_type} {} {}", window.start, window.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn check(from: usize, size: usize, blobs: &[usize], next: Option<usize>) {
        // The times at which the blobs of a feed became available, in the order of the feed. The last blob is listed
        // late.
        let feed = [1, 5, 5, 7, 9, 6];
        let window = Window { start: at(5), end: at(9) };
        let position = |index| PagePosition { index, empty_pages: 0 };
        let expected = Page { blobs: blobs.to_vec(), next_position: next.map(position) };
        let page = Page::new(feed.len(), window, position(from), size, |index| Some(at(feed[index])));
        assert_eq!(page, expected, "from {from}, {size}");
    }

    #[test]
    fn b47_the_start_belongs_to_a_window_and_the_end_does_not() {
        check(0, 10, &[1, 2, 3, 5], None);
    }

    #[test]
    fn b48_pages_neither_overlap_nor_leave_gaps() {
        check(0, 2, &[1, 2], Some(3));
        check(3, 2, &[3, 5], None);
        check(6, 2, &[], None);
    }

    #[test]
    fn b48_empty_pages_have_an_end() {
        let mut from = PagePosition { index: 7, empty_pages: 0 };
        for _ in 0..MAX_EMPTY_PAGES {
            let page = Page::empty(from).unwrap();
            assert!(page.blobs.is_empty() && page.next_position != Some(from));
            from = page.next_position.unwrap();
            assert_eq!(from.index, 7);
        }
        assert_eq!(Page::empty(from), None);
    }

    #[test]
    fn b49_links_are_valid_for_their_list_only() {
        let position = PagePosition { index: 3, empty_pages: 1 };
        let text = position.to_text(7, "a");
        assert_eq!(PagePosition::parse(&text, 7, "a"), Some(position));
        for (seed, list, text) in
            [(7, "b", text.as_str()), (8, "a", &text), (7, "a", "0"), (7, "a", "ü-+~no link at all"), (7, "a", "")]
        {
            assert_eq!(PagePosition::parse(text, seed, list), None);
        }
    }
}
