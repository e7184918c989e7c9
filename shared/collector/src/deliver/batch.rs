//! The new lines that become one object.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use schema::{DriftNames, Normalized, RowId};

use super::rejected::{RejectedInput, RejectedInputs};
use crate::base::drift::Drift;
use crate::base::ledger::{LedgerItem, LedgerKind, MAX_BLOB_HOURS, MAX_ROW_HOURS};
use crate::base::memory::{MemoryBudget, MemoryShare};
use crate::base::policy::BatchLimits;
use crate::base::time::UnixSeconds;

/// Maximum number of rejected inputs of one batch. Each input is stored as an object of its own before the commit.
const MAX_REJECTED: usize = 100;
/// Approximate number of bytes in memory of a line without its text.
const LINE_OVERHEAD_BYTES: usize = 160;
/// While the process is above its memory budget, a batch with at least this many bytes is delivered early.
const EARLY_DELIVERY_BYTES: usize = 256 << 10;

/// The new lines that become one object, with the rejected inputs and the blobs that are committed with them.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The text of all lines, one after the other. The normaliser appends to it directly.
    pub(crate) lines: Vec<u8>,
    /// For each line, the normaliser's result and the index in `lines` at which the line ends.
    line_results: Vec<(Normalized, usize)>,
    /// The names of fields and types that drift. The normaliser adds them here.
    pub(crate) names: DriftNames,
    rows: Rows,
    rejected_inputs: RejectedInputs,
    /// The ledger entries of consumed blobs, by the hour in which the blob was created.
    blobs: BTreeMap<u32, Vec<u64>>,
    memory: MemoryShare,
}

/// The row ids in a batch.
#[derive(Debug, Default)]
struct Rows {
    entries: HashSet<(u32, u64)>,
    hours: BTreeSet<u32>,
}

impl Rows {
    fn insert(&mut self, row_id: RowId) {
        self.entries.insert((row_id.hour, row_id.ledger_entry()));
        self.hours.insert(row_id.hour);
    }
}

impl Batch {
    /// Returns an empty batch that takes its memory from `budget`.
    pub(crate) fn new(budget: &MemoryBudget) -> Self {
        Self {
            lines: Vec::new(),
            line_results: Vec::new(),
            names: DriftNames::default(),
            rows: Rows::default(),
            rejected_inputs: RejectedInputs::default(),
            blobs: BTreeMap::new(),
            memory: budget.share(),
        }
    }

    /// Empties the batch.
    pub(crate) fn clear(&mut self) {
        self.memory.set(0);
        (self.lines, self.line_results, self.names) = (Vec::new(), Vec::new(), DriftNames::default());
        (self.rows, self.rejected_inputs, self.blobs) = (Rows::default(), RejectedInputs::default(), BTreeMap::new());
    }

    /// Returns `true` if the row is in the batch, as a line or rejected.
    pub(crate) fn contains(&self, row_id: &RowId) -> bool {
        self.rows.entries.contains(&(row_id.hour, row_id.ledger_entry()))
    }

    /// Removes the bytes that were written after the last line.
    pub(crate) fn drop_unfinished_line(&mut self) {
        self.lines.truncate(self.line_results.last().map_or(0, |(_, end)| *end));
        self.names.forget();
    }

    /// Keeps the bytes that were written after the last line as a new line.
    pub(crate) fn keep_line(&mut self, line: Normalized) {
        self.rows.insert(line.row_id);
        self.names.keep();
        self.line_results.push((line, self.lines.len()));
    }

    /// Adds input that cannot become a line.
    pub(crate) fn keep_rejected(&mut self, rejected: RejectedInput) {
        self.rows.insert(rejected.rejection.row_id);
        self.names.forget();
        self.rejected_inputs.push(rejected);
    }

    /// Returns the rejected inputs.
    pub(crate) fn rejected(&self) -> &[RejectedInput] {
        self.rejected_inputs.inputs()
    }

    /// Adds a blob whose events are all in this batch or in the ledger.
    pub(crate) fn keep_blob(&mut self, hour: u32, entry: u64) {
        self.blobs.entry(hour).or_default().push(entry);
    }

    /// Returns `true` if the batch must be delivered before anything is added.
    pub(crate) fn is_full(&mut self, limits: &BatchLimits) -> bool {
        let bytes = self.lines.len() + self.rejected_inputs.bytes();
        self.memory
            .set(self.lines.capacity() + self.rejected_inputs.bytes() + self.line_results.len() * LINE_OVERHEAD_BYTES);
        self.line_results.len() + self.rejected_inputs.len() >= limits.lines
            || bytes >= limits.bytes
            || self.rows.hours.len() >= limits.ledger_hours.min(MAX_ROW_HOURS)
            || self.blobs.len() >= MAX_BLOB_HOURS
            || self.rejected_inputs.len() >= MAX_REJECTED
            || (bytes >= EARLY_DELIVERY_BYTES && self.memory.excess_bytes() > 0)
    }

    /// Returns `true` if there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.line_results.is_empty() && self.rejected_inputs.len() == 0 && self.blobs.is_empty()
    }

    /// Returns the number of lines.
    pub(crate) fn line_count(&self) -> usize {
        self.line_results.len()
    }

    /// Returns the drift of the lines.
    pub(crate) fn drift(&self) -> Drift {
        Drift::of(self.line_results.iter().map(|(line, _)| line), &self.names)
    }

    /// Returns the number of lines that have the same vendor id as an earlier line of the batch, but other content.
    pub(crate) fn shared_ids(&self) -> u64 {
        let mut seen = HashSet::new();
        let ids = self.line_results.iter().filter_map(|(line, _)| line.shared_id);
        ids.filter(|id| !seen.insert(*id)).count() as u64
    }

    /// Returns the newest event time of the lines.
    pub(crate) fn newest_event(&self) -> Option<UnixSeconds> {
        let times = self.line_results.iter().filter_map(|(line, _)| line.event_time);
        times.map(|at| at.as_second()).max()
    }

    /// Returns the ledger hours of the row ids, ascending.
    pub(crate) fn hours(&self) -> Vec<u32> {
        self.rows.hours.iter().copied().collect()
    }

    /// Returns the row ids of all lines and rejected inputs.
    pub(crate) fn row_ids(&self) -> impl Iterator<Item = RowId> {
        let rejected = self.rejected_inputs.inputs().iter().map(|rejected| rejected.rejection.row_id);
        self.line_results.iter().map(|(line, _)| line.row_id).chain(rejected)
    }

    /// Drops the lines and rejected inputs for whose row ids `is_known` returns `true`, because another tick has
    /// delivered them meanwhile. Returns the number of lines dropped.
    pub(crate) fn drop_known(&mut self, is_known: impl Fn(&RowId) -> bool) -> usize {
        let (old_lines, old_line_results) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.line_results));
        let old_rejected_inputs = std::mem::take(&mut self.rejected_inputs);
        let (before, mut from) = (old_line_results.len(), 0);
        self.rows = Rows::default();
        for (line, end) in old_line_results {
            if !is_known(&line.row_id) {
                self.lines.extend_from_slice(&old_lines[from..end]);
                self.rows.insert(line.row_id);
                self.line_results.push((line, self.lines.len()));
            }
            from = end;
        }
        for rejected in old_rejected_inputs.into_inputs().filter(|rejected| !is_known(&rejected.rejection.row_id)) {
            self.keep_rejected(rejected);
        }
        before - self.line_results.len()
    }

    /// Returns the items that the batch's commit adds to the ledger.
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

/// Returns the row ids as items of the ledger, one per hour.
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
    use schema::Rejection;

    use super::*;

    fn empty() -> Batch {
        Batch::new(&MemoryBudget::default())
    }

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
            udm_failed: 0,
            is_unknown_type: false,
        }
    }

    #[test]
    fn ok_lines_with_a_shared_id_are_counted() {
        let mut batch = empty();
        for (byte, shared_id) in [(1, Some(7)), (2, None), (3, Some(7)), (4, Some(8)), (5, None), (6, Some(7))] {
            batch.keep_line(Normalized { shared_id, ..line(row(1, byte)) });
        }
        assert_eq!(batch.shared_ids(), 2);
    }

    fn batch(rows: &[RowId]) -> Batch {
        let mut batch = empty();
        for row_id in rows {
            batch.lines.extend_from_slice(format!("{row_id}\n").as_bytes());
            batch.keep_line(line(*row_id));
        }
        batch
    }

    fn rejected(row_id: RowId) -> RejectedInput {
        RejectedInput { rejection: Rejection { reason: "not JSON".into(), row_id }, raw: b"?".to_vec() }
    }

    #[test]
    fn ok_an_unfinished_line_is_dropped() {
        let mut batch = batch(&[row(1, 1)]);
        batch.lines.extend_from_slice(b"half a li");
        batch.drop_unfinished_line();
        assert_eq!(batch.lines, format!("{}\n", row(1, 1)).as_bytes());
    }

    #[test]
    fn ok_rows_that_the_ledger_has_by_now_are_dropped() {
        let mut batch = batch(&[row(1, 1), row(1, 2), row(2, 3)]);
        batch.keep_rejected(rejected(row(0, 9)));
        batch.keep_blob(5, 55);
        let gone = [row(1, 1), row(2, 3), row(0, 9)];
        assert_eq!(batch.drop_known(|row_id| gone.contains(row_id)), 2);
        assert_eq!(batch.lines, format!("{}\n", row(1, 2)).as_bytes());
        assert_eq!((batch.hours(), batch.rejected().len()), (vec![1], 0));
        assert!(!batch.is_empty() && batch.contains(&row(1, 2)) && !batch.contains(&row(1, 1)));
    }

    #[test]
    fn ok_each_limit_makes_a_batch_full() {
        let limits = BatchLimits { lines: 2, bytes: 1_000, ledger_hours: 2 };
        assert!(!batch(&[row(1, 1)]).is_full(&limits));
        assert!(batch(&[row(1, 1), row(1, 2)]).is_full(&limits));
        assert!(batch(&[row(1, 1)]).is_full(&BatchLimits { bytes: 33, ..limits }));
        assert!(batch(&[row(1, 1), row(2, 2)]).is_full(&BatchLimits { lines: 9, ..limits }));
        let mut blobs = empty();
        (0..9).for_each(|hour| blobs.keep_blob(hour, 1));
        assert!(blobs.is_full(&limits));
    }

    #[test]
    fn ok_a_batch_is_delivered_early_while_memory_is_short() {
        let budget = MemoryBudget::new(EARLY_DELIVERY_BYTES);
        let mut other = budget.share();
        let mut batch = Batch::new(&budget);
        batch.lines = vec![b'x'; EARLY_DELIVERY_BYTES - 1];
        batch.keep_line(line(row(1, 1)));
        other.set(EARLY_DELIVERY_BYTES);
        assert!(!batch.is_full(&BatchLimits::default()));
        batch.lines.push(b'x');
        assert!(batch.is_full(&BatchLimits::default()));
        other.set(0);
        batch.clear();
        assert_eq!(budget.excess_bytes(), 0);
    }

    #[test]
    fn ok_no_setting_makes_a_batch_touch_more_hours_than_a_commit_can_write() {
        let rows: Vec<_> = (0..MAX_ROW_HOURS as u32).map(|hour| row(hour, 1)).collect();
        let limits = BatchLimits { ledger_hours: 10_000, ..BatchLimits::default() };
        assert!(batch(&rows).is_full(&limits) && !batch(&rows[1..]).is_full(&limits));
    }

    #[test]
    fn ok_ledger_items_are_one_per_hour_and_kind() {
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
