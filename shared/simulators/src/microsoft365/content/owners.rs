//! Finds the blob that owns a record. The table has one entry per blob, not per record, to save memory.

use super::super::content_type::ContentType;
use super::blob::Blob;

/// A blob and the number of the first record that it owns. It owns the records from this one up to the first record of
/// the next owner, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    first_record: u32,
    content_type: ContentType,
    blob_index: u32,
}

/// The blobs that own records. Records are numbered from 0, first all of one content type, then all of the next one.
#[derive(Debug)]
pub(super) struct Owners {
    /// The blobs, in the order of their first records.
    owners: Vec<Owner>,
    /// The number of the first record of each content type, and at the end the number of all records.
    first_numbers: [u32; 6],
}

impl Owners {
    pub(super) fn new(feeds: &[Vec<Blob>; 5]) -> Self {
        let mut owners = Vec::new();
        let mut first_numbers = [0; 6];
        for (feed, content_type) in feeds.iter().zip(ContentType::ALL) {
            let end = feed.iter().map(|blob| blob.own_records.end).max();
            first_numbers[content_type.index() + 1] = end.unwrap_or(first_numbers[content_type.index()]);
            for (index, blob) in (0_u32..).zip(feed).filter(|(_, blob)| !blob.own_records.is_empty()) {
                owners.push(Owner { first_record: blob.own_records.start, content_type, blob_index: index });
            }
        }
        owners.sort_unstable_by_key(|owner| owner.first_record);
        Self { owners, first_numbers }
    }

    /// Returns the number of all records.
    pub(super) fn record_count(&self) -> u32 {
        self.first_numbers[5]
    }

    /// Returns the content type of the blob that owns the record, and the blob's index in its feed; `None` if there is
    /// no such record.
    pub(super) fn owner(&self, record: u32) -> Option<(ContentType, u32)> {
        let after = self.owners.partition_point(|owner| owner.first_record <= record);
        let owner = self.owners.get(after.checked_sub(1)?)?;
        (record < self.record_count()).then_some((owner.content_type, owner.blob_index))
    }

    /// Returns the content type of a record.
    pub(super) fn content_type(&self, record: u32) -> ContentType {
        let index = self.first_numbers[1..5].iter().filter(|first| **first <= record).count();
        ContentType::ALL[index]
    }

    /// Returns the position of a record among the records of its content type, from 1.
    pub(super) fn number(&self, record: u32) -> usize {
        (record - self.first_numbers[self.content_type(record).index()]) as usize + 1
    }

    /// Returns the numbers of all records of a content type.
    pub(super) fn numbers_of(&self, content_type: ContentType) -> std::ops::Range<u32> {
        self.first_numbers[content_type.index()]..self.first_numbers[content_type.index() + 1]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_record_has_one_owner() {
        let blob = |own_records| Blob {
            created: Timestamp::UNIX_EPOCH,
            listed_at: Timestamp::UNIX_EPOCH,
            is_delayed: false,
            own_records,
            repeated_records: vec![0],
        };
        let feeds = [vec![blob(2..5), blob(0..2)], vec![], vec![blob(5..6)], vec![], vec![blob(7..9), blob(6..7)]];
        let owners = Owners::new(&feeds);
        let (entra, sharepoint, dlp) = (ContentType::Entra, ContentType::SharePoint, ContentType::Dlp);
        let found: Vec<_> = (0..9).map(|record| owners.owner(record).unwrap()).collect();
        let expected =
            [(entra, 1), (entra, 1), (entra, 0), (entra, 0), (entra, 0), (sharepoint, 0), (dlp, 1), (dlp, 0), (dlp, 0)];
        assert_eq!(found, expected);
        assert!((0..9).zip(expected).all(|(record, (content_type, _))| owners.content_type(record) == content_type));
        assert_eq!([0, 4, 5, 6, 8].map(|record| owners.number(record)), [1, 5, 1, 1, 3]);
        assert_eq!((owners.record_count(), owners.owner(9)), (9, None));
        assert_eq!(owners.numbers_of(ContentType::Exchange), 5..5);
    }
}
