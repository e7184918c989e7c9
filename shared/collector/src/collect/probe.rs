//! Probes other windows after a failure, to distinguish a broken window from a vendor that is down.
//!
//! If a probe answers, only the failed window is broken, and it becomes pending. If no probe answers, and the listing
//! has not answered earlier in this tick, the vendor counts as down: the listing ends for this tick, and nothing
//! becomes pending. A refusal is a failure that needs a person, or the answer that the listing is not offered. After a
//! refusal only one other window is probed, because most refusals hold for every window.

use super::listing_run::{ListingRun, SpanStep};
use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use super::span_run::{FailedWindow, FailureKind, SpanRun};
use crate::base::error::{PERSISTENT_AFTER, PortError};
use crate::base::head::NotOffered;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::UnixSeconds;
use crate::plan::pending::PendingChange;
use crate::plan::remaining::{Choice, Remaining};
use crate::state::head_update::RefusalCounts;

/// The probed part of a pending span has one of this many lengths: the span's length is halved 0 to 5 times.
const PROBE_LENGTHS: u64 = 6;
/// Time after which a listing that is not offered is tried again, in seconds.
const LIST_AGAIN_AFTER_SECONDS: UnixSeconds = 86_400;

/// Probes other windows after a window of the span failed. As soon as a probe answers, the span's failed windows become
/// pending. The probes are, in this order:
///
/// - up to three windows that are still to be listed: the newest, the oldest, and one at random. After a refusal only
///   one of these three is probed, chosen at random.
/// - the halves of the failed window, if no window is left to be listed. They are not probed if the listing answered
///   earlier in this tick.
/// - a part of a pending span that is due, if the listing has not answered in this tick.
///
/// The listing ends for this tick if no probe answers, the vendor asks for a pause, or the tick's time ends. Then the
/// failed windows become pending only if the listing answered earlier in this tick. If all of them failed as not
/// offered, that is recorded and may suspend the listing.
pub(crate) async fn probe<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    if span.remaining.is_empty() {
        if listing.has_succeeded {
            listing.make_failures_pending(run, span);
            return Ok(());
        }
        return probe_halves(listing, run, span).await;
    }
    let random = run.env.clock.random();
    let choices = [Choice::Newest, Choice::Oldest, Choice::Random(random)];
    for choice in chosen_probes(&choices, span.is_refused(), random) {
        let Some(window) = span.remaining.take(*choice, listing.size.seconds()) else { break };
        match listing.list_span_window(run, span, window, Tries::Once).await? {
            SpanStep::Answered | SpanStep::Stopped { answered: true } => {
                listing.make_failures_pending(run, span);
                return Ok(());
            }
            SpanStep::Stopped { answered: false } => {
                end_listing(listing, run, span);
                return Ok(());
            }
            SpanStep::Failed => {}
        }
    }
    probe_pending(listing, run, span).await
}

/// Probes the newer and the older half of the failed window, if it is the only failed window and longer than a second.
/// After a refusal only one half is probed, chosen at random. If no half answers, a pending span is probed.
async fn probe_halves<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    let has_halves = |failed_window: &&FailedWindow| failed_window.window.seconds() > 1;
    let only = span.failed_windows.first().filter(|_| span.failed_windows.len() == 1);
    let [older, newer] = match only.filter(has_halves) {
        Some(failed_window) => failed_window.window.halves(),
        None => return probe_pending(listing, run, span).await,
    };
    for half in chosen_probes(&[newer, older], span.is_refused(), run.env.clock.random()) {
        let outcome = list_window(run, WindowRequest::with_single_try(listing.id, *half, listing.size)).await?;
        if outcome.is_answer() {
            listing.make_failures_pending(run, span);
            if matches!(outcome, WindowOutcome::Complete { .. }) {
                run.change_pending(listing.id, PendingChange::SpanDone(*half));
            }
            return Ok(());
        }
    }
    probe_pending(listing, run, span).await
}

/// Probes a random part of a random pending span that is due, after all other probes failed. Pending work then does not
/// have to wait until newer windows can be listed.
async fn probe_pending<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    let random = run.env.clock.random();
    let due = run.listing_state(listing.id).pending.due(run.env.now()).spans;
    let at = random.checked_rem(due.len() as u64).and_then(|at| usize::try_from(at).ok());
    let Some(pending) = at.and_then(|at| due.get(at)).filter(|_| !listing.has_succeeded) else {
        end_after_failed_probes(listing, run, span);
        return Ok(());
    };
    // A part of random length is probed, because the whole span may contain broken seconds and a short part may contain
    // none.
    let seconds = listing.size.seconds().min(pending.window().seconds()) >> ((random >> 32) % PROBE_LENGTHS);
    let part = Remaining::new(pending.window(), std::iter::empty()).take(Choice::Random(random), seconds.max(1));
    let window = part.unwrap_or(pending.window());
    let request = WindowRequest {
        cursor: pending.cursor.as_deref().filter(|_| window == pending.window()),
        schedule: Some(pending.schedule),
        ..WindowRequest::with_single_try(listing.id, window, listing.size)
    };
    let outcome = list_window(run, request).await?;
    if matches!(outcome, WindowOutcome::Complete { .. }) {
        run.change_pending(listing.id, pending.change_after_listing(window));
    }
    if outcome.is_answer() {
        listing.make_failures_pending(run, span);
    } else {
        end_after_failed_probes(listing, run, span);
    }
    Ok(())
}

/// Ends the listing after all probes failed. If a window was listed earlier in this tick, the vendor did answer, and
/// the failed windows become pending. Otherwise the listing is not offered, or the vendor is down.
fn end_after_failed_probes<S, B, C: Clock, V>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) {
    if listing.has_succeeded {
        return end_listing(listing, run, span);
    }
    listing.has_ended = true;
    // If some windows failed and others are not offered, one cause may explain both. The failure then counts, and not
    // the answer "not offered".
    let Some(failed) = span.failed_windows.iter().find(|failed_window| failed_window.kind == FailureKind::Failed)
    else {
        return record_not_offered(listing, run);
    };
    run.findings.has_more = true;
    run.record_listing_failure(listing.id, &failed.error);
}

/// Ends the listing for this tick. If any window could be listed in this tick, the failed windows become pending.
fn end_listing<S, B, C: Clock, V>(listing: &mut ListingRun, run: &mut StreamRun<'_, S, B, C, V>, span: &mut SpanRun) {
    listing.end(run);
    if listing.has_succeeded {
        listing.make_failures_pending(run, span);
    }
}

/// Handles a listing that the vendor does not offer. If the listing never answered before, it is suspended at once;
/// otherwise it is suspended after several such ticks in a row. If another failure occurred in this tick, the refusal
/// does not count, because both may have the same cause.
fn record_not_offered<S, B, C: Clock, V>(listing: &mut ListingRun, run: &mut StreamRun<'_, S, B, C, V>) {
    run.findings.not_offered.push(listing.id);
    let not_offered = run.refusal_counts(listing.id).not_offered;
    if run.findings.failure.is_some() {
        // The count of ticks in which the listing was not offered stays as it is. The count of persistent failures is
        // reset, because this tick had another outcome.
        return run.intake.delivery.update.set_refusal_counts(listing.id, RefusalCounts { not_offered, persistent: 0 });
    }
    let state = run.listing_state(listing.id);
    let refusals = not_offered.map_or(0, |before| before.refusals).saturating_add(1);
    let has_answered = state.watermark > run.intake.delivery.state.head.floor;
    let is_believed = !has_answered || refusals >= PERSISTENT_AFTER;
    let until = is_believed.then(|| run.now() + LIST_AGAIN_AFTER_SECONDS);
    let not_offered = Some(NotOffered { refusals, until });
    run.intake.delivery.update.set_refusal_counts(listing.id, RefusalCounts { not_offered, persistent: 0 });
    if !is_believed {
        run.findings.has_more = true;
        run.record_failure(&PortError::next_tick(format!(
            "the listing {}, which answered before, is refused as not offered (tick {refusals} in a row; after \
             {PERSISTENT_AFTER} it is listed once per day only)",
            listing.id
        )));
    }
}

/// Returns the elements of `all` that are to be probed: after a refusal one at random, otherwise all.
fn chosen_probes<T>(all: &[T], is_refusal: bool, random: u64) -> &[T] {
    let at = usize::try_from(random % all.len() as u64).unwrap_or(0);
    if is_refusal { &all[at..=at] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Window;
    use crate::testing::{LISTING, NOW, World, window};

    /// Probes the only window of a stream after it failed. Returns `true` if the window becomes pending.
    fn becomes_pending(broken: &[Window]) -> bool {
        let mut world = World::listed_to(NOW - 100);
        world.vendor.broken = broken.to_vec();
        let env = world.env();
        let mut run = world.begin(&env);
        let mut listing = ListingRun::plan(&mut run, LISTING, NOW).unwrap();
        let mut span = listing.main.take().unwrap();
        let window = span.remaining.take(Choice::Oldest, 100).unwrap();
        let (error, kind) = (PortError::next_tick("status 500"), FailureKind::Failed);
        span.failed_windows.push(FailedWindow { window, error, kind, cursor: None });
        world.clock.run(probe(&mut listing, &mut run, &mut span)).unwrap();
        assert_eq!(
            (listing.has_ended, listing.new_spans.is_empty()),
            (!listing.has_succeeded, span.failed_windows.len() == 1)
        );
        span.failed_windows.is_empty()
    }

    #[test]
    fn ok_a_failed_window_becomes_pending_if_one_of_its_halves_answers() {
        assert!(becomes_pending(&[window(NOW - 1, NOW)]) && becomes_pending(&[window(NOW - 100, NOW - 99)]));
        assert!(!becomes_pending(&[window(NOW - 100, NOW)]));
    }

    #[test]
    fn ok_one_random_window_is_probed_after_a_refusal() {
        assert_eq!(chosen_probes(&[1, 2, 3], false, 4), [1, 2, 3]);
        assert_eq!([0, 1, 2, 3].map(|random| chosen_probes(&[1, 2, 3], true, random)[0]), [1, 2, 3, 1]);
    }
}
