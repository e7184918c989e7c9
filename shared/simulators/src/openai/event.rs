//! An event of the audit log.

use jiff::Timestamp;

/// An event, with the time when it becomes visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The event's `id`; `None` if a caller supplied an event without one.
    pub(super) id: Option<String>,
    /// The id by which a cursor names the event. It is `id`, or a generated one if there is no `id`.
    pub(super) cursor: String,
    /// The time at which the event happened, in seconds since 1970.
    pub(super) effective_at: i64,
    pub(super) visible_at: Timestamp,
    pub(super) is_tenant_scoped: bool,
    pub(super) raw: String,
}

impl Event {
    /// Returns the text that identifies the event: its id, or its JSON if it has no id.
    pub(super) fn identity(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.raw)
    }
}
