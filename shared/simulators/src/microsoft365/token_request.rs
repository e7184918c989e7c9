//! A request for a token, and the error that refuses it.

use hyper::StatusCode;

pub(super) const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;

/// The version of the token endpoint, which decides the names and types of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// A parsed request for a token.
pub(super) struct TokenRequest<'a> {
    pub(super) version: Version,
    pub(super) tenant: &'a str,
    pub(super) form: &'a [(String, String)],
    /// The scheme and host under which the client reached this server.
    pub(super) origin: &'a str,
    /// The path of the request's URL.
    pub(super) path: &'a str,
}

impl TokenRequest<'_> {
    /// Returns the value of a field of the request's form; `None` if it is missing.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a required field of the request's form.
    ///
    /// # Errors
    /// The field is missing.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refused> {
        self.field(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            refused(BAD_REQUEST, "invalid_request", 900_144, message)
        })
    }
}

/// The error that refuses a request for a token.
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
