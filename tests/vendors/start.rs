//! The time at which every world starts.

use jiff::Timestamp;

/// Returns the time at which every world starts.
pub(crate) fn start_time() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}
