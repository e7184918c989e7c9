//! The two forms in which a record is sent.

/// The form of a record. Only records of data loss prevention have two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// The complete record.
    Full,
    /// The record without the detected values.
    Redacted,
}

impl Form {
    /// Returns the form for a token, by whether it may read data loss prevention.
    pub(in super::super) fn of(may_read: bool) -> Self {
        if may_read { Self::Full } else { Self::Redacted }
    }
}
