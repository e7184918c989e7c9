//! The ledger as tests read it. The text of a record is generated each time it is read.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::content::{Content, RETENTION};
use super::super::content_type::ContentType;
use super::bit_set::BitSet;
use super::tally::{RecordTally, id_number, record_id_number};
use super::writer::{VisibleBlob, form_of};

/// All blobs that were available until this ledger was requested. It does not change when further blobs become
/// available. It needs about forty bytes per blob.
#[derive(Debug, Clone)]
pub struct Ledger {
    content: Arc<Content>,
    visible_blobs: Vec<VisibleBlob>,
}

/// A blob that was available to clients, at least for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableBlob {
    /// The blob's content type.
    pub content_type: ContentType,
    /// The blob's `contentId`.
    pub id: String,
    /// The blob's `contentCreated`.
    pub created: Timestamp,
    /// The time from which the blob can be neither listed nor fetched. It is seven days after `created`, whatever
    /// `contentExpiration` listings show.
    pub expires: Timestamp,
    /// The time at which the blob became visible to clients.
    pub visible_at: Timestamp,
    /// The number of the blob's records, including those that other blobs have, too.
    pub records: usize,
    visible: VisibleBlob,
}

/// A record that was available to clients, at least for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableRecord {
    /// The record's log type.
    pub log_type: &'static str,
    /// The record's JSON, as it was sent.
    pub raw: String,
    /// The time at which the record became visible to clients.
    pub visible_at: Timestamp,
    /// The time from which no blob has the record any more.
    pub visible_until: Timestamp,
}

impl Ledger {
    pub(in super::super) fn new(content: Arc<Content>, visible_blobs: Vec<VisibleBlob>) -> Self {
        Self { content, visible_blobs }
    }

    /// Returns every blob that was available, in the order in which they became visible. A blob is returned twice if
    /// clients could get its records in two forms.
    pub fn blobs(&self) -> impl Iterator<Item = AvailableBlob> {
        self.visible_blobs.iter().map(|visible| AvailableBlob {
            content_type: visible.content_type,
            id: self.content.id(visible.content_type, visible.number as usize),
            created: visible.created,
            expires: visible.expires(),
            visible_at: visible.visible_at,
            records: self.content.feeds[visible.content_type.index()][visible.number as usize].len(),
            visible: *visible,
        })
    }

    /// Returns the JSON of a blob's records, in the order in which they are sent. The blob must come from this ledger.
    pub fn records_of(&self, blob: &AvailableBlob) -> impl Iterator<Item = String> {
        let VisibleBlob { content_type, number, form, .. } = blob.visible;
        let records = self.content.record_numbers(content_type, number as usize);
        records.into_iter().map(move |record| self.content.record_text(record, form))
    }

    /// Returns every distinct record that was available, in the order in which they became visible. A record that blobs
    /// of two content types have is returned for each of them. Its text is generated when the iterator reaches it.
    pub fn records(&self) -> impl Iterator<Item = AvailableRecord> {
        let expiry = RecordExpiry::new(self);
        self.distinct_records().map(move |(record, visible)| AvailableRecord {
            log_type: visible.content_type.log_type(),
            raw: self.content.record_text(record, form_of(&self.content, record, visible.form)),
            visible_at: visible.visible_at,
            visible_until: expiry.visible_until(self, record, visible),
        })
    }

    /// Returns the number of every distinct record, with the first blob that has it.
    fn distinct_records(&self) -> impl Iterator<Item = (u32, &VisibleBlob)> {
        let mut seen: [[BitSet; 2]; 5] = Default::default();
        self.visible_blobs.iter().flat_map(move |visible| {
            let seen = &mut seen[visible.content_type.index()];
            let mut new = self.content.record_numbers(visible.content_type, visible.number as usize);
            new.retain(|record| seen[form_of(&self.content, *record, visible.form) as usize].insert(*record));
            new.into_iter().map(move |record| (record, visible))
        })
    }

    /// Returns all available records as numbers, to compare them with the delivered ones. It generates every record
    /// once and needs 16 bytes per record.
    ///
    /// `identify` returns the number that stands for a record, for example its [`identity`](super::identity), or one
    /// made from the row id of its line.
    pub fn tally(&self, mut identify: impl FnMut(&AvailableRecord) -> u128) -> RecordTally {
        let mut tally = RecordTally::default();
        for record in self.records() {
            tally.add(record.log_type, identify(&record));
        }
        tally
    }

    /// Returns all available records, each represented by its [`id_number`]. No record is generated, so millions of
    /// records take only seconds. Comparing them does not detect records with wrong content.
    pub fn tally_by_id(&self) -> RecordTally {
        let mut tally = RecordTally::default();
        for (record, visible) in self.distinct_records() {
            let id = match self.content.record_id(record) {
                Some(text) => id_number(&text),
                None => record_id_number(&self.content.record_text(record, visible.form)),
            };
            tally.add(visible.content_type.log_type(), id.unwrap_or_default());
        }
        tally
    }
}

impl VisibleBlob {
    fn expires(&self) -> Timestamp {
        self.created.saturating_add(RETENTION).unwrap_or(Timestamp::MAX)
    }
}

/// Finds, for each record, the time from which no blob has it any more. To save memory it stores the expiry of every
/// blob, which holds for the records that the blob owns, and the latest expiry of each repeated record by content type.
struct RecordExpiry {
    by_blob: HashMap<(ContentType, u32), Timestamp>,
    by_repeated_record: HashMap<(ContentType, u32), Timestamp>,
}

impl RecordExpiry {
    fn new(ledger: &Ledger) -> Self {
        let mut expiry = Self { by_blob: HashMap::new(), by_repeated_record: HashMap::new() };
        for visible in &ledger.visible_blobs {
            expiry.by_blob.insert((visible.content_type, visible.number), visible.expires());
            for record in &ledger.content.feeds[visible.content_type.index()][visible.number as usize].repeated_records
            {
                let until = expiry.by_repeated_record.entry((visible.content_type, *record)).or_insert(Timestamp::MIN);
                *until = visible.expires().max(*until);
            }
        }
        expiry
    }

    fn visible_until(&self, ledger: &Ledger, record: u32, visible: &VisibleBlob) -> Timestamp {
        let owner = ledger.content.owner(record).filter(|(owner, _)| *owner == visible.content_type);
        let owner = owner.and_then(|owner| self.by_blob.get(&owner));
        let repeated = self.by_repeated_record.get(&(visible.content_type, record));
        owner.into_iter().chain(repeated).copied().max().unwrap_or_else(|| visible.expires())
    }
}
