//! Reads single values: times in the formats that a schema can name, and the indicators in a text.

pub(crate) mod format;
pub(crate) mod indicator;
pub(crate) mod time;
