//! Refusals of the API: its own error codes, the other forms of errors, and the recovery of each.

pub(crate) mod af_codes;
pub(crate) mod refusal;
