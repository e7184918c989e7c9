//! The tenant's request budget: so many requests a minute, and no more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Requests in a minute of a busy time: eight tenths of the 2,000 that the API gives every tenant,
/// which leaves some to others.
const PER_MINUTE: u32 = 1_600;
/// After a quiet time as many may go at once: no minute sees more than both together.
const BURST: u32 = 100;

/// Between two requests of a busy time.
const INTERVAL: SignedDuration = SignedDuration::from_nanos(60_000_000_000 / PER_MINUTE as i64);
/// How far requests may run ahead of an even pace.
const AHEAD: SignedDuration = SignedDuration::from_nanos(INTERVAL.as_nanos() as i64 * (BURST as i64 - 1));

/// Hands out the tenant's requests, evenly but for a burst.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    due: Mutex<Timestamp>,
}

impl Budget {
    /// Takes the next request; the wait until it may go.
    pub(crate) fn reserve(&self, now: Timestamp) -> Duration {
        self.with(|due| {
            let slot = (*due).max(now);
            *due = slot.saturating_add(INTERVAL).unwrap_or(slot);
            let start = slot.saturating_sub(AHEAD).unwrap_or(now).max(now);
            Duration::try_from(start.duration_since(now)).unwrap_or_default()
        })
    }

    /// From then on no burst, but an even pace: the vendor has just had too much.
    pub(crate) fn no_burst_from(&self, then: Timestamp) {
        self.with(|due| *due = (*due).max(then.saturating_add(AHEAD).unwrap_or(then)));
    }

    /// When the next request would be due if they all came evenly.
    fn with<T>(&self, change: impl FnOnce(&mut Timestamp) -> T) -> T {
        change(&mut self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + milliseconds).unwrap()
    }

    fn wait_ms(budget: &Budget, milliseconds: i64) -> u128 {
        budget.reserve(at(milliseconds)).as_millis()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let budget = Budget::default();
        for _ in 0..BURST {
            assert_eq!(wait_ms(&budget, 0), 0);
        }
        assert_eq!([wait_ms(&budget, 0), wait_ms(&budget, 0), wait_ms(&budget, 75)], [37, 75, 37]);
    }

    #[test]
    fn no_minute_exceeds_the_budget_and_little_of_it_is_wasted() {
        let (budget, mut clock_ms, mut starts) = (Budget::default(), 0_i64, Vec::new());
        while clock_ms < 300_000 {
            clock_ms += wait_ms(&budget, clock_ms) as i64;
            starts.push(clock_ms);
        }
        let in_a_minute_from =
            |(first, start): (usize, &i64)| starts.partition_point(|at| *at < start + 60_000) - first;
        let busiest = starts.iter().enumerate().map(in_a_minute_from).max().unwrap();
        assert!((1_690..=(PER_MINUTE + BURST) as usize).contains(&busiest), "{busiest}");
        let last_minute = starts.partition_point(|at| *at < 240_000);
        assert!((1_590..=PER_MINUTE as usize + 1).contains(&(starts.len() - last_minute)), "{starts:?}");
        const { assert!(PER_MINUTE * 10 <= 2_000 * 8) }
    }

    #[test]
    fn no_burst_after_a_pause() {
        let budget = Budget::default();
        budget.no_burst_from(at(30_000));
        assert_eq!([wait_ms(&budget, 30_000), wait_ms(&budget, 30_000), wait_ms(&budget, 30_000)], [0, 37, 75]);
    }
}
