//! Which blobs of the feeds have become visible, and when.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::behaviours::{Behaviours, READ_DLP};
use super::super::content::{Blob, Content, KEPT};
use super::super::content_type::ContentType;
use super::super::ledger::{Book, Ledger, Shown};
use super::super::records::Form;
use super::super::subscriptions::{Subscription, Subscriptions};
use crate::options::Options;

/// All feeds of the tenant.
pub(in super::super) struct Feeds {
    pub(super) seed: u64,
    pub(super) content: Arc<Content>,
    /// How many blobs of each feed have had their turn, and are visible or lost.
    past: [usize; 5],
    /// When each feed began.
    begun: [Option<Begun>; 5],
    /// The form in which records become available.
    form: Form,
    pub(super) book: Book,
}

/// A feed that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Begun {
    first_start: Timestamp,
    first_blob: Timestamp,
}

impl Feeds {
    /// # Errors
    /// There is no such content, or the ledger's file cannot be opened.
    pub(in super::super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let content = Arc::new(Content::new(options, behaviours)?);
        let book = Book::open(options.ledger.as_deref())?;
        Ok(Self { seed: options.seed, content, past: [0; 5], begun: [None; 5], form: Form::Full, book })
    }

    /// What has become visible so far.
    pub(in super::super) fn ledger(&self) -> Ledger {
        Ledger::new(Arc::clone(&self.content), self.book.shown().to_vec())
    }

    /// How many distinct records, by log type; what has none is left out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.book.counts()
    }

    /// Distinct records that are yet to become visible.
    pub(in super::super) fn pending(&self) -> usize {
        self.book.pending(&self.content, self.past, self.form)
    }

    /// The content type of the blob of that id.
    pub(in super::super) fn content_type(&self, id: &str) -> Option<ContentType> {
        self.content.find(id).map(|(content_type, _)| content_type)
    }

    /// Enters into the ledger what has become visible.
    pub(in super::super) fn advance(&mut self, subscriptions: &Subscriptions, behaviours: &Behaviours, now: Timestamp) {
        self.form = Form::of(behaviours.roles.iter().any(|role| role == READ_DLP));
        for content_type in ContentType::ALL {
            let Some(subscription) = subscriptions.get(content_type).filter(|known| known.is_on) else { continue };
            let place = content_type.place();
            let begun = self.begun[place].unwrap_or_else(|| begun(content_type, subscription, behaviours));
            if now < begun.first_blob {
                continue;
            }
            self.begun[place] = Some(begun);
            while let Some(blob) = self.content.feeds[place].get(self.past[place]).filter(|blob| blob.listed <= now) {
                let is_kept = subscription.keeps(blob.created)
                    && (behaviours.history || subscription.first_start <= blob.created);
                let created = begun.created(blob);
                if is_kept && now < expires(created) {
                    let number = self.past[place] as u32;
                    self.book.show(&self.content, Shown { content_type, number, form: self.form, created, at: now });
                }
                self.past[place] += 1;
            }
        }
    }

    /// When a blob became available, as it is told.
    pub(super) fn created(&self, content_type: ContentType, blob: &Blob) -> Timestamp {
        self.begun[content_type.place()].map_or(blob.created, |begun| begun.created(blob))
    }

    /// Whether that blob is there to be seen.
    pub(super) fn is_there(&self, content_type: ContentType, place: usize, now: Timestamp) -> bool {
        let blob = &self.content.feeds[content_type.place()][place];
        self.book.has(content_type, place) && now < expires(self.created(content_type, blob))
    }
}

impl Begun {
    /// Nothing becomes available from the first start to the first blob: what would have does so then.
    fn created(self, blob: &Blob) -> Timestamp {
        if self.first_start <= blob.created { blob.created.max(self.first_blob) } else { blob.created }
    }
}

fn begun(content_type: ContentType, subscription: &Subscription, behaviours: &Behaviours) -> Begun {
    let slow = behaviours.slow_start.filter(|(slow, _)| *slow == content_type);
    let wait = SignedDuration::from_secs(slow.map_or(behaviours.first_blob_seconds, |(_, seconds)| seconds));
    let first_start = subscription.first_start;
    Begun { first_start, first_blob: first_start.saturating_add(wait).unwrap_or(Timestamp::MAX) }
}

/// When content is dropped that became available then.
pub(super) fn expires(created: Timestamp) -> Timestamp {
    created.saturating_add(KEPT).unwrap_or(Timestamp::MAX)
}
