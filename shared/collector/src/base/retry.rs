//! Bounded retries with jittered, exponential backoff that honour the other side's `Retry-After`.

use std::future::Future;
use std::time::Duration;

use super::error::{PortError, Recovery};
use super::ports::Clock;

/// The rules for retrying a call: the maximum number of calls, and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Maximum number of calls, the first one included.
    pub attempts: u32,
    /// The wait before the second call. It doubles before each further call, and is shortened at random by up to a
    /// half.
    pub first_wait: Duration,
    /// The maximum wait between two calls if the other side names no wait.
    pub max_wait: Duration,
    /// The longest `Retry-After` that is honoured. After a longer one the call is left to the next tick.
    pub max_retry_after: Duration,
}

impl RetryPolicy {
    /// Returns the wait after call number `failed` failed, counted from 1; `None` if that was the last call. `named` is
    /// the other side's `Retry-After`.
    fn wait(&self, failed: u32, named: Option<Duration>, random: u64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1 << (failed - 1).min(16)).min(self.max_wait);
        let jittered = doubled - doubled.mul_f64((random % 1_000) as f64 / 2_000.0);
        match named {
            Some(named) if named > self.max_retry_after => None,
            // The call is never repeated sooner than the other side asked for. The jitter spreads the calls of several
            // clients.
            Some(named) => Some(named + jittered / 4),
            None => Some(jittered),
        }
    }
}

/// Calls `attempt` until it succeeds, fails with a recovery other than [`Recovery::Again`], or the policy allows no
/// further call. In the last case the failure becomes [`Recovery::NextTick`], because no caller retries it.
/// [`Recovery::Paused`] also becomes [`Recovery::NextTick`] if an earlier call was made and failed.
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
        let retry_after = match error.recovery {
            Recovery::Again { after } => after,
            Recovery::Paused if failed > 0 => return Err(PortError { recovery: Recovery::NextTick, ..error }),
            Recovery::Paused | Recovery::NextTick | Recovery::PersonIfPersistent | Recovery::Person => {
                return Err(error);
            }
        };
        failed += 1;
        match policy.wait(failed, retry_after, clock.random()) {
            Some(wait) => clock.sleep(wait).await,
            None => return Err(PortError::next_tick(format!("{} (after {failed} tries)", error.message))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt;

    use super::*;

    /// A clock that records sleeps and does not wait.
    #[derive(Default)]
    struct SleepRecorder(RefCell<Vec<Duration>>);

    impl Clock for SleepRecorder {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
            self.0.borrow_mut().push(duration);
            std::future::ready(())
        }

        fn random(&self) -> u64 {
            999
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        first_wait: Duration::from_secs(1),
        max_wait: Duration::from_secs(3),
        max_retry_after: Duration::from_secs(30),
    };

    /// Runs the policy against `failures`, and then success. Returns the outcome, and the waits in milliseconds.
    fn run(failures: &[PortError]) -> (Result<usize, PortError>, Vec<u128>) {
        let (clock, calls) = (SleepRecorder::default(), Cell::new(0));
        let attempt = || {
            let call = calls.replace(calls.get() + 1);
            std::future::ready(failures.get(call).map_or(Ok(call), |error| Err(error.clone())))
        };
        let outcome = retry(&clock, &POLICY, attempt).now_or_never().unwrap();
        (outcome, clock.0.into_inner().iter().map(Duration::as_millis).collect())
    }

    #[test]
    fn ok_waits_double_up_to_the_maximum() {
        let again = PortError::again("busy");
        assert_eq!(run(&[again.clone(), again.clone(), again]), (Ok(3), vec![500, 1_001, 1_501]));
    }

    #[test]
    fn ok_a_retry_never_comes_sooner_than_the_other_side_asked_for() {
        let (outcome, waits) = run(&[PortError::again_after(Duration::from_secs(7), "busy")]);
        assert_eq!(outcome, Ok(1));
        assert!(waits[0] >= 7_000, "{waits:?}");
    }

    #[test]
    fn err_a_call_without_tries_left_or_with_a_long_wait_is_left_to_the_next_tick() {
        for failures in
            [vec![PortError::again("busy"); 9], vec![PortError::again_after(Duration::from_secs(31), "busy")]]
        {
            let (outcome, waits) = run(&failures);
            let error = outcome.unwrap_err();
            assert_eq!(error.recovery, Recovery::NextTick);
            assert!(error.message.starts_with("busy (after "), "{error}");
            assert!(waits.len() < 4);
        }
    }

    #[test]
    fn err_a_failure_that_no_retry_cures_is_not_retried() {
        for error in [PortError::person("no key"), PortError::next_tick("later")] {
            assert_eq!(run(std::slice::from_ref(&error)), (Err(error), vec![]));
        }
    }
}
