//! The context of one tick of one stream, with its findings so far.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use super::intake::Intake;
use crate::base::env::Env;
use crate::base::error::{PERSISTENT_AFTER, PortError, Recovery};
use crate::base::head::ListingState;
use crate::base::limit::with_time_limit;
use crate::base::memory::MemoryBudget;
use crate::base::pending::PendingBlob;
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Clock, Tries};
use crate::base::progress::{Progress, ProgressCounts};
use crate::base::report::{Failure, Gap, ListedCounts};
use crate::base::stream::{ListingId, Stream};
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::pending::PendingChange;
use crate::plan::vendor_time::VendorTime;
use crate::state::head_update::RefusalCounts;

/// While other blobs wait, a single blob may take at most the tick's time divided by this number, and so may all slow
/// blobs together.
const SLOW_BLOB_DIVISOR: u32 = 4;
/// The minimum time limit of a blob or a call, even if the tick is short or other blobs were slow.
pub(crate) const MIN_CALL_TIME: Duration = Duration::from_secs(5);

/// The time limit of a patient call, including its retries and waits, in eighths of a tick. The rest of the tick is
/// left for probing other windows.
const PATIENT_CALL_EIGHTHS: u32 = 6;
/// The time limit of a call with a single try, in eighths of a tick.
const SINGLE_CALL_EIGHTHS: u32 = 1;

/// The error of work that was interrupted because its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cutoff;

/// One tick of one stream.
pub(crate) struct StreamRun<'a, S, B, C, V> {
    pub(crate) env: &'a Env<'a, S, B, C>,
    pub(crate) vendor: &'a V,
    pub(crate) stream: &'a Stream,
    pub(crate) policy: &'a VendorPolicy,
    /// The memory budget that all streams of the process share.
    pub(crate) budget: &'a MemoryBudget,
    /// The counts through which other code of the process reads the tick's progress.
    pub(crate) progress: &'a Progress,
    /// The start of the tick, by our clock.
    pub(crate) began: Timestamp,
    pub(crate) intake: Intake<'a, S, B, C>,
    pub(crate) vendor_time: VendorTime,
    /// The time at which the current work must stop; never later than [`Env::cutoff`].
    pub(crate) cutoff: Timestamp,
    /// The time after which no further window is begun, because other work waits.
    pub(crate) no_window_after: Timestamp,
    /// The time by which the vendor must answer a call, so that pending work gets its share of the tick.
    pub(crate) calls_until: Timestamp,
    pub(crate) blobs: BlobFailures,
    pub(crate) findings: Findings,
}

/// The slow, failed and pending blobs of this tick.
#[derive(Debug, Default)]
pub(crate) struct BlobFailures {
    /// The time that this tick has spent on slow blobs while other work waited.
    pub(crate) slow_time: Duration,
    /// The number of blobs that could not be fetched or read.
    pub(crate) failed: u32,
    /// The pending blobs by id, as this tick last read or changed them.
    pub(crate) pending: BTreeMap<String, PendingBlob>,
}

/// The findings of a tick, for its report.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The counts of pages and blobs. The intake counts events.
    pub(crate) listed: ListedCounts,
    /// The number of list calls and fetches.
    pub(crate) requests: u64,
    /// The first failure, or the first failure that needs a person if there is one.
    pub(crate) failure: Option<Failure>,
    /// The gaps that are reported without waiting for a write of the head.
    pub(crate) gaps: Vec<Gap>,
    /// The listings that are not offered.
    pub(crate) not_offered: Vec<ListingId>,
    /// `true` if work is left for the next tick, because time or the vendor did not allow more.
    pub(crate) has_more: bool,
}

impl<S, B, C: Clock, V> StreamRun<'_, S, B, C, V> {
    /// Returns the time left for the current work.
    pub(crate) fn time_left(&self) -> Duration {
        time_until(self.env.clock.now(), self.cutoff)
    }

    /// Returns the whole time that the tick has for work.
    pub(crate) fn tick_time(&self) -> Duration {
        time_until(self.began, self.env.cutoff())
    }

    /// Returns the time limit of one blob while others wait.
    pub(crate) fn blob_time(&self) -> Duration {
        (self.tick_time() / SLOW_BLOB_DIVISOR).saturating_sub(self.blobs.slow_time).max(MIN_CALL_TIME)
    }

    /// Returns the time limit of a call, so that a call that hangs does not use up every tick.
    pub(crate) fn call_time(&self, tries: Tries) -> Duration {
        let eighths = match tries {
            Tries::Patient => PATIENT_CALL_EIGHTHS,
            Tries::Once => SINGLE_CALL_EIGHTHS,
        };
        (self.tick_time() / 8 * eighths).max(MIN_CALL_TIME)
    }

    /// Waits for a call of the vendor, at most until the call's time limit or the cutoff. Errors contain `call_name`.
    pub(crate) async fn call<T>(
        &self,
        tries: Tries,
        call_name: &str,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<Result<T, PortError>, Cutoff> {
        let reserved = time_until(self.env.clock.now(), self.calls_until).max(MIN_CALL_TIME);
        let (left, limit) = (self.time_left(), self.call_time(tries).min(reserved));
        if left.is_zero() {
            return Err(Cutoff);
        }
        match with_time_limit(self.env.clock, left.min(limit), call).await {
            Some(answer) => Ok(answer),
            None if limit < left => Ok(Err(no_answer_error(limit, call_name))),
            None => Err(Cutoff),
        }
    }

    /// Waits for `work`, but not past the cutoff.
    pub(crate) async fn wait_until_cutoff<T>(&self, work: impl Future<Output = T>) -> Result<T, Cutoff> {
        let left = self.time_left();
        if left.is_zero() {
            return Err(Cutoff);
        }
        with_time_limit(self.env.clock, left, work).await.ok_or(Cutoff)
    }

    /// Records the progress of the stream.
    pub(crate) fn record_progress(&self) {
        let (listings, listed) = (&self.intake.delivery.state.head.listings, self.findings.listed);
        let oldest = listings.values().map(|listing| listing.watermark).min();
        let counts = ProgressCounts {
            pages: listed.pages,
            blobs: listed.blobs,
            events: self.intake.events,
            delivered: self.intake.delivery.delivered_lines(),
            watermark_lag_seconds: oldest.map(|watermark| (self.env.now() - watermark).max(0)),
        };
        self.progress.set(self.stream.name(), counts);
    }

    /// Returns the vendor's last known time or ours, whichever is earlier.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.vendor_time.cap(self.env.now())
    }

    /// Reports a failure of a whole listing. A failure that may pass by itself is counted per tick, and needs a person
    /// once it persists. Any other outcome of the listing resets the count, except a pause, because then the vendor was
    /// not called.
    pub(crate) fn record_listing_failure(&mut self, listing: ListingId, error: &PortError) {
        match error.recovery {
            Recovery::PersonIfPersistent => {
                // The count stops here, because a higher number would make no difference.
                let persistent = self.refusal_counts(listing).persistent.saturating_add(1).min(PERSISTENT_AFTER);
                self.set_persistent_refusals(listing, persistent);
                self.record_failure(&error.after_failures(persistent));
            }
            Recovery::Paused => self.record_failure(error),
            Recovery::Again { .. } | Recovery::NextTick | Recovery::Person => {
                self.clear_refusals(listing);
                self.record_failure(error);
            }
        }
    }

    /// Resets the refusal counts of a listing, because this tick had another outcome.
    pub(crate) fn clear_refusals(&mut self, listing: ListingId) {
        if self.refusal_counts(listing) != RefusalCounts::default() {
            self.set_persistent_refusals(listing, 0);
        }
    }

    /// Sets the number of ticks in a row in which the listing failed with [`Recovery::PersonIfPersistent`]. This also
    /// resets the count of ticks in which the listing was not offered, unless the listing is suspended.
    fn set_persistent_refusals(&mut self, listing: ListingId, persistent: u32) {
        let not_offered =
            self.refusal_counts(listing).not_offered.filter(|_| self.listing_state(listing).is_suspended(self.now()));
        self.intake.delivery.update.set_refusal_counts(listing, RefusalCounts { not_offered, persistent });
    }

    /// Returns the numbers of ticks in a row in which the vendor refused the listing. They include this tick once its
    /// refusal is recorded.
    pub(crate) fn refusal_counts(&self, listing: ListingId) -> RefusalCounts {
        self.intake.delivery.update.refusal_counts(&self.intake.delivery.state.head, listing)
    }

    /// Reports a failure that does not stop the stream. The first failure is kept, except that a failure that needs a
    /// person replaces one that does not.
    pub(crate) fn record_failure(&mut self, error: &PortError) {
        let failure = &mut self.findings.failure;
        let needs_person = error.recovery == Recovery::Person;
        if failure.as_ref().is_none_or(|first| needs_person && !first.needs_person) {
            *failure = Some(Failure::new(&self.stream.name(), error));
        }
    }

    /// Records a gap. It is reported after the next write of the head, which stores the watermark that has passed the
    /// gap.
    pub(crate) fn record_gap(&mut self, window: Window, description: &str) {
        let gap = Gap { from: window.from, to: window.to, cause: format!("{}: {description}", self.stream.name()) };
        self.intake.delivery.update.unreported_gaps.push(gap);
    }

    /// Adds a change of pending work to the next write of the head.
    ///
    /// If the change resolves a span that was listed, the pending blobs inside the span stay pending. They must be kept
    /// explicitly, because an earlier write may have stored them only as a part of this span when there were too many
    /// pending blobs.
    pub(crate) fn change_pending(&mut self, listing: ListingId, change: PendingChange) {
        let update = &mut self.intake.delivery.update;
        match &change {
            PendingChange::Blob(blob) => drop(self.blobs.pending.insert(blob.id.clone(), blob.clone())),
            PendingChange::BlobDone(id) => drop(self.blobs.pending.remove(id)),
            PendingChange::SpanDone(window) | PendingChange::RestDone(window) => {
                let window = *window;
                update.change_pending(listing, change);
                let inside =
                    self.blobs.pending.values().filter(|blob| (window.from..window.to).contains(&blob.created));
                inside.for_each(|blob| update.change_pending(listing, PendingChange::KeepBlob(blob.clone())));
                return;
            }
            PendingChange::Span(_)
            | PendingChange::Swept(_)
            | PendingChange::KeepBlob(_)
            | PendingChange::RetryAll { .. } => {}
        }
        update.change_pending(listing, change);
    }
}

impl<S, B, C, V> StreamRun<'_, S, B, C, V> {
    /// Returns `true` if the blob is pending in the head, or became pending in this tick.
    pub(crate) fn listing_has_pending_blob(&self, listing: ListingId, id: &str) -> bool {
        let state = self.intake.delivery.state.head.listings.get(listing);
        state.is_some_and(|state| state.pending.blob(id).is_some())
            || self.intake.delivery.update.has_pending_blob(listing, id)
    }

    /// Returns the listing's state, with this tick's update applied.
    pub(crate) fn listing_state(&self, listing: ListingId) -> ListingState {
        self.intake.delivery.update.updated_listing(&self.intake.delivery.state.head, listing)
    }
}

/// Waits for a call of the vendor, for at most `limit`. If the vendor does not answer in that time, the error contains
/// `call_name`.
pub(crate) async fn wait_for_answer<T>(
    clock: &impl Clock,
    limit: Duration,
    call_name: &str,
    call: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    with_time_limit(clock, limit, call).await.unwrap_or_else(|| Err(no_answer_error(limit, call_name)))
}

fn no_answer_error(limit: Duration, call_name: &str) -> PortError {
    let seconds = limit.as_secs();
    PortError::next_tick(format!("the vendor did not answer within {seconds} s ({call_name}); it is asked again later"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LISTING, NOW, TestRun, World, pending_blob};

    /// Does `work` in a tick that has 100 seconds.
    fn with_run<T>(work: impl AsyncFnOnce(&mut TestRun<'_>) -> T) -> T {
        let world = World::listed_to(NOW);
        let env = world.env();
        let mut run = world.begin(&env);
        world.clock.run(work(&mut run))
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ok_no_work_continues_past_the_cutoff() {
        with_run(async |run| {
            let clock = run.env.clock;
            assert_eq!(run.wait_until_cutoff(clock.sleep(seconds(99))).await, Ok(()));
            assert_eq!(run.time_left(), seconds(1));
            assert_eq!(run.wait_until_cutoff(clock.sleep(seconds(2))).await, Err(Cutoff));
            assert_eq!((run.env.now(), run.time_left()), (NOW + 100, Duration::ZERO));
            // After the cutoff no work is polled, even if it is ready at once.
            assert_eq!(run.wait_until_cutoff(std::future::ready(())).await, Err(Cutoff));
            assert_eq!(run.tick_time(), seconds(100));
        });
    }

    #[test]
    fn ok_slow_blobs_share_a_quarter_of_the_tick() {
        let blob_time = |slow| {
            with_run(async |run| {
                run.blobs.slow_time = seconds(slow);
                run.blob_time()
            })
        };
        assert_eq!([0, 10, 19, 20, 21, 90].map(blob_time), [25, 15, 6, 5, 5, 5].map(seconds));
    }

    #[test]
    fn ok_a_call_has_a_part_of_the_tick_and_is_named_if_it_hangs_e2() {
        let times = |run: &TestRun<'_>| [run.call_time(Tries::Patient), run.call_time(Tries::Once)];
        with_run(async |run| {
            assert_eq!(times(run), [Duration::from_secs(75), Duration::from_millis(12_500)]);
            let clock = run.env.clock;
            let answer = async |after| {
                clock.sleep(seconds(after)).await;
                Ok(after)
            };
            assert_eq!(run.call(Tries::Once, "listing x", answer(4)).await, Ok(Ok(4)));
            let error =
                PortError::next_tick("the vendor did not answer within 12 s (listing x); it is asked again later");
            assert_eq!(run.call(Tries::Once, "listing x", answer(13)).await, Ok(Err(error)));
            assert_eq!(run.call(Tries::Patient, "listing x", answer(74)).await, Ok(Ok(74)));
            // Here the tick's time ends before the call's own time limit.
            assert_eq!(run.call(Tries::Patient, "listing x", answer(74)).await, Err(Cutoff));
            run.began = run.env.cutoff();
            assert_eq!(times(run), [MIN_CALL_TIME; 2]);
        });
    }

    #[test]
    fn ok_the_first_failure_is_reported_unless_a_later_one_needs_a_person() {
        let reported = |errors: &[PortError]| {
            with_run(async |run| {
                errors.iter().for_each(|error| run.record_failure(error));
                run.findings.failure.take().map(|failure| failure.message)
            })
        };
        let (slow, late, denied) =
            (PortError::next_tick("slow"), PortError::next_tick("late"), PortError::person("no"));
        assert_eq!(reported(&[]), None);
        assert_eq!(reported(&[slow.clone(), late.clone()]).as_deref(), Some("acme/openai_audit: slow"));
        assert_eq!(reported(&[slow, denied.clone(), late]).as_deref(), Some("acme/openai_audit: no"));
        assert_eq!(reported(&[denied, PortError::person("nor")]).as_deref(), Some("acme/openai_audit: no"));
    }

    #[test]
    fn ok_the_vendors_time_is_used_but_never_a_time_after_ours() {
        with_run(async |run| {
            assert_eq!(run.now(), NOW);
            run.vendor_time.record_answer(Some(NOW - 7), NOW);
            assert_eq!(run.now(), NOW - 7);
            run.vendor_time.record_answer(Some(NOW + 7), NOW);
            assert_eq!(run.now(), NOW);
        });
    }

    #[test]
    fn ok_a_gap_names_its_stream_and_waits_for_the_next_write() {
        with_run(async |run| {
            run.record_gap(Window { from: 3, to: 5 }, "late");
            let gap = Gap { from: 3, to: 5, cause: "acme/openai_audit: late".to_owned() };
            assert_eq!(run.intake.delivery.update.unreported_gaps, [gap]);
            assert!(run.findings.gaps.is_empty());
        });
    }

    #[test]
    fn ok_a_blob_is_pending_at_once_in_the_same_tick() {
        with_run(async |run| {
            assert!(!run.listing_has_pending_blob(LISTING, "b"));
            run.change_pending(LISTING, PendingChange::Blob(pending_blob("b", NOW)));
            assert!(run.listing_has_pending_blob(LISTING, "b"));
            assert_eq!(run.listing_state(LISTING).pending.blobs.len(), 1);
            run.intake.finish().await.unwrap();
            assert!(run.listing_has_pending_blob(LISTING, "b") && !run.listing_has_pending_blob(LISTING, "c"));
        });
    }
}
