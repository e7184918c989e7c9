//! What one tick of one stream works with and has found out so far.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;

use super::intake::Intake;
use crate::base::env::Env;
use crate::base::error::{PortError, Recovery};
use crate::base::head::ListingState;
use crate::base::memory::MemoryBudget;
use crate::base::pending::PendingBlob;
use crate::base::policy::VendorPolicy;
use crate::base::ports::Clock;
use crate::base::report::{Failure, Gap, ListedCounts};
use crate::base::stream::{ListingId, Stream};
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::pending::PendingChange;
use crate::plan::vendor_time::VendorTime;

/// The share of a tick that one blob, or all slow blobs together, may take while others wait: a quarter.
const SLOW_BLOB_DIVISOR: u32 = 4;
/// A blob is given at least this long, however much time slow ones took before it.
const MIN_BLOB_TIME: Duration = Duration::from_secs(5);

/// There is no more time: what is in hand must be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutoff;

/// One tick of one stream.
pub(crate) struct StreamRun<'a, S, B, C, V> {
    pub(crate) env: &'a Env<'a, S, B, C>,
    pub(crate) vendor: &'a V,
    pub(crate) stream: &'a Stream,
    pub(crate) policy: &'a VendorPolicy,
    /// What all streams of the process share.
    pub(crate) budget: &'a MemoryBudget,
    /// When the tick began, by our clock.
    pub(crate) began: Timestamp,
    pub(crate) intake: Intake<'a, S, B, C>,
    pub(crate) vendor_time: VendorTime,
    /// When the work in hand must stop; at most [`Env::cutoff`].
    pub(crate) cutoff: Timestamp,
    /// Time that slow blobs took from others.
    pub(crate) slow_blob_time: Duration,
    /// Blobs that could not be had in this tick, or not be read.
    pub(crate) failed_blobs: u32,
    /// Blobs that were pending when this tick saw them last, by id.
    pub(crate) pending_blobs: BTreeMap<String, PendingBlob>,
    pub(crate) findings: Findings,
}

/// What a tick found out, for its report.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Pages and blobs; events are counted by the intake.
    pub(crate) listed: ListedCounts,
    /// Calls of the vendor: list calls and fetches.
    pub(crate) requests: u64,
    /// The first failure.
    pub(crate) failure: Option<Failure>,
    /// Gaps that no write of the head has to come past.
    pub(crate) gaps: Vec<Gap>,
    /// Listings that are not offered.
    pub(crate) not_offered: Vec<ListingId>,
    /// Something is left for the next tick, because time or the vendor did not allow more.
    pub(crate) has_more: bool,
}

impl<S, B, C: Clock, V> StreamRun<'_, S, B, C, V> {
    /// The time left for the work in hand.
    pub(crate) fn time_left(&self) -> Duration {
        time_until(self.env.clock.now(), self.cutoff)
    }

    /// How long the whole tick may work.
    pub(crate) fn tick_time(&self) -> Duration {
        time_until(self.began, self.env.cutoff())
    }

    /// How long one blob may take while others wait.
    pub(crate) fn blob_time(&self) -> Duration {
        (self.tick_time() / SLOW_BLOB_DIVISOR).saturating_sub(self.slow_blob_time).max(MIN_BLOB_TIME)
    }

    /// Waits for `work`, but not past the cutoff.
    pub(crate) async fn before_cutoff<T>(&self, work: impl Future<Output = T>) -> Result<T, Cutoff> {
        let left = self.time_left();
        if left.is_zero() {
            return Err(Cutoff);
        }
        match select(pin!(work), pin!(self.env.clock.sleep(left))).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(((), _)) => Err(Cutoff),
        }
    }

    /// The vendor's time where it is known, but never past ours.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.vendor_time.cap(self.env.now())
    }

    /// Reports a failure that does not stop the stream. The first one is kept, but one that needs a person comes first.
    pub(crate) fn record_failure(&mut self, error: &PortError) {
        let failure = &mut self.findings.failure;
        let needs_person = error.recovery == Recovery::Person;
        if failure.as_ref().is_none_or(|first| needs_person && !first.needs_person) {
            *failure = Some(Failure::new(&self.stream.name(), error));
        }
    }

    /// A gap that is reported once the head that has come past it is written.
    pub(crate) fn record_gap(&mut self, window: Window, what: &str) {
        let gap = Gap { from: window.from, to: window.to, cause: format!("{}: {what}", self.stream.name()) };
        self.intake.delivery.update.unreported_gaps.push(gap);
    }

    /// Pending work changes with the next write of the head.
    ///
    /// A span that was listed takes no pending blob with it: a write in the meantime, of this tick or another, may have
    /// found no room for the blob and put it into that very span.
    pub(crate) fn change_pending(&mut self, listing: ListingId, change: PendingChange) {
        let update = &mut self.intake.delivery.update;
        match &change {
            PendingChange::Blob(blob) => drop(self.pending_blobs.insert(blob.id.clone(), blob.clone())),
            PendingChange::BlobDone(id) => drop(self.pending_blobs.remove(id)),
            PendingChange::SpanDone(window) => {
                let window = *window;
                update.pending(listing, change);
                let inside =
                    self.pending_blobs.values().filter(|blob| (window.from..window.to).contains(&blob.created));
                inside.for_each(|blob| update.pending(listing, PendingChange::KeepBlob(blob.clone())));
                return;
            }
            PendingChange::Span(_) | PendingChange::KeepBlob(_) | PendingChange::RetryAll { .. } => {}
        }
        update.pending(listing, change);
    }
}

impl<S, B, C, V> StreamRun<'_, S, B, C, V> {
    /// Whether the blob is pending in the head, or became so in this tick.
    pub(crate) fn listing_has_pending_blob(&self, listing: ListingId, id: &str) -> bool {
        let state = self.intake.delivery.state.head.listings.get(listing);
        state.is_some_and(|state| state.pending.blob(id).is_some())
            || self.intake.delivery.update.has_pending_blob(listing, id)
    }

    /// The listing's state with what this tick has learned.
    pub(crate) fn listing_state(&self, listing: ListingId) -> ListingState {
        self.intake.delivery.update.view(&self.intake.delivery.state.head, listing)
    }
}
