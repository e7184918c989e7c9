//! A request for a token, and its refusal.

use hyper::StatusCode;

pub(super) const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;

/// The two forms of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// A request for a token.
pub(super) struct TokenRequest<'a> {
    pub(super) version: Version,
    pub(super) tenant: &'a str,
    pub(super) form: &'a [(String, String)],
    /// The origin under which the client reached this server.
    pub(super) origin: &'a str,
    /// The path of the request.
    pub(super) path: &'a str,
}

impl TokenRequest<'_> {
    /// Returns the value of that form field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of that form field. A missing field is an error.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Refused> {
        self.field(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            refused(BAD_REQUEST, "invalid_request", 900_144, message)
        })
    }
}

/// The refusal of a request for a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) message: String,
}

pub(super) fn refused(status: StatusCode, error: &'static str, code: u32, message: impl Into<String>) -> Refused {
    Refused { status, error, code, message: message.into() }
}
