//! Searches a pending span for the parts that can be listed. It lists pieces, and halves those that fail.

use super::listing_run::ListingRun;
use super::pages::{WindowOutcome, WindowRequest};
use super::run::StreamRun;
use super::span_attempt::{
    PendingReason, RequestLimit, SpanAttempt, SpanOutcome, is_limit_reached, list_pending_window,
};
use crate::base::error::PortError;
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::time::Window;
use crate::plan::bisection::Bisection;

/// The reason why a search ends before all pieces were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    /// There is no time or no request left.
    NoTime,
    /// The vendor asked for a pause.
    Pause,
}

/// One search in a pending span.
struct SpanSearch<'a> {
    attempt: SpanAttempt<'a>,
    bisection: Bisection,
    /// The reason for the last failure.
    reason: PendingReason,
    has_listed: bool,
    has_failed: bool,
    stop: Option<StopReason>,
    /// `true` once a piece of the span became a pending span of its own, because it continues at a cursor.
    continues_elsewhere: bool,
}

/// Lists a span in pieces until its broken seconds are found. `has_failed` is `true` if the whole span has just failed.
/// `reason` is the reason why the span is pending.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn search<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: &mut ListingRun,
    attempt: SpanAttempt<'_>,
    (reason, has_failed): (PendingReason, bool),
    limit: RequestLimit,
) -> Result<SpanOutcome, PortError> {
    let (span, random) = (attempt.span, run.env.clock.random());
    let mut search = SpanSearch {
        attempt,
        bisection: Bisection::new(span.window(), span.schedule.attempts, listing.size.max_seconds(), random),
        reason,
        has_listed: false,
        has_failed,
        stop: None,
        continues_elsewhere: false,
    };
    // If a blob of a span that failed before fails now, it continues the span's schedule, so that this does not count
    // as a first failure.
    let schedule = (span.schedule.attempts > 0).then_some(span.schedule);
    while search.stop.is_none()
        && let Some(piece) = search.bisection.next_piece()
    {
        if is_limit_reached(run, limit) {
            search.put_back(piece, StopReason::NoTime);
            break;
        }
        let request = WindowRequest { schedule, ..WindowRequest::with_single_try(listing.id, piece, listing.size) };
        let outcome = list_pending_window(run, request).await?;
        listing.has_succeeded |= outcome.is_answer();
        search.record_outcome(run, piece, outcome);
    }
    Ok(search.finish(run))
}

impl SpanSearch<'_> {
    /// Records the outcome of a piece.
    fn record_outcome<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        piece: Window,
        outcome: WindowOutcome,
    ) {
        match outcome {
            WindowOutcome::Complete { .. } => {
                self.has_listed = true;
                self.bisection.record_listed(piece);
                self.attempt.record_done(run, piece);
            }
            WindowOutcome::TooLong { dense } => self.bisection.split_around(piece, dense),
            WindowOutcome::Stalled { to, error } => {
                self.reason = self.attempt.reason_after(error);
                self.attempt.record_done(run, Window { to, ..piece });
                self.bisection.give_up(Window { from: to, ..piece });
            }
            WindowOutcome::Failed { error, cursor } => self.record_failed(run, piece, error, cursor),
            WindowOutcome::CutOff { pages, cursor } => self.record_cut_off(run, piece, pages, cursor),
            WindowOutcome::Unfinished { to } => {
                self.attempt.record_done(run, Window { to, ..piece });
                self.put_back(Window { from: to, ..piece }, StopReason::NoTime);
            }
            WindowOutcome::NotOffered | WindowOutcome::NotYet => self.put_back(piece, StopReason::NoTime),
            WindowOutcome::Paused { .. } => self.put_back(piece, StopReason::Pause),
        }
    }

    fn record_failed<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        piece: Window,
        error: PortError,
        cursor: Option<String>,
    ) {
        self.attempt.record_refusal(run, &error);
        self.reason = self.attempt.reason_after(error);
        if piece.seconds() == 1 && cursor.is_some() {
            // The first pages of this second were listed, so it continues at the page that failed.
            self.attempt.reschedule_at(run, piece, 0, (cursor, &self.reason));
            self.bisection.record_listed(piece);
            self.continues_elsewhere = true;
        } else {
            self.bisection.record_failed(piece);
            self.has_failed = true;
        }
    }

    fn record_cut_off<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        piece: Window,
        pages: u32,
        cursor: Option<String>,
    ) {
        self.stop = Some(StopReason::NoTime);
        if pages == 0 {
            self.bisection.put_back(piece);
        } else if cursor.is_some() {
            // This piece becomes a pending span of its own, which continues at its cursor. The search leaves it out
            // like a listed piece.
            self.attempt.postpone(run, piece, 0, (cursor, &self.attempt.span.reason));
            self.bisection.record_listed(piece);
        } else {
            self.bisection.split(piece);
        }
    }

    fn put_back(&mut self, piece: Window, stop: StopReason) {
        self.bisection.put_back(piece);
        self.stop = Some(stop);
    }

    /// Reschedules the parts that were not listed.
    fn finish<S, B, C: Clock, V>(self, run: &mut StreamRun<'_, S, B, C, V>) -> SpanOutcome {
        let Self { attempt, bisection, reason, has_listed, has_failed, stop, continues_elsewhere } = self;
        let unresolved = bisection.unresolved();
        let attempts = attempt.span.schedule.attempts;
        let schedule = Schedule { refusals: reason.refusals, ..attempt.span.schedule };
        let span = &PendingSpan { schedule, ..attempt.span.clone() };
        let attempt = SpanAttempt { span, ..attempt };
        // If a search is stopped before it lists anything, it counts as a failed attempt, so that the next search tries
        // other pieces.
        let found_nothing = has_failed && !has_listed && !continues_elsewhere;
        for window in &unresolved {
            match stop {
                // If nothing was listed before the pause, the part waits for its backoff like a failed one.
                Some(StopReason::Pause) if found_nothing => attempt.reschedule(run, *window, attempts, &reason),
                Some(StopReason::Pause) => attempt.resume_in_pieces(run, *window, &reason.message),
                // There was no time for this part, so it is due again in the next tick.
                Some(_) => attempt.postpone(run, *window, attempts + u32::from(found_nothing), (None, &reason.message)),
                // Other parts of the span were listed, so the earlier failures of the whole span do not count for this
                // part.
                None if has_listed && window.seconds() > 1 => attempt.reschedule(run, *window, 0, &reason),
                None => attempt.reschedule(run, *window, attempts, &reason),
            }
        }
        match stop {
            Some(_) => SpanOutcome::Stopped,
            None => SpanOutcome::Tried { has_recovered: unresolved.is_empty() && !continues_elsewhere },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LISTING, NOW, World, pending_span, window};

    /// Runs a search in a span of 100 seconds whose pieces have these outcomes. Returns the outcome of the search, and
    /// for each pending span `from`, `to`, the number of attempts, and `true` if it is due at once.
    fn after(outcomes: Vec<WindowOutcome>) -> (SpanOutcome, Vec<(i64, i64, u32, bool)>) {
        let world = World::listed_to(NOW);
        let env = world.env();
        let mut run = world.begin(&env);
        let span: PendingSpan = pending_span(0, 100);
        run.change_pending(LISTING, crate::plan::pending::PendingChange::Span(span.clone()));
        let attempt = SpanAttempt { listing: LISTING, span: &span };
        let mut search = SpanSearch {
            attempt,
            bisection: Bisection::new(span.window(), 1, 1_000, 0),
            reason: PendingReason { message: String::new(), refusals: 0 },
            has_listed: false,
            has_failed: false,
            stop: None,
            continues_elsewhere: false,
        };
        for outcome in outcomes {
            let piece = search.bisection.next_piece().unwrap();
            search.record_outcome(&mut run, piece, outcome);
        }
        let end = search.finish(&mut run);
        let state = |span: &PendingSpan| {
            let schedule = span.schedule;
            (span.from, span.to, schedule.attempts, schedule.next_attempt <= NOW)
        };
        (end, run.listing_state(LISTING).pending.spans.iter().map(state).collect())
    }

    fn failed() -> WindowOutcome {
        WindowOutcome::Failed { error: PortError::next_tick("status 500"), cursor: None }
    }

    fn paused() -> WindowOutcome {
        WindowOutcome::Paused { error: PortError::paused("a pause") }
    }

    fn complete() -> WindowOutcome {
        WindowOutcome::Complete { pages: 1 }
    }

    #[test]
    fn ok_listed_pieces_are_resolved_and_the_rest_is_rescheduled() {
        assert_eq!(after(vec![complete(), complete()]), (SpanOutcome::Tried { has_recovered: true }, vec![]));
        let (end, left) = after(vec![complete(), failed()]);
        assert_eq!((end, left.len(), left[0].2, left[0].3), (SpanOutcome::Tried { has_recovered: false }, 1, 1, false));
    }

    #[test]
    fn ok_a_pause_after_a_failure_is_followed_by_a_backoff() {
        let (end, left) = after(vec![failed(), paused()]);
        assert_eq!((end, left), (SpanOutcome::Stopped, vec![(0, 100, 2, false)]));
        let (_, left) = after(vec![complete(), paused()]);
        assert_eq!((left.len(), left[0].2), (1, 2));
    }

    #[test]
    fn ok_a_piece_without_time_is_due_at_once() {
        let (_, left) = after(vec![WindowOutcome::CutOff { pages: 0, cursor: None }]);
        assert_eq!(left, [(0, 100, 1, true)]);
        let continued = WindowOutcome::CutOff { pages: 3, cursor: Some("c".to_owned()) };
        let (_, left) = after(vec![continued]);
        assert_eq!(left.iter().map(|span| window(span.0, span.1).seconds()).sum::<i64>(), 100);
        assert!(left.len() == 2 && left.iter().any(|span| span.2 == 0), "{left:?}");
    }
}
