//! One attempt at one blob, which takes its events or records the reason for the failure.

use std::time::Duration;

use schema::ArraySplitter;
use sha2::{Digest, Sha256};

use super::run::{Cutoff, MIN_CALL_TIME, StreamRun};
use crate::base::error::{PortError, Recovery};
use crate::base::ledger::{LedgerHour, LedgerKind};
use crate::base::pending::{PendingBlob, Schedule};
use crate::base::ports::{BlobRef, Body, Bucket, Clock, Fetched, State, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::blob_fate::{LastAttempt, last_attempt, last_attempt_at};
use crate::plan::pending::{PendingChange, schedule_after_failure};

/// Maximum length of an event, in bytes. A longer one makes its blob unreadable.
const MAX_EVENT_BYTES: usize = 64 << 20;
/// Maximum number of bytes that are kept of an unreadable blob when it is given up.
const MAX_KEPT_BYTES: usize = 4 << 20;

/// A blob that is to be tried.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) blob: BlobRef,
    /// The time since which every attempt has found the blob missing or unreadable; `None` if the last attempt failed
    /// in another way or this is the first.
    pub(crate) missing_since: Option<UnixSeconds>,
    /// The schedule of the blob or, if only its span is pending, of that span; `None` if neither is pending.
    pub(crate) schedule: Option<Schedule>,
    /// `true` if the blob itself is pending, and not only its span.
    pub(crate) is_pending: bool,
}

/// The outcome of one attempt at one blob.
pub(crate) enum BlobAttemptOutcome {
    /// The blob was consumed: all its events were taken, and the ledger remembers the blob, so that it is not fetched
    /// again.
    Consumed,
    /// The blob was given up or made pending, and the head's update contains that already. `was_unreadable` is `true`
    /// if the blob's bytes arrived and could not be read.
    Recorded { was_unreadable: bool },
    /// The attempt failed, and nothing was recorded. The caller must record the failure.
    Failed(PortError),
    /// There was no time left, or the vendor asked for a pause.
    CutOff,
}

/// The way in which reading a body ended.
enum BodyEnd {
    Whole,
    /// The bytes are not one JSON array.
    Unreadable,
    Failed(PortError),
    CutOff,
}

/// Takes the events of one blob from the outcome of its fetch, or handles the failure. If `others_wait`, the time for
/// the blob's body is limited.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn attempt_blob<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    candidate: &Candidate,
    fetched: Result<Fetched<V::Body>, PortError>,
    others_wait: bool,
) -> Result<BlobAttemptOutcome, PortError> {
    let Candidate { blob, missing_since, .. } = candidate;
    let last = last_attempt(blob.created, *missing_since, run.policy.retention, run.now(), run.env.now());
    let (problem, was_unreadable) = match fetched {
        // This call was not made, and calls for the other blobs would not be made either.
        Err(error) if error.recovery == Recovery::Paused => return Ok(BlobAttemptOutcome::CutOff),
        Err(error) => return handle_failure(run, listing, blob, last, error).await,
        Ok(Fetched::Missing) => ("was listed but could not be found", false),
        Ok(Fetched::Expired) => {
            record_loss(run, blob, "expired before it was fetched");
            return give_up(run, listing, blob, false).await;
        }
        Ok(Fetched::Body(body)) => match take_body(run, candidate, body, last.is_some(), others_wait).await? {
            BodyEnd::CutOff => return Ok(BlobAttemptOutcome::CutOff),
            BodyEnd::Failed(error) => return handle_failure(run, listing, blob, last, error).await,
            BodyEnd::Unreadable => ("is not a JSON array", true),
            BodyEnd::Whole => {
                run.findings.listed.blobs += 1;
                run.record_progress();
                return mark_consumed(run, listing, blob).await.map(|()| BlobAttemptOutcome::Consumed);
            }
        },
    };
    if let Some(last) = last {
        record_loss(run, blob, &format!("{problem} {}", last.duration_text()));
        return give_up(run, listing, blob, was_unreadable).await;
    }
    let since = missing_since.unwrap_or_else(|| run.env.now());
    let pending = failed_blob(run, candidate, Some(since), &format!("content {} {problem}", blob.id));
    run.change_pending(listing, PendingChange::Blob(pending));
    Ok(BlobAttemptOutcome::Recorded { was_unreadable })
}

/// Handles a failed attempt. If the vendor is about to drop the blob, it is given up; otherwise the failure is returned
/// to the caller.
async fn handle_failure<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blob: &BlobRef,
    last: Option<LastAttempt>,
    error: PortError,
) -> Result<BlobAttemptOutcome, PortError> {
    if last != Some(LastAttempt::Expiring) {
        return Ok(BlobAttemptOutcome::Failed(error));
    }
    run.record_failure(&error);
    record_loss(run, blob, &format!("could not be fetched until the vendor drops it: {error}"));
    give_up(run, listing, blob, false).await
}

/// Gives up a blob: marks it as consumed, so that it is not fetched again.
async fn give_up<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blob: &BlobRef,
    was_unreadable: bool,
) -> Result<BlobAttemptOutcome, PortError> {
    mark_consumed(run, listing, blob).await.map(|()| BlobAttemptOutcome::Recorded { was_unreadable })
}

/// Returns the pending blob after one more failed attempt.
pub(crate) fn failed_blob<S, B, C: Clock, V>(
    run: &StreamRun<'_, S, B, C, V>,
    Candidate { blob, schedule, .. }: &Candidate,
    missing_since: Option<UnixSeconds>,
    reason: &str,
) -> PendingBlob {
    let schedule = schedule_after_failure(*schedule, run.env.now(), run.policy.tick_seconds);
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

/// Marks a blob as consumed: it is not pending any more, and the ledger remembers it.
async fn mark_consumed<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    blob: &BlobRef,
) -> Result<(), PortError> {
    if run.listing_has_pending_blob(listing, &blob.id) {
        run.change_pending(listing, PendingChange::BlobDone(blob.id.clone()));
    }
    run.intake.keep_blob(ledger_hour(blob), ledger_entry(blob)).await
}

/// Takes every event of the body. The time for the body is limited if `others_wait`.
///
/// If this is the last attempt and the body is not a JSON array, the beginning of the body is kept as rejected input,
/// in addition to the lines of the events that could be read.
async fn take_body<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    candidate: &Candidate,
    body: V::Body,
    is_last_attempt: bool,
    others_wait: bool,
) -> Result<BodyEnd, PortError> {
    let (began, cutoff) = (run.env.clock.now(), run.cutoff);
    // A pending blob may take at most half of the time left for pending work. Otherwise one slow blob could take all of
    // that time in every tick.
    let limit_if_pending = if candidate.is_pending { run.time_left() / 2 } else { run.blob_time() };
    let allowed = run.blob_time().min(limit_if_pending).max(MIN_CALL_TIME);
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
            // The blob counts as slow if it used up its own time, even if the tick's time ended as well.
            let is_slow = spent >= allowed || !run.time_left().is_zero();
            Ok(if is_slow { slow_blob_outcome(run, &candidate.blob, spent, others_wait) } else { BodyEnd::CutOff })
        }
        end => Ok(end),
    }
}

/// Returns the failure of a blob that took more than its time.
fn slow_blob_outcome<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    blob: &BlobRef,
    spent: Duration,
    others_wait: bool,
) -> BodyEnd {
    let (id, seconds) = (&blob.id, spent.as_secs());
    if others_wait {
        run.blobs.slow_time += spent;
        return BodyEnd::Failed(PortError::next_tick(format!(
            "content {id} did not arrive within {seconds} s, and other content waits; it is fetched again when there is time"
        )));
    }
    BodyEnd::Failed(PortError::next_tick(format!(
        "content {id} did not arrive within the {seconds} s that were left of the tick, though nothing else waited; if \
         that goes on, give the function more time (its time-out in the template)"
    )))
}

/// Takes the events of a body. If `kept` is given, copies the body's first [`MAX_KEPT_BYTES`] bytes to it, including
/// bytes after the point where the body stops being a valid array.
async fn take_events<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    mut body: V::Body,
    mut kept: Option<&mut Vec<u8>>,
) -> Result<BodyEnd, PortError> {
    let (mut splitter, mut is_broken) = (ArraySplitter::new(MAX_EVENT_BYTES), false);
    let mut events: Vec<Vec<u8>> = Vec::new();
    let broken_off = loop {
        let bytes = match run.wait_until_cutoff(body.chunk()).await {
            Err(Cutoff) => break Some(BodyEnd::CutOff),
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => break None,
            Ok(Err(_)) if body.is_corrupt() => break Some(BodyEnd::Unreadable),
            Ok(Err(error)) => break Some(BodyEnd::Failed(error)),
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
    };
    if !is_broken {
        let each = |event: &[u8]| events.push(event.to_vec());
        match broken_off {
            // No time is left to take the events that the splitter still holds.
            Some(BodyEnd::CutOff) => {}
            Some(_) => splitter.abandon(each),
            None => is_broken = splitter.finish(each).is_err(),
        }
        for event in events.drain(..) {
            run.intake.take(&event).await?;
        }
    }
    Ok(broken_off.unwrap_or(if is_broken { BodyEnd::Unreadable } else { BodyEnd::Whole }))
}

/// Reports that a blob's events are lost.
fn record_loss<S, B, C: Clock, V>(run: &mut StreamRun<'_, S, B, C, V>, blob: &BlobRef, description: &str) {
    let window = Window { from: blob.created, to: blob.created + 1 };
    run.record_gap(window, &format!("content {} {description}", blob.id));
}

/// Returns the ledger hour that remembers the blob.
pub(crate) fn ledger_hour(blob: &BlobRef) -> LedgerHour {
    LedgerHour { kind: LedgerKind::Blobs, hour: u32::try_from(blob.created / 3_600).unwrap_or(0) }
}

/// Returns the ledger entry of the blob: the first 8 bytes of the hash of its id.
pub(crate) fn ledger_entry(blob: &BlobRef) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = Sha256::digest(blob.id.as_bytes()).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
