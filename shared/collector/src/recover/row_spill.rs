//! Row ids of a whole lake in bounded memory: what does not fit is written to scratch storage and read back in runs.

use std::collections::BTreeSet;

use schema::RowId;

use crate::base::error::PortError;
use crate::base::scratch::Scratch;

/// The number of parts into which rows are spilled.
pub(crate) const PARTS: usize = 256;
/// The number of bytes of a spilled row.
const ROW_BYTES: usize = 32;
/// The number of bytes that are read back at once.
const READ_BYTES: usize = ROW_BYTES << 15;
/// The `seq` of a row that was rejected and is in no object.
pub(crate) const REJECTED_SEQ: u64 = u64::MAX;

/// One row of a lake. Rows are ordered by stream, row id and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// The index of the stream.
    pub(crate) stream: u32,
    pub(crate) row_id: RowId,
    /// The partition of the object, in hours since 1970.
    pub(crate) partition: u32,
    /// The number of the object, or [`REJECTED_SEQ`].
    pub(crate) seq: u64,
}

impl Row {
    /// Returns the part of the row. All rows of a stream and ledger hour have the same part.
    fn part(&self) -> usize {
        (self.row_id.hour as usize).wrapping_mul(31).wrapping_add(self.stream as usize * 7) % PARTS
    }

    /// Returns the stream and the ledger hour.
    fn hour(&self) -> (u32, u32) {
        (self.stream, self.row_id.hour)
    }

    fn to_bytes(self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        bytes[..4].copy_from_slice(&self.stream.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.row_id.hour.to_be_bytes());
        bytes[8..20].copy_from_slice(&self.row_id.hash);
        bytes[20..24].copy_from_slice(&self.partition.to_be_bytes());
        bytes[24..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ROW_BYTES]) -> Self {
        let four = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let mut hash = [0; 12];
        hash.copy_from_slice(&bytes[8..20]);
        let row_id = RowId { hour: four(4), hash };
        let seq = u64::from(four(24)) << 32 | u64::from(four(28));
        Self { stream: four(0), row_id, partition: four(20), seq }
    }
}

/// The subset of ledger entries whose rows are in one run: those that leave `number` when divided by `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    number: u64,
    of: u64,
}

impl Slice {
    /// The slice of all entries.
    pub(crate) const ALL: Self = Self { number: 0, of: 1 };

    /// Returns `true` if rows with this ledger entry are in the run.
    pub(crate) fn contains(self, entry: u64) -> bool {
        entry % self.of == self.number
    }
}

/// The rows that were added so far. At most `max_rows` of them are in memory.
pub(crate) struct RowSpill<'a, X> {
    scratch: &'a X,
    max_rows: usize,
    rows: Vec<Row>,
    /// The number of spilled rows of each part.
    spilled: Vec<u64>,
}

impl<'a, X: Scratch> RowSpill<'a, X> {
    pub(crate) fn new(scratch: &'a X, max_rows: usize) -> Self {
        Self { scratch, max_rows: max_rows.max(1), rows: Vec::new(), spilled: vec![0; PARTS] }
    }

    /// Adds a row.
    pub(crate) async fn add(&mut self, row: Row) -> Result<(), PortError> {
        if self.rows.len() >= self.max_rows {
            self.spill().await?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes the rows in memory to their parts.
    async fn spill(&mut self) -> Result<(), PortError> {
        self.rows.sort_unstable_by_key(Row::part);
        for rows in self.rows.chunk_by(|one, other| one.part() == other.part()) {
            let part = rows[0].part();
            for rows in rows.chunks(READ_BYTES / ROW_BYTES) {
                let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_bytes()).collect();
                self.scratch.append(part, &bytes).await?;
            }
            self.spilled[part] += rows.len() as u64;
        }
        self.rows.clear();
        Ok(())
    }

    /// Ends the adding of rows, which are then read back in sorted runs.
    pub(crate) async fn into_runs(mut self) -> Result<Runs<'a, X>, PortError> {
        if self.spilled.iter().any(|count| *count > 0) {
            self.spill().await?;
        }
        Ok(Runs { rows: self, part: 0, pass: 0 })
    }
}

/// A sorted part of all rows.
pub(crate) struct Run {
    pub(crate) rows: Vec<Row>,
    /// The ledger entries that the run covers, of the hours below.
    pub(crate) slice: Slice,
    /// The streams and ledger hours of which this run covers a slice, also those without a row in the slice.
    pub(crate) hours: BTreeSet<(u32, u32)>,
}

impl Run {
    fn new(mut rows: Vec<Row>, slice: Slice, hours: BTreeSet<(u32, u32)>) -> Self {
        rows.sort_unstable();
        Self { rows, slice, hours }
    }

    /// Returns the rows of a stream and ledger hour.
    pub(crate) fn of_hour(&self, hour: (u32, u32)) -> &[Row] {
        let from = self.rows.partition_point(|row| row.hour() < hour);
        let to = self.rows.partition_point(|row| row.hour() <= hour);
        &self.rows[from..to]
    }
}

/// The sorted runs of all rows. Each pair of a stream and ledger entry occurs in one run only.
pub(crate) struct Runs<'a, X> {
    rows: RowSpill<'a, X>,
    part: usize,
    pass: u64,
}

impl<X: Scratch> Runs<'_, X> {
    /// Returns the next run; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Run>, PortError> {
        if !self.rows.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows.rows);
            let hours = rows.iter().map(Row::hour).collect();
            return Ok(Some(Run::new(rows, Slice::ALL, hours)));
        }
        while let Some(count) = self.rows.spilled.get(self.part).copied() {
            // Hashes spread the rows over the slices, each of which is about half full, so that none is too large.
            let max_rows = self.rows.max_rows as u64;
            let of = if count <= max_rows { 1 } else { 2 * count.div_ceil(max_rows) };
            if self.pass < of && count > 0 {
                let slice = Slice { number: self.pass, of };
                self.pass += 1;
                return self.read(slice).await.map(Some);
            }
            (self.part, self.pass) = (self.part + 1, 0);
        }
        Ok(None)
    }

    /// Reads the rows of the present part that are in the slice.
    async fn read(&self, slice: Slice) -> Result<Run, PortError> {
        let (mut rows, mut hours, mut offset) = (Vec::new(), BTreeSet::new(), 0);
        loop {
            let bytes = self.rows.scratch.read(self.part, offset, READ_BYTES).await?;
            offset += bytes.len() as u64;
            for row in bytes.as_chunks::<ROW_BYTES>().0.iter().map(Row::from_bytes) {
                hours.insert(row.hour());
                if slice.contains(row.row_id.ledger_entry()) {
                    rows.push(row);
                }
            }
            if bytes.len() < READ_BYTES {
                return Ok(Run::new(rows, slice, hours));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::testing::MemoryScratch;

    fn row(stream: u32, hour: u32, number: u64) -> Row {
        let mut hash = [0; 12];
        hash[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        Row { stream, row_id: RowId { hour, hash }, partition: hour + 1, seq: number << 33 | 5 }
    }

    /// Returns all rows as they come back, and the lengths of the runs.
    fn through(rows: &[Row], max_rows: usize) -> (Vec<Row>, Vec<usize>) {
        let scratch = MemoryScratch::default();
        let all = async {
            let mut spill = RowSpill::new(&scratch, max_rows);
            for row in rows {
                spill.add(*row).await?;
            }
            let mut runs = spill.into_runs().await?;
            let (mut all, mut lengths) = (Vec::new(), Vec::new());
            while let Some(run) = runs.next().await? {
                assert!(
                    run.rows.is_sorted() && run.rows.iter().all(|row| run.slice.contains(row.row_id.ledger_entry()))
                );
                assert_eq!(run.hours.iter().map(|hour| run.of_hour(*hour).len()).sum::<usize>(), run.rows.len());
                lengths.push(run.rows.len());
                all.extend(run.rows);
            }
            Ok::<_, PortError>((all, lengths))
        };
        let (mut all, lengths) = all.now_or_never().unwrap().unwrap();
        all.sort_unstable();
        (all, lengths)
    }

    #[test]
    fn ok_spilled_rows_come_back_in_runs_of_bounded_length() {
        let mut rows: Vec<Row> = (0..4_000).map(|number| row(0, 7, number)).collect();
        rows.extend((0..1_000).map(|number| row(1, (number % 50) as u32, number)));
        rows.push(rows[3]);
        let (in_memory, lengths) = through(&rows, 10_000);
        assert_eq!(lengths, [5_001]);
        let (spilled, lengths) = through(&rows, 100);
        assert_eq!(spilled, in_memory);
        assert!(lengths.len() > 80 && lengths.iter().all(|length| *length <= 100), "{lengths:?}");
        assert_eq!(in_memory.len(), rows.len());
    }

    #[test]
    fn ok_nothing_makes_no_run() {
        assert_eq!(through(&[], 1), (vec![], vec![]));
    }
}
