//! The pace of the calls: how fast, how many at once and how often they may be made, and which part of a window the API
//! accepts now.

pub(crate) mod clamp;
mod concurrency_limit;
mod cooldown;
pub(crate) mod limits;
mod rate_limiter;
pub(crate) mod retry_policy;
pub(crate) mod vendor_clock;
