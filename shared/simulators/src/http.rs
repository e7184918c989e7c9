//! A request and its answer, as values.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// A request, its body read.
pub(crate) type Request = hyper::Request<Bytes>;

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Whole,
    /// The connection is closed after this many bytes of the body.
    Cut(usize),
    /// The connection is closed before a single byte.
    Reset,
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Vec<u8>,
    /// Held back for this long.
    pub(crate) delay: Duration,
    /// Sent in chunks rather than under a `Content-Length`.
    pub(crate) chunked: bool,
    /// The body is sent a byte at a time, with this pause before every byte but the first.
    pub(crate) pause: Option<Duration>,
    pub(crate) end: End,
}

impl Reply {
    /// An answer with a body of that type; no type for no body.
    pub(crate) fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = match content_type {
            "" => Vec::new(),
            text => vec![("content-type".into(), text.to_owned())],
        };
        Self { status, headers, body: body.into(), delay: Duration::ZERO, chunked: false, pause: None, end: End::Whole }
    }

    /// The same, with one more header.
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// The header's text, if it is there and text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A moment as the `Date` header has it; none for a moment that no date can tell.
pub(crate) fn date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// A query's or a form's parameters, decoded, in order.
pub(crate) fn form(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// `%24` and the like decoded; a `+` stays what it is, for this is a path and no form.
pub(crate) fn decoded_path(path: &str) -> String {
    let keeps_plus = path.replace('+', "%2B");
    form_urlencoded::parse(format!("={keeps_plus}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, path)| path.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_form() {
        assert_eq!(decoded_path("a%24b$c+d"), "a$b$c+d");
    }

    #[test]
    fn bearer_tokens() {
        let check = |value: &str, expected: Option<&str>| {
            let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(bearer(&headers), expected, "{value}");
        };
        check("Bearer abc", Some("abc"));
        check("bearer abc", Some("abc"));
        check("Basic abc", None);
        check("Bearer ", None);
        check("abc", None);
    }
}
