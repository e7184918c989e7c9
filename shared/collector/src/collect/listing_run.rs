//! One listing in one tick, and the outcomes of its windows.

use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use super::span_run::{FailedWindow, FailureKind, SpanProgress, SpanRun};
use crate::base::error::PortError;
use crate::base::pending::PendingSpan;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::pending::{PendingChange, schedule_after_error, unfinished_schedule};
use crate::plan::window_size::WindowSize;
use crate::plan::windows::{Plan, plan};

/// One listing in one tick.
pub(crate) struct ListingRun {
    pub(crate) id: ListingId,
    pub(crate) main: Option<SpanRun>,
    pub(crate) sweep: Option<SpanRun>,
    pub(crate) size: WindowSize,
    /// `true` once a window of the listing could be listed in this tick.
    pub(crate) has_succeeded: bool,
    /// `true` once no further window of the listing is to be listed in this tick.
    pub(crate) has_ended: bool,
    /// The length in seconds of this tick's first window, which lies at a random place. `None` unless the last tick
    /// could list nothing.
    pub(crate) probe_seconds: Option<UnixSeconds>,
    /// The windows that failed and became pending in this tick. The search for the seconds in them that cannot be listed
    /// begins in the same tick.
    pub(crate) new_spans: Vec<Window>,
}

/// The outcome of listing one window of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanStep {
    /// The vendor answered: the window was listed as far as possible, or must be listed in smaller windows.
    Answered,
    /// The window failed. The probes decide whether it becomes pending.
    Failed,
    /// Nothing more can be listed in this tick. `answered` is `true` if the vendor listed a part of the window.
    Stopped { answered: bool },
}

impl ListingRun {
    /// Plans the listing at the vendor's `now`. Returns `None` if the listing is suspended.
    pub(crate) fn plan<S, B, C: Clock, V>(
        run: &mut StreamRun<'_, S, B, C, V>,
        id: ListingId,
        now: UnixSeconds,
    ) -> Option<Self> {
        let state = run.listing_state(id);
        if state.is_suspended(now) {
            run.findings.not_offered.push(id);
            return None;
        }
        let Plan { main, sweep, began, sweeps, sweeps_with_main, lost } =
            plan(&state, run.intake.delivery.state.head.floor, run.policy, [now, run.env.now().max(now)]);
        let until = run.intake.delivery.state.backfill_end();
        let [main, sweep, lost] = [main, sweep, lost].map(|span| span.and_then(|span| ending_at(span, until)));
        let span_run = |span, progress| SpanRun::new(span, progress, state.pending.windows());
        Some(Self {
            id,
            main: main.map(|span| span_run(span, SpanProgress::Watermark { now, sweeps: sweeps_with_main, lost })),
            sweep: sweep.map(|span| span_run(span, SpanProgress::Sweep { began: began.unwrap_or(now), sweeps })),
            size: WindowSize::new(state.window_seconds, run.policy),
            has_succeeded: false,
            has_ended: false,
            probe_seconds: state.probe_seconds,
            new_spans: Vec::new(),
        })
    }

    /// Returns `true` if windows of the listing are still to be listed.
    pub(crate) fn has_more(&self) -> bool {
        let open = |span: &Option<SpanRun>| span.as_ref().is_some_and(|span| !span.is_done());
        !self.has_ended && (open(&self.main) || open(&self.sweep))
    }

    /// Lists one window of the span. A part that could not be listed is either put back into the span, or becomes
    /// pending, or is recorded as a failed window of the span.
    pub(crate) async fn list_span_window<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
        window: Window,
        tries: Tries,
    ) -> Result<SpanStep, PortError> {
        let began = run.env.clock.now();
        let request = WindowRequest { tries, ..WindowRequest::with_single_try(self.id, window, self.size) };
        let outcome = list_window(run, request).await?;
        // `TooLong` is no proof of success: the window's cursor may have been lost at every start.
        self.has_succeeded |= outcome.is_answer() && !matches!(outcome, WindowOutcome::TooLong { .. });
        if outcome.is_answer() {
            run.clear_refusals(self.id);
        }
        Ok(match outcome {
            WindowOutcome::Complete { pages } => {
                if !span.remaining.is_empty() {
                    let spent = time_until(began, run.env.clock.now());
                    self.resize(run, self.size.after(pages, spent, run.time_left()));
                }
                SpanStep::Answered
            }
            WindowOutcome::TooLong { dense } => {
                span.remaining.put_back(window);
                dense.into_iter().for_each(|dense| span.remaining.separate(dense));
                self.resize(run, self.size.shortened(window));
                SpanStep::Answered
            }
            WindowOutcome::Unfinished { to } => {
                span.remaining.put_back(Window { from: to, ..window });
                SpanStep::Stopped { answered: true }
            }
            WindowOutcome::CutOff { pages, cursor } => {
                self.cut_off(run, span, window, pages, cursor);
                SpanStep::Stopped { answered: pages > 0 }
            }
            WindowOutcome::Stalled { to, error } => {
                self.make_pending(run, Window { from: to, ..window }, error, None);
                SpanStep::Answered
            }
            WindowOutcome::Failed { error, cursor } => {
                run.record_failure(&error);
                let cursor = cursor.filter(|_| window.seconds() == 1);
                span.failed_windows.push(FailedWindow { window, error, kind: FailureKind::Failed, cursor });
                SpanStep::Failed
            }
            WindowOutcome::NotOffered => {
                let error = not_offered_error(self.id);
                span.failed_windows.push(FailedWindow { window, error, kind: FailureKind::NotOffered, cursor: None });
                SpanStep::Failed
            }
            WindowOutcome::NotYet => {
                span.remaining.put_back(window);
                self.end(run);
                SpanStep::Stopped { answered: false }
            }
            WindowOutcome::Paused { error } => {
                run.record_failure(&error);
                span.remaining.put_back(window);
                self.end(run);
                SpanStep::Stopped { answered: false }
            }
        })
    }

    /// Handles a window for which there was not enough time. The window is put back, and the next window is half as
    /// long. A single second with a cursor becomes pending instead, because otherwise every tick would list it from its
    /// first page.
    fn cut_off<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
        window: Window,
        pages: u32,
        cursor: Option<String>,
    ) {
        if pages > 0 && !self.size.can_halve(window) && cursor.is_some() {
            let schedule = unfinished_schedule(None, run.env.now());
            let reason = format!("one tick could not list all its pages ({pages} so far)");
            let span = PendingSpan::new(window, schedule, cursor, reason);
            run.change_pending(self.id, PendingChange::Span(span));
            return;
        }
        span.remaining.put_back(window);
        if pages > 0 && self.size.can_halve(window) {
            self.resize(run, self.size.halved(window));
        }
    }

    /// Makes the failed windows of the span pending. The caller has seen that the vendor answers for other windows, so
    /// only these windows are broken.
    pub(crate) fn make_failures_pending<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
    ) {
        self.has_succeeded = true;
        run.clear_refusals(self.id);
        for FailedWindow { window, error, cursor, .. } in span.failed_windows.drain(..) {
            run.record_failure(&error);
            if cursor.is_none() {
                self.new_spans.push(window);
            }
            self.make_pending(run, window, error, cursor);
        }
    }

    /// Makes a window pending that failed for the first time.
    fn make_pending<S, B, C: Clock, V>(
        &self,
        run: &mut StreamRun<'_, S, B, C, V>,
        window: Window,
        error: PortError,
        cursor: Option<String>,
    ) {
        let schedule = schedule_after_error(&error, None, run.env.now(), run.policy.tick_seconds);
        let span = PendingSpan::new(window, schedule, cursor, error.message);
        run.change_pending(self.id, PendingChange::Span(span));
    }

    /// Ends the listing for this tick and leaves the rest to the next one.
    pub(crate) fn end<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>) {
        self.has_ended = true;
        run.findings.has_more = true;
    }

    pub(crate) fn resize<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, size: WindowSize) {
        let is_new = size.seconds() != self.size.seconds();
        self.size = size;
        if is_new {
            run.intake.delivery.update.set_window_seconds(self.id, size.seconds());
        }
    }
}

/// Returns the part of the span before `until`; `None` if there is none.
fn ending_at(span: Window, until: Option<UnixSeconds>) -> Option<Window> {
    let to = until.map_or(span.to, |until| span.to.min(until));
    (span.from < to).then_some(Window { to, ..span })
}

/// Returns the error for a window that is refused as not offered, although the listing as a whole answers.
pub(crate) fn not_offered_error(listing: ListingId) -> PortError {
    PortError::next_tick(format!("the listing {listing} is refused as not offered for a part of the time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LISTING, NOW, World, pending_span, window};

    const SPAN: Window = window(NOW - 1_000, NOW);

    /// Lists the whole span as one window. Returns the step, `true` if the listing has ended, `true` if nothing of the
    /// span remains to be listed, and the failed windows.
    fn list(world: &World) -> (SpanStep, bool, bool, Vec<Window>) {
        let env = world.env();
        let mut run = world.begin(&env);
        let mut listing = ListingRun::plan(&mut run, LISTING, NOW).unwrap();
        let mut span = listing.main.take().unwrap();
        let window = span.remaining.take(crate::plan::remaining::Choice::Oldest, 1_000).unwrap();
        let listed = world.clock.run(listing.list_span_window(&mut run, &mut span, window, Tries::Patient));
        let failed_windows = span.failed_windows.iter().map(|failed_window| failed_window.window).collect();
        (listed.unwrap(), listing.has_ended, span.remaining.is_empty(), failed_windows)
    }

    #[test]
    fn ok_a_window_is_listed_or_fails_or_is_put_back() {
        let mut world = World::listed_to(SPAN.from);
        assert_eq!(list(&world), (SpanStep::Answered, false, true, vec![]));
        world.vendor.broken = vec![SPAN];
        assert_eq!(list(&world), (SpanStep::Failed, false, true, vec![SPAN]));
        world.vendor.error = PortError::paused("a pause of 60 s");
        assert_eq!(list(&world), (SpanStep::Stopped { answered: false }, true, false, vec![]));
    }

    #[test]
    fn ok_pending_spans_are_not_planned() {
        let world = World::listed_to(SPAN.from);
        let mut head = world.head();
        head.listings.get_mut(LISTING).unwrap().pending.spans.push(pending_span(SPAN.from, SPAN.from + 400));
        world.set_head(head);
        let env = world.env();
        let mut run = world.begin(&env);
        let listing = ListingRun::plan(&mut run, LISTING, NOW).unwrap();
        assert!(listing.has_more() && listing.probe_seconds.is_none());
        assert_eq!(listing.main.unwrap().remaining.seconds(), 600);
    }
}
