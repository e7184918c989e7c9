//! A parsed request to the API or to the token endpoint.

use jiff::Timestamp;

use super::request::{Operation, Parameters};
use crate::http::Request;

/// The current time by the clocks of the token endpoint and of the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// The time by the token endpoint's clock, which is always correct.
    pub(super) login: Timestamp,
    /// The time by the API's clock, which [`Behaviours::date_off_seconds`](super::Behaviours::date_off_seconds) can
    /// make wrong.
    pub(super) api: Timestamp,
}

/// A parsed request to the API or to the token endpoint, with the time of its arrival.
pub(super) struct Call<'a> {
    pub(super) tenant: &'a str,
    pub(super) operation: Operation<'a>,
    pub(super) request: &'a Request,
    pub(super) parameters: Parameters,
    pub(super) clocks: Clocks,
    /// The time by the API's clock: the same as `clocks.api`.
    pub(super) now: Timestamp,
}
