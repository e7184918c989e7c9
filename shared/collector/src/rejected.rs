//! What becomes of input that cannot become a line.

use jiff::Timestamp;
use serde::Serialize;

use crate::batch::Rejected;
use crate::stream::Stream;

#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    log_type: &'static str,
    reason: &'a str,
    time: String,
    /// The input; bytes that are not UTF-8 stand as U+FFFD.
    raw: std::borrow::Cow<'a, str>,
}

/// The object that keeps a rejected input, as one line of JSON.
pub(crate) fn record(stream: &Stream, rejected: &Rejected, now: Timestamp) -> Vec<u8> {
    let record = Record {
        source: stream.source.as_str(),
        log_type: stream.log_type.name(),
        reason: &rejected.rejection.reason,
        time: now.to_string(),
        raw: String::from_utf8_lossy(&rejected.raw),
    };
    // Strings and no maps: there is nothing in it that could fail to serialise.
    serde_json::to_vec(&record).unwrap_or_default()
}
