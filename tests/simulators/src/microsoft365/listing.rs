//! Pages of content items, and the links from one to the next.

use jiff::Timestamp;

use super::blobs::Blob;
use super::window::Window;
use crate::dice::{hash, mix};

/// A page: places in the feed, and where the next page begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) blobs: Vec<usize>,
    pub(super) next: Option<usize>,
}

/// The page of a feed that begins at `from`. A blob has its place for good: one that is listed
/// late stands behind all those that were listed before it, and shifts none.
pub(super) fn page(
    feed: &[Blob],
    window: Window,
    from: usize,
    size: usize,
    is_visible: impl Fn(&Blob) -> bool,
) -> Page {
    let in_window = |blob: &Blob| window.start <= blob.created && blob.created < window.end;
    let mut matching = (from..feed.len()).filter(|place| in_window(&feed[*place]) && is_visible(&feed[*place]));
    let blobs = matching.by_ref().take(size.max(1)).collect();
    Page { blobs, next: matching.next() }
}

/// The opaque part of a link: where to begin, and a mark that it was given out for this very list.
pub(super) fn link(seed: u64, list: &str, place: usize) -> String {
    format!("{place:08x}{:016x}", mark(seed, list, place))
}

/// Reads it back; none when it is not one of ours, or not for this list.
pub(super) fn followed(seed: u64, list: &str, link: &str) -> Option<usize> {
    let place = usize::from_str_radix(link.get(..8)?, 16).ok()?;
    let given = u64::from_str_radix(link.get(8..)?, 16).ok()?;
    (given == mark(seed, list, place)).then_some(place)
}

fn mark(seed: u64, list: &str, place: usize) -> u64 {
    mix(seed ^ hash(list) ^ mix(place as u64))
}

/// What a list is of: a content type and a window.
pub(super) fn list_name(content_type: &str, start: Timestamp, end: Timestamp) -> String {
    format!("{content_type} {start} {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn check(from: usize, size: usize, blobs: &[usize], next: Option<usize>) {
        // Available at the seconds 1, 5, 5, 7, 9, 6; the last is listed late.
        let feed = [1, 5, 5, 7, 9, 6].map(|second| Blob {
            id: String::new(),
            created: at(second),
            listed: at(second),
            records: Vec::new(),
            is_shown: false,
        });
        let window = Window { start: at(5), end: at(9) };
        let expected = Page { blobs: blobs.to_vec(), next };
        assert_eq!(page(&feed, window, from, size, |_| true), expected, "from {from}, {size}");
    }

    #[test]
    fn the_start_belongs_to_a_window_and_the_end_does_not() {
        check(0, 10, &[1, 2, 3, 5], None);
    }

    #[test]
    fn pages_tile() {
        check(0, 2, &[1, 2], Some(3));
        check(3, 2, &[3, 5], None);
        check(6, 2, &[], None);
    }

    #[test]
    fn links_hold_for_their_list_only() {
        let link = link(7, "a", 3);
        assert_eq!(followed(7, "a", &link), Some(3));
        for (seed, list, link) in
            [(7, "b", link.as_str()), (8, "a", &link), (7, "a", "0"), (7, "a", "ü-+~no link at all")]
        {
            assert_eq!(followed(seed, list, link), None);
        }
    }
}
