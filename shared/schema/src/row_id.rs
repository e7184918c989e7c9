//! The row id: which event a line is.

use std::fmt;

/// `p_row_id`: 32 hex digits, 8 of the ledger hour and 24 of a hash of the event's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Hours since 1970 of the vendor's own event time; 0 where that is unreadable.
    pub hour: u32,
    /// The start of the SHA-256 of the event's identity.
    pub hash: [u8; 12],
}

impl RowId {
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
