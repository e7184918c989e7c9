//! Turns failed AWS calls into errors of the ports: their cause, their recovery, and advice for a person.

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use collector::{PortError, RetryPolicy};

/// Makes up to seven calls, with waits of about 9 s in all. This is long enough if the answer to a transaction was
/// lost: DynamoDB finishes the transaction within 5 s, and a later retry with the same token gets its result.
pub(super) const RETRIES: RetryPolicy = RetryPolicy {
    attempts: 7,
    first_wait: Duration::from_millis(150),
    max_wait: Duration::from_secs(4),
    max_retry_after: Duration::from_secs(10),
};

/// An error repeats at most this much of AWS's own message.
const MAX_TEXT_CHARS: usize = 400;

/// The description of one AWS call for error messages.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The IAM action, such as `s3:GetObject`. It also names the call.
    pub(super) action: &'static str,
    /// The resource of the call: the table, the bucket and key, or the secret's name.
    pub(super) target: String,
    /// The advice if AWS refuses the call for lack of a permission.
    pub(super) denied_advice: String,
    /// The advice if the table, bucket or secret does not exist.
    pub(super) missing_advice: String,
}

/// A failed AWS call, whatever its operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    /// The HTTP status; `None` if there was no answer.
    pub(super) status: Option<u16>,
    /// AWS's error code; empty if the answer has none.
    pub(super) code: String,
    /// AWS's own message, or the reason why there was no answer.
    text: String,
    /// There was no usable answer, but a retry may get one.
    is_transient: bool,
}

/// The kinds of failure by their cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureClass {
    /// Passes by itself: throttling, a write conflict, a fault of the service, a lost answer.
    Again,
    /// The caller lacks a permission or has bad credentials.
    Denied,
    /// The table, bucket or secret does not exist.
    Missing,
    /// A retry would get the same answer.
    Permanent,
}

impl CallError {
    /// Describes the failure, without any content of the request.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            SdkError::ServiceError(service) => {
                let text = service.err().message().unwrap_or("no message").to_owned();
                Self { status, code: service.err().code().unwrap_or_default().to_owned(), text, is_transient: false }
            }
            SdkError::DispatchFailure(failure) => {
                let is_transient = failure.is_io() || failure.is_timeout() || failure.as_other().is_some();
                Self { status: None, code: String::new(), text: innermost_message(error), is_transient }
            }
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
                Self { status, code: String::new(), text: innermost_message(error), is_transient: true }
            }
            _ => Self { status: None, code: String::new(), text: innermost_message(error), is_transient: false },
        }
    }

    fn class(&self) -> FailureClass {
        let code = self.code.as_str();
        match (code, self.status) {
            _ if self.is_transient || is_transient_code(code) => FailureClass::Again,
            ("NoSuchBucket" | "ResourceNotFoundException" | "NotFound" | "NotFoundException", _) => {
                FailureClass::Missing
            }
            _ if is_denial_code(code) => FailureClass::Denied,
            (_, Some(408 | 409 | 429 | 500..=599)) => FailureClass::Again,
            (_, Some(401 | 403)) => FailureClass::Denied,
            _ => FailureClass::Permanent,
        }
    }

    /// Turns the failure into the error of a port. If a retry may succeed, its recovery is
    /// [`collector::Recovery::Again`].
    pub(super) fn into_port_error(self, call: &Call) -> PortError {
        let text: String = self.text.chars().take(MAX_TEXT_CHARS).collect();
        let what = match self.status {
            Some(status) => {
                format!("{} on {}: {} ({status}): {text}", call.action, call.target, code_or_placeholder(&self.code))
            }
            None => format!("{} on {}: no answer: {text}", call.action, call.target),
        };
        match self.class() {
            FailureClass::Again => PortError::again(what),
            FailureClass::Denied => PortError::person(format!("{what}; {}", call.denied_advice)),
            FailureClass::Missing => PortError::person(format!("{what}; {}", call.missing_advice)),
            FailureClass::Permanent if self.status.is_none() => {
                PortError::person(format!("{what}; check the AWS region, credentials and endpoint"))
            }
            FailureClass::Permanent => {
                PortError::person(format!("{what}; AWS will answer the same again: correct the cause it names"))
            }
        }
    }
}

fn code_or_placeholder(code: &str) -> &str {
    if code.is_empty() { "no error code" } else { code }
}

/// Returns `true` for an error code of a failure that passes by itself, whatever the HTTP status.
fn is_transient_code(code: &str) -> bool {
    const CODES: [&str; 19] = [
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "InternalServerError",
        "InternalServiceError",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    ];
    code.contains("Throttl") || CODES.contains(&code)
}

/// Returns `true` for an error code of a missing permission or of bad credentials. DynamoDB and Secrets Manager send
/// these codes with status 400.
fn is_denial_code(code: &str) -> bool {
    const CODES: [&str; 10] = [
        "AuthorizationError",
        "AuthorizationErrorException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "UnrecognizedClientException",
    ];
    code.contains("AccessDenied") || CODES.contains(&code)
}

/// Returns the message of the innermost error. The outer errors only say that the call failed.
fn innermost_message(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    fn check(status: Option<u16>, code: &str, is_transient: bool, recovery: Recovery, says: &str) {
        let call = Call {
            action: "dynamodb:PutItem",
            target: "table state".to_owned(),
            denied_advice: "grant dynamodb:PutItem on it".to_owned(),
            missing_advice: "create the table".to_owned(),
        };
        let error =
            CallError { status, code: code.to_owned(), text: "why".to_owned(), is_transient }.into_port_error(&call);
        assert_eq!(error.recovery, recovery, "{status:?} {code}");
        assert!(error.message.starts_with("dynamodb:PutItem on table state: "), "{}", error.message);
        assert!(error.message.contains(says), "{}", error.message);
    }

    const AGAIN: Recovery = Recovery::Again { after: None };

    #[test]
    fn failures_that_a_retry_may_cure() {
        check(None, "", true, AGAIN, "no answer: why");
        check(Some(503), "SlowDown", false, AGAIN, "SlowDown (503)");
        check(Some(500), "", false, AGAIN, "no error code (500)");
        check(Some(400), "ThrottlingException", false, AGAIN, "ThrottlingException");
        check(Some(400), "TransactionInProgressException", false, AGAIN, "(400)");
        check(Some(409), "ConditionalRequestConflict", false, AGAIN, "(409)");
        check(Some(400), "RequestTimeout", false, AGAIN, "(400)");
        check(Some(400), "KMSThrottlingException", false, AGAIN, "(400)");
    }

    #[test]
    fn failures_that_need_a_person() {
        check(Some(400), "AccessDeniedException", false, Recovery::Person, "grant dynamodb:PutItem on it");
        check(Some(403), "", false, Recovery::Person, "grant dynamodb:PutItem on it");
        check(Some(400), "UnrecognizedClientException", false, Recovery::Person, "grant");
        check(Some(400), "ResourceNotFoundException", false, Recovery::Person, "create the table");
        check(Some(404), "NoSuchBucket", false, Recovery::Person, "create the table");
        check(Some(400), "ValidationException", false, Recovery::Person, "correct the cause");
        check(Some(301), "PermanentRedirect", false, Recovery::Person, "correct the cause");
        check(None, "", false, Recovery::Person, "region, credentials");
    }

    #[test]
    fn the_length_of_awss_message_is_bounded() {
        let long = CallError { status: Some(400), code: "X".to_owned(), text: "é".repeat(5_000), is_transient: false };
        let call =
            Call { action: "a", target: "b".to_owned(), denied_advice: String::new(), missing_advice: String::new() };
        assert!(long.into_port_error(&call).message.chars().count() < 600);
    }
}
