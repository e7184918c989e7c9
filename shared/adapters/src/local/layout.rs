//! The place of the files in a lake that are not objects.

/// The directory in the lake for all files that are not objects.
pub(super) const PRIVATE_DIR: &str = ".audit-pull";
