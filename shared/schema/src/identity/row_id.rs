//! The row id, which identifies the event of a line.

use std::fmt;

/// `p_row_id`: 32 hex digits, of which 8 are the ledger hour and 24 a hash of the event's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// The vendor's event time in whole hours since 1970, or an hour below [`Self::RESERVED_HOURS`] if there is no
    /// usable time.
    pub hour: u32,
    /// The first bytes of the SHA-256 of the event's identity.
    pub hash: [u8; 12],
}

impl RowId {
    /// The ledger hours below this number are reserved for events without a readable time and for rejected inputs.
    ///
    /// The hash chooses the hour, so that such events spread over all reserved hours. A tick compares an event only
    /// with the ledger entries of its hour, so it reads few of these entries, however many there are. A time in these
    /// first hours of 1970 counts as unreadable, because vendors send 0 for a time that they do not have.
    pub const RESERVED_HOURS: u32 = 256;

    /// Creates a row id. If `hour`, in whole hours since 1970, is unknown or reserved, the hash chooses a reserved
    /// hour.
    pub(crate) fn new(hash: [u8; 12], hour: Option<u32>) -> Self {
        // The ledger stores the first eight bytes of the hash for each hour, so the ninth byte, as the hour, adds
        // information.
        let reserved = || u32::from(hash[8]) % Self::RESERVED_HOURS;
        Self { hour: hour.filter(|hour| *hour >= Self::RESERVED_HOURS).unwrap_or_else(reserved), hash }
    }

    /// Returns the number that the ledger stores with the hour: the first 8 bytes of the hash, big-endian.
    pub fn ledger_entry(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.hash;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// Returns the text of the row id: 32 lower-case hex digits.
    pub(crate) fn digits(&self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        let bytes = self.hour.to_be_bytes().into_iter().chain(self.hash);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
        }
        digits
    }

    /// Parses the text that `Display` writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let hour = u32::from_str_radix(text.get(..8)?, 16).ok()?;
        let mut hash = [0; 12];
        for (byte, at) in hash.iter_mut().zip((8..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self { hour, hash })
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_id_is_parsed_from_its_text() {
        let id = RowId { hour: 496_472, hash: [0xab; 12] };
        assert_eq!(id.to_string(), "00079358abababababababababababab");
        assert_eq!(RowId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn f3_an_unknown_hour_is_one_of_the_reserved_hours_by_the_hash() {
        let hash = [1, 2, 3, 4, 5, 6, 7, 8, 0xc9, 10, 11, 12];
        for hour in [None, Some(0), Some(255)] {
            assert_eq!(RowId::new(hash, hour).to_string(), "000000c90102030405060708c90a0b0c", "{hour:?}");
        }
        assert_eq!(RowId::new(hash, Some(256)).hour, 256);
    }

    #[test]
    fn other_texts_are_not_row_ids() {
        for text in [
            "",
            "00079358ABABABABABABABABABABABAB",
            "00079358ababababababababababab",
            "zz079358abababababababababababab",
        ] {
            assert_eq!(RowId::parse(text), None, "{text}");
        }
    }
}
