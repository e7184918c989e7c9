//! One listing in one tick: its main span, which moves the watermark, and its sweep.
//!
//! A window that fails stops nothing. After a failure the tick probes up to three other windows, and a pending span that is
//! due; as soon as one succeeds the failure was the window's own, and the window becomes pending. When all fail the
//! vendor is down: the listing ends for this tick and nothing becomes pending. After a failure that needs a person there
//! is a single probe among the windows, for most such failures hold for every window.

use super::pages::{WindowOutcome, WindowRequest, list_window};
use super::run::StreamRun;
use crate::base::error::{PortError, Recovery};
use crate::base::head::{NotOffered, SweepProgress};
use crate::base::pending::PendingSpan;
use crate::base::ports::{Bucket, Clock, State, Tries, Vendor};
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window, time_until};
use crate::plan::pending::{PendingChange, failed_again, unfinished};
use crate::plan::remaining::{Choice, Remaining};
use crate::plan::window_size::WindowSize;
use crate::plan::windows::{Plan, plan};

/// A listing that is not offered is listed again after this, in seconds.
const LIST_AGAIN_AFTER: UnixSeconds = 86_400;
/// A listing that has answered before counts as not offered after refusals in this many ticks in a row.
const MAX_REFUSALS: u32 = 3;

/// One listing in one tick.
pub(crate) struct ListingRun {
    pub(crate) id: ListingId,
    main: Option<SpanRun>,
    sweep: Option<SpanRun>,
    pub(crate) size: WindowSize,
    /// Something of it could be listed in this tick.
    pub(crate) has_succeeded: bool,
    /// It is not listed any more in this tick.
    pub(crate) has_ended: bool,
    /// Windows that failed in this tick and became pending: their broken seconds are searched at once.
    pub(crate) new_spans: Vec<Window>,
}

/// A span on its way.
struct SpanRun {
    span: Window,
    mark: Mark,
    remaining: Remaining,
    suspects: Vec<Suspect>,
    /// How far the mark has been moved.
    moved_to: UnixSeconds,
}

/// A window that failed, while it is open whether that is its own fault or the vendor's.
struct Suspect {
    window: Window,
    error: PortError,
    cause: Cause,
    /// The page that failed, of a single second: it is too short to be listed in parts.
    cursor: Option<String>,
}

/// What made a window a suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It could not be listed.
    Failed,
    /// The vendor said of it that it does not offer the listing.
    NotOffered,
}

/// What listing a span moves.
enum Mark {
    /// The watermark; and sweeps that the span does along the way. `now` is the vendor's time when the tick began.
    Watermark { now: UnixSeconds, sweeps: Vec<u32>, lost: Option<Window> },
    /// The sweeps that are done with it, which began then. Without any the span is only listed again.
    Sweep { began: UnixSeconds, sweeps: Vec<u32> },
}

/// The outcome of one window of a span.
enum Step {
    /// It was listed, or is to be listed in smaller windows: the vendor answers.
    Answered,
    /// It failed and is a suspect now.
    Failed,
    /// Nothing more can be listed in this tick. Whether the vendor answered.
    Stopped { answered: bool },
}

impl ListingRun {
    /// Plans the listing at the vendor's `now`; `None` when there is nothing to list.
    pub(crate) fn plan<S, B, C: Clock, V>(
        run: &mut StreamRun<'_, S, B, C, V>,
        id: ListingId,
        now: UnixSeconds,
    ) -> Option<Self> {
        let state = run.listing_state(id);
        if state.is_left_alone(now) {
            run.findings.not_offered.push(id);
            return None;
        }
        let Plan { main, sweep, began, sweeps, with_main, lost } =
            plan(&state, run.intake.delivery.state.head.floor, run.policy, now);
        let span_run = |span: Window, mark| SpanRun {
            span,
            mark,
            remaining: Remaining::new(span, state.pending.windows()),
            suspects: Vec::new(),
            moved_to: span.from,
        };
        Some(Self {
            id,
            main: main.map(|span| span_run(span, Mark::Watermark { now, sweeps: with_main, lost })),
            sweep: sweep.map(|span| span_run(span, Mark::Sweep { began: began.unwrap_or(now), sweeps })),
            size: WindowSize::new(state.window_seconds, run.policy),
            has_succeeded: false,
            has_ended: false,
            new_spans: Vec::new(),
        })
    }

    /// Whether windows of it are still to be listed.
    pub(crate) fn has_more(&self) -> bool {
        let open = |span: &Option<SpanRun>| span.as_ref().is_some_and(|span| !span.is_done());
        !self.has_ended && (open(&self.main) || open(&self.sweep))
    }

    /// Lists what moves the watermark, as far as time allows.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn list_main<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
    ) -> Result<(), PortError> {
        let Some(mut main) = self.main.take() else { return Ok(()) };
        let listed = self.list_span(run, &mut main).await;
        self.main = Some(main);
        listed
    }

    /// Lists what is due to be listed again, once the main span is done.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn list_sweep<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
    ) -> Result<(), PortError> {
        if self.main.as_ref().is_some_and(|main| !main.is_done()) {
            return Ok(());
        }
        let Some(mut sweep) = self.sweep.take() else { return Ok(()) };
        let listed = self.list_span(run, &mut sweep).await;
        self.sweep = Some(sweep);
        listed
    }

    /// Lists a span window by window, oldest first, and moves its mark behind them. At least one window is listed; further
    /// ones only until other work wants its share, so that no window is cut for that.
    async fn list_span<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
    ) -> Result<(), PortError> {
        let mut is_first = true;
        while !self.has_ended && (is_first || run.env.clock.now() < run.no_window_after) {
            is_first = false;
            let Some(window) = span.remaining.take(Choice::Oldest, self.size.seconds()) else { break };
            match self.list_one(run, span, window, Tries::Patient).await? {
                Step::Answered => {}
                Step::Failed => self.probe(run, span).await?,
                Step::Stopped { .. } => break,
            }
            span.move_mark(run, self.id);
        }
        span.move_mark(run, self.id);
        Ok(())
    }

    /// Lists one window of the span. What of it is not listed is put back, or is a suspect.
    async fn list_one<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
        window: Window,
        tries: Tries,
    ) -> Result<Step, PortError> {
        let began = run.env.clock.now();
        let request = WindowRequest { listing: self.id, window, cursor: None, tries, schedule: None, size: self.size };
        let outcome = list_window(run, request).await?;
        Ok(match outcome {
            WindowOutcome::Complete { pages } => {
                self.has_succeeded = true;
                if !span.remaining.is_empty() {
                    let spent = time_until(began, run.env.clock.now());
                    self.resize(run, self.size.after(pages, spent, run.time_left()));
                }
                Step::Answered
            }
            WindowOutcome::TooLong { dense } => {
                span.remaining.put_back(window);
                dense.into_iter().for_each(|dense| span.remaining.cut_around(dense));
                self.resize(run, self.size.shortened(window));
                Step::Answered
            }
            WindowOutcome::Unfinished { to } => {
                span.remaining.put_back(Window { from: to, ..window });
                Step::Stopped { answered: true }
            }
            WindowOutcome::CutOff { pages, cursor } => {
                self.cut_off(run, span, window, pages, cursor);
                Step::Stopped { answered: pages > 0 }
            }
            WindowOutcome::Stalled { to, error } => {
                // Its pages were listed, so the vendor answers.
                self.has_succeeded = true;
                self.make_pending(run, Window { from: to, ..window }, error.message, None);
                Step::Answered
            }
            WindowOutcome::Failed { error, cursor } => {
                run.record_failure(&error);
                let cursor = cursor.filter(|_| window.seconds() == 1);
                span.suspects.push(Suspect { window, error, cause: Cause::Failed, cursor });
                Step::Failed
            }
            WindowOutcome::NotOffered => {
                let error = not_offered(self.id);
                span.suspects.push(Suspect { window, error, cause: Cause::NotOffered, cursor: None });
                Step::Failed
            }
            WindowOutcome::NotYet => {
                span.remaining.put_back(window);
                self.has_ended = true;
                run.findings.has_more = true;
                Step::Stopped { answered: false }
            }
        })
    }

    /// There was no time for all pages of a window. A longer window is halved for the next tick; a single second
    /// becomes pending at the page that was reached, for it would be begun again on every tick.
    fn cut_off<S, B, C: Clock, V>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
        window: Window,
        pages: u32,
        cursor: Option<String>,
    ) {
        if pages > 0 && !self.size.can_halve(window) && cursor.is_some() {
            let schedule = unfinished(None, run.env.now());
            let reason = format!("it has more than one tick can list ({pages} pages so far)");
            let span = PendingSpan::new(window, schedule, cursor, reason);
            run.change_pending(self.id, PendingChange::Span(span));
            self.has_succeeded = true;
            return;
        }
        span.remaining.put_back(window);
        if pages > 0 && self.size.can_halve(window) {
            self.resize(run, self.size.halved(window));
        }
    }

    /// A window of the span failed: probes up to three others, the newest, the next and any; only one of them, at random,
    /// after a refusal. When there is no other window, the halves of the window itself.
    async fn probe<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
    ) -> Result<(), PortError> {
        if span.remaining.is_empty() {
            if self.has_succeeded {
                self.accuse(run, span);
                return Ok(());
            }
            return self.probe_halves(run, span).await;
        }
        let random = run.env.clock.random();
        let choices = [Choice::Newest, Choice::Oldest, Choice::Random(random)];
        for choice in probed(&choices, span.is_refused(), random) {
            let Some(window) = span.remaining.take(*choice, self.size.seconds()) else { break };
            match self.list_one(run, span, window, Tries::Once).await? {
                Step::Answered | Step::Stopped { answered: true } => {
                    self.accuse(run, span);
                    return Ok(());
                }
                Step::Stopped { answered: false } => {
                    self.has_ended = true;
                    run.findings.has_more = true;
                    return Ok(());
                }
                Step::Failed => {}
            }
        }
        self.probe_pending(run, span).await
    }

    /// The only window there is failed as a whole: probes its newer and its older half; only one of them, at random,
    /// after a refusal.
    async fn probe_halves<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
    ) -> Result<(), PortError> {
        let has_halves = |suspect: &&Suspect| suspect.window.seconds() > 1;
        let only = span.suspects.first().filter(|_| span.suspects.len() == 1);
        let [older, newer] = match only.filter(has_halves) {
            Some(suspect) => suspect.window.halves(),
            None => return self.probe_pending(run, span).await,
        };
        for half in probed(&[newer, older], span.is_refused(), run.env.clock.random()) {
            let request = WindowRequest {
                listing: self.id,
                window: *half,
                cursor: None,
                tries: Tries::Once,
                schedule: None,
                size: self.size,
            };
            let outcome = list_window(run, request).await?;
            if outcome.is_answer() {
                self.accuse(run, span);
                if matches!(outcome, WindowOutcome::Complete { .. }) {
                    run.change_pending(self.id, PendingChange::SpanDone(*half));
                }
                return Ok(());
            }
        }
        self.probe_pending(run, span).await
    }

    /// The last probe, after all others failed: a part of any pending span that is due. Pending work must not have to wait
    /// until something newer can be listed.
    async fn probe_pending<S: State, B: Bucket, C: Clock, V: Vendor>(
        &mut self,
        run: &mut StreamRun<'_, S, B, C, V>,
        span: &mut SpanRun,
    ) -> Result<(), PortError> {
        let random = run.env.clock.random();
        let due = run.listing_state(self.id).pending.due(run.env.now()).spans;
        let at = random.checked_rem(due.len() as u64).and_then(|at| usize::try_from(at).ok());
        let Some(pending) = at.and_then(|at| due.get(at)).filter(|_| !self.has_succeeded) else {
            self.nothing_answers(run, span);
            return Ok(());
        };
        let part =
            Remaining::new(pending.window(), std::iter::empty()).take(Choice::Random(random), self.size.seconds());
        let window = part.unwrap_or(pending.window());
        let request = WindowRequest {
            listing: self.id,
            window,
            cursor: pending.cursor.as_deref().filter(|_| window == pending.window()),
            tries: Tries::Once,
            schedule: Some(pending.schedule),
            size: self.size,
        };
        let outcome = list_window(run, request).await?;
        if matches!(outcome, WindowOutcome::Complete { .. }) {
            run.change_pending(self.id, pending.listed(window));
        }
        if outcome.is_answer() {
            self.accuse(run, span);
        } else {
            self.nothing_answers(run, span);
        }
        Ok(())
    }

    /// The vendor answers, so the suspects failed for reasons of their own: they become pending.
    fn accuse<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, span: &mut SpanRun) {
        self.has_succeeded = true;
        for Suspect { window, error, cursor, .. } in span.suspects.drain(..) {
            run.record_failure(&error);
            if cursor.is_none() {
                self.new_spans.push(window);
            }
            self.make_pending(run, window, error.message, cursor);
        }
    }

    /// A window failed for the first time, and is tried again later.
    fn make_pending<S, B, C: Clock, V>(
        &self,
        run: &mut StreamRun<'_, S, B, C, V>,
        window: Window,
        reason: String,
        cursor: Option<String>,
    ) {
        let schedule = failed_again(None, run.env.now(), run.policy.tick_seconds);
        let span = PendingSpan::new(window, schedule, cursor, reason);
        run.change_pending(self.id, PendingChange::Span(span));
    }

    /// No window that was tried after a failure answers. What was listed before in this tick shows that the vendor did
    /// answer then: its failures become pending. Otherwise the listing is not offered, or the vendor is down: then the
    /// next tick begins where this one did, with smaller windows.
    fn nothing_answers<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, span: &mut SpanRun) {
        self.has_ended = true;
        if self.has_succeeded {
            run.findings.has_more = true;
            return self.accuse(run, span);
        }
        let is_refused = span.is_refused();
        if let Some(first) = span.suspects.first().filter(|first| !is_refused && self.size.can_halve(first.window)) {
            self.resize(run, self.size.halved(first.window));
        }
        if span.suspects.iter().any(|suspect| suspect.cause == Cause::NotOffered) {
            return self.refused(run);
        }
        run.findings.has_more = true;
        if let Some(first) = span.suspects.first() {
            run.record_failure(&first.error);
        }
    }

    /// The vendor says that it does not offer this listing. It is believed at once of a listing that never answered;
    /// of one that did, after several ticks. Where another listing fails as well it may be said to everybody.
    fn refused<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>) {
        run.findings.not_offered.push(self.id);
        if run.findings.failure.is_some() {
            return;
        }
        let state = run.listing_state(self.id);
        let refusals = state.not_offered.map_or(0, |refused| refused.refusals).saturating_add(1);
        let has_answered = state.watermark > run.intake.delivery.state.head.floor;
        let is_believed = !has_answered || refusals >= MAX_REFUSALS;
        let until = is_believed.then(|| run.now() + LIST_AGAIN_AFTER);
        run.intake.delivery.update.not_offered(self.id, NotOffered { refusals, until });
        if !is_believed {
            run.findings.has_more = true;
            run.record_failure(&PortError::next_tick(format!(
                "the listing {}, which answered before, is refused as not offered (tick {refusals} in a row; after \
                 {MAX_REFUSALS} it is listed once a day only)",
                self.id
            )));
        }
    }

    fn resize<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, size: WindowSize) {
        let is_new = size.seconds() != self.size.seconds();
        self.size = size;
        if is_new {
            run.intake.delivery.update.window_seconds(self.id, size.seconds());
        }
    }
}

impl SpanRun {
    fn is_done(&self) -> bool {
        self.remaining.is_empty() && self.suspects.is_empty()
    }

    /// Whether the first failure is a refusal: it needs a person, or the listing is not offered. Most of these hold for every
    /// window.
    fn is_refused(&self) -> bool {
        let is_refusal =
            |suspect: &Suspect| suspect.error.recovery == Recovery::Person || suspect.cause == Cause::NotOffered;
        self.suspects.first().is_some_and(is_refusal)
    }

    /// Moves the mark to the first second that is neither listed nor pending.
    fn move_mark<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, listing: ListingId) {
        let suspects = self.suspects.iter().map(|suspect| suspect.window.from);
        let to = suspects.chain(self.remaining.begins()).min().unwrap_or(self.span.to);
        if to <= self.moved_to {
            return;
        }
        self.moved_to = to;
        let is_done = to == self.span.to;
        let (Mark::Watermark { sweeps, .. } | Mark::Sweep { sweeps, .. }) = &self.mark;
        if !sweeps.is_empty() {
            run.change_pending(listing, PendingChange::Swept(Window { to, ..self.span }));
        }
        match &mut self.mark {
            Mark::Watermark { now, sweeps, lost } => {
                if let Some(lost) = lost.take() {
                    run.record_gap(lost, "the vendor no longer has what was not listed in time");
                }
                let now = run.vendor_time.cap_to_first(*now);
                let watermark = run.vendor_time.cap(to);
                let update = &mut run.intake.delivery.update;
                update.raise_watermark(listing, watermark);
                for reach in sweeps {
                    update.swept(listing, *reach, now.min(to + UnixSeconds::from(*reach)));
                }
            }
            Mark::Sweep { began, sweeps } if is_done => {
                // What lies after it was listed just before, or will be before the watermark moves.
                let began = run.vendor_time.cap_to_first(*began);
                for reach in sweeps {
                    run.intake.delivery.update.swept(listing, *reach, began);
                }
            }
            Mark::Sweep { began, sweeps } => {
                if let Some(reach) = sweeps.iter().copied().max() {
                    let began = run.vendor_time.cap_to_first(*began);
                    let progress = SweepProgress { reach, began, at: to };
                    run.intake.delivery.update.sweep_progress(listing, progress);
                }
            }
        }
    }
}

/// What is probed of these after a failure: all, or one of them after a refusal.
fn probed<T>(all: &[T], needs_person: bool, random: u64) -> &[T] {
    let at = usize::try_from(random % all.len() as u64).unwrap_or(0);
    if needs_person { &all[at..=at] } else { all }
}

/// The listing as a whole answers, but for a window of it the vendor says that it does not offer it.
pub(crate) fn not_offered(listing: ListingId) -> PortError {
    PortError::next_tick(format!("the listing {listing} is refused as not offered for a part of the time"))
}

#[cfg(test)]
mod tests;
