//! Pure decisions: which windows and blobs are tried, in which order, and when failed ones are tried again.

pub(crate) mod bisection;
pub(crate) mod blob_fate;
pub(crate) mod blob_walk;
pub(crate) mod pending;
pub(crate) mod remaining;
pub(crate) mod silence;
pub(crate) mod vendor_time;
pub(crate) mod window_size;
pub(crate) mod windows;
