//! The options with which a simulator is created.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::faults::Faults;
use crate::moment::after_milliseconds;

/// Returns the current time. A simulator has no other clock: on the command line it is the system's clock, in a test a
/// clock that the test sets.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The options with which a simulator is created.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of distinct events to generate. For Microsoft 365, this is the total of all content types.
    pub events: usize,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The preset of faults.
    pub faults: Faults,
    /// The time at which the simulation starts. Generated events lie before and after it, as the next two fields say.
    pub now: Timestamp,
    /// Length of the span before `now` in which generated events happen, in seconds.
    pub span_seconds: i64,
    /// Length of the span after `now` in which generated events happen, in seconds.
    pub ahead_seconds: i64,
    /// Events to serve instead of generated ones, each the text of one JSON value. OpenAI: an audit log object.
    /// Microsoft 365: `{"content_type":…,"record":{…}}`, optionally with `"created"`, the RFC 3339 time at which the
    /// record's blob becomes available. The events are served unchanged. Any JSON value is allowed, so that a test can
    /// serve values that are no events, such as a number, `null` or an object without an id.
    pub records: Option<Vec<String>>,
    /// OpenAI only: the time at which each of the `records` becomes visible, in the order of `records`. If this list is
    /// shorter, the remaining records are visible at once.
    pub visible_at: Vec<Timestamp>,
    /// If set, every event is appended to this file when it becomes visible, as one line of JSON.
    pub ledger: Option<PathBuf>,
}

impl Options {
    /// Returns options for 1,000 events in the six days before `now`, without faults.
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

    /// Returns the earliest time at which a generated event can happen.
    pub(crate) fn span_start(&self) -> Timestamp {
        after_milliseconds(self.now, -self.span_seconds.max(1) * 1_000)
    }
}
