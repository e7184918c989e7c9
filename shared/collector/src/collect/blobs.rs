//! Blobs: fetch what was not consumed yet, and let none hold up the others.
//!
//! A blob that fails becomes pending and is tried again on its own schedule (`retry_pending`). When many fail in
//! a row it may be the vendor: then up to three others are probed before anything becomes pending.

use std::collections::HashMap;
use std::time::Duration;

use schema::ArraySplitter;
use sha2::{Digest, Sha256};

use super::prefetch::Prefetch;
use super::run::{Cutoff, StreamRun, within};
use crate::base::error::{PortError, Recovery};
use crate::base::ledger::{LedgerHour, LedgerKind};
use crate::base::pending::{PendingBlob, Schedule};
use crate::base::ports::{BlobRef, Body, Bucket, Clock, Fetched, State, Tries, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::blob_fate::{LastAttempt, last_attempt, last_attempt_at};
use crate::plan::pending::{PendingChange, failed_again};

/// The longest event, in bytes; a longer one makes its blob unreadable.
const MAX_EVENT_BYTES: usize = 64 << 20;
/// Blobs that may fail in a row before others are probed.
const MAX_FAILED_IN_A_ROW: u32 = 10;
/// The same of blobs that are refused for something that needs a person.
const MAX_REFUSED_IN_A_ROW: u32 = 3;
/// The part of a tick that a fetch may take until its answer begins: a half.
const FETCH_DIVISOR: u32 = 2;
/// Blobs probed after failures in a row.
const PROBES: usize = 3;
/// Bytes kept of a blob that is given up unreadable.
const MAX_KEPT_BYTES: usize = 4 << 20;
/// Bytes that a reference to a blob takes beside its texts.
const REFERENCE_BYTES: usize = 80;

/// The outcome of a window's blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlobsOutcome {
    /// Each is consumed, given up, or pending.
    Settled,
    /// There was no time for those from `oldest` on.
    CutOff { oldest: UnixSeconds },
    /// Blob after blob failed, those that were probed too; from `oldest` on nothing is settled.
    Stalled { oldest: UnixSeconds, error: PortError },
}

/// The outcome of an attempt at pending blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RetryOutcome {
    /// Some that had failed were consumed.
    pub(crate) has_recovered: bool,
    /// There was no time for all of them, or many failed in a row.
    pub(crate) has_stopped: bool,
}

/// The outcome of one attempt at one blob.
enum Attempt {
    /// It was consumed.
    Consumed,
    /// It needs no further attention, or is pending: what became of it is recorded.
    Recorded,
    /// It failed.
    Failed(PortError),
    /// There was no time.
    CutOff,
}

/// How the reading of a body ended.
enum BodyEnd {
    Whole,
    /// What came is not one JSON array.
    Unreadable,
    Failed(PortError),
    CutOff,
}

/// The blobs of one window on their way.
struct Queue {
    /// Not tried yet, the soonest to expire first.
    waiting: Vec<BlobRef>,
    /// They failed, and it is open whether that is their fault or the vendor's.
    failed: Vec<(BlobRef, PortError)>,
    has_succeeded: bool,
    newest_first: bool,
}

/// Why a pass over the queue ended.
enum PassEnd {
    AllTried,
    CutOff,
    FailedInARow(PortError),
}

/// Consumes the blobs that a listing showed and that are neither consumed nor pending yet.
///
/// # Errors
/// When state or bucket fail.
pub(crate) async fn consume_listed<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blobs: Vec<BlobRef>,
) -> Result<BlobsOutcome, PortError> {
    let mut memory = run.budget.share();
    memory.set(blobs.iter().map(|blob| blob.id.len() + blob.uri.len() + REFERENCE_BYTES).sum());
    let waiting = unconsumed(run, listing, blobs).await?;
    let mut queue = Queue { waiting, failed: Vec::new(), has_succeeded: false, newest_first: false };
    loop {
        match pass(run, listing, &mut queue).await? {
            PassEnd::AllTried => {
                queue.make_pending(run, listing);
                return Ok(BlobsOutcome::Settled);
            }
            PassEnd::CutOff => {
                queue.make_pending(run, listing);
                return Ok(queue.oldest().map_or(BlobsOutcome::Settled, |oldest| BlobsOutcome::CutOff { oldest }));
            }
            PassEnd::FailedInARow(error) => match probe(run, listing, &mut queue).await? {
                Some(Attempt::Consumed) => {}
                Some(_) => {
                    let oldest = queue.oldest();
                    return Ok(oldest.map_or(BlobsOutcome::Settled, |oldest| BlobsOutcome::CutOff { oldest }));
                }
                None => {
                    if queue.has_succeeded {
                        queue.make_pending(run, listing);
                    }
                    let oldest = queue.oldest();
                    return Ok(oldest.map_or(BlobsOutcome::Settled, |oldest| BlobsOutcome::Stalled { oldest, error }));
                }
            },
        }
        queue.make_pending(run, listing);
    }
}

impl Queue {
    /// When the oldest blob was created that is not settled.
    fn oldest(&self) -> Option<UnixSeconds> {
        let failed = self.failed.iter().map(|(blob, _)| blob.created);
        self.waiting.iter().map(|blob| blob.created).chain(failed).min()
    }

    /// The failures were the blobs' own: they are tried again later.
    fn make_pending<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, listing: ListingId) {
        for (blob, error) in self.failed.drain(..) {
            let pending = failed_blob(run, &blob, None, None, &error.message);
            run.change_pending(listing, PendingChange::Blob(pending));
        }
    }
}

/// Tries the waiting blobs until many fail in a row.
async fn pass<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    queue: &mut Queue,
) -> Result<PassEnd, PortError> {
    let blobs = std::mem::take(&mut queue.waiting);
    let mut order: Vec<usize> = (0..blobs.len()).collect();
    if queue.newest_first {
        order.reverse();
    }
    let mut prefetch = Prefetch::new(fetches(run, &blobs, order, Tries::Patient), run.policy.fetches_ahead);
    let (mut tried, mut failed_in_a_row) = (vec![false; blobs.len()], 0);
    let mut waiting = blobs.len();
    let end = loop {
        let (at, fetched) = match run.before_cutoff(prefetch.next()).await {
            Err(Cutoff) => break PassEnd::CutOff,
            Ok(None) => break PassEnd::AllTried,
            Ok(Some(fetched)) => fetched,
        };
        run.findings.requests += 1;
        waiting -= 1;
        match prefetch.alongside(attempt(run, listing, (&blobs[at], None), fetched, waiting > 0)).await? {
            Attempt::CutOff => break PassEnd::CutOff,
            Attempt::Recorded => {}
            Attempt::Consumed => (failed_in_a_row, queue.has_succeeded) = (0, true),
            Attempt::Failed(error) => {
                run.record_failure(&error);
                queue.failed.push((blobs[at].clone(), error.clone()));
                failed_in_a_row += 1;
                if failed_in_a_row >= max_in_a_row(&error) {
                    tried[at] = true;
                    break PassEnd::FailedInARow(error);
                }
            }
        }
        tried[at] = true;
    };
    drop(prefetch);
    queue.waiting = blobs.into_iter().zip(tried).filter(|(_, tried)| !tried).map(|(blob, _)| blob).collect();
    Ok(end)
}

/// The fetches of the blobs in that order, with their places.
fn fetches<'a, S, B, C: Clock, V: Vendor>(
    run: &StreamRun<'a, S, B, C, V>,
    blobs: &'a [BlobRef],
    order: Vec<usize>,
    tries: Tries,
) -> impl Iterator<Item = impl Future<Output = (usize, Result<Fetched<V::Body>, PortError>)> + use<'a, S, B, C, V>>
+ use<'a, S, B, C, V> {
    let (clock, vendor, stream, limit) =
        (run.env.clock, run.vendor, run.stream, run.call_time(tries).min(run.tick_time() / FETCH_DIVISOR));
    order.into_iter().map(move |at| async move {
        let fetch = vendor.fetch(stream, &blobs[at], tries);
        (at, within(clock, limit, fetch).await)
    })
}

/// Probes up to three waiting blobs: the newest and two at random. [`Attempt::Consumed`] when one could be consumed,
/// [`Attempt::CutOff`] when there was no time, `None` when all failed.
async fn probe<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    queue: &mut Queue,
) -> Result<Option<Attempt>, PortError> {
    for number in 0..PROBES {
        let Some(last) = queue.waiting.len().checked_sub(1) else { return Ok(None) };
        let random = usize::try_from(run.env.clock.random() % (last as u64 + 1)).unwrap_or(last);
        let blob = queue.waiting.remove(if number == 0 { last } else { random });
        let fetch = run.vendor.fetch(run.stream, &blob, Tries::Once);
        let fetched = match run.call(Tries::Once, fetch).await {
            Err(Cutoff) => {
                queue.waiting.push(blob);
                return Ok(Some(Attempt::CutOff));
            }
            Ok(fetched) => fetched,
        };
        run.findings.requests += 1;
        match attempt(run, listing, (&blob, None), fetched, true).await? {
            Attempt::Consumed => {
                queue.has_succeeded = true;
                queue.newest_first = number == 0;
                return Ok(Some(Attempt::Consumed));
            }
            Attempt::Recorded => {}
            Attempt::Failed(error) => queue.failed.push((blob, error)),
            Attempt::CutOff => {
                queue.waiting.push(blob);
                return Ok(Some(Attempt::CutOff));
            }
        }
    }
    Ok(None)
}

/// Tries pending blobs again, each once.
///
/// # Errors
/// When state or bucket fail.
pub(crate) async fn retry<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    pending: &[PendingBlob],
) -> Result<RetryOutcome, PortError> {
    let pending = &not_consumed_meanwhile(run, listing, pending).await?;
    let references: Vec<BlobRef> = pending.iter().map(reference).collect();
    let (blobs, order) = (&references, (0..references.len()).collect());
    let mut prefetch = Prefetch::new(fetches(run, blobs, order, Tries::Once), run.policy.fetches_ahead);
    let (mut outcome, mut failed_in_a_row, mut waiting) = (RetryOutcome::default(), 0, blobs.len());
    loop {
        let (at, fetched) = match run.before_cutoff(prefetch.next()).await {
            Err(Cutoff) => return Ok(RetryOutcome { has_stopped: true, ..outcome }),
            Ok(None) => return Ok(outcome),
            Ok(Some(fetched)) => fetched,
        };
        run.findings.requests += 1;
        waiting -= 1;
        let known = &pending[at];
        match prefetch.alongside(attempt(run, listing, (&blobs[at], Some(known)), fetched, waiting > 0)).await? {
            Attempt::CutOff => return Ok(RetryOutcome { has_stopped: true, ..outcome }),
            Attempt::Recorded => {}
            Attempt::Consumed => (failed_in_a_row, outcome.has_recovered) = (0, true),
            Attempt::Failed(error) => {
                if error.recovery == Recovery::Person {
                    run.record_failure(&error);
                }
                let failed = failed_blob(run, &blobs[at], Some(known), None, &error.message);
                run.change_pending(listing, PendingChange::Blob(failed));
                failed_in_a_row += 1;
                if failed_in_a_row >= max_in_a_row(&error) {
                    return Ok(RetryOutcome { has_stopped: true, ..outcome });
                }
            }
        }
    }
}

/// Pending blobs without those that another tick has consumed since they failed.
async fn not_consumed_meanwhile<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    pending: &[PendingBlob],
) -> Result<Vec<PendingBlob>, PortError> {
    let mut left = Vec::with_capacity(pending.len());
    for blob in pending {
        let known = reference(blob);
        if run.intake.is_consumed(place(&known), entry(&known)).await? {
            run.change_pending(listing, PendingChange::BlobDone(known.id));
        } else {
            left.push(blob.clone());
        }
    }
    Ok(left)
}

/// The blobs that are neither in the ledger nor pending, those that expire first first.
async fn unconsumed<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    mut blobs: Vec<BlobRef>,
) -> Result<Vec<BlobRef>, PortError> {
    let pending = run.listing_state(listing).pending.blobs.into_iter().map(|blob| (blob.id.clone(), blob));
    let mut pending: HashMap<String, PendingBlob> = pending.collect();
    blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    blobs.dedup_by(|a, b| a.id == b.id);
    let mut wanted = Vec::new();
    for blob in blobs {
        if let Some((id, known)) = pending.remove_entry(&blob.id) {
            run.pending_blobs.insert(id, known);
        } else if !run.intake.is_consumed(place(&blob), entry(&blob)).await? {
            wanted.push(blob);
        }
    }
    wanted.sort_by(|a, b| (a.expires, a.created, &a.id).cmp(&(b.expires, b.created, &b.id)));
    Ok(wanted)
}

/// Takes what was fetched of a blob, which may be pending already.
async fn attempt<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    (blob, known): (&BlobRef, Option<&PendingBlob>),
    fetched: Result<Fetched<V::Body>, PortError>,
    others_wait: bool,
) -> Result<Attempt, PortError> {
    let missing_since = known.and_then(|known| known.missing_since);
    let last = last_attempt(blob.created, missing_since, run.policy.retention, run.now());
    let problem = match fetched {
        Err(error) => return failed(run, listing, blob, last, error).await,
        Ok(Fetched::Missing) => "was listed but could not be found",
        Ok(Fetched::Expired) => {
            lose(run, blob, "expired before it was fetched");
            return done_with(run, listing, blob).await.map(|()| Attempt::Recorded);
        }
        Ok(Fetched::Body(body)) => match take_body(run, blob, body, last.is_some(), others_wait).await? {
            BodyEnd::CutOff => return Ok(Attempt::CutOff),
            BodyEnd::Failed(error) => return failed(run, listing, blob, last, error).await,
            BodyEnd::Unreadable => "is not a JSON array",
            BodyEnd::Whole => {
                run.findings.listed.blobs += 1;
                return done_with(run, listing, blob).await.map(|()| Attempt::Consumed);
            }
        },
    };
    if let Some(last) = last {
        lose(run, blob, &format!("{problem} {}", last.words()));
        return done_with(run, listing, blob).await.map(|()| Attempt::Recorded);
    }
    let since = missing_since.unwrap_or_else(|| run.now());
    let pending = failed_blob(run, blob, known, Some(since), &format!("content {} {problem}", blob.id));
    run.change_pending(listing, PendingChange::Blob(pending));
    Ok(Attempt::Recorded)
}

/// A blob failed; one that the vendor is about to drop is given up.
async fn failed<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blob: &BlobRef,
    last: Option<LastAttempt>,
    error: PortError,
) -> Result<Attempt, PortError> {
    if last != Some(LastAttempt::Expiring) {
        return Ok(Attempt::Failed(error));
    }
    run.record_failure(&error);
    lose(run, blob, &format!("could not be fetched until the vendor drops it: {error}"));
    done_with(run, listing, blob).await.map(|()| Attempt::Recorded)
}

/// The blob after one more failed attempt.
fn failed_blob<S, B, C: Clock, V>(
    run: &StreamRun<'_, S, B, C, V>,
    blob: &BlobRef,
    known: Option<&PendingBlob>,
    missing_since: Option<UnixSeconds>,
    reason: &str,
) -> PendingBlob {
    let schedule = failed_again(known.map(|known| known.schedule), run.env.now(), run.policy.tick_seconds);
    let last = last_attempt_at(blob.created, run.policy.retention).unwrap_or(i64::MAX);
    PendingBlob {
        id: blob.id.clone(),
        uri: blob.uri.clone(),
        created: blob.created,
        expires: blob.expires,
        schedule: Schedule { next_attempt: schedule.next_attempt.min(last), ..schedule },
        missing_since,
        reason: reason.to_owned(),
    }
}

/// The blob needs no further attention.
async fn done_with<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blob: &BlobRef,
) -> Result<(), PortError> {
    if run.listing_has_pending_blob(listing, &blob.id) {
        run.change_pending(listing, PendingChange::BlobDone(blob.id.clone()));
    }
    run.intake.keep_blob(place(blob), entry(blob)).await
}

/// Takes every event of the body. While others wait, it has a bounded time.
///
/// What is no array is rejected when it is the last attempt: its beginning is kept as it came, beside the lines of what
/// could be read of it.
async fn take_body<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    blob: &BlobRef,
    body: V::Body,
    is_last_attempt: bool,
    others_wait: bool,
) -> Result<BodyEnd, PortError> {
    let (began, cutoff, allowed) = (run.env.clock.now(), run.cutoff, run.blob_time());
    if others_wait {
        run.cutoff = began.saturating_add(allowed).unwrap_or(cutoff).min(cutoff);
    }
    let mut beginning = Vec::new();
    let end = take_events(run, body, is_last_attempt.then_some(&mut beginning)).await;
    run.cutoff = cutoff;
    match end? {
        BodyEnd::Unreadable if is_last_attempt => {
            run.intake.reject(beginning, "not a JSON array").await?;
            Ok(BodyEnd::Unreadable)
        }
        BodyEnd::CutOff => {
            let spent = time_until(began, run.env.clock.now());
            // Either its own time is over, or the tick's, of which it took as much.
            let is_slow = spent >= allowed || !run.time_left().is_zero();
            Ok(if is_slow { too_slow(run, blob, spent, others_wait) } else { BodyEnd::CutOff })
        }
        end => Ok(end),
    }
}

/// The blob took more than its time.
fn too_slow<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    blob: &BlobRef,
    spent: Duration,
    others_wait: bool,
) -> BodyEnd {
    let (id, seconds) = (&blob.id, spent.as_secs());
    if others_wait {
        run.slow_blob_time += spent;
        return BodyEnd::Failed(PortError::next_tick(format!(
            "content {id} did not arrive within {seconds} s, and other content waits; it is fetched again when there is time"
        )));
    }
    BodyEnd::Failed(PortError::next_tick(format!(
        "content {id} did not arrive within the {seconds} s that were left of the tick, though nothing else waited; if \
         that goes on, give the function more time (its time-out in the template)"
    )))
}

/// Takes the events of a body, whose beginning is put into `kept`, if any, also past where it is broken.
async fn take_events<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    mut body: V::Body,
    mut kept: Option<&mut Vec<u8>>,
) -> Result<BodyEnd, PortError> {
    let (mut splitter, mut is_broken) = (ArraySplitter::new(MAX_EVENT_BYTES), false);
    let mut events: Vec<Vec<u8>> = Vec::new();
    loop {
        let bytes = match run.before_cutoff(body.chunk()).await {
            Err(Cutoff) => return Ok(BodyEnd::CutOff),
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => break,
            Ok(Err(_)) if body.is_corrupt() => return Ok(BodyEnd::Unreadable),
            Ok(Err(error)) => return Ok(BodyEnd::Failed(error)),
        };
        let room = kept.as_ref().map_or(0, |kept| MAX_KEPT_BYTES - kept.len());
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if !is_broken {
            is_broken = splitter.push(&bytes, |event| events.push(event.to_vec())).is_err();
            for event in events.drain(..) {
                run.intake.take(&event).await?;
            }
        }
        if is_broken && room <= bytes.len() {
            return Ok(BodyEnd::Unreadable);
        }
    }
    Ok(if !is_broken && splitter.finish().is_ok() { BodyEnd::Whole } else { BodyEnd::Unreadable })
}

/// Reports that a blob's events are lost.
fn lose<S, B, C: Clock, V>(run: &mut StreamRun<'_, S, B, C, V>, blob: &BlobRef, what: &str) {
    let window = Window { from: blob.created, to: blob.created + 1 };
    run.record_gap(window, &format!("content {} {what}", blob.id));
}

fn max_in_a_row(error: &PortError) -> u32 {
    if error.recovery == Recovery::Person { MAX_REFUSED_IN_A_ROW } else { MAX_FAILED_IN_A_ROW }
}

fn reference(pending: &PendingBlob) -> BlobRef {
    BlobRef { id: pending.id.clone(), uri: pending.uri.clone(), created: pending.created, expires: pending.expires }
}

/// The hour of the ledger that remembers the blob.
fn place(blob: &BlobRef) -> LedgerHour {
    LedgerHour { kind: LedgerKind::Blobs, hour: u32::try_from(blob.created / 3_600).unwrap_or(0) }
}

/// What the ledger remembers of a blob.
fn entry(blob: &BlobRef) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = Sha256::digest(blob.id.as_bytes()).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
