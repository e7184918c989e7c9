//! The error type of the benchmark.

/// Any error. The benchmark prints it and ends.
pub(crate) type Failed = Box<dyn std::error::Error>;
