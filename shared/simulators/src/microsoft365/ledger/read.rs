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
    visible: Vec<VisibleBlob>,
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
    pub at: Timestamp,
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
    pub at: Timestamp,
    /// The time from which no blob has the record any more.
    pub until: Timestamp,
}

impl Ledger {
    pub(in super::super) fn new(content: Arc<Content>, visible: Vec<VisibleBlob>) -> Self {
        Self { content, visible }
    }

    /// Returns every blob that was available, in the order in which they became visible. A blob is returned twice if
    /// clients could get its records in two forms.
    pub fn blobs(&self) -> impl Iterator<Item = AvailableBlob> {
        self.visible.iter().map(|visible| AvailableBlob {
            content_type: visible.content_type,
            id: self.content.id(visible.content_type, visible.number as usize),
            created: visible.created,
            expires: visible.expires(),
            at: visible.at,
            records: self.content.feeds[visible.content_type.index()][visible.number as usize].len(),
            visible: *visible,
        })
    }

    /// Returns the JSON of a blob's records, in the order in which they are sent. The blob must come from this ledger.
    pub fn records_of(&self, blob: &AvailableBlob) -> impl Iterator<Item = String> {
        let VisibleBlob { content_type, number, form, .. } = blob.visible;
        let records = self.content.records(content_type, number as usize);
        records.into_iter().map(move |record| self.content.raw(record, form))
    }

    /// Returns every distinct record that was available, in the order in which they became visible. A record that blobs
    /// of two content types have is returned for each of them. Its text is generated when the iterator reaches it.
    pub fn records(&self) -> impl Iterator<Item = AvailableRecord> {
        let last = RecordExpiry::new(self);
        self.numbers().map(move |(record, visible)| AvailableRecord {
            log_type: visible.content_type.log_type(),
            raw: self.content.raw(record, form_of(&self.content, record, visible.form)),
            at: visible.at,
            until: last.until(self, record, visible),
        })
    }

    /// Returns the number of every distinct record, with the first blob that has it.
    fn numbers(&self) -> impl Iterator<Item = (u32, &VisibleBlob)> {
        let mut seen: [[BitSet; 2]; 5] = Default::default();
        self.visible.iter().flat_map(move |visible| {
            let seen = &mut seen[visible.content_type.index()];
            let mut new = self.content.records(visible.content_type, visible.number as usize);
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
        for (record, visible) in self.numbers() {
            let id = match self.content.record_id(record) {
                Some(text) => id_number(&text),
                None => record_id_number(&self.content.raw(record, visible.form)),
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

/// For each record, the time from which no blob has it any more. The expiry in the blob that owns the record is stored
/// per blob, the one in other blobs per record and content type.
struct RecordExpiry {
    blobs: HashMap<(ContentType, u32), Timestamp>,
    repeated: HashMap<(ContentType, u32), Timestamp>,
}

impl RecordExpiry {
    fn new(ledger: &Ledger) -> Self {
        let mut last = Self { blobs: HashMap::new(), repeated: HashMap::new() };
        for visible in &ledger.visible {
            last.blobs.insert((visible.content_type, visible.number), visible.expires());
            for record in &ledger.content.feeds[visible.content_type.index()][visible.number as usize].repeated {
                let until = last.repeated.entry((visible.content_type, *record)).or_insert(Timestamp::MIN);
                *until = visible.expires().max(*until);
            }
        }
        last
    }

    fn until(&self, ledger: &Ledger, record: u32, visible: &VisibleBlob) -> Timestamp {
        let owner = ledger.content.owner(record).filter(|(owner, _)| *owner == visible.content_type);
        let owner = owner.and_then(|owner| self.blobs.get(&owner));
        let repeated = self.repeated.get(&(visible.content_type, record));
        owner.into_iter().chain(repeated).copied().max().unwrap_or_else(|| visible.expires())
    }
}
