//! The length of a storm.

use crate::storm::DAY;

/// The length of a storm in virtual time, in seconds.
pub(super) const STORM_SECONDS: i64 = 3 * DAY;
