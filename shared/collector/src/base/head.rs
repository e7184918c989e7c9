//! The head: a stream's only row of state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{LedgerHour, LedgerItem, LedgerKind};
use super::pending::PendingWork;
use super::silence::SilenceRecord;
use super::time::UnixSeconds;

/// A stream's only row of state. Adapters store it as one JSON text, with a copy of the version beside it, and
/// interpret no other field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of writes of this row. Every write is conditional on the version that was read.
    pub version: u64,
    /// The id that the stream got in its first tick. The birth record in the bucket has the same id.
    pub id: String,
    /// The number of the next object.
    pub seq: u64,
    /// The key of the next object. It is set before the put and cleared by the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Set while a rebuild restores the stream's state. No tick delivers meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoring: Option<Restoring>,
    /// The ledger hours that commit `seq - 1` wrote to.
    #[serde(default, skip_serializing_if = "LastCommit::is_empty")]
    pub last_commit: LastCommit,
    /// The watermark with which the stream began, in seconds since 1970. Nothing before it is ever listed.
    pub floor: UnixSeconds,
    /// The state of each listing, by its name.
    pub listings: BTreeMap<String, ListingState>,
    /// The times of writes, deliveries and events, and the record of a silence.
    #[serde(flatten)]
    pub times: HeadTimes,
}

/// The progress of a rebuild of a stream's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// The time at which the rebuild began, in seconds since 1970.
    pub since: UnixSeconds,
    /// The key of the last object whose row ids are in the ledger; empty if there is none yet.
    pub after: String,
}

/// The version of the stored form of heads and ledgers that this program writes. A head without a version has version 1.
pub const STATE_SCHEMA: u32 = 1;

/// A stored head that this program cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHead {
    /// Another version of the program wrote it.
    #[error(
        "the state has schema version {0}, but this program only knows {STATE_SCHEMA}: deploy the version of the program \
         that wrote it, or a newer one"
    )]
    UnknownSchema(u32),
    /// It is damaged.
    #[error("the head cannot be read ({0}): restore it, or delete this row and run `audit-pull rebuild`")]
    Unreadable(String),
}

#[derive(Serialize)]
struct StoredHead<'a> {
    schema: u32,
    #[serde(flatten)]
    head: &'a Head,
}

#[derive(Deserialize)]
struct StoredSchema {
    #[serde(default = "first_schema")]
    schema: u32,
}

fn first_schema() -> u32 {
    1
}

impl Head {
    /// Returns the text that stores the head.
    ///
    /// # Errors
    /// The head cannot be serialised, which does not happen.
    pub fn to_json(&self) -> Result<String, UnusableHead> {
        let stored = StoredHead { schema: STATE_SCHEMA, head: self };
        serde_json::to_string(&stored).map_err(|error| UnusableHead::Unreadable(error.to_string()))
    }

    /// Returns the head that is stored as `text`.
    ///
    /// # Errors
    /// The text is damaged, or its schema version is not [`STATE_SCHEMA`]. The stream must then stop: another version may
    /// have stored facts that this program would overlook.
    pub fn from_json(text: &str) -> Result<Self, UnusableHead> {
        let unreadable = |error: serde_json::Error| UnusableHead::Unreadable(error.to_string());
        let StoredSchema { schema } = serde_json::from_str(text).map_err(unreadable)?;
        if schema != STATE_SCHEMA {
            return Err(UnusableHead::UnknownSchema(schema));
        }
        serde_json::from_str(text).map_err(unreadable)
    }
}

/// The times of a stream's writes, deliveries and events, in seconds since 1970, and the record of its silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadTimes {
    /// The time of the last write of the head.
    pub written_at: UnixSeconds,
    /// The time of the last start of a recording (Microsoft 365: of a subscription).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_start: Option<UnixSeconds>,
    /// The time of the newest event that was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<UnixSeconds>,
    /// The time of the stream's first tick; `None` in a head that has no such field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<UnixSeconds>,
    /// The time by our clock of the last commit with new lines. [`last_event`](Self::last_event) cannot replace it: an
    /// event may be shown a day late, and its time may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivery: Option<UnixSeconds>,
    /// The silence that was reported, or is being reported; `None` if the stream is not silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<SilenceRecord>,
}

/// The ledger hours that the last commit wrote to. A store may show a head before the ledger items of the same
/// transaction: with this list a reader can check that all of them are visible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// The time of the commit.
    #[serde(default)]
    pub at: UnixSeconds,
    /// The hours to which the commit added row ids, in hours since 1970, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u32>,
    /// The hours to which the commit added blobs, in hours since 1970, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<u32>,
}

impl LastCommit {
    /// Returns the record of a commit of `items` that is written at `at`.
    pub(crate) fn of(items: &[LedgerItem], at: UnixSeconds) -> Self {
        let hours = |kind| {
            let mut hours: Vec<u32> = items.iter().filter(|item| item.kind == kind).map(|item| item.hour).collect();
            hours.sort_unstable();
            hours
        };
        Self { at, rows: hours(LedgerKind::Rows), blobs: hours(LedgerKind::Blobs) }
    }

    /// Returns `true` if the commit wrote nothing to the ledger.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.blobs.is_empty()
    }

    /// Returns every ledger hour that the commit wrote to.
    pub fn hours(&self) -> impl Iterator<Item = LedgerHour> {
        let of =
            |kind, hours: &[u32]| hours.iter().map(move |hour| LedgerHour { kind, hour: *hour }).collect::<Vec<_>>();
        of(LedgerKind::Rows, &self.rows).into_iter().chain(of(LedgerKind::Blobs, &self.blobs))
    }

    /// Returns `true` if the commit wrote to this ledger hour.
    pub(crate) fn touches(&self, ledger_hour: LedgerHour) -> bool {
        let hours = match ledger_hour.kind {
            LedgerKind::Rows => &self.rows,
            LedgerKind::Blobs => &self.blobs,
        };
        hours.binary_search(&ledger_hour.hour).is_ok()
    }
}

/// The progress of one listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingState {
    /// Everything that the listing showed before this time is delivered, pending, or reported as a gap.
    pub watermark: UnixSeconds,
    /// For each reach of a sweep, in seconds, the time of the last sweep. Events older than that time less the reach
    /// need no further sweep.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swept: BTreeMap<u32, UnixSeconds>,
    /// A sweep that a tick could not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_progress: Option<SweepProgress>,
    /// The length of the next window, in seconds; `None` while it is the policy's `first_window_seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<UnixSeconds>,
    /// If set, the next tick begins with a window of this length, in seconds, at a random place. It is set after a tick
    /// that could list nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_seconds: Option<UnixSeconds>,
    /// Counts the ticks in a row in which the vendor said that it does not offer this listing. Any other outcome except
    /// a pause clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<NotOffered>,
    /// The number of ticks in a row in which the listing failed with
    /// [`Recovery::PersonIfPersistent`](super::error::Recovery::PersonIfPersistent), at most
    /// [`PERSISTENT_AFTER`](super::error::PERSISTENT_AFTER). Any other outcome except a pause resets it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// The spans and blobs that failed and are tried again later, although the watermark has passed them.
    #[serde(flatten)]
    pub pending: PendingWork,
}

impl ListingState {
    /// Returns `true` if the listing is suspended at `now`, because the vendor does not offer it.
    pub fn is_suspended(&self, now: UnixSeconds) -> bool {
        self.not_offered.and_then(|refused| refused.until).is_some_and(|until| now < until)
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The record of a vendor's answers that it does not offer a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOffered {
    /// The number of ticks in a row in which the vendor gave this answer.
    pub refusals: u32,
    /// The time before which the listing is not tried again; `None` while the refusal may still be a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
}

/// A sweep that a tick could not finish; the next tick continues it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepProgress {
    /// The sweep's reach in seconds.
    pub reach: u32,
    /// The time at which the sweep began.
    pub began: UnixSeconds,
    /// The second that the sweep has reached: everything before it was listed after the sweep began.
    pub at: UnixSeconds,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_the_last_commit_names_the_hours_of_its_items() {
        let item = |kind, hour| LedgerItem { kind, hour, seq: 3, entries: vec![1], expires_at: 0 };
        let items = [item(LedgerKind::Rows, 9), item(LedgerKind::Blobs, 4), item(LedgerKind::Rows, 2)];
        let commit = LastCommit::of(&items, 100);
        assert_eq!((commit.rows.as_slice(), commit.blobs.as_slice()), (&[2, 9][..], &[4][..]));
        assert!(items.iter().all(|item| commit.touches(item.ledger_hour())));
        assert!(!commit.touches(LedgerHour { kind: LedgerKind::Blobs, hour: 9 }));
        assert_eq!(commit.hours().count(), 3);
    }

    #[test]
    fn ok_a_head_is_stored_flat_and_reads_back() {
        let stored = r#"{"version":1,"id":"i","seq":4,"floor":0,"listings":{"a":{"watermark":900,"spans":[
            {"from":1,"to":2,"first_failure":5,"last_attempt":5,"attempts":1,"next_attempt":60}]}},"written_at":7,"silence":{"since":3,
            "claim":{"id":18446744073709551615,"until":4}}}"#;
        let head: Head = serde_json::from_str(stored).unwrap();
        assert_eq!((head.times.written_at, head.listings["a"].pending.spans[0].schedule.next_attempt), (7, 60));
        assert_eq!(serde_json::from_str::<Head>(&serde_json::to_string(&head).unwrap()).unwrap(), head);
    }

    #[test]
    fn ok_a_refused_listing_is_suspended_only_for_its_time() {
        let state = |until| ListingState { not_offered: Some(NotOffered { refusals: 1, until }), ..Default::default() };
        assert!(state(Some(10)).is_suspended(9) && !state(Some(10)).is_suspended(10));
        assert!(!state(None).is_suspended(0) && !ListingState::default().is_suspended(0));
    }

    #[test]
    fn ok_a_head_is_stored_with_its_schema_version() {
        let restoring = Some(Restoring { since: 5, after: "k".to_owned() });
        let head = Head { restoring, ..crate::testing::head() };
        let text = head.to_json().unwrap();
        assert!(text.starts_with(r#"{"schema":1,"#), "{text}");
        assert_eq!(Head::from_json(&text), Ok(head));
    }

    #[test]
    fn ok_a_head_without_a_schema_version_has_the_first() {
        let text = serde_json::to_string(&crate::testing::head()).unwrap();
        assert!(!text.contains("schema"));
        assert_eq!(Head::from_json(&text), Ok(crate::testing::head()));
    }

    #[test]
    fn err_another_schema_version_or_damage_stops_the_stream_with_advice() {
        let text = crate::testing::head().to_json().unwrap();
        for version in [0, 2, 4_000_000_000] {
            let other = text.replacen("\"schema\":1", &format!("\"schema\":{version}"), 1);
            let error = Head::from_json(&other).unwrap_err();
            assert_eq!(error, UnusableHead::UnknownSchema(version));
            assert!(error.to_string().contains("deploy the version"), "{error}");
        }
        // A newer version may lack members of this one, so its version is looked at first.
        assert_eq!(Head::from_json(r#"{"schema":2,"new":true}"#), Err(UnusableHead::UnknownSchema(2)));
        for damaged in ["", "{}", "[]", r#"{"schema":"1"}"#, &text[..text.len() - 2]] {
            let error = Head::from_json(damaged).unwrap_err();
            assert!(error.to_string().contains("run `audit-pull rebuild`"), "{damaged}: {error}");
        }
    }
}
