//! The failure of an invocation.

use collector::{PortError, Recovery, StreamReport};
use lambda_runtime::Diagnostic;

/// A longer message is cut for Lambda. The log has the whole message.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// A failed invocation. Lambda's destinations show its error type, `NeedsPerson` or `NextTick`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvocationFailure {
    /// A person must act. If `false`, the next tick may succeed.
    pub needs_person: bool,
    /// The failed streams with their reasons.
    pub message: String,
}

impl InvocationFailure {
    /// Returns the failure of an invocation with these reports; `None` if no stream failed.
    pub(super) fn of(reports: &[StreamReport]) -> Option<Self> {
        let failures: Vec<_> = reports.iter().filter_map(|report| report.failure.as_ref()).collect();
        if failures.is_empty() {
            return None;
        }
        let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
        let message = format!("{} of {} streams failed: {}", failures.len(), reports.len(), messages.join("; "));
        Some(Self {
            needs_person: failures.iter().any(|failure| failure.needs_person),
            message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
        })
    }
}

impl From<PortError> for InvocationFailure {
    fn from(error: PortError) -> Self {
        Self { needs_person: error.recovery == Recovery::Person, message: error.message }
    }
}

impl From<InvocationFailure> for Diagnostic {
    fn from(failed: InvocationFailure) -> Self {
        let error_type = if failed.needs_person { "NeedsPerson" } else { "NextTick" };
        Self { error_type: error_type.to_owned(), error_message: failed.message }
    }
}

#[cfg(test)]
mod tests {
    use collector::Failure;

    use super::*;

    fn report(error: Option<PortError>) -> StreamReport {
        StreamReport { failure: error.map(|error| Failure::new("acme/x", &error)), ..StreamReport::default() }
    }

    #[test]
    fn no_failure_is_none() {
        assert_eq!(InvocationFailure::of(&[]), None);
        assert_eq!(InvocationFailure::of(&[report(None)]), None);
    }

    #[test]
    fn the_error_type_names_the_cure() {
        let mut reports = vec![report(None), report(Some(PortError::next_tick("slow")))];
        let diagnostic = Diagnostic::from(InvocationFailure::of(&reports).unwrap());
        assert_eq!(diagnostic.error_type, "NextTick");
        assert_eq!(diagnostic.error_message, "1 of 2 streams failed: acme/x: slow");
        reports.push(report(Some(PortError::person("key revoked"))));
        let diagnostic = Diagnostic::from(InvocationFailure::of(&reports).unwrap());
        assert_eq!(diagnostic.error_type, "NeedsPerson");
        assert!(diagnostic.error_message.contains("slow") && diagnostic.error_message.contains("key revoked"));
    }
}
