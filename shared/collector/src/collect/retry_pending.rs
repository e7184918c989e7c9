//! Pending work of one listing, tried again: blobs are fetched, spans are listed and their broken seconds searched.

use super::blobs;
use super::listing::ListingRun;
use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use crate::base::error::{PortError, Recovery};
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::{UnixSeconds, Window};
use crate::plan::bisection::Bisection;
use crate::plan::pending::{PendingChange, failed_again, unfinished};

/// Rounds over what is due: when something that had failed succeeds, all the rest is due as well.
const MAX_ROUNDS: u32 = 2;

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
    run.stream.listings.iter().any(|listing| {
        let pending = run.listing_state(listing).pending;
        let until = pending.due_until(run.env.now());
        !pending.due_spans(until).is_empty() || !pending.due_blobs(until).is_empty()
    })
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
    for _ in 0..MAX_ROUNDS {
        // A vendor that is down is left alone.
        if listing.has_ended {
            return Ok(());
        }
        let pending = run.listing_state(listing.id).pending;
        let until = pending.due_until(run.env.now());
        let mut blobs = pending.due_blobs(until);
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
        let wanted = pending.spans.iter().filter(|span| span.schedule.next_attempt <= until || is_new(span));
        for span in wanted {
            match retry_span(run, listing, span, is_new(span), limit).await? {
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
    // One that failed a moment ago is not tried as a whole again.
    if is_new || span.window().seconds() > listing.size.max_seconds() {
        let schedule = (!is_new).then_some(span.schedule);
        return search(run, listing, span, schedule, limit).await;
    }
    let request = WindowRequest {
        listing: listing.id,
        window: span.window(),
        cursor: span.cursor.as_deref(),
        tries: Tries::Once,
        schedule: Some(span.schedule),
        size: listing.size,
    };
    match list_window(run, request).await? {
        WindowOutcome::Complete { .. } => {
            listing.has_succeeded = true;
            run.change_pending(listing.id, PendingChange::SpanDone(span.window()));
            Ok(SpanEnd::Tried { has_recovered: span.schedule.attempts > 0 })
        }
        WindowOutcome::TooLong => search(run, listing, span, Some(span.schedule), limit).await,
        WindowOutcome::Unfinished { to } => {
            run.change_pending(listing.id, PendingChange::SpanDone(Window { to: to.max(span.from), ..span.window() }));
            Ok(SpanEnd::Stopped)
        }
        WindowOutcome::CutOff { pages, cursor } => {
            if pages > 0 {
                continue_later(run, listing, span, cursor);
            }
            Ok(SpanEnd::Stopped)
        }
        WindowOutcome::Stalled { to, error } => {
            let resolved = Window { to: to.max(span.from), ..span.window() };
            run.change_pending(listing.id, PendingChange::SpanDone(resolved));
            reschedule(run, listing, span, Window { from: resolved.to, ..span.window() }, &error.message);
            Ok(SpanEnd::Tried { has_recovered: false })
        }
        WindowOutcome::Failed(error) if error.recovery == Recovery::Person && span.window().seconds() == 1 => {
            run.record_failure(&error);
            reschedule(run, listing, span, span.window(), &error.message);
            Ok(SpanEnd::Tried { has_recovered: false })
        }
        WindowOutcome::Failed(error) => {
            // Only where something of the listing answers is it worth a search.
            if listing.has_succeeded && span.window().seconds() > 1 {
                let span = PendingSpan { reason: error.message, ..span.clone() };
                return search(run, listing, &span, Some(span.schedule), limit).await;
            }
            reschedule(run, listing, span, span.window(), &error.message);
            Ok(SpanEnd::Tried { has_recovered: false })
        }
        WindowOutcome::NotOffered | WindowOutcome::NotYet => Ok(SpanEnd::Stopped),
    }
}

/// Lists a span in halves, and those that fail in halves again, until its broken seconds are found. `schedule` is what
/// blobs in it that fail go on from.
async fn search<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &mut ListingRun,
    span: &PendingSpan,
    schedule: Option<Schedule>,
    limit: RequestLimit,
) -> Result<SpanEnd, PortError> {
    let random = run.env.clock.random();
    let mut search = Bisection::new(span.window(), span.schedule.attempts, listing.size.max_seconds(), random);
    let (mut reason, mut has_recovered, mut has_stopped) = (span.reason.clone(), false, false);
    while let Some(piece) = search.next_piece() {
        if is_stopped(run, limit) {
            search.put_back(piece);
            has_stopped = true;
            break;
        }
        let (id, size) = (listing.id, listing.size);
        let request = WindowRequest { listing: id, window: piece, cursor: None, tries: Tries::Once, schedule, size };
        match list_window(run, request).await? {
            WindowOutcome::Complete { .. } => {
                has_recovered = true;
                listing.has_succeeded = true;
                search.listed(piece);
                run.change_pending(listing.id, PendingChange::SpanDone(piece));
            }
            WindowOutcome::TooLong => search.split(piece),
            WindowOutcome::Stalled { to, error } => {
                reason = error.message;
                let from = to.clamp(piece.from, piece.to - 1);
                run.change_pending(listing.id, PendingChange::SpanDone(Window { to: from, ..piece }));
                search.give_up(Window { from, ..piece });
            }
            WindowOutcome::Failed(error) => {
                if error.recovery == Recovery::Person {
                    run.record_failure(&error);
                }
                reason = error.message;
                search.failed(piece);
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
                run.change_pending(listing.id, PendingChange::SpanDone(Window { to: to.max(piece.from), ..piece }));
                search.put_back(Window { from: to.max(piece.from), ..piece });
                break;
            }
            WindowOutcome::NotOffered | WindowOutcome::NotYet => {
                search.put_back(piece);
                has_stopped = true;
                break;
            }
        }
    }
    for window in search.unresolved().into_iter().filter(|window| window.seconds() > 0) {
        if has_stopped {
            hurry(run, listing, span, window, &reason)
        } else {
            reschedule(run, listing, span, window, &reason)
        }
    }
    Ok(if has_stopped { SpanEnd::Stopped } else { SpanEnd::Tried { has_recovered } })
}

/// The search of a span was cut short: the rest is due on the next tick.
fn hurry<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    span: &PendingSpan,
    window: Window,
    reason: &str,
) {
    put(run, listing, window, unfinished(Some(span.schedule), run.env.now()), None, reason);
}

/// A part of the span failed: it is tried again after its backoff.
fn reschedule<S, B, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &ListingRun,
    span: &PendingSpan,
    window: Window,
    reason: &str,
) {
    let schedule = failed_again(Some(span.schedule), run.env.now(), run.policy.tick_seconds);
    put(run, listing, window, schedule, None, reason);
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
    Window { from, to }: Window,
    schedule: Schedule,
    cursor: Option<String>,
    reason: &str,
) {
    let span = PendingSpan { from, to, schedule, cursor, reason: reason.to_owned() };
    run.change_pending(listing.id, PendingChange::Span(span));
}

fn is_stopped<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>, limit: RequestLimit) -> bool {
    run.time_left().is_zero() || run.findings.requests >= limit.0
}
