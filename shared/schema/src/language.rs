//! The schema language: reads a schema file, checks it, and compiles it to the [`model::Schema`] that lines are written
//! by.

pub(crate) mod column;
pub(crate) mod compile;
mod definition;
pub(crate) mod masks;
pub(crate) mod model;
pub(crate) mod transform;
mod validate;
