//! Lists the spans of one listing: its main span, which moves the watermark, and its sweep.

use super::listing_run::{ListingRun, SpanStep};
use super::probe::probe;
use super::run::StreamRun;
use super::span_run::SpanRun;
use crate::base::error::PortError;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::UnixSeconds;
use crate::plan::remaining::Choice;

/// After a tick that could list nothing, the next window is shorter by this factor.
const PROBE_DIVISOR: UnixSeconds = 8;

/// Lists the main span, which moves the watermark, as far as time allows.
///
/// # Errors
/// Fails if the state or the bucket fails.
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

/// Lists the sweep once the main span is done.
///
/// # Errors
/// Fails if the state or the bucket fails.
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

/// Lists a span window by window, the oldest first, and records the progress after each window. At least one window is
/// listed. No further window begins after `no_window_after`, so that other work gets its share of the time and no
/// window must be interrupted for it.
async fn list_span<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    // If the last tick could list nothing although calls were retried, this tick does not retry them, so that other
    // listings do not have to wait.
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
        match listing.list_span_window(run, span, window, tries).await? {
            SpanStep::Answered => {}
            SpanStep::Failed => probe(listing, run, span).await?,
            SpanStep::Stopped { .. } => break,
        }
        span.advance(run, listing.id);
    }
    span.advance(run, listing.id);
    Ok(())
}

/// Makes the next tick begin with a short window at a random place if this tick could list nothing. A single bad window
/// can make the vendor ask for a pause, and then this tick cannot probe any other window. If the random window answers
/// in the next tick, only the bad window becomes pending.
fn remember_failure<S, B, C: Clock, V>(listing: &ListingRun, run: &mut StreamRun<'_, S, B, C, V>, main: &SpanRun) {
    let before = listing.probe_seconds;
    let next = if listing.has_succeeded {
        None
    } else if listing.has_ended && !main.failed_windows.is_empty() && !main.is_refused() {
        let seconds = before.unwrap_or(listing.size.seconds().min(main.seconds()));
        Some((seconds / PROBE_DIVISOR).max(1))
    } else {
        before
    };
    if next != before {
        run.intake.delivery.update.set_probe_seconds(listing.id, next);
    }
}

#[cfg(test)]
mod tests;
