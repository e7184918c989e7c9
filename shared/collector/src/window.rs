//! Which spans of vendor time a tick lists.

/// Seconds since 1970, UTC.
pub type UnixSeconds = i64;

/// A half-open span `[from, to)` of vendor time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first second within.
    pub from: UnixSeconds,
    /// The first second past it.
    pub to: UnixSeconds,
}
