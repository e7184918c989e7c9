//! The checks that the fuzz targets make of every line.

mod json;
mod leaf;
mod line;

pub use json::Json;
pub use leaf::missing;
pub use line::{check_keys, check_line, context, own};
