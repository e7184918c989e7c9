//! Checks that the fuzz targets run on every line.

mod json;
mod leaf;
mod line;

pub use json::Json;
pub use leaf::missing_leaf;
pub use line::{check_line, check_unique_keys, event_values, line_context};
