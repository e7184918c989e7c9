//! The new lines that become one object.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use schema::{DriftNames, Normalized, Rejection, RowId};

use crate::drift::Drift;
use crate::ledger::{LedgerItem, LedgerKind};
use crate::policy::BatchLimits;
use crate::window::UnixSeconds;

/// Rejected inputs of one batch: each is an object of its own, put before the commit.
const MOST_REJECTED: usize = 100;
/// Hours of consumed blobs of one batch: with the head and 90 hours of rows they fill a transaction of 100 items.
const MOST_BLOB_HOURS: usize = 9;

/// Input that cannot become a line.
#[derive(Debug, Clone)]
pub(crate) struct Rejected {
    pub(crate) rejection: Rejection,
    pub(crate) raw: Vec<u8>,
}

/// The new lines that become one object, and what is committed with them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The lines, end to end; the normaliser writes straight into it.
    pub(crate) lines: Vec<u8>,
    /// What each line is and where it ends in `lines`.
    kept: Vec<(Normalized, usize)>,
    /// Names of what drifts; the normaliser notes them here too.
    pub(crate) names: DriftNames,
    rows: HashSet<(u32, u64)>,
    hours: BTreeSet<u32>,
    pub(crate) rejected: Vec<Rejected>,
    rejected_bytes: usize,
    /// Consumed blobs by the hour they were created.
    blobs: BTreeMap<u32, Vec<u64>>,
    newest_event: Option<UnixSeconds>,
}

impl Batch {
    /// Whether the row is in it, as a line or rejected.
    pub(crate) fn contains(&self, row_id: &RowId) -> bool {
        self.rows.contains(&(row_id.hour, row_id.ledger_entry()))
    }

    /// Forgets what was written past the last line.
    pub(crate) fn drop_unfinished_line(&mut self) {
        self.lines.truncate(self.kept.last().map_or(0, |(_, end)| *end));
        self.names.forget();
    }

    /// Makes what was written past the last line the next one.
    pub(crate) fn keep_line(&mut self, line: Normalized) {
        self.remember(line.row_id);
        self.names.keep();
        let event_time = line.event_time.map(|at| at.as_second());
        self.newest_event = self.newest_event.max(event_time);
        self.kept.push((line, self.lines.len()));
    }

    pub(crate) fn keep_rejected(&mut self, rejected: Rejected) {
        self.remember(rejected.rejection.row_id);
        self.names.forget();
        self.rejected_bytes += rejected.raw.len();
        self.rejected.push(rejected);
    }

    fn remember(&mut self, row_id: RowId) {
        self.rows.insert((row_id.hour, row_id.ledger_entry()));
        self.hours.insert(row_id.hour);
    }

    /// Remembers a blob all of whose events are in this batch or in the ledger.
    pub(crate) fn keep_blob(&mut self, hour: u32, entry: u64) {
        self.blobs.entry(hour).or_default().push(entry);
    }

    /// Whether it must be delivered before anything is added.
    pub(crate) fn is_full(&self, limits: &BatchLimits) -> bool {
        self.kept.len() + self.rejected.len() >= limits.lines
            || self.lines.len() + self.rejected_bytes >= limits.bytes
            || self.hours.len() >= limits.ledger_hours
            || self.blobs.len() >= MOST_BLOB_HOURS
            || self.rejected.len() >= MOST_REJECTED
    }

    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.rejected.is_empty() && self.blobs.is_empty()
    }

    /// How many lines it has.
    pub(crate) fn line_count(&self) -> usize {
        self.kept.len()
    }

    /// How its lines drift.
    pub(crate) fn drift(&self) -> Drift {
        Drift::of(self.kept.iter().map(|(line, _)| line), &self.names)
    }

    /// Lines whose vendor's id an earlier one of them has, with other content.
    pub(crate) fn shared_ids(&self) -> u64 {
        let mut seen = HashSet::new();
        let ids = self.kept.iter().filter_map(|(line, _)| line.shared_id);
        ids.filter(|id| !seen.insert(*id)).count() as u64
    }

    /// The newest event time of its lines.
    pub(crate) fn newest_event(&self) -> Option<UnixSeconds> {
        self.newest_event
    }

    /// The hours its row ids lie in.
    pub(crate) fn hours(&self) -> Vec<u32> {
        self.hours.iter().copied().collect()
    }

    /// The row ids of everything in it.
    pub(crate) fn row_ids(&self) -> impl Iterator<Item = RowId> {
        let rejected = self.rejected.iter().map(|rejected| rejected.rejection.row_id);
        self.kept.iter().map(|(line, _)| line.row_id).chain(rejected)
    }

    /// Drops what `known` says the ledger has by now; returns how many lines that were.
    pub(crate) fn drop_known(&mut self, known: impl Fn(&RowId) -> bool) -> usize {
        let (old_lines, old_kept) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.kept));
        let old_rejected = std::mem::take(&mut self.rejected);
        let (before, mut from) = (old_kept.len(), 0);
        (self.rows, self.hours, self.rejected_bytes) = (HashSet::new(), BTreeSet::new(), 0);
        for (line, end) in old_kept {
            if !known(&line.row_id) {
                self.lines.extend_from_slice(&old_lines[from..end]);
                self.kept.push((line, self.lines.len()));
                self.remember(line.row_id);
            }
            from = end;
        }
        for rejected in old_rejected.into_iter().filter(|rejected| !known(&rejected.rejection.row_id)) {
            self.keep_rejected(rejected);
        }
        before - self.kept.len()
    }

    /// What its commit adds to the ledger.
    pub(crate) fn ledger_items(&self, seq: u64, expires_at: i64) -> Vec<LedgerItem> {
        let blobs = self.blobs.iter().map(|(hour, entries)| LedgerItem {
            kind: LedgerKind::Blobs,
            hour: *hour,
            seq,
            entries: entries.clone(),
            expires_at,
        });
        row_items(self.row_ids(), seq, expires_at).into_iter().chain(blobs).collect()
    }
}

/// Row ids as items of the ledger, one an hour.
pub(crate) fn row_items(rows: impl Iterator<Item = RowId>, seq: u64, expires_at: i64) -> Vec<LedgerItem> {
    let mut by_hour: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for row_id in rows {
        by_hour.entry(row_id.hour).or_default().push(row_id.ledger_entry());
    }
    by_hour
        .into_iter()
        .map(|(hour, entries)| LedgerItem { kind: LedgerKind::Rows, hour, seq, entries, expires_at })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hour: u32, byte: u8) -> RowId {
        RowId { hour, hash: [byte; 12] }
    }

    fn line(row_id: RowId) -> Normalized {
        Normalized {
            row_id,
            shared_id: None,
            event_time: None,
            nonconforming: 0,
            undeclared: 0,
            missing_required: 0,
            is_unknown_type: false,
        }
    }

    #[test]
    fn ok_ids_that_are_shared_are_counted() {
        let mut batch = Batch::default();
        for (byte, shared_id) in [(1, Some(7)), (2, None), (3, Some(7)), (4, Some(8)), (5, None), (6, Some(7))] {
            batch.keep_line(Normalized { shared_id, ..line(row(1, byte)) });
        }
        assert_eq!(batch.shared_ids(), 2);
    }

    fn batch(rows: &[RowId]) -> Batch {
        let mut batch = Batch::default();
        for row_id in rows {
            batch.lines.extend_from_slice(format!("{row_id}\n").as_bytes());
            batch.keep_line(line(*row_id));
        }
        batch
    }

    fn rejected(row_id: RowId) -> Rejected {
        Rejected { rejection: Rejection { reason: "not JSON".into(), row_id }, raw: b"?".to_vec() }
    }

    #[test]
    fn ok_an_unfinished_line_is_dropped() {
        let mut batch = batch(&[row(1, 1)]);
        batch.lines.extend_from_slice(b"half a li");
        batch.drop_unfinished_line();
        assert_eq!(batch.lines, format!("{}\n", row(1, 1)).as_bytes());
    }

    #[test]
    fn ok_what_the_ledger_has_by_now_is_dropped() {
        let mut batch = batch(&[row(1, 1), row(1, 2), row(2, 3)]);
        batch.keep_rejected(rejected(row(0, 9)));
        batch.keep_blob(5, 55);
        let gone = [row(1, 1), row(2, 3), row(0, 9)];
        assert_eq!(batch.drop_known(|row_id| gone.contains(row_id)), 2);
        assert_eq!(batch.lines, format!("{}\n", row(1, 2)).as_bytes());
        assert_eq!((batch.hours(), batch.rejected.len()), (vec![1], 0));
        assert!(!batch.is_empty() && batch.contains(&row(1, 2)) && !batch.contains(&row(1, 1)));
    }

    #[test]
    fn ok_full_by_each_bound() {
        let limits = BatchLimits { lines: 2, bytes: 1_000, ledger_hours: 2 };
        assert!(!batch(&[row(1, 1)]).is_full(&limits));
        assert!(batch(&[row(1, 1), row(1, 2)]).is_full(&limits));
        assert!(batch(&[row(1, 1)]).is_full(&BatchLimits { bytes: 33, ..limits }));
        assert!(batch(&[row(1, 1), row(2, 2)]).is_full(&BatchLimits { lines: 9, ..limits }));
        let mut blobs = Batch::default();
        (0..9).for_each(|hour| blobs.keep_blob(hour, 1));
        assert!(blobs.is_full(&limits));
    }

    #[test]
    fn ok_ledger_items_are_one_an_hour_and_kind() {
        let mut batch = batch(&[row(2, 1), row(1, 2), row(2, 3)]);
        batch.keep_rejected(rejected(row(0, 9)));
        batch.keep_blob(2, 55);
        let items = batch.ledger_items(7, 99);
        let shape: Vec<_> = items.iter().map(|item| (item.kind, item.hour, item.entries.len())).collect();
        use LedgerKind::{Blobs, Rows};
        assert_eq!(shape, [(Rows, 0, 1), (Rows, 1, 1), (Rows, 2, 2), (Blobs, 2, 1)]);
        assert!(items.iter().all(|item| item.seq == 7 && item.expires_at == 99));
    }
}
