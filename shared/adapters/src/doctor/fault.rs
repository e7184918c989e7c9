//! A failed step: its code, its cause and its fix.

use collector::{PortError, Recovery};

use super::code::Code;
use super::store_fault::{StoreFault, store_fault};

/// The separator of cause and fix in messages of this program.
const SEPARATOR: &str = "; ";

/// A failed step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The cause, for programs.
    pub code: Code,
    /// The cause in words.
    pub cause: String,
    /// The action that cures it.
    pub fix: String,
}

impl Fault {
    /// Returns a failure with this cause and the fix of the code.
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), fix: code.fix().to_owned() }
    }

    /// Returns a failure with the cause and the fix in a message. A message without a fix gets that of the code.
    pub fn of(code: Code, error: &PortError) -> Self {
        match error.message.split_once(SEPARATOR) {
            Some((cause, fix)) => Self { code, cause: cause.to_owned(), fix: fix.to_owned() },
            None => Self::new(code, error.message.as_str()),
        }
    }

    /// Returns the failure to read a secret from its store.
    pub fn of_secret_store(error: &PortError) -> Self {
        let code = match store_fault(&error.message) {
            StoreFault::Missing => Code::SecretMissing,
            StoreFault::Denied => Code::SecretDenied,
            StoreFault::KmsDenied => Code::KmsDenied,
            StoreFault::Other => Code::SecretUnreadable,
        };
        Self::of(code, error)
    }

    /// Returns the failure of a vendor's call that has no better code: it may pass, or needs a person.
    pub fn of_vendor(error: &PortError) -> Self {
        let code = match error.recovery {
            Recovery::Paused => Code::Throttled,
            Recovery::Again { .. } | Recovery::NextTick => Code::VendorFailed,
            Recovery::PersonIfPersistent | Recovery::Person => Code::VendorRefused,
        };
        Self::of(code, error)
    }
}

/// Returns the code of a failure to list the subscribers of the alarm topic.
#[cfg(feature = "lambda")]
pub(crate) fn topic_fault_code(error: &PortError) -> Code {
    match store_fault(&error.message) {
        StoreFault::Missing => Code::TopicMissing,
        StoreFault::Denied | StoreFault::KmsDenied => Code::TopicDenied,
        StoreFault::Other => Code::TopicFailed,
    }
}

/// Words, in lower case, of the errors of a TLS handshake.
#[cfg(feature = "http")]
const TLS_WORDS: [&str; 4] = ["certificate", "tls", "handshake", "unknownissuer"];
/// Words, in lower case, of the errors of a look-up in DNS.
#[cfg(feature = "http")]
const DNS_WORDS: [&str; 3] = ["dns", "lookup", "resolve"];

/// Returns the failure of a request without an answer. `error` is that of the HTTP client.
#[cfg(feature = "http")]
pub fn connection_fault(error: &PortError) -> Fault {
    let lower = error.message.to_lowercase();
    // The host's own name comes first in the message and may contain any word.
    let reason = lower.split_once(": ").map_or(lower.as_str(), |(_, reason)| reason);
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let code = match () {
        () if has(&TLS_WORDS) => Code::TlsFailed,
        () if has(&DNS_WORDS) => Code::NameNotResolved,
        () => Code::HostUnreachable,
    };
    Fault::new(code, error.message.as_str())
}

/// Returns `true` if the answer is a page of HTML, which the APIs of the vendors never send.
#[cfg(feature = "http")]
pub fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
        || body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_split_into_cause_and_fix() {
        let fault = Fault::of(Code::WrongSecret, &PortError::person("HTTP 401: it is wrong; mend it; then again"));
        assert_eq!((fault.cause.as_str(), fault.fix.as_str()), ("HTTP 401: it is wrong", "mend it; then again"));
        let fault = Fault::of(Code::WrongSecret, &PortError::person("HTTP 401"));
        assert_eq!((fault.cause.as_str(), fault.fix.as_str()), ("HTTP 401", Code::WrongSecret.fix()));
    }

    #[cfg(feature = "http")]
    #[test]
    fn the_reasons_of_a_failed_connection_have_codes() {
        let check = |message: &str, code| assert_eq!(connection_fault(&PortError::again(message)).code, code);
        check("dns.example/x: could not connect: Connection refused", Code::HostUnreachable);
        check("api.example/x: could not connect: failed to lookup address information", Code::NameNotResolved);
        check("api.example/x: could not connect: invalid peer certificate: UnknownIssuer", Code::TlsFailed);
        check("api.example/x: no answer within 20 s", Code::HostUnreachable);
    }

    #[cfg(feature = "http")]
    #[test]
    fn pages_of_html_are_recognised() {
        assert!(is_html(Some("text/html; charset=utf-8"), b"") && is_html(None, b" \n<!DOCTYPE html>"));
        assert!(!is_html(Some("application/json"), b"{}") && !is_html(None, b""));
    }
}
