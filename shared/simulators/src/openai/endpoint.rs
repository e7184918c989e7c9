//! The paths of the API.

use crate::http::Request;

/// The path of the base URL with which a client is configured.
pub const BASE_PATH: &str = "/v1";
/// The path of the list of audit events.
pub(super) const PATH: &str = "/v1/organization/audit_logs";
/// The log type of all events.
pub(super) const LOG_TYPE: &str = "OpenAI.Audit";

/// Returns the name of the operation that `request` asks for: `audit_logs`, or `other`.
pub(super) fn operation(request: &Request) -> &'static str {
    if request.uri().path() == PATH { "audit_logs" } else { "other" }
}
