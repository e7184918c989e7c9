//! The row id: which event a line is.

use std::fmt;

/// `p_row_id`: 32 hex digits, 8 of the ledger hour and 24 of a hash of the event's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Hours since 1970 of the vendor's own event time; one of the [`Self::RESERVED_HOURS`] where that is unreadable.
    pub hour: u32,
    /// The start of the SHA-256 of the event's identity.
    pub hash: [u8; 12],
}

impl RowId {
    /// The hours from 0 up to this one are those of events without a readable time and of rejected inputs, each chosen
    /// by the event's hash. A tick that meets one such event reads one of these hours of the ledger, so what it reads
    /// stays a small part of all of them, however many there have been. No event has a time so early in 1970, and one
    /// that says so counts as unreadable: vendors send 0 for a time that they do not have.
    pub const RESERVED_HOURS: u32 = 256;

    /// The row id of a hash and of whole hours since 1970, where they are known.
    pub(crate) fn new(hash: [u8; 12], hour: Option<u32>) -> Self {
        // The ledger keeps the first eight bytes of the hash beside the hour, so the ninth tells more events apart.
        let reserved = || u32::from(hash[8]) % Self::RESERVED_HOURS;
        Self { hour: hour.filter(|hour| *hour >= Self::RESERVED_HOURS).unwrap_or_else(reserved), hash }
    }

    /// What the ledger keeps of it beside the hour: the first 8 bytes of the hash, big-endian.
    pub fn ledger_entry(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.hash;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The 32 hex digits.
    pub(crate) fn digits(&self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        let bytes = self.hour.to_be_bytes().into_iter().chain(self.hash);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
        }
        digits
    }

    /// The inverse of its `Display`.
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
    fn text_and_back() {
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
    fn err_not_32_lower_case_hex_digits() {
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
