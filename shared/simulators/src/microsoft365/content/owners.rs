//! The blob that owns each record, stored per blob instead of per record.

use super::super::content_type::ContentType;
use super::blob::Blob;

/// The blob that owns the records from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    first: u32,
    content_type: ContentType,
    place: u32,
}

/// The owners of all records. Records are numbered consecutively, one content type after another.
#[derive(Debug)]
pub(super) struct Owners {
    /// The owners, in the order of their first records.
    owners: Vec<Owner>,
    /// The first number of each content type, and the end of all numbers.
    begin: [u32; 6],
}

impl Owners {
    pub(super) fn new(feeds: &[Vec<Blob>; 5]) -> Self {
        let mut owners = Vec::new();
        let mut begin = [0; 6];
        for (feed, content_type) in feeds.iter().zip(ContentType::ALL) {
            let end = feed.iter().map(|blob| blob.own.end).max();
            begin[content_type.place() + 1] = end.unwrap_or(begin[content_type.place()]);
            for (place, blob) in (0_u32..).zip(feed).filter(|(_, blob)| !blob.own.is_empty()) {
                owners.push(Owner { first: blob.own.start, content_type, place });
            }
        }
        owners.sort_unstable_by_key(|owner| owner.first);
        Self { owners, begin }
    }

    /// Returns the number of records.
    pub(super) fn records(&self) -> u32 {
        self.begin[5]
    }

    /// Returns the feed and the place of the blob that owns a record.
    pub(super) fn owner(&self, record: u32) -> Option<(ContentType, u32)> {
        let after = self.owners.partition_point(|owner| owner.first <= record);
        let owner = self.owners.get(after.checked_sub(1)?)?;
        (record < self.records()).then_some((owner.content_type, owner.place))
    }

    /// Returns the content type of a record.
    pub(super) fn content_type(&self, record: u32) -> ContentType {
        let index = self.begin[1..5].iter().filter(|begin| **begin <= record).count();
        ContentType::ALL[index]
    }

    /// Returns the position of a record among those of its content type, from 1.
    pub(super) fn number(&self, record: u32) -> usize {
        (record - self.begin[self.content_type(record).place()]) as usize + 1
    }

    /// Returns the numbers of the records of a content type.
    pub(super) fn of(&self, content_type: ContentType) -> std::ops::Range<u32> {
        self.begin[content_type.place()]..self.begin[content_type.place() + 1]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_record_has_one_owner() {
        let blob = |own| Blob {
            created: Timestamp::UNIX_EPOCH,
            listed: Timestamp::UNIX_EPOCH,
            is_delayed: false,
            own,
            repeated: vec![0],
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
        assert_eq!((owners.records(), owners.owner(9)), (9, None));
        assert_eq!(owners.of(ContentType::Exchange), 5..5);
    }
}
