//! Consumes the blobs of a window. A blob that fails or hangs does not delay the others.
//!
//! A blob that fails becomes pending and is tried again on its own schedule (`retry_pending`). When many blobs fail in
//! a row, a few others are probed, and the work continues from the first probe that can be consumed. When all probes
//! fail, the window is stalled: the blobs that were tried become pending, and the rest of the window becomes a pending
//! span.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use super::blob_attempt::{BlobAttemptOutcome, Candidate, attempt_blob, failed_blob, ledger_entry, ledger_hour};
use super::prefetch::Prefetch;
use super::run::{Cutoff, StreamRun, wait_for_answer};
use crate::base::error::PortError;
use crate::base::pending::{PendingBlob, Schedule};
use crate::base::ports::{BlobRef, Bucket, Clock, State, Tries, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::UnixSeconds;
use crate::plan::blob_walk::BlobWalk;
use crate::plan::pending::PendingChange;

/// Number of blobs that may fail in one tick although the client retried their fetches. After that each blob is fetched
/// only once, and becomes pending if it fails.
const MAX_PATIENT_FAILURES: u32 = 3;
/// The time within which the client gives up a fetch, not counting pauses that the vendor asks for. It makes four tries
/// of 20 seconds each, with waits between them.
const MAX_CLIENT_TIME: Duration = Duration::from_secs(100);
/// Approximate number of bytes in memory of a reference to a blob without its strings.
const REFERENCE_OVERHEAD_BYTES: usize = 80;

/// The outcome of a window's blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlobsOutcome {
    /// Each blob is consumed, given up, or pending.
    Settled,
    /// There was no time for some blobs. `oldest` is the creation time of the oldest of them.
    CutOff { oldest: UnixSeconds },
    /// Many blobs failed in a row, and then all probes failed. The other blobs were not tried; `oldest` is the creation
    /// time of the oldest blob that was not tried.
    Stalled { oldest: UnixSeconds, error: PortError },
}

/// The outcome of an attempt at pending blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RetryOutcome {
    /// `true` if a blob that had failed before was consumed.
    pub(crate) has_recovered: bool,
    /// `true` if some blobs were not tried, because no time was left or many failed in a row.
    pub(crate) has_stopped: bool,
}

/// The blobs of one window, or of pending work, that are still to be tried.
struct BlobQueue {
    listing: ListingId,
    /// The blobs that were not tried yet, the soonest to expire first.
    waiting: Vec<Candidate>,
    /// The index in `waiting` at which the next walk begins.
    begin: usize,
    /// The number of failed attempts at the window; 0 if the window is not pending, and for pending blobs.
    attempts: u32,
    /// `true` if the blobs or their span failed before. Then each fetch is tried once, and a failure is reported only
    /// if it needs a person now, or will need one if it persists.
    is_retry: bool,
    has_succeeded: bool,
}

/// The reason why a walk over the queue ended.
enum WalkEnd {
    AllTried,
    /// A probe was consumed.
    Found,
    CutOff,
    /// Many blobs failed in a row, the last one with this error.
    FailedInARow(PortError),
}

/// Consumes those of the listed `blobs` that are neither consumed nor pending yet. `schedule` is the schedule of their
/// window; `None` if the window is not pending.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn consume_listed<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blobs: Vec<BlobRef>,
    schedule: Option<Schedule>,
) -> Result<BlobsOutcome, PortError> {
    let mut memory = run.budget.share();
    memory.set(blobs.iter().map(|blob| blob.id.len() + blob.uri.len() + REFERENCE_OVERHEAD_BYTES).sum());
    let waiting = unconsumed_listed(run, listing, blobs, schedule).await?;
    let attempts = schedule.map_or(0, |schedule| schedule.attempts);
    let mut queue = BlobQueue { listing, waiting, begin: 0, attempts, is_retry: attempts > 0, has_succeeded: false };
    let end = work_through(run, &mut queue).await?;
    Ok(match (end, queue.oldest()) {
        (WalkEnd::AllTried | WalkEnd::Found, _) | (_, None) => BlobsOutcome::Settled,
        (WalkEnd::CutOff, Some(oldest)) => BlobsOutcome::CutOff { oldest },
        (WalkEnd::FailedInARow(error), Some(oldest)) => BlobsOutcome::Stalled { oldest, error },
    })
}

/// Tries each of the pending blobs once more. When many fail in a row and all probes fail, the rest is not tried.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn retry<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    pending: &[PendingBlob],
) -> Result<RetryOutcome, PortError> {
    let waiting = unconsumed_pending(run, listing, pending).await?;
    let mut queue = BlobQueue { listing, waiting, begin: 0, attempts: 0, is_retry: true, has_succeeded: false };
    let end = work_through(run, &mut queue).await?;
    Ok(RetryOutcome { has_recovered: queue.has_succeeded, has_stopped: !matches!(end, WalkEnd::AllTried) })
}

impl BlobQueue {
    /// Returns the creation time of the oldest blob that was not tried.
    fn oldest(&self) -> Option<UnixSeconds> {
        self.waiting.iter().map(|candidate| candidate.blob.created).min()
    }
}

/// Tries the blobs of the queue. When many fail in a row, it probes a few others and continues from a probe that could
/// be consumed. It ends when all blobs were tried, all probes failed, or no time is left.
async fn work_through<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    queue: &mut BlobQueue,
) -> Result<WalkEnd, PortError> {
    loop {
        let outwards = BlobWalk::outwards(queue.waiting.len(), queue.begin, queue.attempts);
        let end = run_walk(run, queue, &outwards).await?;
        let WalkEnd::FailedInARow(_) = end else { return Ok(end) };
        let probes = BlobWalk::probes(queue.waiting.len(), queue.attempts, || run.env.clock.random());
        match run_walk(run, queue, &probes).await? {
            WalkEnd::Found => {}
            WalkEnd::CutOff => return Ok(WalkEnd::CutOff),
            WalkEnd::AllTried | WalkEnd::FailedInARow(_) => return Ok(end),
        }
    }
}

/// Tries the blobs of the queue in the order of the walk, and fetches several at a time.
async fn run_walk<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    queue: &mut BlobQueue,
    walk: &BlobWalk,
) -> Result<WalkEnd, PortError> {
    let candidates = std::mem::take(&mut queue.waiting);
    let is_patient = Cell::new(true);
    let update_patience = |failures: u32| {
        is_patient.set(!queue.is_retry && failures < MAX_PATIENT_FAILURES && matches!(walk, BlobWalk::Outwards(_)));
    };
    update_patience(run.blobs.failed);
    let (vendor, stream, all, patience) = (run.vendor, run.stream, &candidates, &is_patient);
    let (clock, once, patient) = (run.env.clock, run.call_time(Tries::Once), patient_time(run));
    let fetches = std::iter::from_fn(|| walk.next()).map(|at| async move {
        let blob = &all[at].blob;
        let (tries, limit) = if patience.get() { (Tries::Patient, patient) } else { (Tries::Once, once) };
        let call_name = format!("fetching content {}", blob.id);
        (at, wait_for_answer(clock, limit, &call_name, vendor.fetch(stream, blob, tries)).await)
    });
    let mut prefetch = Prefetch::new(fetches, run.policy.fetches_ahead);
    let (mut tried, mut waiting) = (vec![false; all.len()], all.len());
    let (mut begin, mut last_error, mut is_found) = (queue.begin, None, false);
    let end = loop {
        let (at, fetched) = match run.wait_until_cutoff(prefetch.next()).await {
            Err(Cutoff) => break WalkEnd::CutOff,
            Ok(None) => break last_error.filter(|_| waiting > 0).map_or(WalkEnd::AllTried, WalkEnd::FailedInARow),
            Ok(Some(fetched)) => fetched,
        };
        run.findings.requests += 1;
        waiting -= 1;
        let has_ended =
            match prefetch.run_alongside(attempt_blob(run, queue.listing, &all[at], fetched, waiting > 0)).await? {
                BlobAttemptOutcome::CutOff => break WalkEnd::CutOff,
                BlobAttemptOutcome::Recorded { was_unreadable } => {
                    run.blobs.failed += u32::from(was_unreadable);
                    false
                }
                BlobAttemptOutcome::Consumed => {
                    (queue.has_succeeded, begin) = (true, at);
                    is_found = walk.record_consumed(at);
                    is_found
                }
                BlobAttemptOutcome::Failed(error) => {
                    run.blobs.failed += 1;
                    let is_refusal = error.is_refusal();
                    let mut failed = failed_blob(run, &all[at], None, &error.message);
                    failed.schedule.refusals =
                        error.refusals_after(all[at].schedule.map_or(0, |before| before.refusals));
                    if is_refusal || !queue.is_retry {
                        run.record_failure(&error.after_failures(failed.schedule.refusals));
                    }
                    run.change_pending(queue.listing, PendingChange::Blob(failed));
                    last_error = Some(error);
                    walk.record_failed(at, is_refusal)
                }
            };
        tried[at] = true;
        update_patience(run.blobs.failed);
        if has_ended {
            break last_error.filter(|_| !is_found).map_or(WalkEnd::Found, WalkEnd::FailedInARow);
        }
    };
    drop(prefetch);
    queue.begin = tried.iter().take(begin).filter(|tried| !**tried).count();
    let left = candidates.into_iter().zip(tried).filter(|(_, tried)| !tried);
    queue.waiting = left.map(|(candidate, _)| candidate).collect();
    Ok(end)
}

/// Returns the time limit of a patient fetch. The client gives up by itself within [`MAX_CLIENT_TIME`], not counting
/// pauses that the vendor asks for. In a short tick that time is too long: this limit then keeps fetches that hang from
/// using up the tick.
fn patient_time<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>) -> Duration {
    let limit = run.call_time(Tries::Patient);
    // No limit is needed here, and no fetch can last twice as long as the tick.
    if limit < MAX_CLIENT_TIME { limit } else { run.tick_time() * 2 }
}

/// Returns those of the pending blobs that no other tick has consumed since they failed.
async fn unconsumed_pending<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    pending: &[PendingBlob],
) -> Result<Vec<Candidate>, PortError> {
    let mut left = Vec::with_capacity(pending.len());
    for known in pending {
        let blob = blob_ref(known);
        if run.intake.is_consumed(ledger_hour(&blob), ledger_entry(&blob)).await? {
            run.change_pending(listing, PendingChange::BlobDone(blob.id));
        } else {
            left.push(Candidate {
                blob,
                missing_since: known.missing_since,
                schedule: Some(known.schedule),
                is_pending: true,
            });
        }
    }
    Ok(left)
}

/// Returns the blobs that are neither in the ledger nor pending, the soonest to expire first.
async fn unconsumed_listed<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    mut blobs: Vec<BlobRef>,
    schedule: Option<Schedule>,
) -> Result<Vec<Candidate>, PortError> {
    let pending = run.listing_state(listing).pending.blobs.into_iter().map(|blob| (blob.id.clone(), blob));
    let mut pending: HashMap<String, PendingBlob> = pending.collect();
    blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    blobs.dedup_by(|a, b| a.id == b.id);
    let mut wanted = Vec::new();
    for blob in blobs {
        if let Some((id, known)) = pending.remove_entry(&blob.id) {
            run.blobs.pending.insert(id, known);
        } else if !run.intake.is_consumed(ledger_hour(&blob), ledger_entry(&blob)).await? {
            wanted.push(blob);
        }
    }
    wanted.sort_by(|a, b| (a.expires, a.created, &a.id).cmp(&(b.expires, b.created, &b.id)));
    Ok(wanted.into_iter().map(|blob| Candidate { blob, missing_since: None, schedule, is_pending: false }).collect())
}

fn blob_ref(pending: &PendingBlob) -> BlobRef {
    BlobRef { id: pending.id.clone(), uri: pending.uri.clone(), created: pending.created, expires: pending.expires }
}

#[cfg(test)]
pub(crate) mod tests;
