//! The cause of a failed request, without its URL.

/// Returns the innermost cause of a transport failure: the message of the operating system, of TLS or of
/// the parser. The outer layers name the URL, and its query may hold what no message may show.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = innermost.and_then(std::error::Error::source) {
        innermost = Some(inner);
    }
    innermost.map_or_else(|| "unknown cause".to_owned(), ToString::to_string)
}
