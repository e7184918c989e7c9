//! The begin of every world.

use jiff::Timestamp;

/// Returns the begin of every world.
pub(crate) fn begin() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}
