//! The time in which the vendor is not called because it asked for that.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Clock, PortError, Recovery};
use jiff::Timestamp;

/// The longest cooldown, whatever the vendor names: what cures the cause may come sooner.
const MAX_COOLDOWN: Duration = Duration::from_secs(3_600);

/// A time in which no call is made. It is kept while the process is warm.
#[derive(Debug, Default)]
pub(crate) struct Cooldown(RefCell<Option<(Timestamp, PortError)>>);

impl Cooldown {
    /// Begins a cooldown of `wait`, at most [`MAX_COOLDOWN`]. `error` is the failure that caused it.
    pub(crate) fn begin(&self, clock: &impl Clock, wait: Duration, error: &PortError) {
        let until = clock.now().saturating_add(wait.min(MAX_COOLDOWN)).unwrap_or(Timestamp::MAX);
        self.0.replace(Some((until, error.clone())));
    }

    /// Fails with the cause while a cooldown lasts.
    pub(crate) fn check(&self, clock: &impl Clock) -> Result<(), PortError> {
        self.active(clock).map_or(Ok(()), |(left, error)| Err(with_time_left(left, error)))
    }

    /// Sleeps until the cooldown is over. Fails instead, like [`Cooldown::check`], if more than `max_wait` is left
    /// or if only a person can cure the cause.
    pub(crate) async fn wait_out(&self, clock: &impl Clock, max_wait: Duration) -> Result<(), PortError> {
        let Some((left, error)) = self.active(clock) else { return Ok(()) };
        if left > max_wait || error.recovery == Recovery::Person {
            return Err(with_time_left(left, error));
        }
        clock.sleep(left).await;
        Ok(())
    }

    /// How long the cooldown lasts from now on, and its cause; `None` if there is no cooldown now.
    fn active(&self, clock: &impl Clock) -> Option<(Duration, PortError)> {
        let (until, error) = self.0.borrow().clone()?;
        let left = Duration::try_from(until.duration_since(clock.now())).ok()?;
        (!left.is_zero()).then_some((left, error))
    }
}

/// The cause of a cooldown, with the time that is left of it. A cause for a person stays one.
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

    /// Shows this second, and moves on by what is slept.
    struct At(Cell<i64>);

    impl Clock for At {
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
    fn ends_when_the_vendor_said_and_within_the_hour() {
        let (clock, cooldown) = (At(Cell::new(1_000)), Cooldown::default());
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
            let (clock, cooldown) = (At(Cell::new(1_000)), Cooldown::default());
            assert_eq!(cooldown.wait_out(&clock, max_wait).await, Ok(()));
            cooldown.begin(&clock, Duration::from_secs(wait), &error);
            assert_eq!(cooldown.wait_out(&clock, max_wait).await.is_ok(), is_slept, "{error}");
            assert_eq!(clock.0.get(), if is_slept { 1_030 } else { 1_000 }, "{error}");
        }
    }
}
