//! Decisions: values in, values out. What to list, in which order, and what to try again when.

pub(crate) mod bisection;
pub(crate) mod blob_fate;
pub(crate) mod blob_walk;
pub(crate) mod pending;
pub(crate) mod remaining;
pub(crate) mod vendor_time;
pub(crate) mod window_size;
pub(crate) mod windows;
