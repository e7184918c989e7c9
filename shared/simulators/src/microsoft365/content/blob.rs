//! A blob of a feed.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// Time for which content is kept after it became available.
pub(in super::super) const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A blob of a feed. It names its records by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Blob {
    /// The time at which it became available, as listings show it.
    pub(in super::super) created: Timestamp,
    /// The time from which it is listed.
    pub(in super::super) listed: Timestamp,
    /// An outage delayed the blob.
    pub(super) is_delayed: bool,
    /// The records that the blob owns.
    pub(super) own: Range<u32>,
    /// Records that other blobs own, and given records.
    pub(in super::super) repeated: Vec<u32>,
}

impl Blob {
    /// Returns the number of its records.
    pub(in super::super) fn len(&self) -> usize {
        self.own.len() + self.repeated.len()
    }

    /// Returns the records that the blob owns.
    pub(in super::super) fn own(&self) -> Range<u32> {
        self.own.clone()
    }
}
