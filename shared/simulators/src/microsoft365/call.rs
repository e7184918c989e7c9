//! A request that is being answered.

use jiff::Timestamp;

use super::request::{Operation, Parameters};
use crate::http::Request;

/// The times of both services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// The time by the token endpoint's clock, which is right.
    pub(super) login: Timestamp,
    /// The time by the API's clock, which may be wrong.
    pub(super) api: Timestamp,
}

/// A request that is being answered.
pub(super) struct Call<'a> {
    pub(super) tenant: &'a str,
    pub(super) operation: Operation<'a>,
    pub(super) request: &'a Request,
    pub(super) parameters: Parameters,
    pub(super) clocks: Clocks,
    /// The time by the API's clock.
    pub(super) now: Timestamp,
}
