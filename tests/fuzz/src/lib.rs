//! What the fuzz targets hold every line against.

mod json;
mod leaf;
mod line;

pub use json::Json;
pub use leaf::missing;
pub use line::{check_keys, check_line, context, own};
