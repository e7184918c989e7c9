//! One attempt at a pending span or at a part of it, and the functions that record its outcome.

use super::listing_run::not_offered_error;
use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use crate::base::error::PortError;
use crate::base::pending::{PendingSpan, Schedule};
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::Window;
use crate::plan::pending::{PendingChange, schedule_after_failure, unfinished_schedule};

/// After every so many failures in a row a span loses its cursor, and is listed from its start again.
const RESTART_EVERY: u32 = 5;

/// Pending work stops once the tick has made this many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestLimit(pub(crate) u64);

/// The outcome of an attempt at one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanOutcome {
    /// The span is resolved or rescheduled. `has_recovered` is `true` if a part of it that had failed before was
    /// listed.
    Tried { has_recovered: bool },
    /// The attempt ended early: no time or no request was left, or the vendor did not allow more calls.
    Stopped,
}

/// Returns `true` if the time for pending work is over or its last request is made.
pub(crate) fn is_limit_reached<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>, limit: RequestLimit) -> bool {
    run.time_left().is_zero() || run.findings.requests >= limit.0
}

/// Lists one window of pending work. Pending work is only tried while the vendor offers the listing as a whole, so the
/// answer "not offered" becomes an ordinary failure here.
pub(crate) async fn list_pending_window<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    request: WindowRequest<'_>,
) -> Result<WindowOutcome, PortError> {
    Ok(match list_window(run, request).await? {
        WindowOutcome::NotOffered => WindowOutcome::Failed { error: not_offered_error(request.listing), cursor: None },
        outcome => outcome,
    })
}

/// The reason why a part of a span is still pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingReason {
    pub(crate) message: String,
    /// The number of attempts in a row, this one included, that failed with
    /// [`Recovery::PersonIfPersistent`](crate::Recovery::PersonIfPersistent).
    pub(crate) refusals: u32,
}

/// A pending span of a listing, as it was when its attempt began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpanAttempt<'a> {
    pub(crate) listing: ListingId,
    pub(crate) span: &'a PendingSpan,
}

impl SpanAttempt<'_> {
    /// Records that a part of the span failed. It is tried again after its backoff. `attempts` is the number of failed
    /// attempts before this one.
    pub(crate) fn reschedule<S, B, C: Clock, V>(
        self,
        run: &mut StreamRun<'_, S, B, C, V>,
        part: Window,
        attempts: u32,
        reason: &PendingReason,
    ) {
        self.reschedule_at(run, part, attempts, (None, reason));
    }

    /// Records that a part of the span failed and continues at `cursor`. After every [`RESTART_EVERY`] failures the
    /// cursor is dropped and the part is listed from its start, because the vendor may no longer know the page.
    pub(crate) fn reschedule_at<S, B, C: Clock, V>(
        self,
        run: &mut StreamRun<'_, S, B, C, V>,
        part: Window,
        attempts: u32,
        (cursor, reason): (Option<String>, &PendingReason),
    ) {
        let before = Schedule { attempts, ..self.span.schedule };
        let schedule = schedule_after_failure(Some(before), run.env.now(), run.policy.tick_seconds);
        let schedule = Schedule { refusals: reason.refusals, ..schedule };
        let cursor = cursor.filter(|_| !schedule.attempts.is_multiple_of(RESTART_EVERY));
        self.add_pending(run, self.span.part(part, schedule, cursor, reason.message.clone()));
    }

    /// Records that there was no time for a part of the span. The part is due again in the next tick.
    pub(crate) fn postpone<S, B, C: Clock, V>(
        self,
        run: &mut StreamRun<'_, S, B, C, V>,
        part: Window,
        attempts: u32,
        (cursor, reason): (Option<String>, &str),
    ) {
        let schedule = unfinished_schedule(Some(Schedule { attempts, ..self.span.schedule }), run.env.now());
        self.add_pending(run, self.span.part(part, schedule, cursor, reason.to_owned()));
    }

    /// Records that a pause ended the search of a part. The next tick continues to list the part in pieces. The
    /// schedule stores that as an even number of attempts and a next attempt that is later than the last one.
    pub(crate) fn resume_in_pieces<S, B, C: Clock, V>(
        self,
        run: &mut StreamRun<'_, S, B, C, V>,
        part: Window,
        reason: &str,
    ) {
        let (now, before) = (run.env.now(), self.span.schedule);
        let attempts = before.attempts.max(1).next_multiple_of(2);
        let schedule = Schedule { attempts, last_attempt: now, next_attempt: now + 1, ..before };
        self.add_pending(run, self.span.part(part, schedule, None, reason.to_owned()));
    }

    /// Returns `true` if the span is listed in pieces first, as in every second attempt after a failure. The whole span
    /// may make the vendor ask for a pause, and then none of its pieces can be tried in that tick. A span that was only
    /// left unfinished is tried as a whole.
    pub(crate) fn is_tried_in_pieces(self) -> bool {
        let Schedule { attempts, last_attempt, next_attempt, .. } = self.span.schedule;
        let has_failed = attempts > 0 && next_attempt > last_attempt;
        self.span.cursor.is_none() && self.span.window().seconds() > 1 && has_failed && attempts.is_multiple_of(2)
    }

    /// Reports the error if it is a refusal ([`PortError::is_refusal`]): it needs a person now, or will need one if it
    /// persists. An error that has persisted is reported as one that needs a person.
    pub(crate) fn record_refusal<S, B, C: Clock, V>(self, run: &mut StreamRun<'_, S, B, C, V>, error: &PortError) {
        if error.is_refusal() {
            run.record_failure(&error.after_failures(error.refusals_after(self.span.schedule.refusals)));
        }
    }

    /// Returns the reason why the span is pending after it failed with `error`.
    pub(crate) fn reason_after(self, error: PortError) -> PendingReason {
        PendingReason { refusals: error.refusals_after(self.span.schedule.refusals), message: error.message }
    }

    /// Returns the reason why the span was pending before this attempt.
    pub(crate) fn reason_before(self) -> PendingReason {
        PendingReason { refusals: self.span.schedule.refusals, message: self.span.reason.clone() }
    }

    /// Records that the part was listed, so that nothing inside it is pending any more.
    pub(crate) fn record_done<S, B, C: Clock, V>(self, run: &mut StreamRun<'_, S, B, C, V>, part: Window) {
        run.change_pending(self.listing, PendingChange::SpanDone(part));
    }

    fn add_pending<S, B, C: Clock, V>(self, run: &mut StreamRun<'_, S, B, C, V>, span: PendingSpan) {
        run.change_pending(self.listing, PendingChange::Span(span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LISTING, NOW, World, pending_span, window};

    fn spans_after(
        world: &World,
        work: impl Fn(SpanAttempt<'_>, &mut crate::testing::TestRun<'_>),
    ) -> Vec<PendingSpan> {
        let env = world.env();
        let mut run = world.begin(&env);
        let span = PendingSpan { is_second_pass: true, ..pending_span(10, 20) };
        run.change_pending(LISTING, PendingChange::Span(span.clone()));
        work(SpanAttempt { listing: LISTING, span: &span }, &mut run);
        run.listing_state(LISTING).pending.spans
    }

    #[test]
    fn ok_the_cursor_of_a_failing_page_is_dropped_after_every_fifth_failure() {
        let world = World::listed_to(NOW);
        for (attempts, cursor) in [(0, Some("c")), (3, Some("c")), (4, None), (5, Some("c"))] {
            let spans = spans_after(&world, |attempt, run| {
                attempt.reschedule_at(
                    run,
                    window(10, 20),
                    attempts,
                    (Some("c".to_owned()), &PendingReason { message: "status 500".to_owned(), refusals: 0 }),
                );
            });
            assert_eq!((spans[0].cursor.as_deref(), spans[0].schedule.attempts), (cursor, attempts + 1));
        }
    }

    #[test]
    fn ok_the_next_attempt_lists_pieces_after_a_pause_and_the_whole_span_after_lack_of_time() {
        let world = World::listed_to(NOW);
        for (attempts, after_pause) in [(1, 2), (2, 2), (5, 6)] {
            let spans = spans_after(&world, |attempt, run| {
                let schedule = Schedule { attempts, ..attempt.span.schedule };
                let span = PendingSpan { schedule, ..attempt.span.clone() };
                SpanAttempt { span: &span, ..attempt }.resume_in_pieces(run, window(10, 20), "status 429");
            });
            assert_eq!((spans[0].schedule.attempts, spans[0].schedule.next_attempt), (after_pause, NOW + 1));
            assert!(SpanAttempt { listing: LISTING, span: &spans[0] }.is_tried_in_pieces());
        }
        let spans = spans_after(&world, |attempt, run| attempt.postpone(run, window(10, 20), 2, (None, "no time")));
        assert!(!SpanAttempt { listing: LISTING, span: &spans[0] }.is_tried_in_pieces());
    }

    #[test]
    fn ok_a_part_without_time_is_due_at_once_and_stays_in_its_pass() {
        let world = World::listed_to(NOW);
        let spans = spans_after(&world, |attempt, run| {
            attempt.record_done(run, window(10, 12));
            attempt.postpone(run, window(12, 20), 3, (None, "no time"));
        });
        assert_eq!((spans.len(), spans[0].window(), spans[0].is_second_pass), (1, window(12, 20), true));
        assert_eq!((spans[0].schedule.attempts, spans[0].schedule.next_attempt), (3, NOW));
    }
}
