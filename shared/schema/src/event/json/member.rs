//! An object's keys, and how they compare.

use std::cmp::Ordering;

/// The number of a value in its document.
pub(crate) type NodeId = u32;

/// The place of a string's content in the text, without the quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StringSpan {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) flags: u8,
}

impl StringSpan {
    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The first sixteen bytes of a key, as a number that sorts in the same way. Most comparisons need no more.
pub(crate) type Prefix = u128;

/// A key and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) prefix: Prefix,
    pub(crate) key: StringSpan,
    pub(crate) value: NodeId,
}

/// Returns the prefix of a key.
pub(crate) fn prefix(key: &[u8]) -> Prefix {
    let mut bytes = [0; size_of::<Prefix>()];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    Prefix::from_be_bytes(bytes)
}

/// Returns the prefix of the key from `start` to `end` in a text. It reads past the end of the key and masks those bytes,
/// which is faster than reading exactly the key.
pub(super) fn prefix_in(text: &[u8], start: usize, end: usize) -> Prefix {
    let Some(chunk) = text.get(start..).and_then(<[u8]>::first_chunk) else { return prefix(&text[start..end]) };
    let bits = u32::try_from(8 * (end - start)).unwrap_or(u32::MAX);
    let past = Prefix::MAX.checked_shr(bits).unwrap_or(0);
    Prefix::from_be_bytes(*chunk) & !past
}

/// Compares two keys of equal prefix. It reads their bytes only where one of the keys is longer than the prefix.
pub(super) fn compare_rest(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() <= size_of::<Prefix>() && b.len() <= size_of::<Prefix>() { a.len().cmp(&b.len()) } else { a.cmp(b) }
}
