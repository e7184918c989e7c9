//! The error answers of the API.

use hyper::StatusCode;
use serde_json::json;

use super::kinds::{Throttle, Unauthorized};
use crate::http::Reply;
use crate::seeded_rng::SeededRng;

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// Returns an error answer in the API's usual JSON form.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::new(status, JSON, json!({"error": {"code": code, "message": message}}).to_string())
}

/// Returns a 400 answer with this code.
pub(super) fn bad_request(code: &str, message: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, code, message)
}

/// Returns the 401 answer to an invalid token. Unlike other errors of the API, it has no `AF` code.
pub(super) fn unauthorized(form: Unauthorized) -> Reply {
    let reply = match form {
        Unauthorized::Message => {
            let body = json!({"Message": "Authorization has been denied for this request."});
            Reply::new(StatusCode::UNAUTHORIZED, JSON, body.to_string())
        }
        Unauthorized::Empty => Reply::new(StatusCode::UNAUTHORIZED, "", ""),
        Unauthorized::InvalidAuthenticationToken => {
            error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "The access token is invalid.")
        }
    };
    reply.with_header("www-authenticate", "Bearer")
}

/// Returns the 404 answer to a request with an unknown path. In production, requests with a valid path sometimes get
/// this answer, too.
pub(super) fn no_resource(path: &str) -> Reply {
    let body = json!({"Message": format!("No HTTP resource was found that matches the request URI '{path}'.")});
    Reply::new(StatusCode::NOT_FOUND, JSON, body.to_string())
}

/// Returns the answer to a client that starts a subscription too early. Its message says in words that the client must
/// wait for `seconds`.
pub(super) fn start_throttled(seconds: i64) -> Reply {
    let message = format!(
        "Too many frequent subscription start requests. Please retry again after {}m {}s.",
        seconds / 60,
        seconds % 60
    );
    error(StatusCode::FORBIDDEN, "429", &message)
}

/// Returns the 401 answer to a token that lacks the necessary permission. `roles` are the permissions that it has.
pub(super) fn not_permitted(roles: &[String]) -> Reply {
    let message = format!(
        "The permission set ({}) sent in the request does not include the expected permission.",
        roles.join(" ")
    );
    error(StatusCode::UNAUTHORIZED, "AF10001", &message)
}

/// Returns the answer to a throttled request. `method` and `publisher` appear in its message, and `retry_after` is the
/// number of seconds in its `Retry-After` header.
pub(super) fn throttled(form: Throttle, method: &str, publisher: &str, retry_after: Option<u32>) -> Reply {
    let message = format!("Too many requests. Method={method}, PublisherId={publisher}");
    let reply = match form {
        Throttle::TooManyRequests => error(StatusCode::TOO_MANY_REQUESTS, "AF429", &message),
        Throttle::Forbidden => {
            let body = format!("{{'error':{{'code':'AF429','message':'{message}'}}}}");
            Reply::new(StatusCode::FORBIDDEN, JSON, body)
        }
    };
    match retry_after {
        Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
        None => reply,
    }
}

/// Returns an answer with this 5xx status and a JSON error.
pub(super) fn server_error(status: StatusCode) -> Reply {
    error(status, "AF50000", "An internal error occurred. Retry the request.")
}

/// Returns an error answer with this status. Its code is `code`, or by default the one that the API usually sends with
/// the status.
pub(super) fn with_status(status: u16, code: Option<&str>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match (code, status) {
        (Some(code), status) => error(status, code, "The request was refused."),
        (None, StatusCode::UNAUTHORIZED) => unauthorized(Unauthorized::Message),
        (None, StatusCode::NOT_FOUND) => blob_missing(),
        (None, StatusCode::TOO_MANY_REQUESTS) => error(status, "AF429", "Too many requests."),
        (None, status) if status.is_server_error() => server_error(status),
        (None, status) => Reply::new(status, JSON, json!({"Message": "The request was refused."}).to_string()),
    }
}

/// Returns the 404 answer to a request for a blob that does not exist.
pub(super) fn blob_missing() -> Reply {
    error(StatusCode::NOT_FOUND, "AF20050", "The specified content does not exist.")
}

/// Returns a 500 answer with a random one of the API's codes for internal errors.
pub(super) fn internal_error(rng: &mut SeededRng) -> Reply {
    let code = rng.pick(&["AF50000", "AF50005", "AF50006"]);
    error(StatusCode::INTERNAL_SERVER_ERROR, code, "An internal error occurred. Retry the request.")
}

/// Returns the answer to a client that starts a subscription in a tenant whose auditing is off. As in production, its
/// code is a whole sentence and its message is a stack trace.
pub(super) fn auditing_off(tenant: &str, content_type: &str, rng: &mut SeededRng) -> Reply {
    let code = format!(
        "StartSubscription [CorrId={}] [TenantId={tenant},ContentType={content_type},ApplicationId={},PublisherId={tenant}] exception",
        rng.guid(),
        rng.guid()
    );
    let message = format!(
        "Microsoft.Office.Compliance.Audit.API.StartController\r\n   at Microsoft.Office.Compliance.Audit.API.AzureManager.<GetSubscriptionTableClientForTenantAsync>d__52.MoveNext()\r\n--- End of stack trace from previous location where exception was thrown ---\r\n   at System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw()\r\nMicrosoft.Office.Compliance.Audit.DataServiceException: Tenant {tenant} does not exist."
    );
    bad_request(&code, &message)
}
