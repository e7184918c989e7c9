//! The tenant's request budget, shared by its streams.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use collector::Clock;
use jiff::{SignedDuration, Timestamp};

/// Requests a minute: eight tenths of what the API gives every tenant, which leaves some to others.
pub(crate) const REQUESTS_PER_MINUTE: u32 = 1_600;
/// Requests that may go at once after a quiet time.
const BURST: u32 = 100;
/// No pause is kept for longer: the next refusal names the next one.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

const INTERVAL: SignedDuration = SignedDuration::from_nanos(60_000_000_000 / REQUESTS_PER_MINUTE as i64);

/// Hands out the tenant's requests, evenly but for a burst, and none during a pause.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    slots: Mutex<Slots>,
}

impl Budget {
    /// Waits for a turn.
    pub(crate) async fn take(&self, clock: &impl Clock) {
        let wait = self.with(|slots| slots.reserve(clock.now()));
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
    }

    /// No further request for that long: the vendor has refused one for being too many.
    pub(crate) fn pause(&self, clock: &impl Clock, pause: Duration) {
        self.with(|slots| slots.pause(clock.now(), pause));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Slots) -> T) -> T {
        change(&mut self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When the next request would be due if they all came evenly. Whoever asks early waits; running
/// ahead of it by up to a burst is allowed.
#[derive(Debug, Default)]
struct Slots {
    due: Timestamp,
    paused_until: Timestamp,
}

impl Slots {
    /// Takes the next slot; the wait until it.
    fn reserve(&mut self, now: Timestamp) -> Duration {
        let slot = self.due.max(now);
        let earliest = slot.saturating_sub(INTERVAL * (BURST as i32 - 1)).unwrap_or(now);
        self.due = slot.saturating_add(INTERVAL).unwrap_or(slot);
        let start = earliest.max(self.paused_until).max(now);
        Duration::try_from(start.duration_since(now)).unwrap_or_default()
    }

    fn pause(&mut self, now: Timestamp, pause: Duration) {
        let until = now.saturating_add(pause.min(LONGEST_PAUSE)).unwrap_or(now);
        self.paused_until = self.paused_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + milliseconds).unwrap()
    }

    fn wait_ms(slots: &mut Slots, milliseconds: i64) -> u128 {
        slots.reserve(at(milliseconds)).as_millis()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let mut slots = Slots::default();
        for _ in 0..BURST {
            assert_eq!(wait_ms(&mut slots, 0), 0);
        }
        assert_eq!(wait_ms(&mut slots, 0), 37);
        assert_eq!(wait_ms(&mut slots, 0), 75);
        assert_eq!(wait_ms(&mut slots, 75), 37);
    }

    #[test]
    fn no_minute_exceeds_the_quota() {
        let mut slots = Slots::default();
        let mut clock_ms = 0_i64;
        let mut starts = Vec::new();
        while clock_ms < 300_000 {
            clock_ms += wait_ms(&mut slots, clock_ms) as i64;
            starts.push(clock_ms);
        }
        let busiest = starts.iter().enumerate().map(|(first, start)| {
            let end = starts.partition_point(|other| *other < start + 60_000);
            end - first
        });
        let busiest = busiest.max().unwrap();
        assert!((1_600..=1_750).contains(&busiest), "{busiest}");
        let evenly = starts.len() as f64 / 5.0;
        assert!((1_590.0..1_640.0).contains(&evenly), "{evenly} a minute");
    }

    #[test]
    fn a_pause_holds_everybody_and_ends() {
        let mut slots = Slots::default();
        slots.pause(at(0), Duration::from_secs(30));
        slots.pause(at(0), Duration::from_secs(5));
        assert_eq!(wait_ms(&mut slots, 10_000), 20_000);
        assert_eq!(wait_ms(&mut slots, 30_000), 0);
        slots.pause(at(30_000), Duration::from_secs(86_400));
        assert_eq!(wait_ms(&mut slots, 30_000), 120_000);
    }
}
