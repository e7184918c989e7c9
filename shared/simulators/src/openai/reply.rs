//! The API's replies.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::choices::QuotaCode;
use crate::http::Reply;

/// The request limit that answers name if none is set.
const USUAL_PER_MINUTE: u32 = 60;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Reply {
    Reply::new(status, "application/json", format!("{body}\n"))
}

/// An error with the API's four fields.
pub(super) fn error(status: StatusCode, message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Reply {
    json(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}

/// A 400 about a parameter.
pub(super) fn bad_request(param: &str, message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, message, "invalid_request_error", Some(param), None)
}

/// A 5xx with JSON.
pub(super) fn server_error(status: StatusCode) -> Reply {
    let message = "The server had an error while processing your request.";
    error(status, message, "server_error", None, None).with("x-should-retry", "true")
}

/// A 403 about a country that is not served.
pub(super) fn region_refused() -> Reply {
    let message = "Country, region, or territory not supported";
    error(StatusCode::FORBIDDEN, message, "request_forbidden", None, Some("unsupported_country_region_territory"))
}

/// Returns the API's error for that status.
pub(super) fn of_status(status: u16) -> Reply {
    match StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
        StatusCode::TOO_MANY_REQUESTS => throttled(None),
        status if status.is_server_error() => server_error(status),
        status => error(status, "The request was refused.", "invalid_request_error", None, None),
    }
}

/// A 429 for too many requests.
pub(super) fn throttled(retry_after: Option<u32>) -> Reply {
    let message = "Rate limit reached for requests. Please try again later.";
    let reply = error(StatusCode::TOO_MANY_REQUESTS, message, "requests", None, Some("rate_limit_exceeded"));
    let reply = with_remaining_requests(reply, USUAL_PER_MINUTE, 0, retry_after.unwrap_or(1).into());
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.max(1).to_string()),
        None => reply,
    }
}

/// A 429 for lack of credit, which waiting does not cure.
pub(super) fn quota_exhausted(code: QuotaCode) -> Reply {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(StatusCode::TOO_MANY_REQUESTS, message, code.name(), None, Some(code.name()))
}

/// Adds the headers with the remaining requests of the minute. `seconds` is the time until all are available again.
pub(super) fn with_remaining_requests(mut reply: Reply, max: u32, left: u32, seconds: i64) -> Reply {
    reply.headers.retain(|(name, _)| !name.starts_with("x-ratelimit-"));
    reply
        .with("x-ratelimit-limit-requests", max.to_string())
        .with("x-ratelimit-remaining-requests", left.to_string())
        .with("x-ratelimit-reset-requests", span(seconds))
}

/// Formats a duration as in those headers: `7s`, `6m0s`, `1h0m0s`.
fn span(seconds: i64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b25_spans_are_durations() {
        assert_eq!([7, 60, 360, 3_661].map(span), ["7s", "1m0s", "6m0s", "1h1m1s"]);
    }

    #[test]
    fn b25_a_429_without_a_wait_has_no_retry_after() {
        let header =
            |reply: Reply| reply.headers.into_iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value);
        assert_eq!(
            [Some(0), Some(7), None].map(|after| header(throttled(after))),
            [Some("1".into()), Some("7".into()), None]
        );
    }
}
