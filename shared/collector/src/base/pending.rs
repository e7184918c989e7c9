//! Pending work: spans and blobs that the watermark has passed and that are tried again later.

use serde::{Deserialize, Serialize};

use super::time::{UnixSeconds, Window};

/// All pending spans and blobs of one listing. The module `plan::pending` has the operations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWork {
    /// The pending spans. They are disjoint, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<PendingSpan>,
    /// The pending blobs, the oldest first. No id appears twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<PendingBlob>,
}

/// The failures of a span or blob so far, and the time of the next attempt. Times are in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The time at which the work first failed or was left unfinished.
    pub first_failure: UnixSeconds,
    /// The time of the last attempt.
    pub last_attempt: UnixSeconds,
    /// The number of failed attempts; 0 for work that was only left unfinished.
    pub attempts: u32,
    /// The time of the next attempt.
    pub next_attempt: UnixSeconds,
    /// The number of latest attempts in a row that failed with
    /// [`Recovery::PersonIfPersistent`](super::error::Recovery::PersonIfPersistent).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A span `[from, to)` of vendor time whose listing failed or did not finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSpan {
    /// The first second of the span.
    pub from: UnixSeconds,
    /// The first second after the span.
    pub to: UnixSeconds,
    /// The failures so far, and the time of the next attempt.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The cursor of the page to continue from; `None` if the span is listed from its start. Everything on the pages
    /// before the cursor is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `true` if the span must be listed again from its start after its last page. There are two reasons. The vendor
    /// may change its order between two ticks, so that the pages after the cursor may show events that were listed
    /// already, and others are missed. And a sweep of the span looks for late events on the pages before the cursor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub list_again: bool,
    /// `true` if the span was listed to its last page once and is now listed again. Only a sweep causes a third pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_second_pass: bool,
    /// The reason for the last failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl PendingSpan {
    /// Returns a span that continues from the page at `cursor`, or from its start if that is `None`.
    pub fn new(Window { from, to }: Window, schedule: Schedule, cursor: Option<String>, reason: String) -> Self {
        Self { from, to, schedule, cursor, list_again: false, is_second_pass: false, reason }
    }

    /// Returns `window`, which is the span or a part of it, as a pending span after one more attempt. A part of a
    /// second pass is in its second pass, too.
    pub fn part(&self, window: Window, schedule: Schedule, cursor: Option<String>, reason: String) -> Self {
        Self { is_second_pass: self.is_second_pass, ..Self::new(window, schedule, cursor, reason) }
    }

    /// Returns the span as a window.
    pub fn window(&self) -> Window {
        Window { from: self.from, to: self.to }
    }
}

/// A blob that was listed and could not be consumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingBlob {
    /// The vendor's id of the blob.
    pub id: String,
    /// The address to fetch the blob from.
    pub uri: String,
    /// The time at which the blob became available, in seconds since 1970.
    pub created: UnixSeconds,
    /// The time at which the vendor drops the blob, in seconds since 1970.
    pub expires: UnixSeconds,
    /// The failures so far, and the time of the next attempt.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The time since which every attempt has found the blob missing or unreadable; `None` if the last attempt failed
    /// in another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<UnixSeconds>,
    /// The reason for the last failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{pending_blob, pending_span};

    #[test]
    fn ok_pending_work_is_stored_flat_and_reads_back() {
        let span = PendingSpan { cursor: Some("page 2".to_owned()), ..pending_span(10, 20) };
        let blob = PendingBlob { missing_since: Some(7), ..pending_blob("b", 15) };
        let work = PendingWork { spans: vec![span], blobs: vec![blob] };
        let stored = serde_json::to_value(&work).unwrap();
        for work in [&stored["spans"][0], &stored["blobs"][0]] {
            assert!(work["next_attempt"].is_i64() && work["attempts"] == 1, "{work}");
        }
        assert_eq!(serde_json::from_value::<PendingWork>(stored).unwrap(), work);
    }

    #[test]
    fn ok_absent_fields_are_not_stored() {
        assert_eq!(serde_json::to_string(&PendingWork::default()).unwrap(), "{}");
        let span = serde_json::to_value(PendingSpan { reason: String::new(), ..pending_span(10, 20) }).unwrap();
        assert!(span.get("cursor").is_none() && span.get("reason").is_none(), "{span}");
        assert_eq!(serde_json::from_value::<PendingSpan>(span).unwrap().window(), Window { from: 10, to: 20 });
    }
}
