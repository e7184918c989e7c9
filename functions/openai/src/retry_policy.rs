//! The retry policy of calls within one tick.

use std::time::Duration;

use collector::RetryPolicy;

/// Makes up to four calls within some ten seconds, unless the vendor names a wait. A named wait of up to 30 seconds is
/// honoured within the tick; a longer one becomes a cooldown.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_millis(500),
    max_wait: Duration::from_secs(8),
    max_retry_after: Duration::from_secs(30),
};
