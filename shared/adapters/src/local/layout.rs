//! The paths of the files of a lake that are not objects.

/// The directory, in the lake, of everything that is not an object.
pub(super) const PRIVATE_DIR: &str = ".audit-pull";
