//! Arithmetic with moments that saturates at the ends of time.

use jiff::{SignedDuration, Timestamp};

/// The moment `milliseconds` after `at`.
pub(crate) fn after_milliseconds(at: Timestamp, milliseconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(milliseconds)).unwrap_or(at)
}

/// The moment `seconds` after `at`.
pub(crate) fn after_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}
