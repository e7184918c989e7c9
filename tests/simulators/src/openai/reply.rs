//! Bodies in this API's manner.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::http::Reply;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Reply {
    Reply::new(status, "application/json", format!("{body}\n"))
}

/// An error with the four fields that errors have here.
pub(super) fn error(status: StatusCode, message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Reply {
    json(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}

/// 400 for a parameter.
pub(super) fn bad_request(param: &str, message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, message, "invalid_request_error", Some(param), None)
}

/// A 5xx with JSON.
pub(super) fn server_error(status: StatusCode) -> Reply {
    let message = "The server had an error while processing your request.";
    error(status, message, "server_error", None, None).with("x-should-retry", "true")
}

/// 429 for too many requests.
pub(super) fn throttled(retry_after: Option<u32>) -> Reply {
    let message = "Rate limit reached for requests. Please try again later.";
    let reply = error(StatusCode::TOO_MANY_REQUESTS, message, "requests", None, Some("rate_limit_exceeded"))
        .with("x-ratelimit-limit-requests", "60")
        .with("x-ratelimit-remaining-requests", "0")
        .with("x-ratelimit-reset-requests", format!("{}s", retry_after.unwrap_or(1)));
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}

/// 429 for want of credit: waiting does not help.
pub(super) fn quota_exhausted() -> Reply {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(StatusCode::TOO_MANY_REQUESTS, message, "insufficient_quota", None, Some("insufficient_quota"))
}
