//! Where a lake keeps what is not an object.

/// The directory, in the lake, of everything that is not an object.
pub(super) const PRIVATE_DIR: &str = ".audit-pull";
