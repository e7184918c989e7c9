//! What a simulator is told at its start.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::faults::Faults;
use crate::moment::after_milliseconds;

/// The simulators' only notion of time. The system's clock on a terminal, a virtual one in a test.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many distinct events to make up; for Microsoft 365 in total over the content types.
    pub events: usize,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How much goes wrong.
    pub faults: Faults,
    /// The start of the simulation.
    pub now: Timestamp,
    /// Events happened over this long before `now`, seconds.
    pub span_seconds: i64,
    /// Events go on happening for this long after `now`, seconds.
    pub ahead_seconds: i64,
    /// Raw events to serve instead of made-up ones, one JSON value each. OpenAI: an audit log object.
    /// Microsoft 365: `{"content_type":…,"record":{…}}`, optionally with `"created"`, the RFC 3339 time
    /// at which the record's blob becomes available. They keep their own times. Any JSON will do, so
    /// that clients can be given what is no event: a number, `null`, an object without id.
    pub records: Option<Vec<String>>,
    /// When each of the `records` becomes visible, in their order (OpenAI). Those beyond the list: at once.
    pub visible_at: Vec<Timestamp>,
    /// A file to which every event is appended, as one line of JSON, when it becomes visible.
    pub ledger: Option<PathBuf>,
}

impl Options {
    /// A thousand events over the six days before `now`, nothing going wrong.
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

    /// The first moment an event may have.
    pub(crate) fn first(&self) -> Timestamp {
        after_milliseconds(self.now, -self.span_seconds.max(1) * 1_000)
    }
}
