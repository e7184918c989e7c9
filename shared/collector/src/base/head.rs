//! A stream's one row of state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{LedgerHour, LedgerItem, LedgerKind};
use super::pending::PendingWork;
use super::time::UnixSeconds;

/// A stream's one row of state. Adapters store it as JSON beside its version and read nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Counts the writes of this row; every write is conditional on the version that was read.
    pub version: u64,
    /// Made once, when the stream begins; the birth record in the bucket has the same.
    pub id: String,
    /// The number of the next object.
    pub seq: u64,
    /// The key that object will have; set before the put, cleared by the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// What commit `seq - 1` wrote to the ledger.
    #[serde(default, skip_serializing_if = "LastCommit::is_empty")]
    pub last_commit: LastCommit,
    /// The first watermark: nothing older is ever listed.
    pub floor: UnixSeconds,
    /// One state per listing.
    pub listings: BTreeMap<String, ListingState>,
    /// When things last happened.
    #[serde(flatten)]
    pub times: HeadTimes,
}

/// When things last happened to a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadTimes {
    /// When the head was last written.
    pub written_at: UnixSeconds,
    /// When a recording was last started (Microsoft: a subscription).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_start: Option<UnixSeconds>,
    /// The newest event time delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<UnixSeconds>,
}

/// The ledger hours of the last commit. A store may show a head before the ledger items of the same
/// transaction: with these a reader can check that it sees all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// When it was written.
    #[serde(default)]
    pub at: UnixSeconds,
    /// Hours of rows, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u32>,
    /// Hours of blobs, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<u32>,
}

impl LastCommit {
    /// That of a commit of these items, written at `at`.
    pub(crate) fn of(items: &[LedgerItem], at: UnixSeconds) -> Self {
        let hours = |kind| {
            let mut hours: Vec<u32> = items.iter().filter(|item| item.kind == kind).map(|item| item.hour).collect();
            hours.sort_unstable();
            hours
        };
        Self { at, rows: hours(LedgerKind::Rows), blobs: hours(LedgerKind::Blobs) }
    }

    /// Whether it wrote nothing to the ledger.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.blobs.is_empty()
    }

    /// Every ledger hour it wrote to.
    pub fn hours(&self) -> impl Iterator<Item = LedgerHour> {
        let of =
            |kind, hours: &[u32]| hours.iter().map(move |hour| LedgerHour { kind, hour: *hour }).collect::<Vec<_>>();
        of(LedgerKind::Rows, &self.rows).into_iter().chain(of(LedgerKind::Blobs, &self.blobs))
    }

    /// Whether it wrote to that hour.
    pub(crate) fn touches(&self, place: LedgerHour) -> bool {
        let hours = match place.kind {
            LedgerKind::Rows => &self.rows,
            LedgerKind::Blobs => &self.blobs,
        };
        hours.binary_search(&place.hour).is_ok()
    }
}

/// How far one listing has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingState {
    /// Everything the listing showed before this is delivered, pending, or reported as a gap.
    pub watermark: UnixSeconds,
    /// By a sweep's reach in seconds: what happened longer than that before this moment was listed again after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swept: BTreeMap<u32, UnixSeconds>,
    /// A sweep that a tick could not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_progress: Option<SweepProgress>,
    /// Length of the next window in seconds, once it differs from the vendor's first window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<UnixSeconds>,
    /// The last tick could list nothing: the next one begins with a window of this length at random, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_seconds: Option<UnixSeconds>,
    /// Counts the ticks in a row in which the vendor said that it does not offer this listing; any other outcome clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<NotOffered>,
    /// Counts the ticks in a row in which the listing failed in a way that may pass by itself or needs a person; any other
    /// outcome clears it. It is counted as long as the number makes a difference.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// What the watermark has passed and is tried again.
    #[serde(flatten)]
    pub pending: PendingWork,
}

impl ListingState {
    /// Whether the listing is left alone at `now` because the vendor does not offer it.
    pub fn is_left_alone(&self, now: UnixSeconds) -> bool {
        self.not_offered.and_then(|refused| refused.until).is_some_and(|until| now < until)
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A listing of which the vendor says that it does not offer it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOffered {
    /// Ticks in a row in which it said so.
    pub refusals: u32,
    /// It is not listed before this; `None` while the refusal may still be a mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
}

/// A sweep that a tick could not finish; the next tick continues it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepProgress {
    /// Its reach in seconds.
    pub reach: u32,
    /// When it began.
    pub began: UnixSeconds,
    /// Everything before this has been listed since.
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
        assert!(items.iter().all(|item| commit.touches(item.place())));
        assert!(!commit.touches(LedgerHour { kind: LedgerKind::Blobs, hour: 9 }));
        assert_eq!(commit.hours().count(), 3);
    }

    #[test]
    fn ok_a_head_is_stored_flat_and_reads_back() {
        let stored = r#"{"version":1,"id":"i","seq":4,"floor":0,"listings":{"a":{"watermark":900,"spans":[
            {"from":1,"to":2,"first_failure":5,"last_attempt":5,"attempts":1,"next_attempt":60}]}},"written_at":7}"#;
        let head: Head = serde_json::from_str(stored).unwrap();
        assert_eq!((head.times.written_at, head.listings["a"].pending.spans[0].schedule.next_attempt), (7, 60));
        assert_eq!(serde_json::from_str::<Head>(&serde_json::to_string(&head).unwrap()).unwrap(), head);
    }

    #[test]
    fn ok_a_refused_listing_is_left_alone_only_for_its_time() {
        let state = |until| ListingState { not_offered: Some(NotOffered { refusals: 1, until }), ..Default::default() };
        assert!(state(Some(10)).is_left_alone(9) && !state(Some(10)).is_left_alone(10));
        assert!(!state(None).is_left_alone(0) && !ListingState::default().is_left_alone(0));
    }
}
