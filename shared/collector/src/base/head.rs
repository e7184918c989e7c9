//! The head: a stream's only row of state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{LedgerHour, LedgerItem, LedgerKind};
use super::pending::PendingWork;
use super::time::UnixSeconds;

/// A stream's only row of state. Adapters store it as JSON beside its version and read nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of writes of this row. Every write is conditional on the version that was read.
    pub version: u64,
    /// The id that the stream got in its first tick. The birth record in the bucket bears the same id.
    pub id: String,
    /// The number of the next object.
    pub seq: u64,
    /// The key of the next object. It is set before the put and cleared by the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// The ledger hours that commit `seq - 1` wrote to.
    #[serde(default, skip_serializing_if = "LastCommit::is_empty")]
    pub last_commit: LastCommit,
    /// The first watermark: nothing older is ever listed.
    pub floor: UnixSeconds,
    /// The state of each listing, by its name.
    pub listings: BTreeMap<String, ListingState>,
    /// The times of the last events in the stream's life.
    #[serde(flatten)]
    pub times: HeadTimes,
}

/// The times at which a stream was last written, started, and had an event, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadTimes {
    /// The time of the last write of the head.
    pub written_at: UnixSeconds,
    /// The time of the last start of a recording (Microsoft: of a subscription).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_start: Option<UnixSeconds>,
    /// The newest time of a delivered event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<UnixSeconds>,
}

/// The ledger hours of the last commit. A store may show a head before the ledger items of the same
/// transaction: with these a reader can check that it sees all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// The time of the commit.
    #[serde(default)]
    pub at: UnixSeconds,
    /// The ledger hours of row ids, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<u32>,
    /// The ledger hours of blobs, ascending.
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
    /// Everything the listing showed before this is delivered, pending, or reported as a gap.
    pub watermark: UnixSeconds,
    /// The last sweep of each reach, in seconds: everything that happened more than the reach before this time was
    /// listed again after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swept: BTreeMap<u32, UnixSeconds>,
    /// A sweep that a tick could not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_progress: Option<SweepProgress>,
    /// Length of the next window in seconds, once it differs from the vendor's first window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<UnixSeconds>,
    /// The length of the first window of the next tick, in seconds, which is chosen at random. It is set after a tick
    /// that could list nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_seconds: Option<UnixSeconds>,
    /// Counts the ticks in a row in which the vendor said that it does not offer this listing; any other outcome clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<NotOffered>,
    /// Counts the ticks in a row in which the listing failed in a way that may pass by itself or needs a person; any
    /// other outcome clears it. The count stops where a higher number makes no difference.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// The spans and blobs that the watermark has passed and that are tried again.
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

/// The vendor's answer that it does not offer a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOffered {
    /// Ticks in a row in which the vendor said so.
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
    /// The place that the sweep has reached: everything before it was listed after the sweep began.
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
            {"from":1,"to":2,"first_failure":5,"last_attempt":5,"attempts":1,"next_attempt":60}]}},"written_at":7}"#;
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
}
