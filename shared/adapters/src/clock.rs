//! The system's clock: the only place that reads the time, sleeps and draws random numbers.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use collector::Clock;
use jiff::Timestamp;

/// The system's clock, the async runtime's timer and the operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one door to the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one door to waiting")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Returns the hash of an empty input with the keys of a new [`RandomState`]. The operating system seeds the keys
    /// once per thread, and each new state has other keys. This is good enough for jitter and ids, but never for
    /// secrets.
    fn random(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn random_numbers_do_not_repeat() {
        let seen: BTreeSet<u64> = (0..1_000).map(|_| SystemClock.random()).collect();
        assert_eq!(seen.len(), 1_000);
        let high = seen.iter().filter(|number| **number > u64::MAX / 2).count();
        assert!((300..700).contains(&high), "{high} of 1000 in the upper half");
    }

    #[tokio::test]
    async fn the_clock_advances_while_sleeping() {
        let before = SystemClock.now();
        SystemClock.sleep(Duration::from_millis(20)).await;
        assert!(SystemClock.now().duration_since(before).as_millis() >= 15);
    }
}
