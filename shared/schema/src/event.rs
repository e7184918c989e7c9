//! Reads what vendors send: JSON documents, arrays of records, and the fields that the API does not have.

pub(crate) mod construct;
pub(crate) mod json;
pub(crate) mod split;
