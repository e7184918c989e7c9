//! The rate limiter of a tenant: requests go out evenly, after a small burst.

use std::sync::Mutex;
use std::time::Duration;

use collector::lock;

use jiff::{SignedDuration, Timestamp};

/// Sustained rate: eight tenths of the 2,000 requests per minute that the API grants to every tenant. The rest is left
/// to other clients of the tenant.
const REQUESTS_PER_MINUTE: u32 = 1_600;
/// Requests that may go out at once after an idle time. No minute sees more than `REQUESTS_PER_MINUTE + MAX_BURST`.
const MAX_BURST: u32 = 100;

/// Time between two requests at the sustained rate.
const INTERVAL: SignedDuration = SignedDuration::from_nanos(60_000_000_000 / REQUESTS_PER_MINUTE as i64);
/// Time by which requests may run ahead of the sustained rate.
const BURST_TIME: SignedDuration = SignedDuration::from_nanos(INTERVAL.as_nanos() as i64 * (MAX_BURST as i64 - 1));

/// Spaces the requests of a tenant at [`INTERVAL`], except for a burst of [`MAX_BURST`].
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    /// Time at which the next request would be due at the sustained rate.
    due: Mutex<Timestamp>,
}

impl RateLimiter {
    /// Reserves the next request and returns the time to wait before it may go out.
    pub(crate) fn reserve(&self, now: Timestamp) -> Duration {
        self.with_due(|due| {
            let slot = (*due).max(now);
            *due = slot.saturating_add(INTERVAL).unwrap_or(slot);
            let start = slot.saturating_sub(BURST_TIME).unwrap_or(now).max(now);
            Duration::try_from(start.duration_since(now)).unwrap_or_default()
        })
    }

    /// Uses up the allowance for a burst as of `time`. The vendor has just throttled the tenant, so a burst would be refused again.
    pub(crate) fn forbid_burst_from(&self, time: Timestamp) {
        self.with_due(|due| *due = (*due).max(time.saturating_add(BURST_TIME).unwrap_or(time)));
    }

    fn with_due<T>(&self, change: impl FnOnce(&mut Timestamp) -> T) -> T {
        change(&mut lock(&self.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + milliseconds).unwrap()
    }

    fn wait_ms(limiter: &RateLimiter, milliseconds: i64) -> u128 {
        limiter.reserve(at(milliseconds)).as_millis()
    }

    #[test]
    fn a_burst_goes_out_at_once_and_the_rest_evenly() {
        let limiter = RateLimiter::default();
        for _ in 0..MAX_BURST {
            assert_eq!(wait_ms(&limiter, 0), 0);
        }
        assert_eq!([wait_ms(&limiter, 0), wait_ms(&limiter, 0), wait_ms(&limiter, 75)], [37, 75, 37]);
    }

    #[test]
    fn no_minute_exceeds_the_limit_and_the_limit_is_used_up() {
        let (limiter, mut clock_ms, mut starts) = (RateLimiter::default(), 0_i64, Vec::new());
        while clock_ms < 300_000 {
            clock_ms += wait_ms(&limiter, clock_ms) as i64;
            starts.push(clock_ms);
        }
        let in_a_minute_from =
            |(first, start): (usize, &i64)| starts.partition_point(|at| *at < start + 60_000) - first;
        let busiest = starts.iter().enumerate().map(in_a_minute_from).max().unwrap();
        assert!((1_690..=(REQUESTS_PER_MINUTE + MAX_BURST) as usize).contains(&busiest), "{busiest}");
        let last_minute = starts.partition_point(|at| *at < 240_000);
        assert!((1_590..=REQUESTS_PER_MINUTE as usize + 1).contains(&(starts.len() - last_minute)), "{starts:?}");
        const { assert!(REQUESTS_PER_MINUTE * 10 <= 2_000 * 8) }
    }

    #[test]
    fn no_burst_after_a_pause() {
        let limiter = RateLimiter::default();
        limiter.forbid_burst_from(at(30_000));
        assert_eq!([wait_ms(&limiter, 30_000), wait_ms(&limiter, 30_000), wait_ms(&limiter, 30_000)], [0, 37, 75]);
    }
}
