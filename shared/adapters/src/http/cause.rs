//! The cause of a failed request, without its URL.

/// Returns the message of the innermost error, from the operating system, TLS or the parser. The outer errors contain
/// the URL, and its query may hold secrets.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = innermost.and_then(std::error::Error::source) {
        innermost = Some(inner);
    }
    innermost.map_or_else(|| "unknown cause".to_owned(), ToString::to_string)
}
