//! The ledger: row ids and blobs that were delivered, packed and grouped by hour.

/// Maximum number of items in one DynamoDB transaction.
const MAX_TRANSACTION_ITEMS: usize = 100;
/// Maximum number of ledger hours to which one batch may add row ids.
pub const MAX_ROW_HOURS: usize = 90;
/// Maximum number of ledger hours to which one batch may add blobs.
pub(crate) const MAX_BLOB_HOURS: usize = 9;
/// Maximum number of ledger hours that one commit can write.
pub const MAX_COMMIT_HOURS: usize = MAX_ROW_HOURS + MAX_BLOB_HOURS;
// One transaction holds exactly the head and the ledger items of the largest commit.
const _: () = assert!(MAX_COMMIT_HOURS + 1 == MAX_TRANSACTION_ITEMS);

/// The kind of the entries in a ledger hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerKind {
    /// Row ids that were delivered or rejected, grouped by the hour in the row id.
    Rows,
    /// Blobs that were consumed to the end, grouped by the hour of their creation. They are not fetched again.
    Blobs,
}

/// An hour of a stream's ledger, together with the kind of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerHour {
    /// The kind of the entries in that hour.
    pub kind: LedgerKind,
    /// Hours since 1970.
    pub hour: u32,
}

/// The entries that one commit adds to one hour of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerItem {
    /// The kind of the entries in that hour.
    pub kind: LedgerKind,
    /// Hours since 1970.
    pub hour: u32,
    /// The `seq` of the commit.
    pub seq: u64,
    /// The entries, 8 bytes each: the bytes of a row id that follow its hour, or the start of the hash of a blob's id.
    pub entries: Vec<u64>,
    /// The time from which on the store may forget the item, in seconds since 1970.
    pub expires_at: i64,
}

impl LedgerItem {
    /// Returns the ledger hour of the item.
    pub fn ledger_hour(&self) -> LedgerHour {
        LedgerHour { kind: self.kind, hour: self.hour }
    }

    /// Returns the entries as they are stored: big-endian, end to end.
    pub fn packed(&self) -> Vec<u8> {
        self.entries.iter().flat_map(|entry| entry.to_be_bytes()).collect()
    }

    /// Returns the entries from their stored bytes, the inverse of [`LedgerItem::packed`]; `None` if the length is not
    /// a multiple of 8.
    pub fn unpack(packed: &[u8]) -> Option<Vec<u64>> {
        let (entries, rest) = packed.as_chunks::<8>();
        rest.is_empty().then(|| entries.iter().map(|entry| u64::from_be_bytes(*entry)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_packed_entries_are_unpacked() {
        let item = LedgerItem { kind: LedgerKind::Rows, hour: 1, seq: 0, entries: vec![1, u64::MAX], expires_at: 0 };
        assert_eq!(LedgerItem::unpack(&item.packed()), Some(item.entries));
        assert_eq!(LedgerItem::unpack(b"seven b"), None);
    }
}
