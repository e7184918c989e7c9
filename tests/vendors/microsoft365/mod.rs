//! The Microsoft 365 audit log: five content types.

mod faults;
mod storm;
pub(crate) mod world;
