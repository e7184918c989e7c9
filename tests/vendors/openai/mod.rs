//! The OpenAI audit log.

mod cost;
mod faults;
mod storm;
pub(crate) mod world;
