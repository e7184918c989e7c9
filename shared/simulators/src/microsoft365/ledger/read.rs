//! The part of the ledger that tests read. Records are made when they are needed, and none is kept.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::content::{Content, RETENTION};
use super::super::content_type::ContentType;
use super::account::{Account, id, id_of};
use super::bits::Bits;
use super::writer::{VisibleBlob, form};

/// The content that was available at the time of the call. It holds about forty bytes per blob.
#[derive(Debug, Clone)]
pub struct Ledger {
    content: Arc<Content>,
    visible: Vec<VisibleBlob>,
}

/// A blob that was available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableBlob {
    /// The content type whose feed lists it.
    pub content_type: ContentType,
    /// The blob's `contentId`.
    pub id: String,
    /// The blob's `contentCreated`.
    pub created: Timestamp,
    /// The time from which it is neither listed nor fetched: its `contentExpiration`.
    pub expires: Timestamp,
    /// The time when it became visible.
    pub at: Timestamp,
    /// The number of its records, with repetitions.
    pub records: usize,
    visible: VisibleBlob,
}

/// A record that was available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// The record's log type.
    pub log_type: &'static str,
    /// The record as it was sent.
    pub raw: String,
    /// The time when it became visible.
    pub at: Timestamp,
    /// The expiry of the last blob that has it.
    pub until: Timestamp,
}

impl Ledger {
    pub(in super::super) fn new(content: Arc<Content>, visible: Vec<VisibleBlob>) -> Self {
        Self { content, visible }
    }

    /// Returns every blob that was available, in the order in which they became visible. A blob is returned twice if
    /// its records were sent in both forms.
    pub fn blobs(&self) -> impl Iterator<Item = AvailableBlob> {
        self.visible.iter().map(|visible| AvailableBlob {
            content_type: visible.content_type,
            id: self.content.id(visible.content_type, visible.number as usize),
            created: visible.created,
            expires: visible.expires(),
            at: visible.at,
            records: self.content.feeds[visible.content_type.place()][visible.number as usize].len(),
            visible: *visible,
        })
    }

    /// Returns the records of a blob of this ledger in the order in which they are sent, with repeated ones.
    pub fn records_of(&self, blob: &AvailableBlob) -> impl Iterator<Item = String> {
        let VisibleBlob { content_type, number, form, .. } = blob.visible;
        let records = self.content.records(content_type, number as usize);
        records.into_iter().map(move |record| self.content.raw(record, form))
    }

    /// Returns every distinct record that was available, once per log type, in the order in which they became visible.
    /// Each record is made when the iterator reaches it.
    pub fn records(&self) -> impl Iterator<Item = Available> {
        let last = Last::new(self);
        self.numbers().map(move |(record, visible)| Available {
            log_type: visible.content_type.log_type(),
            raw: self.content.raw(record, form(&self.content, record, visible.form)),
            at: visible.at,
            until: last.until(self, record, visible),
        })
    }

    /// Returns every distinct record, with the blob that showed it first.
    fn numbers(&self) -> impl Iterator<Item = (u32, &VisibleBlob)> {
        let mut seen: [[Bits; 2]; 5] = Default::default();
        self.visible.iter().flat_map(move |visible| {
            let seen = &mut seen[visible.content_type.place()];
            let mut new = self.content.records(visible.content_type, visible.number as usize);
            new.retain(|record| seen[form(&self.content, *record, visible.form) as usize].insert(*record));
            new.into_iter().map(move |record| (record, visible))
        })
    }

    /// Returns an account of all records, to compare with the delivered ones. It needs 16 bytes per record and makes
    /// every record once.
    ///
    /// `identify` returns the number of a record, for example its [`identity`](super::identity) or the row id of its
    /// line.
    pub fn account(&self, mut identify: impl FnMut(&Available) -> u128) -> Account {
        let mut account = Account::default();
        for record in self.records() {
            account.add(record.log_type, identify(&record));
        }
        account
    }

    /// Returns an account of all records by their [`Id`](super::id). No record is made, so millions of records take
    /// seconds, but the content of records is not compared.
    pub fn account_by_id(&self) -> Account {
        let mut account = Account::default();
        for (record, visible) in self.numbers() {
            let id = match self.content.record_id(record) {
                Some(text) => id(&text),
                None => id_of(&self.content.raw(record, visible.form)),
            };
            account.add(visible.content_type.log_type(), id.unwrap_or_default());
        }
        account
    }
}

impl VisibleBlob {
    fn expires(&self) -> Timestamp {
        self.created.saturating_add(RETENTION).unwrap_or(Timestamp::MAX)
    }
}

/// The expiry of records, stored per blob and, for repeated records, per record.
struct Last {
    blobs: HashMap<(ContentType, u32), Timestamp>,
    repeated: HashMap<(ContentType, u32), Timestamp>,
}

impl Last {
    fn new(ledger: &Ledger) -> Self {
        let mut last = Self { blobs: HashMap::new(), repeated: HashMap::new() };
        for visible in &ledger.visible {
            last.blobs.insert((visible.content_type, visible.number), visible.expires());
            for record in &ledger.content.feeds[visible.content_type.place()][visible.number as usize].repeated {
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
