//! Pages of content items, and the links from one to the next.

use jiff::Timestamp;

use super::super::window::Window;
use crate::dice::{hash, mix};

/// The most empty pages in a row.
const MAX_EMPTY_PAGES: u8 = 3;

/// A page: places in the feed, and the position at which the next page begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<usize>,
    pub(super) next: Option<Link>,
}

/// The position at which a page begins, and the number of empty pages before it at the same position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) place: usize,
    pub(super) empty: u8,
}

impl Page {
    /// Returns the page of a feed of `length` that begins at `from`. `created` returns when the blob of a place became
    /// available, if it is visible.
    ///
    /// A blob keeps its place: one that is listed late stands behind all those that were listed before it.
    pub(super) fn new(
        length: usize,
        window: Window,
        from: Link,
        size: usize,
        created: impl Fn(usize) -> Option<Timestamp>,
    ) -> Self {
        let in_window = |at: Timestamp| window.start <= at && at < window.end;
        let mut matching = (from.place..length).filter(|place| created(*place).is_some_and(in_window));
        let blobs = matching.by_ref().take(size.max(1)).collect();
        Self { blobs, next: matching.next().map(|place| Link { place, empty: 0 }) }
    }

    /// Returns an empty page before the one that begins at `from`; `None` after [`MAX_EMPTY_PAGES`].
    pub(super) fn empty(from: Link) -> Option<Self> {
        let next = Link { place: from.place, empty: from.empty + 1 };
        (next.empty <= MAX_EMPTY_PAGES).then_some(Self { blobs: Vec::new(), next: Some(next) })
    }
}

impl Link {
    /// Returns the opaque text of the link. It holds a checksum, so that it is valid for this list only.
    pub(super) fn to_text(self, seed: u64, list: &str) -> String {
        format!("{:02x}{:08x}{:016x}", self.empty, self.place, self.mark(seed, list))
    }

    /// Reads a link; `None` if the text is malformed or was issued for another list.
    pub(super) fn read(text: &str, seed: u64, list: &str) -> Option<Self> {
        let empty = u8::from_str_radix(text.get(..2)?, 16).ok().filter(|empty| *empty <= MAX_EMPTY_PAGES)?;
        let place = usize::from_str_radix(text.get(2..10)?, 16).ok()?;
        let given = u64::from_str_radix(text.get(10..)?, 16).ok()?;
        let link = Self { place, empty };
        (given == link.mark(seed, list)).then_some(link)
    }

    fn mark(self, seed: u64, list: &str) -> u64 {
        mix(seed ^ hash(list) ^ mix(self.place as u64) ^ u64::from(self.empty))
    }
}

/// Returns the name of a list, made of its content type and window.
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
        // The times at which the blobs became available. The last blob is listed late.
        let feed = [1, 5, 5, 7, 9, 6];
        let window = Window { start: at(5), end: at(9) };
        let link = |place| Link { place, empty: 0 };
        let expected = Page { blobs: blobs.to_vec(), next: next.map(link) };
        let page = Page::new(feed.len(), window, link(from), size, |place| Some(at(feed[place])));
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
        let mut from = Link { place: 7, empty: 0 };
        for _ in 0..MAX_EMPTY_PAGES {
            let page = Page::empty(from).unwrap();
            assert!(page.blobs.is_empty() && page.next != Some(from));
            from = page.next.unwrap();
            assert_eq!(from.place, 7);
        }
        assert_eq!(Page::empty(from), None);
    }

    #[test]
    fn b49_links_hold_for_their_list_only() {
        let link = Link { place: 3, empty: 1 };
        let text = link.to_text(7, "a");
        assert_eq!(Link::read(&text, 7, "a"), Some(link));
        for (seed, list, text) in
            [(7, "b", text.as_str()), (8, "a", &text), (7, "a", "0"), (7, "a", "ü-+~no link at all"), (7, "a", "")]
        {
            assert_eq!(Link::read(text, seed, list), None);
        }
    }
}
