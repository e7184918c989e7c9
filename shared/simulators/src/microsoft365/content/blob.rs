//! A blob: several records of one content type that became available together.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// Time for which the vendor keeps content after it became available.
pub(in super::super) const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A blob of a feed. It holds the numbers of its records instead of their texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Blob {
    /// The time at which the blob became available: the `contentCreated` of listings.
    pub(in super::super) created: Timestamp,
    /// The time from which listings can show the blob. It is later than `created` if the blob is late.
    pub(in super::super) listed_at: Timestamp,
    /// `true` if an outage of the vendor delayed the blob, so that its records are older than usual.
    pub(super) is_delayed: bool,
    /// The records that this blob owns. Every generated record is owned by exactly one blob.
    pub(super) own_records: Range<u32>,
    /// The other records of the blob: generated records that another blob owns, or records that the caller supplied.
    pub(in super::super) repeated_records: Vec<u32>,
}

impl Blob {
    /// Returns the number of the blob's records, including those that another blob owns.
    pub(in super::super) fn len(&self) -> usize {
        self.own_records.len() + self.repeated_records.len()
    }

    /// Returns the records that the blob owns.
    pub(in super::super) fn own_records(&self) -> Range<u32> {
        self.own_records.clone()
    }
}
