//! Decides in which order sources are served, and how much time each gets.
//!
//! Up to [`SLOTS`] sources run at the same time, and the others wait in a queue. A source that gets a slot has a
//! *turn*, whose length is its share of the time left in the tick. So a source that is slow, hangs or has a backlog
//! cannot hold a slot while others wait. When all have had a turn, those that need more time get another one. A source
//! without a turn is the first of the next tick.

use std::collections::VecDeque;
use std::time::Duration;

use collector::{COMMIT_RESERVE, Failure, PortError, StreamReport, time_until};
use jiff::Timestamp;

/// At most this many sources run at the same time, because each of their streams holds a batch in memory.
pub(super) const SLOTS: usize = 8;
/// The shortest turn, however many sources wait. The source lists for this time less [`COMMIT_RESERVE`].
const MIN_TURN: Duration = Duration::from_secs(20);
/// At the end of the tick a source's first turn may be shorter than [`MIN_TURN`], but not shorter than this: in less
/// time nothing could be listed.
const MIN_FIRST_TURN: Duration = COMMIT_RESERVE.saturating_add(Duration::from_secs(2));

/// Assigns the turns of one tick. It does not wait or run anything: each free slot asks for its next turn.
#[derive(Debug)]
pub(super) struct Scheduler<T> {
    began: Timestamp,
    end: Timestamp,
    sources: usize,
    /// Sources without a turn so far.
    waiting: VecDeque<T>,
    /// Ended turns that were too short. Their sources wait here for another turn.
    unfinished: VecDeque<Turn<T>>,
    done: Vec<Turn<T>>,
    /// Number of turns that have ended.
    ended: usize,
}

/// A turn of a source, with the reports of its earlier turns.
#[derive(Debug)]
pub(super) struct Turn<T> {
    pub(super) source: T,
    began: Timestamp,
    /// Time by which the source's work must have ended.
    pub(super) end: Timestamp,
    reports: Vec<StreamReport>,
    spent: Duration,
    needs_more_time: bool,
    /// Number of turns that ended before this one.
    ended_after: usize,
}

impl<T> Scheduler<T> {
    /// Returns the scheduler of a tick with these sources, in the order in which they are to be served.
    pub(super) fn new(sources: Vec<T>, began: Timestamp, end: Timestamp) -> Self {
        let waiting = VecDeque::from(sources);
        Self { began, end, sources: waiting.len(), waiting, unfinished: VecDeque::new(), done: Vec::new(), ended: 0 }
    }

    /// Returns the next turn, which begins `now`; `None` if no source waits or too little time is left.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Turn<T>> {
        let left = time_until(now, self.end);
        if let Some(length) = turn_length(left, self.waiting.len(), MIN_FIRST_TURN) {
            return self.waiting.pop_front().map(|source| Turn::first(source, now, now + length));
        }
        let length = turn_length(left, self.unfinished.len(), MIN_TURN)?;
        self.unfinished.pop_front().map(|turn| Turn { began: now, end: now + length, ..turn })
    }

    /// Ends a turn. `reports` has one report per stream, in the same order for each turn of a source.
    pub(super) fn end_turn(&mut self, turn: Turn<T>, reports: Vec<StreamReport>, now: Timestamp) {
        let is_time_over = now >= turn.end - COMMIT_RESERVE;
        let turn = Turn {
            needs_more_time: is_time_over && reports.iter().any(can_go_on),
            reports: followed_by(turn.reports, reports),
            spent: turn.spent + time_until(turn.began, now),
            ended_after: self.ended,
            ..turn
        };
        self.ended += 1;
        if turn.needs_more_time { self.unfinished.push_back(turn) } else { self.done.push(turn) }
    }

    /// Returns the sources in the order of the next tick, and one report per stream. `failed` makes the reports of a
    /// source that got no turn; `waited_for` names the calls of a source that were not answered.
    pub(super) fn close(
        self,
        failed: impl Fn(&T, &PortError) -> Vec<StreamReport>,
        waited_for: impl Fn(&T) -> Option<String>,
    ) -> (Vec<T>, Vec<StreamReport>) {
        let error = self.no_turn_error();
        let mut reports: Vec<_> = self.waiting.iter().flat_map(|source| failed(source, &error)).collect();
        let mut sources = Vec::from(self.waiting);
        let mut served = self.done;
        served.extend(self.unfinished);
        served.sort_by_key(Turn::next_tick_order);
        for turn in served {
            let waited_for = waited_for(&turn.source);
            let (source, reported) = turn.close(waited_for.as_deref());
            sources.push(source);
            reports.extend(reported);
        }
        (sources, reports)
    }

    fn no_turn_error(&self) -> PortError {
        let seconds = time_until(self.began, self.end).as_secs();
        if self.sources <= SLOTS {
            return PortError::next_tick(format!(
                "got no turn in this tick: only {seconds} s of it were left when it could begin, and a turn needs {} s; \
                 the next tick tries again. If that goes on, the secrets are read too slowly: give the function more time",
                MIN_FIRST_TURN.as_secs()
            ));
        }
        PortError::next_tick(format!(
            "got no turn in this tick: {} sources share {seconds} s, {SLOTS} at a time, and others took all of them; it \
             is among the first in the next tick. If that goes on, deploy with FanOut=true, or give the function more time",
            self.sources,
        ))
    }
}

impl<T> Turn<T> {
    fn first(source: T, began: Timestamp, end: Timestamp) -> Self {
        Self { source, began, end, reports: Vec::new(), spent: Duration::ZERO, needs_more_time: false, ended_after: 0 }
    }

    /// Returns the sort key for the next tick: first sources whose turn the end of the tick shortened, then the least
    /// recently served. A hanging source gets turns until the end of the tick, and so comes after the healthy ones.
    fn next_tick_order(&self) -> (bool, usize) {
        let is_shortened = self.needs_more_time && time_until(self.began, self.end) < MIN_TURN;
        (!is_shortened, self.ended_after)
    }

    fn close(mut self, waited_for: Option<&str>) -> (T, Vec<StreamReport>) {
        if self.needs_more_time && self.reports.iter().all(found_nothing) {
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

/// Returns the length of a turn for one of `waiting` sources with `left` until the end of the tick. With this length
/// each slot can serve an equal number of the sources; a source leaves its slot [`COMMIT_RESERVE`] before the turn's
/// end. `None` if no source waits or less than `min_left` is left.
fn turn_length(left: Duration, waiting: usize, min_left: Duration) -> Option<Duration> {
    let rounds = u32::try_from(waiting.div_ceil(SLOTS)).ok().filter(|rounds| *rounds > 0)?;
    let share = left.saturating_sub(COMMIT_RESERVE) / rounds + COMMIT_RESERVE;
    (left >= min_left).then(|| share.max(MIN_TURN).min(left))
}

/// Returns `true` if the stream has more to list, and no failure that needs a person.
fn can_go_on(report: &StreamReport) -> bool {
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
