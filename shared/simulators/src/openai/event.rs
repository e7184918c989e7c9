//! An event of the audit log.

use jiff::Timestamp;

/// An event, with the time when it becomes visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The event's id; `None` for a given event without one.
    pub(super) id: Option<String>,
    /// The id that cursors use. An event without an id has one, too.
    pub(super) cursor: String,
    /// Seconds since 1970.
    pub(super) effective_at: i64,
    pub(super) visible_at: Timestamp,
    pub(super) is_tenant_scoped: bool,
    pub(super) raw: String,
}

impl Event {
    /// Returns the identity of the event: its id, or its text if it has none.
    pub(super) fn identity(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.raw)
    }
}
