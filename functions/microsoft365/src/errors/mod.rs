//! Refusals of the API: its own error codes, what else an answer can mean, and how each case recovers.

pub(crate) mod af_codes;
pub(crate) mod refusal;
