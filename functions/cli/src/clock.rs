//! The clock of the command line: the system's clock, which the demo sets forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adapters::clock::SystemClock;
use collector::Clock;
use jiff::{SignedDuration, Timestamp};

/// The system's clock plus an offset, which all clones share. The demo sets it forward, so that it need not wait for
/// events that a vendor shows minutes late.
#[derive(Debug, Clone, Default)]
pub(crate) struct CliClock {
    ahead_seconds: Arc<AtomicI64>,
}

impl CliClock {
    /// Sets the clock to `at`. From then on it runs at normal speed.
    pub(crate) fn set(&self, at: Timestamp) {
        self.ahead_seconds.store(at.as_second() - SystemClock.now().as_second(), Ordering::Relaxed);
    }

    /// Sets the clock forward by this number of seconds.
    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for CliClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed));
        SystemClock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }

    fn random(&self) -> u64 {
        SystemClock.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_the_clock_change_together() {
        let clock = CliClock::default();
        let other = clock.clone();
        clock.set(Timestamp::UNIX_EPOCH);
        other.advance(3_600);
        let second = clock.now().as_second();
        assert!((3_600..3_610).contains(&second), "{second}");
    }
}
