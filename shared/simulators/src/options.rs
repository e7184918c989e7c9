//! The options of a simulator, set at its start.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::faults::Faults;
use crate::moment::after_milliseconds;

/// The only clock of the simulators: the system's clock on a terminal, a virtual one in a test.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The options of a simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of distinct events to generate; for Microsoft 365 the total of all content types.
    pub events: usize,
    /// Seed of all randomness.
    pub seed: u64,
    /// The amount of faults.
    pub faults: Faults,
    /// The start of the simulation.
    pub now: Timestamp,
    /// Seconds before `now` over which events are spread.
    pub span_seconds: i64,
    /// Seconds after `now` in which further events happen.
    pub ahead_seconds: i64,
    /// Raw events to serve instead of generated ones, one JSON value each. OpenAI: an audit log object. Microsoft 365:
    /// `{"content_type":…,"record":{…}}`, optionally with `"created"`, the RFC 3339 time at which the record's blob
    /// becomes available. They keep their own times. Any JSON is allowed, so that clients can be served values that are
    /// no events: a number, `null`, an object without an id.
    pub records: Option<Vec<String>>,
    /// The time when each of the `records` becomes visible, in their order (OpenAI). Records beyond this list are
    /// visible at once.
    pub visible_at: Vec<Timestamp>,
    /// A file to which every event is appended when it becomes visible, as one line of JSON.
    pub ledger: Option<PathBuf>,
}

impl Options {
    /// Returns options for a thousand events over the six days before `now`, without faults.
    pub fn new(now: Timestamp) -> Self {
        Self {
            events: 1_000,
            seed: 1,
            faults: Faults::None,
            now,
            span_seconds: 6 * 24 * 3_600,
            ahead_seconds: 0,
            records: None,
            visible_at: Vec::new(),
            ledger: None,
        }
    }

    /// Returns the earliest time of an event.
    pub(crate) fn first(&self) -> Timestamp {
        after_milliseconds(self.now, -self.span_seconds.max(1) * 1_000)
    }
}
