//! Row ids already delivered, packed and grouped by hour.

/// Items of one DynamoDB transaction.
const TRANSACTION_ITEMS: usize = 100;
/// Ledger hours of rows that one batch touches at most.
pub const MAX_ROW_HOURS: usize = 90;
/// Ledger hours of consumed blobs that one batch touches at most.
pub(crate) const MAX_BLOB_HOURS: usize = 9;
/// Ledger hours that one commit can write.
pub const MAX_COMMIT_HOURS: usize = MAX_ROW_HOURS + MAX_BLOB_HOURS;
// Together with the head they fill one transaction.
const _: () = assert!(MAX_COMMIT_HOURS + 1 == TRANSACTION_ITEMS);

/// What a ledger remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerKind {
    /// Row ids that were delivered or rejected, by the row id's hour.
    Rows,
    /// Blobs that were consumed to the end, by the hour they were created; saves fetching them again.
    Blobs,
}

/// One hour of one kind of a stream's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerHour {
    /// What is remembered.
    pub kind: LedgerKind,
    /// Hours since 1970.
    pub hour: u32,
}

/// What one commit adds to one hour of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerItem {
    /// What is remembered.
    pub kind: LedgerKind,
    /// Hours since 1970.
    pub hour: u32,
    /// The commit's `seq`.
    pub seq: u64,
    /// 8 bytes per entry: of a row id those after its hour, of a blob the start of its id's hash.
    pub entries: Vec<u64>,
    /// When the store may forget the item: seconds since 1970.
    pub expires_at: i64,
}

impl LedgerItem {
    /// The ledger hour that the item belongs to.
    pub fn place(&self) -> LedgerHour {
        LedgerHour { kind: self.kind, hour: self.hour }
    }

    /// The entries as stored: big-endian, end to end.
    pub fn packed(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|entry| entry.to_be_bytes()).collect()
    }

    /// The inverse of [`LedgerItem::packed`]; `None` when the length is not a multiple of 8.
    pub fn unpack(packed: &[u8]) -> Option<Vec<u64>> {
        let (entries, rest) = packed.as_chunks::<8>();
        rest.is_empty().then(|| entries.iter().map(|entry| u64::from_be_bytes(*entry)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_packed_entries_come_back() {
        let item = LedgerItem { kind: LedgerKind::Rows, hour: 1, seq: 0, entries: vec![1, u64::MAX], expires_at: 0 };
        assert_eq!(LedgerItem::unpack(&item.packed()), Some(item.entries));
        assert_eq!(LedgerItem::unpack(b"seven b"), None);
    }
}
