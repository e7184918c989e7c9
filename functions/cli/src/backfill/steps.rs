//! Runs the steps of a backfill until nothing is left, or nothing more can be delivered.

use std::time::Duration;

use collector::{Backfill, Clock, SourceCache, StreamReport, Unfinished};
use jiff::SignedDuration;

use crate::clock::CliClock;
use crate::lake::Lake;
use crate::output::{self, time_text};
use crate::progress;
use crate::vendor::AnySource;

/// The backfill stops after this many steps in a row without progress, and reports what is left.
const MAX_IDLE_STEPS: u32 = 4;
/// The longest wait between two steps without progress. A pause that a vendor asks for may take longer.
const MAX_WAIT: Duration = Duration::from_secs(900);
/// A backfill stops after this time. Row ids are restored for a longer time.
const MAX_RUN_TIME: SignedDuration = SignedDuration::from_hours(48);

/// Runs the steps. Returns one report per stream, with the counts of all steps and the failure of the last one.
pub(super) async fn run_steps(
    lake: &Lake,
    source: &dyn AnySource,
    backfill: &Backfill,
    clock: &CliClock,
    time: SignedDuration,
) -> Vec<StreamReport> {
    let (cache, began) = (SourceCache::default(), clock.now());
    let (mut sums, mut idle): (Vec<StreamReport>, u32) = (Vec::new(), 0);
    loop {
        let before = backfill.unfinished();
        let step = source.backfill(lake, (&cache, backfill), clock, time);
        let reports = progress::wait_with_progress(&cache, step).await;
        let left = backfill.unfinished();
        let has_delivered = reports.iter().any(|report| report.lines.delivered > 0);
        idle = if has_delivered || windows(&left) != windows(&before) { 0 } else { idle + 1 };
        let needs_person = |report: &StreamReport| report.failure.as_ref().is_some_and(|failure| failure.needs_person);
        let is_stopped = reports.iter().any(needs_person);
        reports.into_iter().for_each(|report| add(&mut sums, report));
        let is_late = clock.now().duration_since(began) >= MAX_RUN_TIME;
        if left.is_empty() || is_stopped || is_late || idle >= MAX_IDLE_STEPS {
            return sums;
        }
        print_progress(&left, &sums);
        clock.sleep(wait(&left, idle, source.policy().tick_seconds, clock.now().as_second())).await;
    }
}

/// Returns the parts of the span, without the reasons and times of their failures.
fn windows(parts: &[Unfinished]) -> Vec<(&str, &str, collector::Window)> {
    parts.iter().map(|part| (part.stream.as_str(), part.listing.as_str(), part.window)).collect()
}

/// Returns the time until the next step, at most [`MAX_WAIT`]. If a part was not listed yet, this is zero after a step
/// with progress, and the length of a tick otherwise, because the vendor may have asked for a cooldown. If every part
/// that is left has failed, it is the time until the earliest next attempt.
fn wait(left: &[Unfinished], idle: u32, tick_seconds: i64, now: i64) -> Duration {
    let is_unlisted = left.iter().any(|part| part.next_attempt.is_none());
    if idle == 0 && is_unlisted {
        return Duration::ZERO;
    }
    let next = left.iter().filter_map(|part| part.next_attempt).min().filter(|_| !is_unlisted);
    let seconds = next.map_or(tick_seconds, |next| next - now);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(MAX_WAIT)
}

/// Adds the counts of a step to those of the stream's earlier steps. The failure and the pending work are the last
/// step's.
fn add(sums: &mut Vec<StreamReport>, step: StreamReport) {
    match sums.iter_mut().find(|sum| sum.stream == step.stream) {
        Some(sum) => *sum = std::mem::take(sum).followed_by(step),
        None => sums.push(step),
    }
}

/// Prints the place that each listing has reached.
fn print_progress(left: &[Unfinished], sums: &[StreamReport]) {
    let delivered: u64 = sums.iter().map(|sum| sum.lines.delivered).sum();
    for part in left.iter().filter(|part| part.next_attempt.is_none()) {
        let (stream, listing, at) = (&part.stream, &part.listing, time_text(part.window.from));
        output::print_error(&format!("{stream}: {listing} is listed until {at}; {delivered} lines delivered so far"));
    }
}

#[cfg(test)]
mod tests {
    use collector::Window;

    use super::*;

    #[test]
    fn a_step_waits_only_for_what_failed() {
        let part = |next_attempt| Unfinished {
            stream: String::new(),
            listing: String::new(),
            window: Window { from: 0, to: 1 },
            reason: None,
            next_attempt,
        };
        let seconds = |left: &[Unfinished], idle| wait(left, idle, 60, 1_000).as_secs();
        assert_eq!(seconds(&[part(None), part(Some(1_200))], 0), 0);
        assert_eq!(seconds(&[part(None), part(Some(1_200))], 1), 60);
        assert_eq!(seconds(&[part(Some(1_300)), part(Some(1_200))], 0), 200);
        assert_eq!(seconds(&[part(Some(900))], 2), 0);
        assert_eq!(seconds(&[part(Some(99_999))], 2), MAX_WAIT.as_secs());
    }
}
