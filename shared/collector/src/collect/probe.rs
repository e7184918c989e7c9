//! Probes other windows after a failure, to tell a broken window from a vendor that is down.
//!
//! As soon as one of them answers, the failure was the window's own, and the window becomes pending. When none does, the
//! vendor is down: the listing ends for this tick and nothing becomes pending. After a failure that needs a person there
//! is a single probe among the windows, for most such failures hold for every window.

use super::listing_run::{ListingRun, Step};
use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use super::span_run::{Cause, SpanRun, Suspect};
use crate::base::error::{PERSISTENT_AFTER, PortError};
use crate::base::head::NotOffered;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::time::UnixSeconds;
use crate::plan::pending::PendingChange;
use crate::plan::remaining::{Choice, Remaining};
use crate::state::head_update::RefusalCounts;

/// Lengths of the part of a pending span that is probed: all of it, or halved up to so many times less one.
const PROBE_LENGTHS: u64 = 6;
/// A listing that is not offered is listed again after this, in seconds.
const LIST_AGAIN_AFTER: UnixSeconds = 86_400;

/// A window of the span failed: probes up to three others, the newest, the next and any; only one of them, at random,
/// after a refusal. When there is no other window, the halves of the window itself.
pub(crate) async fn probe<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    if span.remaining.is_empty() {
        if listing.has_succeeded {
            listing.accuse(run, span);
            return Ok(());
        }
        return probe_halves(listing, run, span).await;
    }
    let random = run.env.clock.random();
    let choices = [Choice::Newest, Choice::Oldest, Choice::Random(random)];
    for choice in probed(&choices, span.is_refused(), random) {
        let Some(window) = span.remaining.take(*choice, listing.size.seconds()) else { break };
        match listing.list_one(run, span, window, Tries::Once).await? {
            Step::Answered | Step::Stopped { answered: true } => {
                listing.accuse(run, span);
                return Ok(());
            }
            Step::Stopped { answered: false } => {
                stop(listing, run, span);
                return Ok(());
            }
            Step::Failed => {}
        }
    }
    probe_pending(listing, run, span).await
}

/// The only window there is failed as a whole: probes its newer and its older half; only one of them, at random,
/// after a refusal.
async fn probe_halves<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    let has_halves = |suspect: &&Suspect| suspect.window.seconds() > 1;
    let only = span.suspects.first().filter(|_| span.suspects.len() == 1);
    let [older, newer] = match only.filter(has_halves) {
        Some(suspect) => suspect.window.halves(),
        None => return probe_pending(listing, run, span).await,
    };
    for half in probed(&[newer, older], span.is_refused(), run.env.clock.random()) {
        let outcome = list_window(run, WindowRequest::once(listing.id, *half, listing.size)).await?;
        if outcome.is_answer() {
            listing.accuse(run, span);
            if matches!(outcome, WindowOutcome::Complete { .. }) {
                run.change_pending(listing.id, PendingChange::SpanDone(*half));
            }
            return Ok(());
        }
    }
    probe_pending(listing, run, span).await
}

/// The last probe, after all others failed: a part of any pending span that is due. Pending work must not have to wait
/// until something newer can be listed.
async fn probe_pending<S: State, B: Bucket, C: Clock, V: Vendor>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) -> Result<(), PortError> {
    let random = run.env.clock.random();
    let due = run.listing_state(listing.id).pending.due(run.env.now()).spans;
    let at = random.checked_rem(due.len() as u64).and_then(|at| usize::try_from(at).ok());
    let Some(pending) = at.and_then(|at| due.get(at)).filter(|_| !listing.has_succeeded) else {
        nothing_answers(listing, run, span);
        return Ok(());
    };
    // The whole span may touch what is broken elsewhere too: a piece of a random length may not.
    let seconds = listing.size.seconds().min(pending.window().seconds()) >> ((random >> 32) % PROBE_LENGTHS);
    let part = Remaining::new(pending.window(), std::iter::empty()).take(Choice::Random(random), seconds.max(1));
    let window = part.unwrap_or(pending.window());
    let request = WindowRequest {
        cursor: pending.cursor.as_deref().filter(|_| window == pending.window()),
        schedule: Some(pending.schedule),
        ..WindowRequest::once(listing.id, window, listing.size)
    };
    let outcome = list_window(run, request).await?;
    if matches!(outcome, WindowOutcome::Complete { .. }) {
        run.change_pending(listing.id, pending.listed(window));
    }
    if outcome.is_answer() {
        listing.accuse(run, span);
    } else {
        nothing_answers(listing, run, span);
    }
    Ok(())
}

/// No window that was tried after a failure answers. What was listed before in this tick shows that the vendor did
/// answer then: its failures become pending. Otherwise the listing is not offered, or the vendor is down: then the
/// next tick begins with a short window at random.
fn nothing_answers<S, B, C: Clock, V>(
    listing: &mut ListingRun,
    run: &mut StreamRun<'_, S, B, C, V>,
    span: &mut SpanRun,
) {
    if listing.has_succeeded {
        return stop(listing, run, span);
    }
    listing.has_ended = true;
    // A listing that fails here and is not offered there has failed: the failure may be the reason of both.
    let Some(failed) = span.suspects.iter().find(|suspect| suspect.cause == Cause::Failed) else {
        return refused(listing, run);
    };
    run.findings.has_more = true;
    run.record_persistence(listing.id, &failed.error);
}

/// Nothing more can be listed in this tick. If something could be, the failures become pending.
fn stop<S, B, C: Clock, V>(listing: &mut ListingRun, run: &mut StreamRun<'_, S, B, C, V>, span: &mut SpanRun) {
    listing.end(run);
    if listing.has_succeeded {
        listing.accuse(run, span);
    }
}

/// The vendor says that it does not offer this listing. It is believed at once of a listing that never answered;
/// of one that did, after several ticks. Where another listing fails as well it may be said to everybody.
fn refused<S, B, C: Clock, V>(listing: &mut ListingRun, run: &mut StreamRun<'_, S, B, C, V>) {
    run.findings.not_offered.push(listing.id);
    let not_offered = run.refusals(listing.id).not_offered;
    if run.findings.failure.is_some() {
        // Neither counted nor forgotten; but it is no failure that persists.
        return run.intake.delivery.update.refusals(listing.id, RefusalCounts { not_offered, persistent: 0 });
    }
    let state = run.listing_state(listing.id);
    let refusals = not_offered.map_or(0, |before| before.refusals).saturating_add(1);
    let has_answered = state.watermark > run.intake.delivery.state.head.floor;
    let is_believed = !has_answered || refusals >= PERSISTENT_AFTER;
    let until = is_believed.then(|| run.now() + LIST_AGAIN_AFTER);
    let not_offered = Some(NotOffered { refusals, until });
    run.intake.delivery.update.refusals(listing.id, RefusalCounts { not_offered, persistent: 0 });
    if !is_believed {
        run.findings.has_more = true;
        run.record_failure(&PortError::next_tick(format!(
            "the listing {}, which answered before, is refused as not offered (tick {refusals} in a row; after \
             {PERSISTENT_AFTER} it is listed once a day only)",
            listing.id
        )));
    }
}

/// Returns the windows to probe after a failure: all of these, or one of them after a refusal.
fn probed<T>(all: &[T], is_refusal: bool, random: u64) -> &[T] {
    let at = usize::try_from(random % all.len() as u64).unwrap_or(0);
    if is_refusal { &all[at..=at] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Window;
    use crate::testing::{LISTING, NOW, World, window};

    /// A window of a stream is a suspect, and there is no other one: does the probing accuse it?
    fn is_accused(broken: &[Window]) -> bool {
        let mut world = World::listed_to(NOW - 100);
        world.vendor.broken = broken.to_vec();
        let env = world.env();
        let mut run = world.begin(&env);
        let mut listing = ListingRun::plan(&mut run, LISTING, NOW).unwrap();
        let mut span = listing.main.take().unwrap();
        let window = span.remaining.take(Choice::Oldest, 100).unwrap();
        let (error, cause) = (PortError::next_tick("status 500"), Cause::Failed);
        span.suspects.push(Suspect { window, error, cause, cursor: None });
        world.clock.run(probe(&mut listing, &mut run, &mut span)).unwrap();
        assert_eq!(
            (listing.has_ended, listing.new_spans.is_empty()),
            (!listing.has_succeeded, span.suspects.len() == 1)
        );
        span.suspects.is_empty()
    }

    #[test]
    fn ok_a_window_is_accused_if_one_of_its_halves_answers() {
        assert!(is_accused(&[window(NOW - 1, NOW)]) && is_accused(&[window(NOW - 100, NOW - 99)]));
        assert!(!is_accused(&[window(NOW - 100, NOW)]));
    }

    #[test]
    fn ok_after_a_refusal_one_is_probed_at_random() {
        assert_eq!(probed(&[1, 2, 3], false, 4), [1, 2, 3]);
        assert_eq!([0, 1, 2, 3].map(|random| probed(&[1, 2, 3], true, random)[0]), [1, 2, 3, 1]);
    }
}
