//! An event of the audit log.

use jiff::Timestamp;

/// An event and when it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// None in an event that was given without.
    pub(super) id: Option<String>,
    /// What the vendor calls it in a cursor: the id, also where the event does not show it.
    pub(super) cursor: String,
    /// Seconds since 1970.
    pub(super) effective_at: i64,
    pub(super) visible_at: Timestamp,
    pub(super) is_tenant_scoped: bool,
    pub(super) raw: String,
}

impl Event {
    /// Which event it is: its id, or else all that it is.
    pub(super) fn identity(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.raw)
    }
}
