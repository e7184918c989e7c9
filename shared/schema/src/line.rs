//! Writes lines: the members of an event by its schema, then the fields that every line has.
//!
//! [`normalize`] is the entry point.

mod buffers;
pub(crate) mod context;
pub(crate) mod custom_models;
pub(crate) mod normalize;
pub(crate) mod standard;
mod writer;
