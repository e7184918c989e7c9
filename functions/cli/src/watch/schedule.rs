//! The schedule of one vendor's ticks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Ticks at a fixed rate from a start time on. A tick that takes longer than the period delays no later tick: the times
/// that it missed are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    start: Timestamp,
    period_seconds: u32,
}

/// The next step of a process that waits for a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Run the tick now.
    Tick,
    /// Wait for this time, then ask again.
    Wait(Duration),
}

impl Schedule {
    /// Returns the schedule whose first tick is at `start`. The period is at least one second.
    pub(super) fn new(start: Timestamp, period_seconds: u32) -> Self {
        Self { start, period_seconds: period_seconds.max(1) }
    }

    /// Returns the time of the first tick after `now`. It is at most one period later.
    pub(super) fn next_after(&self, now: Timestamp) -> Timestamp {
        let period = i128::from(self.period_seconds) * 1_000_000_000;
        let since_last = (now.as_nanosecond() - self.start.as_nanosecond()).rem_euclid(period);
        let left = SignedDuration::from_nanos(i64::try_from(period - since_last).unwrap_or(i64::MAX));
        now.saturating_add(left).unwrap_or(Timestamp::MAX)
    }

    /// Returns the step for a tick that is due at `due`. A wait is at most `max_wait`, so that a machine that was
    /// suspended, or whose clock was changed, is noticed soon.
    pub(super) fn step(&self, due: Timestamp, now: Timestamp, max_wait: Duration) -> Step {
        let left = due.duration_since(now);
        if left <= SignedDuration::ZERO {
            return Step::Tick;
        }
        let left = Duration::try_from(left).unwrap_or(max_wait);
        // A longer wait than a period means that the clock was set back.
        if left > Duration::from_secs(self.period_seconds.into()) { Step::Tick } else { Step::Wait(left.min(max_wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_secs(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn ticks_keep_their_rate_whatever_time_a_tick_takes() {
        let schedule = Schedule::new(at(0), 60);
        for (now, next) in [(0, 60_000), (1, 60_000), (59_999, 60_000), (60_000, 120_000), (90_500, 120_000)] {
            assert_eq!(schedule.next_after(at(now)), at(next), "{now}");
        }
    }

    #[test]
    fn after_a_long_sleep_of_the_machine_there_is_one_tick() {
        let schedule = Schedule::new(at(0), 60);
        let (due, woken) = (at(60_000), at(8 * 3_600_000 + 10_000));
        assert_eq!(schedule.step(due, woken, MAX_WAIT), Step::Tick);
        assert_eq!(schedule.next_after(woken), at(8 * 3_600_000 + 60_000));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_tick_by_more_than_a_period() {
        let schedule = Schedule::new(at(0), 60);
        assert_eq!(schedule.next_after(at(-3_600_000 - 1)), at(-3_600_000));
        assert_eq!(schedule.step(at(60_000), at(-3_600_000), MAX_WAIT), Step::Tick);
    }

    #[test]
    fn a_wait_ends_at_the_tick_or_after_the_maximum() {
        let schedule = Schedule::new(at(0), 60);
        assert_eq!(schedule.step(at(60_000), at(0), MAX_WAIT), Step::Wait(MAX_WAIT));
        assert_eq!(schedule.step(at(60_000), at(59_800), MAX_WAIT), Step::Wait(Duration::from_millis(200)));
        assert_eq!(schedule.step(at(60_000), at(60_000), MAX_WAIT), Step::Tick);
    }

    #[test]
    fn a_period_is_at_least_a_second() {
        assert_eq!(Schedule::new(at(0), 0).next_after(at(0)), at(1_000));
    }
}
