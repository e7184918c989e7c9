//! Tries the pending work of one listing again: fetches blobs, lists spans, and searches spans for their broken
//! seconds.

use super::blobs;
use super::listing_run::ListingRun;
use super::pages::{WindowOutcome, WindowRequest};
use super::run::StreamRun;
use super::span_attempt::{RequestLimit, SpanAttempt, SpanOutcome, is_limit_reached, list_pending_window};
use super::span_search::search;
use crate::base::error::PortError;
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::time::{UnixSeconds, Window};
use crate::plan::pending::{PendingChange, sort_and_join};

/// Maximum number of times that one tick tries the due work. When work that had failed before succeeds, all other
/// pending work becomes due for a second round.
const MAX_ROUNDS: u32 = 2;

/// Maximum number of requests for pending work of a listing that answered earlier in this tick and then stopped
/// answering.
const MAX_REQUESTS_AFTER_END: u64 = 12;

/// Gives up spans that the vendor no longer keeps, and reports them as gaps. The later of the vendor's time `now` and
/// our time decides, because a vendor whose clock is behind may have dropped more than its clock suggests.
pub(crate) fn give_up_expired_spans<S, B, C: Clock, V>(run: &mut StreamRun<'_, S, B, C, V>, now: UnixSeconds) {
    let Some(retention) = run.policy.retention else { return };
    let oldest = run.env.now().max(now) - retention.keep_seconds + retention.margin_seconds;
    for listing in &run.stream.listings {
        for window in run.listing_state(listing).pending.expired(oldest) {
            run.record_gap(window, "could not be listed until the vendor dropped it");
            run.change_pending(listing, PendingChange::SpanDone(window));
        }
    }
}

/// Returns `true` if pending work of any listing is due.
pub(crate) fn is_due<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>) -> bool {
    let now = run.env.now();
    run.stream.listings.iter().any(|listing| !run.listing_state(listing).pending.due(now).is_empty())
}

/// Returns `true` if the listing has pending work that is due or that became pending in this tick.
pub(crate) fn has_work<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>, listing: &ListingRun) -> bool {
    let is_due = || !run.listing_state(listing.id).pending.due(run.env.now()).is_empty();
    !listing.new_spans.is_empty() || is_due()
}

/// Tries the due work of one listing, and searches the windows that became pending in this tick.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn retry<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &mut ListingRun,
    limit: RequestLimit,
) -> Result<(), PortError> {
    let limit = match (listing.has_ended, listing.has_succeeded) {
        (true, false) => return retry_blobs_only(run, listing).await,
        (true, true) => RequestLimit(limit.0.min(run.findings.requests + MAX_REQUESTS_AFTER_END)),
        (false, _) => limit,
    };
    for round in 1..=MAX_ROUNDS {
        let pending = run.listing_state(listing.id).pending;
        let mut due = pending.due(run.env.now());
        if round > 1 {
            // Work that was tried in this tick waits for its next attempt.
            let is_untried = |schedule: &Schedule| schedule.last_attempt < run.began.as_second();
            due.spans.retain(|span| is_untried(&span.schedule));
            due.blobs.retain(|blob| is_untried(&blob.schedule));
        }
        let mut blobs = due.blobs;
        blobs.truncate(usize::try_from(limit.0.saturating_sub(run.findings.requests)).unwrap_or(usize::MAX));
        let mut has_recovered = false;
        if !blobs.is_empty() {
            let outcome = blobs::retry(run, listing.id, &blobs).await?;
            has_recovered |= outcome.has_recovered;
            if outcome.has_stopped && run.time_left().is_zero() {
                return Ok(());
            }
        }
        let new_spans = std::mem::take(&mut listing.new_spans);
        let is_new = |span: &PendingSpan| new_spans.iter().any(|new| new.overlaps(&span.window()));
        let wanted = pending.spans.iter().filter(|span| due.spans.contains(span) || is_new(span));
        for span in sort_and_join(wanted.cloned().collect()) {
            match retry_span(run, listing, &span, is_new(&span), limit).await? {
                SpanOutcome::Tried { has_recovered: recovered } => has_recovered |= recovered,
                SpanOutcome::Stopped => return Ok(()),
            }
        }
        if !has_recovered {
            return Ok(());
        }
        let (now, not_tried_since) = (run.env.now(), run.began.as_second());
        run.change_pending(listing.id, PendingChange::RetryAll { now, not_tried_since });
    }
    Ok(())
}

/// Tries only blobs, because the listing did not answer and blobs may be available all the same. The first blob that is
/// due is tried; if it is consumed, all other due blobs are tried.
async fn retry_blobs_only<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
) -> Result<(), PortError> {
    let blobs = run.listing_state(listing.id).pending.due(run.env.now()).blobs;
    let Some((first, others)) = blobs.split_first() else { return Ok(()) };
    if blobs::retry(run, listing.id, std::slice::from_ref(first)).await?.has_recovered && !others.is_empty() {
        blobs::retry(run, listing.id, others).await?;
    }
    Ok(())
}

async fn retry_span<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &mut ListingRun,
    span: &PendingSpan,
    is_new: bool,
    limit: RequestLimit,
) -> Result<SpanOutcome, PortError> {
    if is_limit_reached(run, limit) {
        return Ok(SpanOutcome::Stopped);
    }
    let attempt = SpanAttempt { listing: listing.id, span };
    // A window that has just failed is not tried as a whole again. Its search is a part of the same attempt, which must
    // not be counted twice.
    if is_new {
        let Schedule { attempts, refusals, .. } = span.schedule;
        let schedule =
            Schedule { attempts: attempts.saturating_sub(1), refusals: refusals.saturating_sub(1), ..span.schedule };
        let span = &PendingSpan { schedule, ..span.clone() };
        return search(run, listing, SpanAttempt { span, ..attempt }, (attempt.reason_before(), true), limit).await;
    }
    if span.window().seconds() > listing.size.max_seconds() || attempt.is_tried_in_pieces() {
        return search(run, listing, attempt, (attempt.reason_before(), false), limit).await;
    }
    let request = WindowRequest {
        cursor: span.cursor.as_deref(),
        schedule: Some(span.schedule),
        ..WindowRequest::with_single_try(listing.id, span.window(), listing.size)
    };
    let outcome = list_pending_window(run, request).await?;
    listing.has_succeeded |= outcome.is_answer();
    let is_searched = match &outcome {
        WindowOutcome::TooLong { .. } => Some((attempt.reason_before(), false)),
        // A search is only worthwhile if the listing has answered for another window.
        WindowOutcome::Failed { error, cursor } if listing.has_succeeded && !has_advanced(span, cursor.as_ref()) => {
            Some((attempt.reason_after(error.clone()), true)).filter(|_| span.window().seconds() > 1)
        }
        _ => None,
    };
    match is_searched {
        Some(reason) => search(run, listing, attempt, reason, limit).await,
        None => Ok(record_outcome(run, attempt, outcome)),
    }
}

/// Records the outcome of an attempt at the whole span.
fn record_outcome<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    attempt: SpanAttempt<'_>,
    outcome: WindowOutcome,
) -> SpanOutcome {
    let SpanAttempt { span, listing } = attempt;
    let (window, attempts) = (span.window(), span.schedule.attempts);
    match outcome {
        WindowOutcome::Complete { .. } => {
            run.change_pending(listing, span.change_after_listing(window));
            SpanOutcome::Tried { has_recovered: attempts > 0 }
        }
        WindowOutcome::Unfinished { to } => {
            attempt.record_done(run, Window { to, ..window });
            SpanOutcome::Stopped
        }
        WindowOutcome::CutOff { pages, cursor } => {
            continue_later(run, attempt, pages, cursor);
            SpanOutcome::Stopped
        }
        WindowOutcome::Stalled { to, error } => {
            attempt.record_done(run, Window { to, ..window });
            attempt.reschedule(run, Window { from: to, ..window }, attempts, &attempt.reason_after(error));
            SpanOutcome::Tried { has_recovered: false }
        }
        WindowOutcome::Failed { error, cursor } => {
            attempt.record_refusal(run, &error);
            let attempts = if has_advanced(span, cursor.as_ref()) { 0 } else { attempts };
            attempt.reschedule_at(run, window, attempts, (cursor, &attempt.reason_after(error)));
            SpanOutcome::Tried { has_recovered: false }
        }
        WindowOutcome::TooLong { .. }
        | WindowOutcome::NotOffered
        | WindowOutcome::NotYet
        | WindowOutcome::Paused { .. } => SpanOutcome::Stopped,
    }
}

/// Returns `true` if the span reached a later page before it failed.
fn has_advanced(span: &PendingSpan, cursor: Option<&String>) -> bool {
    cursor.is_some() && span.cursor.is_some() && cursor != span.cursor.as_ref()
}

/// Reschedules a span for whose pages there was not enough time. It is due again in the next tick, after other due
/// work, and continues at its cursor. A span without a cursor is split into halves.
fn continue_later<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    attempt: SpanAttempt<'_>,
    pages: u32,
    cursor: Option<String>,
) {
    let (span, window) = (attempt.span, attempt.span.window());
    let cursor = cursor.or_else(|| span.cursor.clone());
    let halves = pages > 0 && window.seconds() > 1 && cursor.is_none();
    let windows = if halves { window.halves().to_vec() } else { vec![window] };
    for window in windows {
        attempt.postpone(run, window, span.schedule.attempts, (cursor.clone(), &span.reason));
    }
}

#[cfg(test)]
mod tests;
