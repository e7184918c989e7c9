//! The order in which sources are served, and the time that each has.
//!
//! A tick's sources queue before a few places. One that takes a place has a *turn*: its share of the
//! time that is left. So one that is slow, has much, or hangs, gives its place up again where others
//! wait; once all have had a turn it has another, and no time is left unused. Who got none is the first
//! of the next tick.

use std::collections::VecDeque;
use std::time::Duration;

use collector::{COMMIT_RESERVE, Failure, PortError, StreamReport, time_until};
use jiff::Timestamp;

/// Sources that run at the same time: each holds a batch a stream in memory.
pub(super) const PLACES: usize = 8;
/// However many wait, a turn is no shorter: the engine lists for this long, less its [`COMMIT_RESERVE`].
const SHORTEST_TURN: Duration = Duration::from_secs(20);
/// At the end of the tick a first turn may be shorter, but in less than this nothing can be listed.
const LEAST_TURN: Duration = COMMIT_RESERVE.saturating_add(Duration::from_secs(2));

/// The turns of one tick. It waits for nothing itself: whoever has a place free asks for the next one.
#[derive(Debug)]
pub(super) struct Turns<T> {
    began: Timestamp,
    end: Timestamp,
    sources: usize,
    /// Those without a turn yet.
    waiting: VecDeque<T>,
    /// Those whose time ran out, for another turn.
    again: VecDeque<Turn<T>>,
    done: Vec<Turn<T>>,
    /// Turns that have ended.
    ended: usize,
}

/// One source's turn, and what its earlier ones came to.
#[derive(Debug)]
pub(super) struct Turn<T> {
    pub(super) source: T,
    began: Timestamp,
    /// When its work must have ended.
    pub(super) end: Timestamp,
    reports: Vec<StreamReport>,
    spent: Duration,
    ran_out: bool,
    /// Turns that had ended before this one did.
    ended_after: usize,
}

impl<T> Turns<T> {
    /// A tick of these sources, in the order in which they shall be served.
    pub(super) fn new(sources: Vec<T>, began: Timestamp, end: Timestamp) -> Self {
        let waiting = VecDeque::from(sources);
        Self { began, end, sources: waiting.len(), waiting, again: VecDeque::new(), done: Vec::new(), ended: 0 }
    }

    /// The next turn, which begins `now`; `None` when nobody waits or the time is over.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Turn<T>> {
        let left = time_until(now, self.end);
        if let Some(length) = length(left, self.waiting.len(), LEAST_TURN) {
            return self.waiting.pop_front().map(|source| Turn::first(source, now, now + length));
        }
        let length = length(left, self.again.len(), SHORTEST_TURN)?;
        self.again.pop_front().map(|turn| Turn { began: now, end: now + length, ..turn })
    }

    /// A turn came to these reports, one a stream and always in the same order.
    pub(super) fn ended(&mut self, turn: Turn<T>, reports: Vec<StreamReport>, now: Timestamp) {
        let time_is_over = now >= turn.end - COMMIT_RESERVE;
        let turn = Turn {
            ran_out: time_is_over && reports.iter().any(may_go_on),
            reports: followed_by(turn.reports, reports),
            spent: turn.spent + time_until(turn.began, now),
            ended_after: self.ended,
            ..turn
        };
        self.ended += 1;
        if turn.ran_out { self.again.push_back(turn) } else { self.done.push(turn) }
    }

    /// The sources in the order of the next tick, and one report a stream. `failed` makes the reports of
    /// a source that got no turn; `waited_for` names the calls of a source that were not answered.
    pub(super) fn close(
        self,
        failed: impl Fn(&T, &PortError) -> Vec<StreamReport>,
        waited_for: impl Fn(&T) -> Option<String>,
    ) -> (Vec<T>, Vec<StreamReport>) {
        let error = self.no_turn();
        let mut reports: Vec<_> = self.waiting.iter().flat_map(|source| failed(source, &error)).collect();
        let mut sources = Vec::from(self.waiting);
        let mut served = self.done;
        served.extend(self.again);
        served.sort_by_key(Turn::next_place);
        for turn in served {
            let waited_for = waited_for(&turn.source);
            let (source, told) = turn.close(waited_for.as_deref());
            sources.push(source);
            reports.extend(told);
        }
        (sources, reports)
    }

    fn no_turn(&self) -> PortError {
        let seconds = time_until(self.began, self.end).as_secs();
        if self.sources <= PLACES {
            return PortError::next_tick(format!(
                "got no turn in this tick: only {seconds} s of it were left when it could begin, and a turn needs {} s; \
                 the next tick tries again. If that goes on, the secrets are read too slowly: give the function more time",
                LEAST_TURN.as_secs()
            ));
        }
        PortError::next_tick(format!(
            "got no turn in this tick: {} sources share {seconds} s, {PLACES} at a time, and others took all of them; it \
             is among the first in the next tick. If that goes on, move some of the sources to a deployment of their \
             own, or give the function more time",
            self.sources,
        ))
    }
}

impl<T> Turn<T> {
    fn first(source: T, began: Timestamp, end: Timestamp) -> Self {
        Self { source, began, end, reports: Vec::new(), spent: Duration::ZERO, ran_out: false, ended_after: 0 }
    }

    /// The least recently served come first, and before them who was cut short by the tick's end. A
    /// source that hangs takes part until the end, and so comes after those that are well.
    fn next_place(&self) -> (bool, usize) {
        let cut_short = self.ran_out && time_until(self.began, self.end) < SHORTEST_TURN;
        (!cut_short, self.ended_after)
    }

    fn close(mut self, waited_for: Option<&str>) -> (T, Vec<StreamReport>) {
        if self.ran_out && self.reports.iter().all(found_nothing) {
            let why = waited_for.map_or_else(
                || "it gets no answer, gets it too slowly, or was told to wait".to_owned(),
                |named| format!("it waited for an answer from the {named}"),
            );
            let error = PortError::next_tick(format!(
                "nothing could be listed in the {} s it had: {why}; the next tick tries again",
                self.spent.as_secs()
            ));
            for report in self.reports.iter_mut().filter(|report| !report.drained && report.failure.is_none()) {
                report.failure = Some(Failure::new(&format!("{}/{}", report.source, report.stream), &error));
            }
        }
        (self.source, self.reports)
    }
}

/// The length of a turn when `waiting` sources, its own among them, have `left` for one turn each: as long
/// as lets every place serve its part of them, where each gives the place up a [`COMMIT_RESERVE`] before
/// its turn's end. `None` when less than `least` is left, or nobody waits.
fn length(left: Duration, waiting: usize, least: Duration) -> Option<Duration> {
    let rounds = u32::try_from(waiting.div_ceil(PLACES)).ok().filter(|rounds| *rounds > 0)?;
    let share = left.saturating_sub(COMMIT_RESERVE) / rounds + COMMIT_RESERVE;
    (left >= least).then(|| share.max(SHORTEST_TURN).min(left))
}

/// More time may help.
fn may_go_on(report: &StreamReport) -> bool {
    !report.drained && report.failure.as_ref().is_none_or(|failure| !failure.needs_person)
}

fn found_nothing(report: &StreamReport) -> bool {
    report.listed.pages + report.listed.blobs + report.lines.adopted == 0
}

fn followed_by(earlier: Vec<StreamReport>, later: Vec<StreamReport>) -> Vec<StreamReport> {
    if earlier.is_empty() {
        return later;
    }
    earlier.into_iter().zip(later).map(|(earlier, later)| earlier.followed_by(later)).collect()
}

#[cfg(test)]
mod tests;
