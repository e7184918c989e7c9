//! Requests and replies as plain values, and helpers to read headers, queries and paths.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// A request whose body was read completely.
pub(crate) type Request = hyper::Request<Bytes>;

/// The part of a reply that is sent before the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The complete reply, as without a fault.
    Whole,
    /// The head, and this many bytes of the body.
    Cut(usize),
    /// Nothing: the connection is closed before the status line.
    Reset,
}

/// A reply, and the connection faults with which it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Vec<u8>,
    /// Time to wait before the reply is sent.
    pub(crate) delay: Duration,
    /// `true` to send the body in chunks instead of with a `Content-Length`.
    pub(crate) is_chunked: bool,
    /// If set, the body is sent one byte at a time, with this pause before every byte but the first.
    pub(crate) pause: Option<Duration>,
    pub(crate) end: End,
}

impl Reply {
    /// Returns a reply with a body of the type `content_type`. If `content_type` is empty, the reply has no such
    /// header.
    pub(crate) fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = match content_type {
            "" => Vec::new(),
            text => vec![("content-type".into(), text.to_owned())],
        };
        Self {
            status,
            headers,
            body: body.into(),
            delay: Duration::ZERO,
            is_chunked: false,
            pause: None,
            end: End::Whole,
        }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Returns the value of a header; `None` if it is missing or has characters other than visible ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Formats a time for the `Date` header; `None` if the time is out of the range that the format can hold.
pub(crate) fn date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// Returns the token of the header `Authorization: Bearer …`; `None` if the header is missing or has another form.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Returns the percent-decoded names and values of a query string or an HTML form, in their order.
pub(crate) fn decode_parameters(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// Decodes the percent escapes of a path, such as `%24`. A `+` stays as it is, because it means a space only in a form.
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
    fn a_plus_in_a_path_is_not_a_space() {
        assert_eq!(decoded_path("a%24b$c+d"), "a$b$c+d");
    }

    #[test]
    fn bearer_tokens_are_read_from_the_header() {
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
