//! The values that many tests use.

use std::collections::BTreeMap;
use std::io::Read;

use schema::LogType;

use crate::base::head::{Head, HeadTimes, LastCommit};
use crate::base::pending::{PendingBlob, PendingSpan, Schedule};
use crate::base::policy::VendorPolicy;
use crate::base::ports::BlobRef;
use crate::base::stream::{SourceId, Stream};
use crate::base::time::{UnixSeconds, Window};

/// The time at which every world begins: the first second of an hour.
pub(crate) const NOW: UnixSeconds = 3_600_000;
/// The only listing of the test streams.
pub(crate) const LISTING: &str = "all";
pub(crate) const fn window(from: UnixSeconds, to: UnixSeconds) -> Window {
    Window { from, to }
}

/// Returns an event whose id is its second.
pub(crate) fn event(second: UnixSeconds) -> String {
    event_of(&second.to_string(), second)
}

pub(crate) fn event_of(id: &str, second: UnixSeconds) -> String {
    format!(r#"{{"id":"{id}","type":"login.succeeded","effective_at":{second}}}"#)
}

pub(crate) fn blob(id: &str, created: UnixSeconds) -> BlobRef {
    BlobRef { id: id.to_owned(), uri: format!("https://vendor/{id}"), created, expires: created + 604_800 }
}

/// Returns a schedule of work that failed once and is due.
pub(crate) fn due() -> Schedule {
    Schedule { first_failure: NOW - 100, last_attempt: NOW - 100, attempts: 1, next_attempt: NOW, refusals: 0 }
}

/// Returns a span that failed once and is due.
pub(crate) fn pending_span(from: UnixSeconds, to: UnixSeconds) -> PendingSpan {
    PendingSpan::new(Window { from, to }, due(), None, "status 500".to_owned())
}

/// Returns a blob that failed once and is due.
pub(crate) fn pending_blob(id: &str, created: UnixSeconds) -> PendingBlob {
    let BlobRef { id, uri, created, expires } = blob(id, created);
    PendingBlob { id, uri, created, expires, schedule: due(), missing_since: None, reason: "status 500".to_owned() }
}

/// Returns the lines of a compressed object.
pub(crate) fn lines(object: &[u8]) -> Vec<String> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(object).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

pub(super) fn id_of(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["id"].as_str().unwrap().to_owned()
}

pub(crate) fn stream(source: &str) -> Stream {
    Stream {
        source: SourceId::try_from(source.to_owned()).unwrap(),
        label: "Acme".to_owned(),
        log_type: LogType::OpenAiAudit,
        listings: vec![LISTING],
    }
}

/// Returns the head of a stream of which nothing was delivered yet.
pub(crate) fn head() -> Head {
    Head {
        version: 1,
        id: "i".to_owned(),
        seq: 0,
        intent: None,
        restoring: None,
        last_commit: LastCommit::default(),
        floor: 0,
        listings: BTreeMap::new(),
        times: HeadTimes { written_at: NOW, ..HeadTimes::default() },
    }
}

/// Returns a policy without overlap and sweeps, so that listing begins at the watermark.
pub(crate) fn policy() -> VendorPolicy {
    VendorPolicy {
        tick_seconds: 60,
        overlap_seconds: 0,
        sweeps: &[],
        first_window_seconds: 1_000,
        max_window_seconds: 1_000,
        retention: None,
        dedup_horizon_seconds: 30 * 86_400,
        split_after_pages: Some(10),
        silence: None,
        no_data_advice: "look at the settings",
        start_delay: None,
        fetches_ahead: 3,
    }
}
