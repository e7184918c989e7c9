//! A content item.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// How long content is kept after it became available.
pub(in super::super) const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A content item. Records are meant by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Blob {
    /// When it became available, as it is told.
    pub(in super::super) created: Timestamp,
    /// When it is listed in truth.
    pub(in super::super) listed: Timestamp,
    /// Whether an outage had held it up.
    pub(super) held_up: bool,
    /// The records that are a part of it.
    pub(super) own: Range<u32>,
    /// Records of other blobs, and given ones.
    pub(in super::super) again: Vec<u32>,
}

impl Blob {
    /// How many records it has.
    pub(in super::super) fn len(&self) -> usize {
        self.own.len() + self.again.len()
    }

    /// The records that are a part of it, and not only repeated.
    pub(in super::super) fn own(&self) -> Range<u32> {
        self.own.clone()
    }
}
