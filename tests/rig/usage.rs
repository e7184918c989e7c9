//! The units that AWS bills for calls of the state and the bucket.

use collector::{Head, LedgerItem};

/// The size of an item without its head or its entries: the names of its attributes, its key, version and expiry.
const ITEM_OVERHEAD_BYTES: usize = 120;
/// Bytes per read unit of DynamoDB, for a consistent read.
const READ_UNIT_BYTES: usize = 4_096;
/// Bytes per write unit of DynamoDB.
const WRITE_UNIT_BYTES: usize = 1_024;
/// Write units of DynamoDB per unit of size in a transaction.
const TRANSACTION_FACTOR: u64 = 2;

/// The billed units since the last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls of DynamoDB.
    pub table_calls: u64,
    /// Read units of DynamoDB.
    pub read_units: u64,
    /// Write units of DynamoDB.
    pub write_units: u64,
    /// Bytes of the ledger items that were written.
    pub ledger_bytes: u64,
    /// Puts of S3, whether or not they succeeded.
    pub puts: u64,
    /// Gets of S3.
    pub gets: u64,
    /// Bytes that were put.
    pub object_bytes: u64,
}

fn units(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

fn head_bytes(head: &Head) -> usize {
    serde_json::to_string(head).map_or(0, |text| text.len()) + ITEM_OVERHEAD_BYTES
}

fn ledger_bytes(item: &LedgerItem) -> usize {
    item.packed().len() + ITEM_OVERHEAD_BYTES
}

impl Usage {
    pub(super) fn read_head(&mut self, head: Option<&Head>) {
        self.table_calls += 1;
        self.read_units += units(head.map_or(0, head_bytes), READ_UNIT_BYTES);
    }

    pub(super) fn read_ledger(&mut self, items: &[LedgerItem]) {
        self.table_calls += 1;
        self.read_units += units(items.iter().map(ledger_bytes).sum(), READ_UNIT_BYTES);
    }

    /// Counts a batch read of `keys` keys. DynamoDB bills each key like a read of its own.
    pub(super) fn look_up(&mut self, keys: usize) {
        self.table_calls += 1;
        self.read_units += keys as u64;
    }

    /// Counts a write, whether or not its condition holds. With ledger items it is a transaction.
    pub(super) fn write(&mut self, head: &Head, items: &[LedgerItem]) {
        self.table_calls += 1;
        let ledger: u64 = items.iter().map(|item| units(ledger_bytes(item), WRITE_UNIT_BYTES)).sum();
        let factor = if items.is_empty() { 1 } else { TRANSACTION_FACTOR };
        self.write_units += factor * (units(head_bytes(head), WRITE_UNIT_BYTES) + ledger);
        self.ledger_bytes += items.iter().map(ledger_bytes).sum::<usize>() as u64;
    }

    pub(super) fn put(&mut self, body: &[u8]) {
        self.puts += 1;
        self.object_bytes += body.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use collector::LedgerKind;

    use super::*;

    #[test]
    fn reads_are_billed_per_4_kb_and_writes_per_kb_and_twice_in_a_transaction() {
        let head: Head = serde_json::from_value(serde_json::json!({
            "version": 7, "id": "h", "seq": 3, "floor": 1, "listings": {}, "written_at": 2
        }))
        .unwrap();
        let item = LedgerItem { kind: LedgerKind::Rows, hour: 1, seq: 1, entries: vec![1; 1_000], expires_at: 1 };
        let mut usage = Usage::default();
        usage.read_head(Some(&head));
        usage.read_ledger(std::slice::from_ref(&item));
        usage.look_up(3);
        assert_eq!(usage.read_units, 1 + 2 + 3);
        usage.write(&head, &[]);
        assert_eq!(usage.write_units, 1);
        usage.write(&head, &[item]);
        assert_eq!((usage.write_units, usage.ledger_bytes), (1 + 2 * (1 + 8), 8_120));
        usage.put(b"abc");
        assert_eq!((usage.puts, usage.object_bytes, usage.table_calls), (1, 3, 5));
    }
}
