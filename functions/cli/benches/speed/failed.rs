//! What keeps the benchmark from its end.

/// Any failure: it is said, and that is all.
pub(crate) type Failed = Box<dyn std::error::Error>;
