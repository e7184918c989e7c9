//! The two forms of a record.

/// The form in which a client gets a record, depending on the permissions of its token. Only records of data loss
/// prevention differ between the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RecordForm {
    /// The complete record.
    Full,
    /// The record without the detected sensitive values.
    Redacted,
}

impl RecordForm {
    /// Returns the full form if the client has the permission to read data loss prevention (`may_read`), otherwise the
    /// redacted one.
    pub(in super::super) fn of(may_read: bool) -> Self {
        if may_read { Self::Full } else { Self::Redacted }
    }
}
