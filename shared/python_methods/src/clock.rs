//! Measures how long a worker takes. A worker is another process, so this is real time even in tests that simulate
//! time.

use std::time::{Duration, Instant};

/// Measures the time since it was started, and the rest of a timeout.
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
