//! The visible blobs of the feeds, and the times when they became visible.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::behaviours::{Behaviours, READ_DLP};
use super::super::content::{Blob, Content, RETENTION};
use super::super::content_type::ContentType;
use super::super::ledger::{Ledger, LedgerWriter, VisibleBlob};
use super::super::records::Form;
use super::super::subscriptions::{Subscription, Subscriptions};
use crate::options::Options;

/// All feeds of the tenant.
pub(in super::super) struct Feeds {
    pub(super) seed: u64,
    pub(super) content: Arc<Content>,
    /// Blobs per feed that are visible or were dropped.
    past: [usize; 5],
    /// The start of each feed.
    feed_start: [Option<FeedStart>; 5],
    /// The form in which new records become available.
    form: Form,
    pub(super) writer: LedgerWriter,
}

/// The start of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FeedStart {
    first_start: Timestamp,
    first_blob: Timestamp,
}

impl Feeds {
    /// Returns the feeds before their start.
    ///
    /// # Errors
    /// The content is invalid, or the ledger's file cannot be opened.
    pub(in super::super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let content = Arc::new(Content::new(options, behaviours)?);
        let writer = LedgerWriter::open(options.ledger.as_deref())?;
        Ok(Self { seed: options.seed, content, past: [0; 5], feed_start: [None; 5], form: Form::Full, writer })
    }

    /// Returns everything that became visible so far.
    pub(in super::super) fn ledger(&self) -> Ledger {
        Ledger::new(Arc::clone(&self.content), self.writer.visible().to_vec())
    }

    /// Returns the number of distinct visible records, per log type. A log type without records is left out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.writer.counts()
    }

    /// Returns the number of distinct records that are not visible yet.
    pub(in super::super) fn pending(&self) -> usize {
        self.writer.pending(&self.content, self.past, self.form)
    }

    /// Returns the content type of the blob with that id.
    pub(in super::super) fn content_type(&self, id: &str) -> Option<ContentType> {
        self.content.find(id).map(|(content_type, _)| content_type)
    }

    /// Records in the ledger all that became visible until `now`.
    pub(in super::super) fn advance(&mut self, subscriptions: &Subscriptions, behaviours: &Behaviours, now: Timestamp) {
        self.form = Form::of(behaviours.roles.iter().any(|role| role == READ_DLP));
        for content_type in ContentType::ALL {
            let Some(subscription) = subscriptions.get(content_type).filter(|known| known.is_on) else { continue };
            let place = content_type.place();
            let feed_start =
                self.feed_start[place].unwrap_or_else(|| feed_start(content_type, subscription, behaviours));
            if now < feed_start.first_blob {
                continue;
            }
            self.feed_start[place] = Some(feed_start);
            while let Some(blob) = self.content.feeds[place].get(self.past[place]).filter(|blob| blob.listed <= now) {
                let is_kept = subscription.keeps(blob.created)
                    && (behaviours.history || subscription.first_start <= blob.created);
                let created = feed_start.created(blob);
                if is_kept && now < expires(created) {
                    let number = self.past[place] as u32;
                    self.writer.record_blob(
                        &self.content,
                        VisibleBlob { content_type, number, form: self.form, created, at: now },
                    );
                }
                self.past[place] += 1;
            }
        }
    }

    /// Returns when a blob became available, as listings show it.
    pub(super) fn created(&self, content_type: ContentType, blob: &Blob) -> Timestamp {
        self.feed_start[content_type.place()].map_or(blob.created, |feed_start| feed_start.created(blob))
    }

    /// Returns `true` if the blob is visible.
    pub(super) fn is_visible(&self, content_type: ContentType, place: usize, now: Timestamp) -> bool {
        let blob = &self.content.feeds[content_type.place()][place];
        self.writer.has(content_type, place) && now < expires(self.created(content_type, blob))
    }
}

impl FeedStart {
    /// Returns when a blob became available. A blob between the first start and the first blob's time becomes available
    /// at the latter.
    fn created(self, blob: &Blob) -> Timestamp {
        if self.first_start <= blob.created { blob.created.max(self.first_blob) } else { blob.created }
    }
}

fn feed_start(content_type: ContentType, subscription: &Subscription, behaviours: &Behaviours) -> FeedStart {
    let slow = behaviours.slow_start.filter(|(slow, _)| *slow == content_type);
    let wait = SignedDuration::from_secs(slow.map_or(behaviours.first_blob_seconds, |(_, seconds)| seconds));
    let first_start = subscription.first_start;
    FeedStart { first_start, first_blob: first_start.saturating_add(wait).unwrap_or(Timestamp::MAX) }
}

/// Returns when content that became available at `created` expires.
pub(super) fn expires(created: Timestamp) -> Timestamp {
    created.saturating_add(RETENTION).unwrap_or(Timestamp::MAX)
}
