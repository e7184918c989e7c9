//! The members of an object, and the comparison of their keys.

use std::cmp::Ordering;

/// The index of a value in its document.
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

/// The first sixteen bytes of a key as a big-endian number, padded with zeros. It sorts as the bytes do, and decides
/// most comparisons alone.
pub(crate) type Prefix = u128;

/// A key and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) prefix: Prefix,
    pub(crate) key: StringSpan,
    pub(crate) value: NodeId,
}

pub(crate) fn prefix(key: &[u8]) -> Prefix {
    let mut bytes = [0; size_of::<Prefix>()];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    Prefix::from_be_bytes(bytes)
}

/// Returns the prefix of the key at the bytes `start..end` of a text. It reads past the end of the key and masks the
/// surplus bytes, which is faster than reading exactly the key.
pub(super) fn prefix_in(text: &[u8], start: usize, end: usize) -> Prefix {
    let Some(chunk) = text.get(start..).and_then(<[u8]>::first_chunk) else { return prefix(&text[start..end]) };
    let bits = u32::try_from(8 * (end - start)).unwrap_or(u32::MAX);
    let past = Prefix::MAX.checked_shr(bits).unwrap_or(0);
    Prefix::from_be_bytes(*chunk) & !past
}

/// Compares two keys that have the same prefix. It reads their bytes only if one of them is longer than the prefix.
pub(super) fn compare_rest(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() <= size_of::<Prefix>() && b.len() <= size_of::<Prefix>() { a.len().cmp(&b.len()) } else { a.cmp(b) }
}
