//! The meaning of a failed AWS call.

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use collector::{PortError, RetryPolicy};

/// The adapters repeat a call with about 9 s of waits in all. DynamoDB finishes a transaction whose
/// answer was lost when it is asked again 5 s after the first time.
pub(super) const RETRIES: RetryPolicy = RetryPolicy {
    attempts: 7,
    first_wait: Duration::from_millis(150),
    max_wait: Duration::from_secs(4),
    max_retry_after: Duration::from_secs(10),
};

/// The longest text of AWS's that goes into a message, in characters.
const MAX_TEXT_CHARS: usize = 400;

/// One call: what is done to what, and what a person would have to grant. For messages.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The IAM action, which names the call too.
    pub(super) action: &'static str,
    /// The table, the bucket and key, the secret's name.
    pub(super) on: String,
    /// The advice when AWS does not allow it.
    pub(super) grant: String,
    /// The advice when AWS does not know the thing.
    pub(super) missing: String,
}

/// A failed AWS call without the type of its operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    /// The HTTP status; `None` when there was no answer.
    pub(super) status: Option<u16>,
    /// AWS's error code; empty when there was none.
    pub(super) code: String,
    /// AWS's own words, or the cause of there being none.
    text: String,
    /// For a call without an answer: whether asking again can help.
    transient: bool,
}

/// The cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Throttled, conflicting, broken for the moment, lost.
    Again,
    /// Not allowed.
    Denied,
    /// The table, bucket or secret is not there.
    Missing,
    /// An answer that another try will not change.
    Final,
}

impl CallError {
    /// Takes down what happened, without anything of the request.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            SdkError::ServiceError(service) => {
                let text = service.err().message().unwrap_or("no message").to_owned();
                Self { status, code: service.err().code().unwrap_or_default().to_owned(), text, transient: false }
            }
            SdkError::DispatchFailure(failure) => {
                let transient = failure.is_io() || failure.is_timeout() || failure.as_other().is_some();
                Self { status: None, code: String::new(), text: innermost(error), transient }
            }
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
                Self { status, code: String::new(), text: innermost(error), transient: true }
            }
            _ => Self { status: None, code: String::new(), text: innermost(error), transient: false },
        }
    }

    fn class(&self) -> Class {
        let code = self.code.as_str();
        match (code, self.status) {
            _ if self.transient || is_transient_code(code) => Class::Again,
            ("NoSuchBucket" | "ResourceNotFoundException", _) => Class::Missing,
            _ if is_denial_code(code) => Class::Denied,
            (_, Some(408 | 409 | 429 | 500..=599)) => Class::Again,
            (_, Some(401 | 403)) => Class::Denied,
            _ => Class::Final,
        }
    }

    /// The error for the port. One whose cure is another try is [`collector::Recovery::Again`].
    pub(super) fn into_port(self, call: &Call) -> PortError {
        let text: String = self.text.chars().take(MAX_TEXT_CHARS).collect();
        let what = match self.status {
            Some(status) => format!("{} on {}: {} ({status}): {text}", call.action, call.on, named(&self.code)),
            None => format!("{} on {}: no answer: {text}", call.action, call.on),
        };
        match self.class() {
            Class::Again => PortError::again(what),
            Class::Denied => PortError::person(format!("{what}; {}", call.grant)),
            Class::Missing => PortError::person(format!("{what}; {}", call.missing)),
            Class::Final if self.status.is_none() => {
                PortError::person(format!("{what}; check the AWS region, credentials and endpoint"))
            }
            Class::Final => {
                PortError::person(format!("{what}; AWS will answer the same again: correct the cause it names"))
            }
        }
    }
}

fn named(code: &str) -> &str {
    if code.is_empty() { "no error code" } else { code }
}

/// Codes that pass by themselves, whatever status they come with.
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

/// Codes of missing permissions and bad credentials; DynamoDB and Secrets Manager send them with 400.
fn is_denial_code(code: &str) -> bool {
    const CODES: [&str; 8] = [
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

/// The outermost layers only say that the call failed; the innermost says why.
fn innermost(error: &(dyn Error + 'static)) -> String {
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

    fn check(status: Option<u16>, code: &str, transient: bool, recovery: Recovery, says: &str) {
        let call = Call {
            action: "dynamodb:PutItem",
            on: "table state".to_owned(),
            grant: "grant dynamodb:PutItem on it".to_owned(),
            missing: "create the table".to_owned(),
        };
        let error = CallError { status, code: code.to_owned(), text: "why".to_owned(), transient }.into_port(&call);
        assert_eq!(error.recovery, recovery, "{status:?} {code}");
        assert!(error.message.starts_with("dynamodb:PutItem on table state: "), "{}", error.message);
        assert!(error.message.contains(says), "{}", error.message);
    }

    const AGAIN: Recovery = Recovery::Again { after: None };

    #[test]
    fn again() {
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
    fn a_person() {
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
    fn aws_words_are_bounded() {
        let long = CallError { status: Some(400), code: "X".to_owned(), text: "é".repeat(5_000), transient: false };
        let call = Call { action: "a", on: "b".to_owned(), grant: String::new(), missing: String::new() };
        assert!(long.into_port(&call).message.chars().count() < 600);
    }
}
