//! Again, now: bounded, jittered, and never sooner than the other side asked.

use std::future::Future;
use std::time::Duration;

use crate::error::{PortError, Recovery};
use crate::ports::Clock;

/// How often and how patiently a call is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls in all, the first included.
    pub attempts: u32,
    /// The wait before the second call, doubled before each further one, less up to a half by chance.
    pub first_wait: Duration,
    /// No wait of ours is longer.
    pub longest_wait: Duration,
    /// A wait the other side names is kept up to this; a longer one is left to the next tick.
    pub longest_named_wait: Duration,
}

impl RetryPolicy {
    /// The wait after the `failed`th call failed (from 1), or `None` when that was the last.
    fn wait(&self, failed: u32, named: Option<Duration>, random: u64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1 << (failed - 1).min(16)).min(self.longest_wait);
        let jittered = doubled - doubled.mul_f64((random % 1_000) as f64 / 2_000.0);
        match named {
            Some(named) if named > self.longest_named_wait => None,
            // Never sooner than named, and not all at the same moment after it.
            Some(named) => Some(named + jittered / 4),
            None => Some(jittered),
        }
    }
}

/// Calls `attempt` until it succeeds, fails for good, or the policy is spent. What remains
/// [`Recovery::Again`] then becomes [`Recovery::NextTick`]: nobody further out repeats it.
pub async fn retry<T, F>(
    clock: &impl Clock,
    policy: &RetryPolicy,
    mut attempt: impl FnMut() -> F,
) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let mut failed = 0;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Recovery::Again { after } = error.recovery else { return Err(error) };
        failed += 1;
        match policy.wait(failed, after, clock.random()) {
            Some(wait) => clock.sleep(wait).await,
            None => return Err(PortError::next_tick(format!("{} (after {failed} tries)", error.message))),
        }
    }
}
