//! Pending work of one listing, tried again: blobs are fetched, spans are listed and their broken seconds searched.

use super::blobs;
use super::listing_run::{ListingRun, not_offered};
use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use crate::base::error::PortError;
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::time::{UnixSeconds, Window};
use crate::plan::bisection::Bisection;
use crate::plan::pending::{PendingChange, failed_again, in_order, unfinished};

/// Rounds over what is due: when something that had failed succeeds, all the rest is due as well.
const MAX_ROUNDS: u32 = 2;

/// A span that continues at a page is listed from its start again after so many failures in a row.
const RESTART_EVERY: u32 = 5;

/// Requests for pending work of a listing that answered at first, and then no more.
const MAX_REQUESTS_AFTER_END: u64 = 12;

/// How much pending work may ask of the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestLimit(pub(crate) u64);

/// What one span came to.
enum SpanEnd {
    /// It is resolved or rescheduled. Whether some of it that had failed before was listed.
    Tried { has_recovered: bool },
    /// There was no time, or the requests were used up.
    Stopped,
}

/// Reports spans that the vendor no longer keeps as gaps, and gives them up.
pub(crate) fn expire<S, B, C: Clock, V>(run: &mut StreamRun<'_, S, B, C, V>, now: UnixSeconds) {
    let Some(retention) = run.policy.retention else { return };
    let oldest = now - retention.keeps + retention.margin;
    for listing in &run.stream.listings {
        for window in run.listing_state(listing).pending.expired(oldest) {
            run.record_gap(window, "could not be listed until the vendor dropped it");
            run.change_pending(listing, PendingChange::SpanDone(window));
        }
    }
}

/// Whether anything of the listings is to be tried.
pub(crate) fn is_due<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>) -> bool {
    let now = run.env.now();
    run.stream.listings.iter().any(|listing| !run.listing_state(listing).pending.due(now).is_empty())
}

/// Whether something of the listing is to be tried.
pub(crate) fn has_work<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>, listing: &ListingRun) -> bool {
    let is_due = || !run.listing_state(listing.id).pending.due(run.env.now()).is_empty();
    !listing.new_spans.is_empty() || is_due()
}

/// Tries what is due of one listing, and windows that failed in this very tick.
///
/// # Errors
/// When state or bucket fail.
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
            // What was tried in this tick waits for its next attempt.
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
        for span in in_order(wanted.cloned().collect()) {
            match retry_span(run, listing, &span, is_new(&span), limit).await? {
                SpanEnd::Tried { has_recovered: recovered } => has_recovered |= recovered,
                SpanEnd::Stopped => return Ok(()),
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

/// Nothing could be listed, so no span is tried. Blobs may be had all the same: one is tried, and when it is consumed, all
/// that are due.
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
) -> Result<SpanEnd, PortError> {
    if is_stopped(run, limit) {
        return Ok(SpanEnd::Stopped);
    }
    // One that failed a moment ago is not tried as a whole again: the search belongs to the same attempt.
    if is_new {
        let schedule = Schedule { attempts: span.schedule.attempts.saturating_sub(1), ..span.schedule };
        let span = &PendingSpan { schedule, ..span.clone() };
        return search(run, listing, span, (&span.reason, true), limit).await;
    }
    if span.window().seconds() > listing.size.max_seconds() || is_tried_in_pieces(span) {
        return search(run, listing, span, (&span.reason, false), limit).await;
    }
    let request = WindowRequest {
        cursor: span.cursor.as_deref(),
        schedule: Some(span.schedule),
        ..WindowRequest::once(listing.id, span.window(), listing.size)
    };
    match list_again(run, request).await? {
        WindowOutcome::Complete { .. } => {
            listing.has_succeeded = true;
            run.change_pending(listing.id, span.listed(span.window()));
            Ok(SpanEnd::Tried { has_recovered: span.schedule.attempts > 0 })
        }
        WindowOutcome::TooLong { .. } => search(run, listing, span, (&span.reason, false), limit).await,
        WindowOutcome::Unfinished { to } => {
            run.change_pending(listing.id, PendingChange::SpanDone(Window { to, ..span.window() }));
            Ok(SpanEnd::Stopped)
        }
        WindowOutcome::CutOff { pages, cursor } => {
            if pages > 0 {
                continue_later(run, listing, span, cursor);
            }
            Ok(SpanEnd::Stopped)
        }
        WindowOutcome::Stalled { to, error } => {
            run.change_pending(listing.id, PendingChange::SpanDone(Window { to, ..span.window() }));
            reschedule(run, listing, span.schedule, Window { from: to, ..span.window() }, &error.message);
            Ok(SpanEnd::Tried { has_recovered: false })
        }
        WindowOutcome::Failed { error, cursor } => {
            let has_advanced = cursor.is_some() && span.cursor.is_some() && cursor != span.cursor;
            // Only where something of the listing answers is it worth a search.
            if listing.has_succeeded && span.window().seconds() > 1 && !has_advanced {
                return search(run, listing, span, (&error.message, true), limit).await;
            }
            record_refusal(run, span.schedule, &error);
            let attempts = if has_advanced { 0 } else { span.schedule.attempts };
            reschedule_at(run, listing, Schedule { attempts, ..span.schedule }, span.window(), cursor, &error.message);
            Ok(SpanEnd::Tried { has_recovered: false })
        }
        WindowOutcome::NotOffered | WindowOutcome::NotYet | WindowOutcome::Paused { .. } => Ok(SpanEnd::Stopped),
    }
}

/// Every other attempt begins with pieces of the span: trying the whole may make the vendor ask for a pause, and then
/// nothing else of it can be tried in that tick.
fn is_tried_in_pieces(span: &PendingSpan) -> bool {
    let attempts = span.schedule.attempts;
    span.cursor.is_none() && span.window().seconds() > 1 && attempts > 0 && attempts.is_multiple_of(2)
}

/// Lists one window. The listing as a whole is offered, or nothing of it would be tried again: a refusal of the window is
/// a failure like any other.
async fn list_again<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    request: WindowRequest<'_>,
) -> Result<WindowOutcome, PortError> {
    Ok(match list_window(run, request).await? {
        WindowOutcome::NotOffered => WindowOutcome::Failed { error: not_offered(request.listing), cursor: None },
        outcome => outcome,
    })
}

/// Reports a failure of pending work that needs a person, be it because it persists.
fn record_refusal<S, B, C: Clock, V>(run: &mut StreamRun<'_, S, B, C, V>, schedule: Schedule, error: &PortError) {
    if error.is_refusal() {
        run.record_failure(&error.after_failures(schedule.attempts.saturating_add(1)));
    }
}

/// Lists a span in halves, and those that fail in halves again, until its broken seconds are found. `has_failed` says
/// whether it has just failed as a whole, for that reason.
async fn search<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &mut ListingRun,
    span: &PendingSpan,
    (reason, mut has_failed): (&str, bool),
    limit: RequestLimit,
) -> Result<SpanEnd, PortError> {
    let random = run.env.clock.random();
    let mut search = Bisection::new(span.window(), span.schedule.attempts, listing.size.max_seconds(), random);
    let (mut reason, mut has_listed, mut has_stopped, mut is_paused) = (reason.to_owned(), false, false, false);
    // Blobs in it that fail go on from this.
    let schedule = (span.schedule.attempts > 0).then_some(span.schedule);
    // Pieces that continue at a page are no longer the search's.
    let mut continues_elsewhere = false;
    while let Some(piece) = search.next_piece() {
        if is_stopped(run, limit) {
            search.put_back(piece);
            has_stopped = true;
            break;
        }
        let request = WindowRequest { schedule, ..WindowRequest::once(listing.id, piece, listing.size) };
        match list_again(run, request).await? {
            WindowOutcome::Complete { .. } => {
                has_listed = true;
                listing.has_succeeded = true;
                search.listed(piece);
                run.change_pending(listing.id, PendingChange::SpanDone(piece));
            }
            WindowOutcome::TooLong { dense } => search.split_around(piece, dense),
            WindowOutcome::Stalled { to, error } => {
                reason = error.message;
                run.change_pending(listing.id, PendingChange::SpanDone(Window { to, ..piece }));
                search.give_up(Window { from: to, ..piece });
            }
            WindowOutcome::Failed { error, cursor } => {
                record_refusal(run, span.schedule, &error);
                reason = error.message;
                match cursor.filter(|_| piece.seconds() == 1) {
                    Some(cursor) => {
                        // Its first pages could be listed: it continues at the one that failed.
                        let before = Schedule { attempts: 0, ..span.schedule };
                        reschedule_at(run, listing, before, piece, Some(cursor), &reason);
                        search.listed(piece);
                        continues_elsewhere = true;
                    }
                    None => {
                        search.failed(piece);
                        has_failed = true;
                    }
                }
            }
            WindowOutcome::CutOff { pages, cursor } => {
                has_stopped = true;
                if let (true, Some(cursor)) = (pages > 0, cursor) {
                    // This piece continues at its page; it is no part of what failed.
                    keep_place(run, listing, span, piece, cursor);
                    search.listed(piece);
                } else if pages > 0 {
                    search.split(piece);
                } else {
                    search.put_back(piece);
                }
                break;
            }
            WindowOutcome::Unfinished { to } => {
                has_stopped = true;
                run.change_pending(listing.id, PendingChange::SpanDone(Window { to, ..piece }));
                search.put_back(Window { from: to, ..piece });
                break;
            }
            WindowOutcome::NotOffered | WindowOutcome::NotYet => {
                search.put_back(piece);
                has_stopped = true;
                break;
            }
            WindowOutcome::Paused { .. } => {
                search.put_back(piece);
                (has_stopped, is_paused) = (true, true);
                break;
            }
        }
    }
    let unresolved = search.unresolved();
    // A search that was stopped before it found anything is an attempt: the next one looks elsewhere.
    let in_vain = u32::from(has_failed && !has_listed && !continues_elsewhere);
    for window in &unresolved {
        // What made the vendor ask for a pause, and for nothing else, waits like anything that failed.
        if has_stopped && !(is_paused && in_vain > 0) {
            // The next search goes on in pieces of this one's length, or shorter ones.
            let before = Schedule { attempts: span.schedule.attempts + in_vain, ..span.schedule };
            put(run, listing, *window, unfinished(Some(before), run.env.now()), None, &reason);
        } else {
            // What is left of a longer span is a new one: it did not fail so often by itself.
            let is_part = has_listed && window.seconds() > 1;
            let attempts = if is_part { 0 } else { span.schedule.attempts };
            reschedule(run, listing, Schedule { attempts, ..span.schedule }, *window, &reason);
        }
    }
    Ok(if has_stopped {
        SpanEnd::Stopped
    } else {
        SpanEnd::Tried { has_recovered: unresolved.is_empty() && !continues_elsewhere }
    })
}

/// A part of a span failed: it is tried again after its backoff. `before` is its schedule so far.
fn reschedule<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    before: Schedule,
    window: Window,
    reason: &str,
) {
    reschedule_at(run, listing, before, window, None, reason);
}

/// The same of a span that continues at a page. Now and then one that fails there again and again is listed from its
/// start: the vendor may no longer know the page.
fn reschedule_at<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    before: Schedule,
    window: Window,
    cursor: Option<String>,
    reason: &str,
) {
    let schedule = failed_again(Some(before), run.env.now(), run.policy.tick_seconds);
    let cursor = cursor.filter(|_| !schedule.attempts.is_multiple_of(RESTART_EVERY));
    put(run, listing, window, schedule, cursor, reason);
}

/// There was no time for all pages of the span: it is continued on the next tick, where it can be at its page. One that
/// cannot be continued is listed in halves then.
fn continue_later<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    span: &PendingSpan,
    cursor: Option<String>,
) {
    let schedule = unfinished(Some(span.schedule), run.env.now());
    let cursor = cursor.or_else(|| span.cursor.clone());
    let halves = span.window().seconds() > 1 && cursor.is_none();
    let windows = if halves { span.window().halves().to_vec() } else { vec![span.window()] };
    for window in windows {
        put(run, listing, window, schedule, cursor.clone(), &span.reason);
    }
}

/// A piece of a span is continued at its page.
fn keep_place<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    span: &PendingSpan,
    piece: Window,
    cursor: String,
) {
    let schedule = unfinished(Some(Schedule { attempts: 0, ..span.schedule }), run.env.now());
    put(run, listing, piece, schedule, Some(cursor), &span.reason);
}

fn put<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    window: Window,
    schedule: Schedule,
    cursor: Option<String>,
    reason: &str,
) {
    let span = PendingSpan::new(window, schedule, cursor, reason.to_owned());
    run.change_pending(listing.id, PendingChange::Span(span));
}

fn is_stopped<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>, limit: RequestLimit) -> bool {
    run.time_left().is_zero() || run.findings.requests >= limit.0
}

#[cfg(test)]
mod tests;
