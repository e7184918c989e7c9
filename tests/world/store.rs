//! Heads, ledgers and objects as values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use collector::{Head, LedgerHour, LedgerItem, LedgerKind, Stream, UnixSeconds};

use super::call::Request;
use super::object::{Object, seq_of_record};

/// The place of an item of the ledger: stream, kind, hour, `seq`.
pub type ItemPlace = (String, LedgerKind, u32, u64);

/// The state and the bucket.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// Heads by the stream's name.
    pub heads: BTreeMap<String, HeadRow>,
    /// Items by their place.
    pub ledger: BTreeMap<ItemPlace, LedgerItem>,
    /// Items that no reader sees before the given moment, though the head of their commit is visible.
    pub hidden: BTreeMap<ItemPlace, UnixSeconds>,
    /// Objects by their key.
    pub objects: BTreeMap<String, Arc<Object>>,
}

/// A head, with the part of its history that the mutants need.
#[derive(Debug, Clone)]
pub struct HeadRow {
    /// The head.
    pub head: Head,
    /// The version at which `seq` or the intent last changed.
    pub intent_changed_at: u64,
}

impl Store {
    /// Returns the stream's objects of lines, by key.
    pub fn objects_of<'a>(
        &'a self,
        prefix: &'a str,
        stream: &'a Stream,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> {
        let folder = format!("{prefix}{}/", stream.log_type.table());
        let name = format!("/{}-", stream.source);
        self.objects.iter().filter(move |(key, _)| key.starts_with(&folder) && key.contains(&name))
    }

    /// Returns the identities of the stream's lines.
    pub fn delivered<'a>(&'a self, prefix: &'a str, stream: &'a Stream) -> BTreeSet<&'a str> {
        let lines = self.objects_of(prefix, stream).flat_map(|(_, object)| &object.lines);
        lines.map(|line| line.identity.as_str()).collect()
    }

    /// Returns the rejected inputs of the stream as they came.
    pub fn rejected<'a>(&'a self, prefix: &str, stream: &Stream) -> impl Iterator<Item = &'a str> {
        let folder = format!("{prefix}rejected/{}/", stream.log_type.table());
        let kept = self.objects.iter().filter(move |(key, _)| key.starts_with(&folder));
        kept.map(|(_, object)| object.canonical_content.strip_prefix("rejected ").unwrap_or(&object.canonical_content))
    }

    /// Returns the high-water mark of `seq` in the stream's birth record.
    pub fn recorded_seq(&self, prefix: &str, stream: &Stream) -> Option<u64> {
        let key = format!("{prefix}_state/{}-{}.json", stream.source, stream.log_type.table());
        seq_of_record(self.objects.get(&key)?)
    }

    fn is_visible(&self, place: &ItemPlace, now: UnixSeconds) -> bool {
        self.hidden.get(place).is_none_or(|visible_at| *visible_at <= now)
    }

    /// Returns the items of one ledger hour with a greater `seq` that are visible at `now`, in ascending order.
    pub fn items(&self, stream: &str, place: LedgerHour, after_seq: Option<u64>, now: UnixSeconds) -> Vec<LedgerItem> {
        let at = |seq| (stream.to_owned(), place.kind, place.hour, seq);
        let shown = self.ledger.range(at(0)..=at(u64::MAX)).filter(|(place, _)| self.is_visible(place, now));
        let after = |item: &&LedgerItem| after_seq.is_none_or(|after| item.seq > after);
        shown.map(|(_, item)| item).filter(after).cloned().collect()
    }

    /// Returns the `hours` in which commit `seq` of the stream has an item that is visible at `now`.
    pub fn visible_hours(&self, stream: &str, seq: u64, hours: &[LedgerHour], now: UnixSeconds) -> Vec<LedgerHour> {
        let place = |hour: &LedgerHour| (stream.to_owned(), hour.kind, hour.hour, seq);
        let is_shown = |hour: &&LedgerHour| {
            let place = place(hour);
            self.ledger.contains_key(&place) && self.is_visible(&place, now)
        };
        hours.iter().filter(is_shown).copied().collect()
    }

    /// Returns `true` if the request reads the item at this place.
    pub fn reads(request: &Request, (item_stream, kind, hour, seq): &ItemPlace) -> bool {
        match request {
            Request::Ledger { stream, kind: wanted, hour: at, after_seq } => {
                item_stream == stream && kind == wanted && hour == at && after_seq.is_none_or(|after| *seq > after)
            }
            Request::VisibleHours { stream, seq: wanted, hours } => {
                item_stream == stream && seq == wanted && hours.contains(&LedgerHour { kind: *kind, hour: *hour })
            }
            _ => false,
        }
    }

    /// Returns all row entries of a stream's ledger, visible or not, as hour and entry.
    pub fn ledger_rows(&self, stream: &str) -> BTreeSet<(u32, u64)> {
        let rows = self
            .ledger
            .iter()
            .filter(|((stream_name, kind, ..), _)| stream_name == stream && *kind == LedgerKind::Rows);
        rows.flat_map(|(_, item)| item.entries.iter().map(|entry| (item.hour, *entry))).collect()
    }

    /// Returns the time at which all pending work of all streams is due; `None` if there is none.
    pub fn pending_due_at(&self) -> Option<UnixSeconds> {
        let listings = self.heads.values().flat_map(|row| row.head.listings.values());
        let due = listings.flat_map(|listing| {
            let spans = listing.pending.spans.iter().map(|span| span.schedule.next_attempt);
            spans.chain(listing.pending.blobs.iter().map(|blob| blob.schedule.next_attempt))
        });
        due.max()
    }

    /// Replaces a stream's head and ledger by those of an earlier copy of the store and makes all of it visible.
    pub fn restore(&mut self, stream: &str, copy: &Self) {
        self.heads.remove(stream);
        self.heads.extend(copy.heads.get(stream).map(|row| (stream.to_owned(), row.clone())));
        self.ledger.retain(|(stream_name, ..), _| stream_name != stream);
        self.ledger.extend(
            copy.ledger
                .iter()
                .filter(|((stream_name, ..), _)| stream_name == stream)
                .map(|(place, item)| (place.clone(), item.clone())),
        );
        self.hidden.retain(|(stream_name, ..), _| stream_name != stream);
    }
}
