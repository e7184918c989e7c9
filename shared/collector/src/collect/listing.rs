//! Lists the spans of one listing: its main span, which moves the watermark, and its sweep.

use super::listing_run::{ListingRun, Step};
use super::probe::probe;
use super::run::StreamRun;
use super::span_run::SpanRun;
use crate::base::error::PortError;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::UnixSeconds;
use crate::plan::remaining::Choice;

/// After a tick that could list nothing the next one begins with a window that is so many times shorter.
const PROBE_DIVISOR: UnixSeconds = 8;

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
    // Nothing was had of it in the last tick, however patiently: others shall not wait for that again.
    let tries = if listing.probe_seconds.is_some() { Tries::Once } else { Tries::Patient };
    let mut is_first = true;
    while !listing.has_ended && (is_first || run.env.clock.now() < run.no_window_after) {
        let (choice, seconds) = match listing.probe_seconds.filter(|_| is_first) {
            Some(seconds) => (Choice::Random(run.env.clock.random()), seconds),
            None => (Choice::Oldest, listing.size.seconds()),
        };
        let window = span.remaining.take(choice, seconds);
        let Some(window) = window else { break };
        is_first = false;
        match listing.list_one(run, span, window, tries).await? {
            Step::Answered => {}
            Step::Failed => probe(listing, run, span).await?,
            Step::Stopped { .. } => break,
        }
        span.move_mark(run, listing.id);
    }
    span.move_mark(run, listing.id);
    Ok(())
}

/// Remembers for the next tick whether this one could list nothing. A vendor may ask for a pause after one bad window, so
/// that no other can be probed: then the next tick begins with a short window at random. If that answers, the first one's
/// failure is its own.
fn remember_failure<S, B, C: Clock, V>(listing: &ListingRun, run: &mut StreamRun<'_, S, B, C, V>, main: &SpanRun) {
    let before = listing.probe_seconds;
    let next = if listing.has_succeeded {
        None
    } else if listing.has_ended && !main.suspects.is_empty() && !main.is_refused() {
        let seconds = before.unwrap_or(listing.size.seconds().min(main.seconds()));
        Some((seconds / PROBE_DIVISOR).max(1))
    } else {
        before
    };
    if next != before {
        run.intake.delivery.update.probe_seconds(listing.id, next);
    }
}

#[cfg(test)]
mod tests;
