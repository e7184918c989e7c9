//! The Microsoft 365 audit log: five content types.

mod storm;
pub(crate) mod world;
