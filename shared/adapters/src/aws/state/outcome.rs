//! Turns DynamoDB's errors into the outcome of a write. Only a failed condition is [`Written::Refused`].

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use collector::{PortError, Written};

use crate::aws::call::{Call, CallError};

/// Returns the outcome of a failed put. The condition of a retry may fail because the first attempt succeeded and its
/// answer was lost, so the caller reads the head again after a refusal.
pub(super) fn of_put(error: &SdkError<PutItemError, HttpResponse>, call: &Call) -> Result<Written, PortError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Written::Refused),
        _ => Err(CallError::of(error).into_port_error(call)),
    }
}

/// Returns the outcome of a failed transaction.
pub(super) fn of_transaction(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
    call: &Call,
) -> Result<Written, PortError> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            let reasons = canceled.cancellation_reasons().iter();
            of_reasons(
                reasons.filter_map(|reason| Some((reason.code()?, reason.message().unwrap_or("no message")))),
                call,
            )
        }
        // The token was used before with other content, so it was not unique. Nothing was written.
        Some(TransactWriteItemsError::IdempotentParameterMismatchException(_)) => Err(PortError::next_tick(format!(
            "{} on {}: IdempotentParameterMismatchException",
            call.action, call.target
        ))),
        _ => Err(CallError::of(error).into_port_error(call)),
    }
}

/// Returns the outcome of a canceled transaction. `reasons` has the code and message of each action; the code is "None"
/// for an action without a fault.
fn of_reasons<'a>(reasons: impl Iterator<Item = (&'a str, &'a str)>, call: &Call) -> Result<Written, PortError> {
    let faults: Vec<_> = reasons.filter(|(code, _)| *code != "None").collect();
    if faults.iter().any(|(code, _)| *code == "ConditionalCheckFailed") {
        return Ok(Written::Refused);
    }
    let named: Vec<&str> = faults.iter().map(|(code, _)| *code).collect();
    let what = format!("{} on {}: transaction canceled: {}", call.action, call.target, named.join(", "));
    let passes =
        |code: &str| code == "TransactionConflict" || code.contains("Throttl") || code.contains("ThroughputExceeded");
    match faults.iter().find(|(code, _)| !passes(code)) {
        None => Err(PortError::again(what)),
        Some((code, message)) if code.contains("AccessDenied") => {
            Err(PortError::person(format!("{what}: {message}; {}", call.denied_advice)))
        }
        Some((_, message)) => Err(PortError::person(format!("{what}: {message}; correct the cause it names"))),
    }
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    fn check(codes: &[&str]) -> Result<Written, Recovery> {
        let call = Call {
            action: "dynamodb:PutItem",
            target: "table state".to_owned(),
            denied_advice: "grant it".to_owned(),
            missing_advice: String::new(),
        };
        of_reasons(codes.iter().map(|code| (*code, "why")), &call).map_err(|error| error.recovery)
    }

    const AGAIN: Result<Written, Recovery> = Err(Recovery::Again { after: None });

    #[test]
    fn a_failed_condition_is_the_only_refusal() {
        assert_eq!(check(&["ConditionalCheckFailed", "None"]), Ok(Written::Refused));
        assert_eq!(check(&["ConditionalCheckFailed", "TransactionConflict"]), Ok(Written::Refused));
    }

    #[test]
    fn a_failure_that_passes_is_retried() {
        assert_eq!(check(&["None", "TransactionConflict"]), AGAIN);
        assert_eq!(check(&["ThrottlingError", "None"]), AGAIN);
        assert_eq!(check(&["ProvisionedThroughputExceeded"]), AGAIN);
        assert_eq!(check(&[]), AGAIN, "canceled without a word");
    }

    #[test]
    fn a_failure_that_does_not_pass_needs_a_person() {
        assert_eq!(check(&["TransactionConflict", "ValidationError"]), Err(Recovery::Person));
        assert_eq!(check(&["ItemCollectionSizeLimitExceeded"]), Err(Recovery::Person));
    }
}
