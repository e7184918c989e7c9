//! Measures how long a worker takes. The time is real even in tests that simulate time, because a worker is another
//! process.

use std::time::{Duration, Instant};

/// Measures the time since its start, and returns the time that is left of a timeout.
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
