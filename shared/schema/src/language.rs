//! The schema language: reads a schema file, checks it, and compiles it to a [`model::Schema`], by which lines are
//! written.

pub(crate) mod column;
pub(crate) mod compile;
mod definition;
pub(crate) mod masks;
pub(crate) mod model;
pub(crate) mod transform;
mod validate;
