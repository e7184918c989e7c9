//! How long a storm lasts.

/// How long things go on happening, in seconds.
pub(super) const STORM: i64 = 3 * DAY;

/// An hour, in seconds.
pub(super) const HOUR: i64 = 3_600;

/// A day, in seconds.
pub(super) const DAY: i64 = 86_400;
