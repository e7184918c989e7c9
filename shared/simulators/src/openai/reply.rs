//! The replies of the API other than pages.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::choices::QuotaCode;
use crate::http::Reply;

/// The number of requests per minute that the headers of a 429 show if the behaviours set no limit.
const USUAL_PER_MINUTE: u32 = 60;

/// Returns a reply with a JSON body.
pub(super) fn json(status: StatusCode, body: &Value) -> Reply {
    Reply::new(status, "application/json", format!("{body}\n"))
}

/// Returns an error with the four fields of the API's errors: message, type, parameter and code.
pub(super) fn error(status: StatusCode, message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Reply {
    json(status, &json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}

/// Returns the 400 answer to an invalid parameter.
pub(super) fn bad_request(param: &str, message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, message, "invalid_request_error", Some(param), None)
}

/// Returns a 5xx answer with a JSON error.
pub(super) fn server_error(status: StatusCode) -> Reply {
    let message = "The server had an error while processing your request.";
    error(status, message, "server_error", None, None).with_header("x-should-retry", "true")
}

/// Returns the 403 answer to a client in a country where the API is not offered.
pub(super) fn region_refused() -> Reply {
    let message = "Country, region, or territory not supported";
    error(StatusCode::FORBIDDEN, message, "request_forbidden", None, Some("unsupported_country_region_territory"))
}

/// Returns the error that the API usually sends with this status.
pub(super) fn with_status(status: u16) -> Reply {
    match StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
        StatusCode::TOO_MANY_REQUESTS => throttled(None),
        status if status.is_server_error() => server_error(status),
        status => error(status, "The request was refused.", "invalid_request_error", None, None),
    }
}

/// Returns the 429 answer to too many requests. `retry_after` is the wait in seconds that it asks for, if any.
pub(super) fn throttled(retry_after: Option<u32>) -> Reply {
    let message = "Rate limit reached for requests. Please try again later.";
    let reply = error(StatusCode::TOO_MANY_REQUESTS, message, "requests", None, Some("rate_limit_exceeded"));
    let reply = with_remaining_requests(reply, USUAL_PER_MINUTE, 0, retry_after.unwrap_or(1).into());
    match retry_after {
        Some(seconds) => reply.with_header("retry-after", seconds.max(1).to_string()),
        None => reply,
    }
}

/// Returns the 429 answer to an account without credit. A wait does not end this refusal.
pub(super) fn quota_exhausted(code: QuotaCode) -> Reply {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(StatusCode::TOO_MANY_REQUESTS, message, code.name(), None, Some(code.name()))
}

/// Adds the headers that say how many requests are left in this minute. `max` is the limit per minute, and `seconds`
/// the time until the next minute.
pub(super) fn with_remaining_requests(mut reply: Reply, max: u32, remaining: u32, seconds: i64) -> Reply {
    reply.headers.retain(|(name, _)| !name.starts_with("x-ratelimit-"));
    reply
        .with_header("x-ratelimit-limit-requests", max.to_string())
        .with_header("x-ratelimit-remaining-requests", remaining.to_string())
        .with_header("x-ratelimit-reset-requests", format_duration(seconds))
}

/// Formats a duration as the rate limit headers do: `7s`, `6m0s`, `1h0m0s`.
fn format_duration(seconds: i64) -> String {
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
    fn b25_durations_have_hours_minutes_and_seconds() {
        assert_eq!([7, 60, 360, 3_661].map(format_duration), ["7s", "1m0s", "6m0s", "1h1m1s"]);
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
