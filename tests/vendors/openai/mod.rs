//! The OpenAI audit log.

mod faults;
mod storm;
pub(crate) mod world;
