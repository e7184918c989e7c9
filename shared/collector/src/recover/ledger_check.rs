//! Compares the rows of a lake with each other and with the ledger.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schema::RowId;

use super::findings::{FindingKind, Findings};
use super::place::RecoveryStream;
use super::row_spill::{REJECTED_SEQ, Row, Run, Slice};
use crate::base::error::PortError;
use crate::base::ledger::LedgerKind;
use crate::base::ports::State;
use crate::base::time::UnixSeconds;

const SECONDS_PER_HOUR: UnixSeconds = 3_600;
/// Hours of the ledger are looked up from this long before the stream's floor on, in hours, because a vendor may show
/// an event long after its time. Before that, only hours of which the lake has a line are looked up.
const HOURS_BEFORE_FLOOR: i64 = 7 * 24;
/// Hours of the ledger are looked up until this long after the present, in hours, because vendors send wrong times.
const HOURS_AFTER_NOW: i64 = 24;

/// The rows of one stream that the ledger must have, and the entries that the lake must have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// The head's `seq` before the lake was read: everything below it was committed then.
    pub(crate) committed_seq: u64,
    /// The lowest number of an object in the lake; older objects may have been expired.
    pub(crate) first_seq: u64,
    /// The floor of the head.
    pub(crate) floor: UnixSeconds,
}

/// Compares rows with each other and with the ledger of their hours.
pub(crate) struct LedgerCheck<'a, S> {
    pub(crate) state: &'a S,
    pub(crate) streams: &'a [RecoveryStream],
    /// The expectations per stream; `None` if the stream has no state.
    pub(crate) expected: &'a [Option<Expected>],
    pub(crate) now: UnixSeconds,
    /// The number of ledger entries that were read, per stream.
    pub(crate) ledger_entries: Vec<u64>,
    checked: BTreeSet<(u32, u32)>,
}

impl<'a, S: State> LedgerCheck<'a, S> {
    pub(crate) fn new(
        state: &'a S,
        streams: &'a [RecoveryStream],
        expected: &'a [Option<Expected>],
        now: UnixSeconds,
    ) -> Self {
        Self { state, streams, expected, now, ledger_entries: vec![0; streams.len()], checked: BTreeSet::new() }
    }

    /// Checks the rows of a run.
    pub(crate) async fn check(&mut self, run: &Run, findings: &mut Findings) -> Result<(), PortError> {
        for hour in &run.hours {
            let rows = run.of_hour(*hour);
            self.find_duplicates(rows, findings);
            self.compare(*hour, rows, run.slice, findings).await?;
        }
        Ok(())
    }

    /// Checks the ledger hours of which the lake has no row.
    pub(crate) async fn check_other_hours(&mut self, findings: &mut Findings) -> Result<(), PortError> {
        for (index, expected) in self.expected.iter().enumerate() {
            let Some(expected) = expected else { continue };
            let stream = u32::try_from(index).unwrap_or(u32::MAX);
            for hour in (0..RowId::RESERVED_HOURS).chain(self.hours_since(expected.floor)) {
                if !self.checked.contains(&(stream, hour)) {
                    self.compare((stream, hour), &[], Slice::ALL, findings).await?;
                }
            }
        }
        self.checked.clear();
        Ok(())
    }

    fn hours_since(&self, floor: UnixSeconds) -> std::ops::RangeInclusive<u32> {
        let reserved = i64::from(RowId::RESERVED_HOURS);
        let clamped = |hour: i64| u32::try_from(hour.max(reserved)).unwrap_or(u32::MAX);
        let from = clamped(floor / SECONDS_PER_HOUR - HOURS_BEFORE_FLOOR);
        from..=clamped(self.now / SECONDS_PER_HOUR + HOURS_AFTER_NOW)
    }

    /// Finds row ids that occur twice within the deduplication horizon.
    fn find_duplicates(&self, rows: &[Row], findings: &mut Findings) {
        for pair in rows.windows(2) {
            let [first, second] = pair else { continue };
            let is_repeat = first.row_id == second.row_id && first.seq != REJECTED_SEQ && second.seq != REJECTED_SEQ;
            let apart = i64::from(second.partition) - i64::from(first.partition);
            if is_repeat && apart * SECONDS_PER_HOUR < self.horizon(second.stream) {
                findings.add(FindingKind::DuplicateRow, || {
                    format!("{} in {} and {}", first.row_id, self.object(first), self.object(second))
                });
            }
        }
    }

    fn horizon(&self, stream: u32) -> UnixSeconds {
        self.streams.get(stream as usize).map_or(0, |stream| stream.policy.dedup_horizon_seconds)
    }

    /// Returns the name of the row's object, without the compression.
    fn object(&self, row: &Row) -> String {
        let Some(RecoveryStream { stream, .. }) = self.streams.get(row.stream as usize) else { return String::new() };
        let at = Timestamp::from_second(i64::from(row.partition) * SECONDS_PER_HOUR).unwrap_or(Timestamp::MIN);
        let at = jiff::tz::Offset::UTC.to_datetime(at);
        format!("{}/dt={}/hour={:02}/{}-{:012}", stream.log_type.table(), at.date(), at.hour(), stream.source, row.seq)
    }

    /// Compares the rows of one hour with the slice of that hour's ledger.
    async fn compare(
        &mut self,
        (index, hour): (u32, u32),
        rows: &[Row],
        slice: Slice,
        findings: &mut Findings,
    ) -> Result<(), PortError> {
        let (Some(RecoveryStream { stream, .. }), Some(Some(expected))) =
            (self.streams.get(index as usize), self.expected.get(index as usize))
        else {
            return Ok(());
        };
        let expected = *expected;
        if hour < RowId::RESERVED_HOURS || self.hours_since(expected.floor).contains(&hour) {
            self.checked.insert((index, hour));
        }
        let items = self.state.ledger(stream, LedgerKind::Rows, hour, None).await?;
        let entries = items.iter().flat_map(|item| item.entries.iter().map(|entry| (*entry, item.seq)));
        let mut ledger: Vec<(u64, u64)> = entries.filter(|(entry, _)| slice.contains(*entry)).collect();
        ledger.sort_unstable();
        self.ledger_entries[index as usize] += ledger.len() as u64;
        for row in rows.iter().filter(|row| self.is_expected(row, &expected)) {
            let entry = row.row_id.ledger_entry();
            if ledger.binary_search_by_key(&entry, |(entry, _)| *entry).is_err() {
                findings.add(FindingKind::LineWithoutLedgerRow, || format!("{} in {}", row.row_id, self.object(row)));
            }
        }
        // The rows are in the order of their hashes, of which the entries are the beginning.
        let is_known = |entry: u64| rows.binary_search_by_key(&entry, |row: &Row| row.row_id.ledger_entry()).is_ok();
        for (entry, seq) in ledger {
            if (expected.first_seq..expected.committed_seq).contains(&seq) && !is_known(entry) {
                findings.add(FindingKind::LedgerRowWithoutLine, || {
                    format!("{hour:08x}{entry:016x}… of commit {seq} of {}", stream.name())
                });
            }
        }
        Ok(())
    }

    /// Returns `true` if the row is a line that was committed before the lake was read, so recently that the ledger must
    /// still have it.
    fn is_expected(&self, row: &Row, expected: &Expected) -> bool {
        let expires = i64::from(row.partition) * SECONDS_PER_HOUR + self.horizon(row.stream);
        row.seq < expected.committed_seq && expires > self.now + SECONDS_PER_HOUR
    }
}
