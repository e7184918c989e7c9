//! The retry policy of calls within one tick.

use std::time::Duration;

use collector::{PortError, Recovery, RetryPolicy};

use super::limits::MAX_COOLDOWN_WAIT;

/// Makes up to four calls, with waits of up to 15 seconds between them unless the vendor names a wait. A named wait is
/// honoured up to the longest cooldown that fits into a tick.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_secs(1),
    max_wait: Duration::from_secs(15),
    max_retry_after: MAX_COOLDOWN_WAIT,
};

/// Turns [`Recovery::Again`] into [`Recovery::NextTick`], for a call that is not repeated within this tick.
pub(crate) fn for_next_tick(error: PortError) -> PortError {
    match error.recovery {
        Recovery::Again { .. } => PortError { recovery: Recovery::NextTick, ..error },
        Recovery::NextTick | Recovery::Paused | Recovery::PersonIfPersistent | Recovery::Person => error,
    }
}
