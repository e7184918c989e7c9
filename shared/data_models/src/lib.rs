//! Data models: one set of names, such as `source_ip` and `actor_user`, over the events of all log types.
//!
//! This crate reads the specifications of models, and parses and evaluates their paths. It does no I/O. It does not run
//! the methods of models: the caller passes an engine that implements [`Methods`].

pub mod examples;
pub mod files;
pub mod jsonpath;
mod model;
pub mod specification;
mod value;
mod warnings;
mod yaml;
mod yaml_error;

pub use model::{DataModel, DataModels, Found, Methods, Name, NoMethods, UdmError, unmapped};
pub use value::{NotJson, Number, Value, View};
pub use warnings::warnings;
