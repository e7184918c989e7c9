//! Reads what vendors send: parses JSON documents, splits arrays of records, and fills fields that the API does not
//! send.

pub(crate) mod construct;
pub(crate) mod json;
pub(crate) mod split;
