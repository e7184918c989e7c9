//! A clock that can be set forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adapters::clock::SystemClock;
use collector::Clock;
use jiff::{SignedDuration, Timestamp};

/// The system's clock, some seconds ahead or behind; clones go together. Minutes of a vendor's
/// lateness then cost a demo no minutes.
#[derive(Debug, Clone, Default)]
pub(super) struct DemoClock {
    ahead_seconds: Arc<AtomicI64>,
}

impl DemoClock {
    /// Sets the clock: from now on it is `at`, and goes on from there.
    pub(super) fn set(&self, at: Timestamp) {
        self.ahead_seconds.store(at.as_second() - SystemClock.now().as_second(), Ordering::Relaxed);
    }

    /// Sets the clock forward.
    pub(super) fn forward(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for DemoClock {
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
    fn clones_go_together() {
        let clock = DemoClock::default();
        let other = clock.clone();
        clock.set(Timestamp::UNIX_EPOCH);
        other.forward(3_600);
        let second = clock.now().as_second();
        assert!((3_600..3_610).contains(&second), "{second}");
    }
}
