//! The cooldown of a source: no call is made for as long as the vendor asked.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Clock, PortError, Recovery};
use jiff::Timestamp;

/// The longest cooldown, even if the vendor asks for a longer wait: the cause may be cured earlier.
const MAX_COOLDOWN: Duration = Duration::from_secs(3_600);

/// The end of the cooldown and the error that caused it; `None` if there was none so far. It is not stored, so it ends
/// with the process at the latest.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(RefCell<Option<(Timestamp, PortError)>>);

impl Cooldown {
    /// Begins a cooldown of `wait`, bounded by [`MAX_COOLDOWN`]. `error` is the failure that caused it.
    pub(crate) fn begin(&self, clock: &impl Clock, wait: Duration, error: &PortError) {
        let until = clock.now().saturating_add(wait.min(MAX_COOLDOWN)).unwrap_or(Timestamp::MAX);
        self.0.replace(Some((until, error.clone())));
    }

    /// Fails with the error that caused the cooldown, unless the cooldown has ended.
    pub(crate) fn check(&self, clock: &impl Clock) -> Result<(), PortError> {
        self.remaining(clock).map_or(Ok(()), |(left, error)| Err(with_time_left(left, error)))
    }

    /// Sleeps until the cooldown ends. Fails at once, like [`Cooldown::check`], if more than `max_wait` is left or if only a
    /// person can cure the cause.
    pub(crate) async fn wait_out(&self, clock: &impl Clock, max_wait: Duration) -> Result<(), PortError> {
        let Some((left, error)) = self.remaining(clock) else { return Ok(()) };
        if left > max_wait || error.recovery == Recovery::Person {
            return Err(with_time_left(left, error));
        }
        clock.sleep(left).await;
        Ok(())
    }

    /// Returns the time left of the cooldown, and its cause; `None` if there is no cooldown.
    fn remaining(&self, clock: &impl Clock) -> Option<(Duration, PortError)> {
        let (until, error) = self.0.borrow().clone()?;
        let left = Duration::try_from(until.duration_since(clock.now())).ok()?;
        (!left.is_zero()).then_some((left, error))
    }
}

/// Adds the time left to the error that caused a cooldown. An error that needs a person keeps its recovery; any other
/// becomes [`Recovery::Paused`].
fn with_time_left(left: Duration, error: PortError) -> PortError {
    let message = format!("{} (not asked again for another {} s)", error.message, left.as_secs().max(1));
    match error.recovery {
        Recovery::Person => PortError::person(message),
        Recovery::Again { .. } | Recovery::NextTick | Recovery::Paused | Recovery::PersonIfPersistent => {
            PortError::paused(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A clock that stands at this second and advances only by sleeping.
    struct FakeClock(Cell<i64>);

    impl Clock for FakeClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.get()).unwrap()
        }

        async fn sleep(&self, duration: Duration) {
            self.0.set(self.0.get() + duration.as_secs() as i64);
        }

        fn random(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_cooldown_lasts_as_long_as_named_and_an_hour_at_most() {
        let (clock, cooldown) = (FakeClock(Cell::new(1_000)), Cooldown::default());
        assert_eq!(cooldown.check(&clock), Ok(()));
        for (wait, ends) in [(60, 1_060), (86_400, 4_600)] {
            clock.0.set(1_000);
            cooldown.begin(&clock, Duration::from_secs(wait), &PortError::person("unpaid"));
            clock.0.set(ends - 1);
            let error = cooldown.check(&clock).unwrap_err();
            assert_eq!(error.recovery, Recovery::Person);
            assert_eq!(error.message, "unpaid (not asked again for another 1 s)");
            clock.0.set(ends);
            assert_eq!(cooldown.check(&clock), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_short_cooldown_is_slept_through() {
        let max_wait = Duration::from_secs(30);
        let cases = [(30, PortError::next_tick("busy"), true), (31, PortError::next_tick("busy"), false)];
        for (wait, error, is_slept) in cases.into_iter().chain([(9, PortError::person("unpaid"), false)]) {
            let (clock, cooldown) = (FakeClock(Cell::new(1_000)), Cooldown::default());
            assert_eq!(cooldown.wait_out(&clock, max_wait).await, Ok(()));
            cooldown.begin(&clock, Duration::from_secs(wait), &error);
            assert_eq!(cooldown.wait_out(&clock, max_wait).await.is_ok(), is_slept, "{error}");
            assert_eq!(clock.0.get(), if is_slept { 1_030 } else { 1_000 }, "{error}");
        }
    }
}
