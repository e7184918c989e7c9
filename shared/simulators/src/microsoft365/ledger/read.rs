//! The ledger as it is read: records are made as they are asked for, and none is held.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::content::{Content, KEPT};
use super::super::content_type::ContentType;
use super::account::{Account, id, id_of};
use super::bits::Bits;
use super::book::{Shown, form};

/// What had been made available when it was asked for. It holds some forty bytes a blob.
#[derive(Debug, Clone)]
pub struct Ledger {
    content: Arc<Content>,
    shown: Vec<Shown>,
}

/// A blob that was made available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableBlob {
    /// The feed it is listed in.
    pub content_type: ContentType,
    /// Its `contentId`.
    pub id: String,
    /// Its `contentCreated`.
    pub created: Timestamp,
    /// Its `contentExpiration`: not listed nor to be fetched from then on.
    pub expires: Timestamp,
    /// When it became visible.
    pub at: Timestamp,
    /// How many records it has, each as often as it is in it.
    pub records: usize,
    shown: Shown,
}

/// A record that was made available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// Its log type.
    pub log_type: &'static str,
    /// The record as it was sent.
    pub raw: String,
    /// When it became visible.
    pub at: Timestamp,
    /// When the last blob expires that has it.
    pub until: Timestamp,
}

impl Ledger {
    pub(in super::super) fn new(content: Arc<Content>, shown: Vec<Shown>) -> Self {
        Self { content, shown }
    }

    /// Every blob that was made available, in the order in which that came about. One whose records
    /// were sent with less in them than the token before was permitted stands there twice.
    pub fn blobs(&self) -> impl Iterator<Item = AvailableBlob> {
        self.shown.iter().map(|shown| AvailableBlob {
            content_type: shown.content_type,
            id: self.content.id(shown.content_type, shown.number as usize),
            created: shown.created,
            expires: shown.expires(),
            at: shown.at,
            records: self.content.feeds[shown.content_type.place()][shown.number as usize].len(),
            shown: *shown,
        })
    }

    /// The records of a blob of this ledger, in the order in which they are sent, repeated ones too.
    pub fn records_of(&self, blob: &AvailableBlob) -> impl Iterator<Item = String> {
        let Shown { content_type, number, form, .. } = blob.shown;
        let records = self.content.records(content_type, number as usize);
        records.into_iter().map(move |record| self.content.raw(record, form))
    }

    /// Every distinct record that was made available, once for each log type it is of, in the order in
    /// which that came about. Each is made when it is its turn.
    pub fn records(&self) -> impl Iterator<Item = Available> {
        let last = Last::new(self);
        self.numbers().map(move |(record, shown)| Available {
            log_type: shown.content_type.log_type(),
            raw: self.content.raw(record, form(&self.content, record, shown.form)),
            at: shown.at,
            until: last.until(self, record, shown),
        })
    }

    /// Every distinct record, with the blob that showed it first.
    fn numbers(&self) -> impl Iterator<Item = (u32, &Shown)> {
        let mut seen: [[Bits; 2]; 5] = Default::default();
        self.shown.iter().flat_map(move |shown| {
            let seen = &mut seen[shown.content_type.place()];
            let mut new = self.content.records(shown.content_type, shown.number as usize);
            new.retain(|record| seen[form(&self.content, *record, shown.form) as usize].insert(*record));
            new.into_iter().map(move |record| (record, shown))
        })
    }

    /// All of it as numbers, 16 bytes a record, to hold what was delivered against: `identify` gives the
    /// number of a record by what makes it the same as another, for example [`identity`](super::identity)
    /// or the row id of the line that should come of it. Every record is made once.
    pub fn account(&self, mut identify: impl FnMut(&Available) -> u128) -> Account {
        let mut account = Account::default();
        for record in self.records() {
            account.add(record.log_type, identify(&record));
        }
        account
    }

    /// The same by the records' [`Id`](super::id) and nothing else, for which none is made: what was
    /// delivered is not held against what it says, but millions of records take seconds.
    pub fn account_by_id(&self) -> Account {
        let mut account = Account::default();
        for (record, shown) in self.numbers() {
            let id = match self.content.record_id(record) {
                Some(text) => id(&text),
                None => id_of(&self.content.raw(record, shown.form)),
            };
            account.add(shown.content_type.log_type(), id.unwrap_or_default());
        }
        account
    }
}

impl Shown {
    fn expires(&self) -> Timestamp {
        self.created.saturating_add(KEPT).unwrap_or(Timestamp::MAX)
    }
}

/// Until when records can be had: known by blob, and by record for those that come again.
struct Last {
    blobs: HashMap<(ContentType, u32), Timestamp>,
    again: HashMap<(ContentType, u32), Timestamp>,
}

impl Last {
    fn new(ledger: &Ledger) -> Self {
        let mut last = Self { blobs: HashMap::new(), again: HashMap::new() };
        for shown in &ledger.shown {
            last.blobs.insert((shown.content_type, shown.number), shown.expires());
            for record in &ledger.content.feeds[shown.content_type.place()][shown.number as usize].again {
                let until = last.again.entry((shown.content_type, *record)).or_insert(Timestamp::MIN);
                *until = shown.expires().max(*until);
            }
        }
        last
    }

    fn until(&self, ledger: &Ledger, record: u32, shown: &Shown) -> Timestamp {
        let home = ledger.content.home(record).filter(|(home, _)| *home == shown.content_type);
        let home = home.and_then(|home| self.blobs.get(&home));
        let again = self.again.get(&(shown.content_type, record));
        home.into_iter().chain(again).copied().max().unwrap_or_else(|| shown.expires())
    }
}
