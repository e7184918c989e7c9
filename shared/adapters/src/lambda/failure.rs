//! The failure of an invocation.

use collector::{PortError, Recovery, StreamReport};
use lambda_runtime::Diagnostic;

/// The longest message handed to Lambda, in characters; the log has all of it.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// A failed invocation. Its error type, which Lambda's metrics and destinations show, is what cures it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// A person must act; otherwise the next tick carries on by itself.
    pub needs_person: bool,
    /// The streams that failed, with their reasons.
    pub message: String,
}

impl Failed {
    /// The failure of an invocation with these reports, or none.
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

impl From<PortError> for Failed {
    fn from(error: PortError) -> Self {
        Self { needs_person: error.recovery == Recovery::Person, message: error.message }
    }
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
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
        assert_eq!(Failed::of(&[]), None);
        assert_eq!(Failed::of(&[report(None)]), None);
    }

    #[test]
    fn the_error_type_names_the_cure() {
        let mut reports = vec![report(None), report(Some(PortError::next_tick("slow")))];
        let diagnostic = Diagnostic::from(Failed::of(&reports).unwrap());
        assert_eq!(diagnostic.error_type, "NextTick");
        assert_eq!(diagnostic.error_message, "1 of 2 streams failed: acme/x: slow");
        reports.push(report(Some(PortError::person("key revoked"))));
        let diagnostic = Diagnostic::from(Failed::of(&reports).unwrap());
        assert_eq!(diagnostic.error_type, "NeedsPerson");
        assert!(diagnostic.error_message.contains("slow") && diagnostic.error_message.contains("key revoked"));
    }
}
