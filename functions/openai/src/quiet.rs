//! When the vendor shall not be asked, because it said so.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Clock, PortError};
use jiff::Timestamp;

/// No silence is longer, whatever was asked for: what cures it may come sooner.
const LONGEST: Duration = Duration::from_secs(3_600);

/// A time in which no call is made, kept while the process is warm.
#[derive(Debug, Default)]
pub(crate) struct Quiet(RefCell<Option<(Timestamp, PortError)>>);

impl Quiet {
    /// No call from now on for that long; `error` is why.
    pub(crate) fn begin(&self, clock: &impl Clock, wait: Duration, error: &PortError) {
        let until = clock.now().saturating_add(wait.min(LONGEST)).unwrap_or(Timestamp::MAX);
        self.0.replace(Some((until, error.clone())));
    }

    /// Why no call may be made now, if that is so.
    pub(crate) fn check(&self, clock: &impl Clock) -> Result<(), PortError> {
        let quiet = self.0.borrow();
        let Some((until, error)) = quiet.as_ref() else { return Ok(()) };
        let left = until.duration_since(clock.now()).as_secs();
        if left <= 0 {
            return Ok(());
        }
        Err(PortError { message: format!("{} (not asked again for another {left} s)", error.message), ..error.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use collector::Recovery;

    use super::*;

    struct At(Cell<i64>);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.get()).unwrap()
        }

        async fn sleep(&self, _: Duration) {}

        fn random(&self) -> u64 {
            0
        }
    }

    #[test]
    fn it_ends_when_it_was_said_to_end_and_within_the_hour() {
        let (clock, quiet) = (At(Cell::new(1_000)), Quiet::default());
        assert_eq!(quiet.check(&clock), Ok(()));
        for (wait, ends) in [(60, 1_060), (86_400, 4_600)] {
            clock.0.set(1_000);
            quiet.begin(&clock, Duration::from_secs(wait), &PortError::person("unpaid"));
            clock.0.set(ends - 1);
            let error = quiet.check(&clock).unwrap_err();
            assert_eq!(error.recovery, Recovery::Person);
            assert_eq!(error.message, "unpaid (not asked again for another 1 s)");
            clock.0.set(ends);
            assert_eq!(quiet.check(&clock), Ok(()));
        }
    }
}
