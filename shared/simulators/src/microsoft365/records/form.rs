//! The two forms in which a record is sent.

/// What of a record is sent; it matters for data loss prevention only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// All of it.
    Full,
    /// What is sent to those who may not see the values that were detected.
    Redacted,
}

impl Form {
    /// The form for a token that may read data loss prevention, or may not.
    pub(in super::super) fn of(may_read: bool) -> Self {
        if may_read { Self::Full } else { Self::Redacted }
    }
}
