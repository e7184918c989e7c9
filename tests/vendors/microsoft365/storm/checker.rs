//! The guarantees under a permanent fault: every healthy event is delivered exactly once within a bound of ticks, and
//! every other event is delivered, pending, or reported as a gap.

use std::collections::HashSet;

use collector::{Gap, PendingWork, Stream, StreamReport, UnixSeconds, Window};
use jiff::Timestamp;
use microsoft365::{LISTING, POLICY};
use simulators::microsoft365::{AvailableBlob, identity};
use tests::rig::worker::Worker;

use super::super::world::{Client, TICK_SECONDS, World};
use super::permanent_fault::PermanentFault;
use crate::ticks::Ended;

/// Ticks within which the content of a vendor without faults is delivered.
const MAX_DRAIN_TICKS: usize = 30;

/// Checks the deliveries of one world.
pub(super) struct DeliveryChecker<'a> {
    world: &'a World,
    permanent: &'a PermanentFault,
    streams: Vec<FollowedStream>,
}

/// One stream, with the blobs and spans of which events may be missing.
struct FollowedStream {
    stream: Stream,
    gaps: Vec<Gap>,
    /// The pending work before the current ticks.
    before: PendingWork,
    /// Blobs and spans that a tick gave up and did not report as a gap because it died.
    given_up_blobs: HashSet<String>,
    given_up_spans: Vec<Window>,
}

impl<'a> DeliveryChecker<'a> {
    pub(super) fn new(world: &'a World, permanent: &'a PermanentFault) -> Self {
        let followed = |stream| FollowedStream {
            stream,
            gaps: Vec::new(),
            before: PendingWork::default(),
            given_up_blobs: HashSet::new(),
            given_up_spans: Vec::new(),
        };
        Self { world, permanent, streams: world.streams().into_iter().map(followed).collect() }
    }

    /// Records the pending work before ticks begin.
    pub(super) fn before_ticks(&mut self) {
        for followed in &mut self.streams {
            followed.before = pending(self.world, &followed.stream);
        }
    }

    /// Records the reports of ended ticks, and the work that dead ticks may have given up.
    pub(super) fn after_ticks(&mut self, all: &[Ended]) {
        for reports in all.iter().flatten() {
            self.add_reports(reports);
        }
        if all.iter().any(Result::is_err) {
            for followed in &mut self.streams {
                followed.record_possibly_given_up(&pending(self.world, &followed.stream), self.world.time.now());
            }
        }
    }

    /// Runs one tick that does not die.
    pub(super) async fn tick(&mut self, worker: &Worker<'_, Client>) {
        let reports = worker.tick(TICK_SECONDS, None).await.unwrap();
        self.add_reports(&reports);
    }

    /// Runs ticks five minutes apart until all streams report that they are drained.
    pub(super) async fn drain(&mut self) {
        let worker = self.world.worker();
        let mut last = None;
        for _ in 0..MAX_DRAIN_TICKS {
            let reports = worker.tick(TICK_SECONDS, None).await.unwrap();
            self.add_reports(&reports);
            if reports.iter().all(|report| report.drained) {
                return;
            }
            last = Some(reports);
            self.world.minutes(5);
        }
        panic!("not drained after {MAX_DRAIN_TICKS} ticks: {last:?}");
    }

    fn add_reports(&mut self, reports: &[StreamReport]) {
        for (followed, report) in self.streams.iter_mut().zip(reports) {
            assert_eq!(followed.stream.log_type.name(), report.log_type);
            followed.gaps.extend(report.gaps.iter().cloned());
        }
    }

    /// Asserts that every blob that was visible by the time `shown_by` is delivered or given up. A broken blob may also
    /// be pending, or not before the watermark.
    #[track_caller]
    pub(super) fn assert_healthy_delivered(&self, shown_by: Timestamp) {
        self.assert_delivered(shown_by, |blob| !self.world.simulator.is_broken(blob));
    }

    /// Asserts that every blob is delivered or in a gap. Returns the number of lines.
    #[track_caller]
    pub(super) fn assert_all_delivered(&self) -> usize {
        self.assert_delivered(Timestamp::MAX, |_| true)
    }

    #[track_caller]
    fn assert_delivered(&self, shown_by: Timestamp, is_healthy: impl Fn(&AvailableBlob) -> bool) -> usize {
        let ledger = self.world.simulator.ledger();
        let results = self.world.reconcile(&self.world.running.served());
        for (followed, result) in self.streams.iter().zip(&results) {
            let name = followed.stream.name();
            assert!(result.duplicated.is_empty(), "{name}: {result:?}");
            // The rejected inputs have the beginning of each blob that was given up as unreadable.
            let max_unexpected = if self.permanent.sends_unreadable() { result.rejected } else { 0 };
            assert!(result.unexpected.len() <= max_unexpected, "{name}: {result:?}");
            let lost: HashSet<u128> = result.lost.iter().map(|lost| identity(lost)).collect();
            let log_type = followed.stream.log_type.name();
            let shown =
                ledger.blobs().filter(|blob| blob.content_type.log_type() == log_type && blob.visible_at <= shown_by);
            for blob in shown {
                if !ledger.records_of(&blob).any(|record| lost.contains(&identity(&record))) {
                    continue;
                }
                if followed.is_given_up(&blob) {
                    continue;
                }
                assert!(!is_healthy(&blob), "{name}: healthy and not delivered: {blob:?}, {:?}", self.permanent);
                let is_known = is_pending(&pending(self.world, &followed.stream), &blob)
                    || blob.created.as_second() >= watermark(self.world, &followed.stream);
                assert!(is_known, "{name}: neither delivered nor pending nor a gap: {blob:?}, {:?}", self.permanent);
            }
        }
        results.iter().map(|result| result.lines).sum()
    }
}

impl FollowedStream {
    /// Records the work that a dead tick may have given up without a report: it was pending before the tick and is not
    /// any more.
    fn record_possibly_given_up(&mut self, after: &PendingWork, now: Timestamp) {
        let before = std::mem::take(&mut self.before);
        let is_pending = |id: &str| after.blobs.iter().any(|blob| blob.id == id);
        let gone = before.blobs.into_iter().filter(|blob| !is_pending(&blob.id));
        self.given_up_blobs.extend(gone.map(|blob| blob.id));
        let kept_from =
            POLICY.retention.map_or(UnixSeconds::MIN, |it| now.as_second() - it.keep_seconds + it.margin_seconds);
        let expired = before.spans.iter().map(|span| span.window()).filter(|window| window.from < kept_from);
        self.given_up_spans.extend(expired.map(|window| Window { to: window.to.min(kept_from), ..window }));
    }

    fn is_given_up(&self, blob: &AvailableBlob) -> bool {
        let second = blob.created.as_second();
        // The gap of a blob names the blob, so other blobs of the same second are not in it.
        let is_of = |gap: &Gap| gap.cause.contains(&blob.id) || !gap.cause.contains("content ");
        self.gaps.iter().any(|gap| (gap.from..gap.to).contains(&second) && is_of(gap))
            || self.given_up_blobs.contains(&blob.id)
            || self.given_up_spans.iter().any(|window| (window.from..window.to).contains(&second))
    }
}

fn pending(world: &World, stream: &Stream) -> PendingWork {
    let head = world.store.head_of(stream);
    head.and_then(|head| head.listings.get(LISTING).map(|state| state.pending.clone())).unwrap_or_default()
}

fn watermark(world: &World, stream: &Stream) -> UnixSeconds {
    world.head(stream.log_type).listings[LISTING].watermark
}

fn is_pending(pending: &PendingWork, blob: &AvailableBlob) -> bool {
    let second = blob.created.as_second();
    pending.blobs.iter().any(|known| known.id == blob.id)
        || pending.spans.iter().any(|span| (span.from..span.to).contains(&second))
}
