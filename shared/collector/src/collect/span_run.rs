//! A span that is being listed: its remaining parts, its failed windows, and the progress that it records in the head.

use super::run::StreamRun;
use crate::base::error::PortError;
use crate::base::head::SweepProgress;
use crate::base::ports::Clock;
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window};
use crate::plan::pending::PendingChange;
use crate::plan::remaining::Remaining;

/// A span that is being listed.
pub(crate) struct SpanRun {
    span: Window,
    progress: SpanProgress,
    pub(crate) remaining: Remaining,
    pub(crate) failed_windows: Vec<FailedWindow>,
    /// The second up to which progress was recorded last.
    moved_to: UnixSeconds,
}

/// A window that failed in this tick. The probes decide whether the window is broken or the vendor is down.
pub(crate) struct FailedWindow {
    pub(crate) window: Window,
    pub(crate) error: PortError,
    pub(crate) kind: FailureKind,
    /// The cursor of the page that failed. Only a window of a single second has one, because it cannot be listed in
    /// smaller windows.
    pub(crate) cursor: Option<String>,
}

/// The kind of failure of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The window could not be listed.
    Failed,
    /// The vendor said that it does not offer the listing.
    NotOffered,
}

/// The progress that is recorded in the head as a span is listed.
pub(crate) enum SpanProgress {
    /// The progress of a main span, which raises the watermark and completes the sweeps with the reaches `sweeps`.
    /// `now` is the vendor's time at the start of the tick. `lost` is a span that the vendor no longer keeps; it is
    /// reported as a gap when the first progress is recorded.
    Watermark { now: UnixSeconds, sweeps: Vec<u32>, lost: Option<Window> },
    /// The progress of a span that completes the sweeps with the reaches `sweeps`, which began at `began`. If `sweeps`
    /// is empty, the span is only listed again, and no progress is recorded.
    Sweep { began: UnixSeconds, sweeps: Vec<u32> },
}

impl SpanRun {
    /// Returns a run over all of `span` without the `pending` windows.
    pub(crate) fn new(span: Window, progress: SpanProgress, pending: impl Iterator<Item = Window>) -> Self {
        let remaining = Remaining::new(span, pending);
        Self { span, progress, remaining, failed_windows: Vec::new(), moved_to: span.from }
    }

    /// Returns the length of the whole span in seconds.
    pub(crate) fn seconds(&self) -> UnixSeconds {
        self.span.seconds()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.remaining.is_empty() && self.failed_windows.is_empty()
    }

    /// Returns `true` if the first failure is a refusal: it needs a person, or the listing is not offered. Most
    /// refusals hold for every window.
    pub(crate) fn is_refused(&self) -> bool {
        let is_refusal = |failed_window: &FailedWindow| {
            failed_window.error.is_refusal() || failed_window.kind == FailureKind::NotOffered
        };
        self.failed_windows.first().is_some_and(is_refusal)
    }

    /// Records the progress: everything before the first second that remains or failed is listed or pending.
    pub(crate) fn advance<S, B, C: Clock, V>(&mut self, run: &mut StreamRun<'_, S, B, C, V>, listing: ListingId) {
        let failed_windows = self.failed_windows.iter().map(|failed_window| failed_window.window.from);
        let to = failed_windows.chain(self.remaining.first_second()).min().unwrap_or(self.span.to);
        if to <= self.moved_to {
            return;
        }
        self.moved_to = to;
        let is_done = to == self.span.to;
        let (SpanProgress::Watermark { sweeps, .. } | SpanProgress::Sweep { sweeps, .. }) = &self.progress;
        if !sweeps.is_empty() {
            run.change_pending(listing, PendingChange::Swept(Window { to, ..self.span }));
        }
        match &mut self.progress {
            SpanProgress::Watermark { now, sweeps, lost } => {
                if let Some(lost) = lost.take() {
                    run.record_gap(lost, "the vendor no longer has what was not listed in time");
                }
                let now = run.vendor_time.cap_to_first(*now);
                let watermark = run.vendor_time.cap(to);
                let update = &mut run.intake.delivery.update;
                update.raise_watermark(listing, watermark);
                for reach in sweeps {
                    update.record_sweep(listing, *reach, now.min(to + UnixSeconds::from(*reach)));
                }
            }
            SpanProgress::Sweep { began, sweeps } if is_done => {
                // The time after this span belongs to the main span. It is always listed before the watermark passes
                // it.
                let began = run.vendor_time.cap_to_first(*began);
                for reach in sweeps {
                    run.intake.delivery.update.record_sweep(listing, *reach, began);
                }
            }
            SpanProgress::Sweep { began, sweeps } => {
                if let Some(reach) = sweeps.iter().copied().max() {
                    let began = run.vendor_time.cap_to_first(*began);
                    let progress = SweepProgress { reach, began, at: to };
                    run.intake.delivery.update.record_sweep_progress(listing, progress);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LISTING, NOW, World, window};

    const SPAN: Window = window(NOW - 1_000, NOW);

    fn failed_window(window: Window, error: PortError) -> FailedWindow {
        FailedWindow { window, error, kind: FailureKind::Failed, cursor: None }
    }

    fn main_span() -> SpanRun {
        SpanRun::new(SPAN, SpanProgress::Watermark { now: NOW, sweeps: Vec::new(), lost: None }, std::iter::empty())
    }

    #[test]
    fn ok_a_span_is_done_when_nothing_remains_and_nothing_failed() {
        let mut span = main_span();
        assert!(!span.is_done());
        span.remaining.take(crate::plan::remaining::Choice::Oldest, 1_000);
        assert!(span.is_done());
        span.failed_windows.push(failed_window(SPAN, PortError::next_tick("status 500")));
        assert!(!span.is_done() && !span.is_refused());
    }

    #[test]
    fn ok_a_span_is_refused_if_its_window_needs_a_person_or_is_not_offered() {
        let mut span = main_span();
        span.failed_windows.push(failed_window(SPAN, PortError::person("status 401")));
        assert!(span.is_refused());
        let not_offered =
            FailedWindow { kind: FailureKind::NotOffered, ..failed_window(SPAN, PortError::next_tick("not offered")) };
        span.failed_windows = vec![not_offered];
        assert!(span.is_refused());
    }

    #[test]
    fn ok_the_watermark_stops_at_failed_and_remaining_time() {
        let world = World::listed_to(NOW - 1_000);
        let env = world.env();
        let mut run = world.begin(&env);
        run.vendor_time.record_answer(Some(NOW), NOW);
        let mut span = main_span();
        let taken = span.remaining.take(crate::plan::remaining::Choice::Oldest, 600).unwrap();
        span.failed_windows.push(failed_window(window(taken.to - 100, taken.to), PortError::next_tick("status 500")));
        for (is_failed, watermark) in [(true, NOW - 500), (false, NOW - 400)] {
            if !is_failed {
                span.failed_windows.clear();
            }
            span.advance(&mut run, LISTING);
            assert_eq!(run.listing_state(LISTING).watermark, watermark);
        }
    }
}
