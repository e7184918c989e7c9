//! Lists the spans of one listing: its main span, which moves the watermark, and its sweep.

use super::listing_run::{ListingRun, Step};
use super::probe::probe;
use super::run::StreamRun;
use super::span_run::SpanRun;
use crate::base::error::PortError;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::{UnixSeconds, Window};
use crate::plan::remaining::Choice;

/// A window anywhere is no longer than this part of the span.
const PARTS_OF_SPAN: UnixSeconds = 8;

/// Lists what moves the watermark, as far as time allows.
///
/// # Errors
/// When state or bucket fail.
pub(crate) async fn list_main<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
) -> Result<(), PortError> {
    let Some(mut main) = listing.main.take() else { return Ok(()) };
    let listed = list_span(listing, run, &mut main).await;
    remember_failure(listing, run, &main);
    listing.main = Some(main);
    listed
}

/// Lists what is due to be listed again, once the main span is done.
///
/// # Errors
/// When state or bucket fail.
pub(crate) async fn list_sweep<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
) -> Result<(), PortError> {
    if listing.main.as_ref().is_some_and(|main| !main.is_done()) {
        return Ok(());
    }
    let Some(mut sweep) = listing.sweep.take() else { return Ok(()) };
    let listed = list_span(listing, run, &mut sweep).await;
    listing.sweep = Some(sweep);
    listed
}

/// Lists a span window by window, oldest first, and moves its mark behind them. At least one window is listed; further
/// ones only until other work wants its share, so that no window is cut for that.
async fn list_span<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    let mut is_first = true;
    while !listing.has_ended && (is_first || run.env.clock.now() < run.no_window_after) {
        let window = match is_first && listing.begins_anywhere {
            true => take_anywhere(listing, run, span),
            false => span.remaining.take(Choice::Oldest, listing.size.seconds()),
        };
        let Some(window) = window else { break };
        is_first = false;
        match listing.list_one(run, span, window, Tries::Patient).await? {
            Step::Answered => {}
            Step::Failed => probe(listing, run, span).await?,
            Step::Stopped { .. } => break,
        }
        span.move_mark(run, listing.id);
    }
    span.move_mark(run, listing.id);
    Ok(())
}

/// A small window anywhere in the span. The last tick came to nothing else after the first window had failed (a vendor
/// may ask for a pause after it): if another one answers now, the first one's failure is its own.
fn take_anywhere<S, B, C: Clock, V>(
    listing: &ListingRun,
    run: &StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Option<Window> {
    let seconds = listing.size.seconds().min(span.remaining.seconds() / PARTS_OF_SPAN);
    span.remaining.take(Choice::Random(run.env.clock.random()), seconds)
}

/// Remembers for the next tick whether this one could list nothing.
fn remember_failure<S, B, C: Clock, V>(listing: &ListingRun, run: &mut StreamRun<'_, S, B, C, V>, main: &SpanRun) {
    let has_only_failed = listing.has_ended && !listing.has_succeeded && !main.suspects.is_empty();
    if has_only_failed != listing.begins_anywhere && (has_only_failed || listing.has_succeeded) {
        run.intake.delivery.update.begin_anywhere(listing.id, has_only_failed);
    }
}

#[cfg(test)]
mod tests;
