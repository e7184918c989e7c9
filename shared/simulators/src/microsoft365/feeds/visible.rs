//! The blobs that clients can see at a given time, and when they became visible.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::behaviours::{Behaviours, READ_DLP};
use super::super::content::{Blob, Content, RETENTION};
use super::super::content_type::ContentType;
use super::super::ledger::{Ledger, LedgerWriter, VisibleBlob};
use super::super::records::RecordForm;
use super::super::subscriptions::{Subscription, Subscriptions};
use crate::options::Options;

/// The feeds of all content types, with what clients have been able to see of them.
pub(in super::super) struct Feeds {
    pub(super) seed: u64,
    pub(super) content: Arc<Content>,
    /// For each feed, the number of blobs that `advance` has processed. Each of them became visible, or never will,
    /// because the subscription does not cover it or it had already expired.
    passed_blobs: [usize; 5],
    /// For each feed, the times of its start; `None` until its first blob becomes visible.
    feed_start: [Option<FeedStart>; 5],
    /// The form in which clients get the records that become visible now.
    form: RecordForm,
    pub(super) writer: LedgerWriter,
}

/// The time of a subscription's first start, and the time from which it has blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FeedStart {
    first_start: Timestamp,
    first_blob: Timestamp,
}

impl Feeds {
    /// Returns the feeds of a tenant without subscriptions: nothing is visible yet.
    ///
    /// # Errors
    /// A supplied record is malformed, there are too many events, or the ledger's file cannot be opened.
    pub(in super::super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let content = Arc::new(Content::new(options, behaviours)?);
        let writer = LedgerWriter::open(options.ledger.as_deref())?;
        Ok(Self {
            seed: options.seed,
            content,
            passed_blobs: [0; 5],
            feed_start: [None; 5],
            form: RecordForm::Full,
            writer,
        })
    }

    /// Returns the ledger of all blobs that have been visible so far.
    pub(in super::super) fn ledger(&self) -> Ledger {
        Ledger::new(Arc::clone(&self.content), self.writer.visible_blobs().to_vec())
    }

    /// Returns the number of distinct records that have been visible so far, per log type. Log types without records
    /// are left out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.writer.counts()
    }

    /// Returns the number of distinct records that are not visible yet.
    pub(in super::super) fn pending(&self) -> usize {
        self.writer.pending(&self.content, self.passed_blobs, self.form)
    }

    /// Returns the content type of the blob with this id; `None` if there is no such blob.
    pub(in super::super) fn content_type(&self, id: &str) -> Option<ContentType> {
        self.content.find(id).map(|(content_type, _)| content_type)
    }

    /// Makes all blobs visible that listings may show at `now`, and records them in the ledger. It skips the content
    /// types whose subscription is not enabled.
    pub(in super::super) fn advance(&mut self, subscriptions: &Subscriptions, behaviours: &Behaviours, now: Timestamp) {
        self.form = RecordForm::of(behaviours.roles.iter().any(|role| role == READ_DLP));
        for content_type in ContentType::ALL {
            let Some(subscription) = subscriptions.get(content_type).filter(|known| known.is_on) else { continue };
            let index = content_type.index();
            let feed_start =
                self.feed_start[index].unwrap_or_else(|| feed_start(content_type, subscription, behaviours));
            if now < feed_start.first_blob {
                continue;
            }
            self.feed_start[index] = Some(feed_start);
            while let Some(blob) =
                self.content.feeds[index].get(self.passed_blobs[index]).filter(|blob| blob.listed_at <= now)
            {
                let is_kept = subscription.was_enabled_at(blob.created)
                    && (behaviours.has_history || subscription.first_start <= blob.created);
                let created = feed_start.created(blob);
                if is_kept && now < expires(created) {
                    let number = self.passed_blobs[index] as u32;
                    self.writer.record_blob(
                        &self.content,
                        VisibleBlob { content_type, number, form: self.form, created, visible_at: now },
                    );
                }
                self.passed_blobs[index] += 1;
            }
        }
    }

    /// Returns the `contentCreated` of a blob.
    pub(super) fn created(&self, content_type: ContentType, blob: &Blob) -> Timestamp {
        self.feed_start[content_type.index()].map_or(blob.created, |feed_start| feed_start.created(blob))
    }

    /// Returns `true` if clients can see the blob at `now`: it became visible and is not expired.
    pub(super) fn is_visible(&self, content_type: ContentType, index: usize, now: Timestamp) -> bool {
        let blob = &self.content.feeds[content_type.index()][index];
        self.writer.has_blob(content_type, index) && now < expires(self.created(content_type, blob))
    }
}

impl FeedStart {
    /// Returns the time at which a blob became available. A blob that would have become available after the
    /// subscription's first start but before its first blob becomes available together with the first blob.
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

/// Returns the time at which content expires that became available at `created`.
pub(super) fn expires(created: Timestamp) -> Timestamp {
    created.saturating_add(RETENTION).unwrap_or(Timestamp::MAX)
}
