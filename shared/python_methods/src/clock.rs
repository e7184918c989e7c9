//! The time that a worker takes. It is real time, also where a test's clock is not.

use std::time::{Duration, Instant};

/// Measures the time since a start, against a timeout.
pub(crate) struct Clock {
    start: Instant,
    timeout: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "another process takes real time")]
    pub(crate) fn start(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }
}
