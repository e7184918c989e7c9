//! The errors that end a benchmark early.

/// Any failure: it is said, and that is all.
pub(crate) type Failed = Box<dyn std::error::Error>;
