//! The OpenAI audit log.

mod faults;
pub(crate) mod world;
