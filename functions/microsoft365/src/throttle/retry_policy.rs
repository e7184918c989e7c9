//! How often and how patiently a call of the API is repeated within a tick.

use std::time::Duration;

use collector::{PortError, Recovery, RetryPolicy};

use crate::limits::LONGEST_WAIT;

/// Four calls, with waits of up to 15 seconds unless the vendor names a wait. A named wait is slept through if it is
/// no longer than the longest pause that fits a tick.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_secs(1),
    max_wait: Duration::from_secs(15),
    max_retry_after: LONGEST_WAIT,
};

/// Leaves to the next tick what may pass, for a call that is not repeated in this one.
pub(crate) fn for_next_tick(error: PortError) -> PortError {
    match error.recovery {
        Recovery::Again { .. } => PortError { recovery: Recovery::NextTick, ..error },
        Recovery::NextTick | Recovery::Paused | Recovery::PersonIfPersistent | Recovery::Person => error,
    }
}
