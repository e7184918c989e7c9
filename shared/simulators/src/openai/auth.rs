//! Authorization: checks whether the request's API key may read the audit log.

use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use serde_json::json;

use super::keys::Key;
use super::reply;
use crate::http::{Reply, bearer};

/// Returns the 401 answer if the request's API key may not read the audit log; `None` if it may. With
/// `is_plain_string`, the body's `error` is a plain string instead of an object.
pub(super) fn refusal(headers: &HeaderMap, keys: &[Key], now: Timestamp, is_plain_string: bool) -> Option<Reply> {
    let Some(given_key) = bearer(headers) else {
        let message = "You didn't provide an API key in an Authorization header.";
        return Some(unauthorized(message, Some("invalid_api_key"), is_plain_string));
    };
    let matching_key = keys.iter().find(|key| key.key == given_key && key.is_valid_at(now));
    match matching_key {
        Some(key) if !key.key.starts_with("sk-admin-") => {
            Some(unauthorized("This endpoint needs an admin API key.", Some("invalid_api_key"), is_plain_string))
        }
        Some(key) if !key.may_read_audit_logs => {
            let message = "You have insufficient permissions for this operation. Missing scopes: api.audit_logs.read.";
            Some(unauthorized(message, None, is_plain_string))
        }
        Some(_) => None,
        None => Some(unauthorized("Incorrect API key provided.", Some("invalid_api_key"), is_plain_string)),
    }
}

fn unauthorized(message: &str, code: Option<&str>, is_plain_string: bool) -> Reply {
    if is_plain_string {
        return reply::json(StatusCode::UNAUTHORIZED, &json!({"error": message}));
    }
    reply::error(StatusCode::UNAUTHORIZED, message, "invalid_request_error", None, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: &str, key: Key, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), authorization.parse().unwrap())]);
        let reply = refusal(&headers, &[key], Timestamp::UNIX_EPOCH, false);
        let body = reply.map(|reply| String::from_utf8(reply.body).unwrap());
        match (&body, expected) {
            (None, None) => {}
            (Some(body), Some(part)) => assert!(body.contains(part), "{body}"),
            _ => panic!("{authorization}: {body:?}"),
        }
    }

    #[test]
    fn keys_are_valid_within_their_time() {
        let valid_key = || Key::new("sk-admin-a");
        check("Bearer sk-admin-a", valid_key(), None);
        check("Bearer sk-admin-b", valid_key(), Some("invalid_api_key"));
        check("Basic sk-admin-a", valid_key(), Some("didn't provide"));
        check("Bearer sk-a", Key::new("sk-a"), Some("admin API key"));
        check("Bearer sk-admin-a", Key { may_read_audit_logs: false, ..valid_key() }, Some("api.audit_logs.read"));
        check("Bearer sk-admin-a", Key { until: Timestamp::UNIX_EPOCH, ..valid_key() }, Some("invalid_api_key"));
        check("Bearer sk-admin-a", Key { from: Timestamp::MAX, ..valid_key() }, Some("invalid_api_key"));
    }
}
