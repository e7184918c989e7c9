//! Decodes the escapes of JSON strings.

/// Returns the UTF-16 code unit of the six bytes `\uXXXX`; `None` for any other bytes.
pub(super) fn code_unit(escape: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = escape else { return None };
    digits.iter().try_fold(0_u16, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

/// Decodes the text between a string's quotes. Lone surrogates become U+FFFD.
pub(crate) fn unescape(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    each_piece(inner, |piece| match piece {
        Piece::Plain(plain) => text.push_str(plain),
        Piece::Char(char) => text.push(char),
        Piece::LoneSurrogate(_) => text.push(char::REPLACEMENT_CHARACTER),
    });
    text
}

/// Like [`unescape`], but returns WTF-8: a lone surrogate becomes the three bytes that UTF-8 would have for it, so that
/// different strings stay different.
pub(super) fn unescape_wtf8(inner: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(inner.len());
    each_piece(inner, |piece| match piece {
        Piece::Plain(plain) => bytes.extend_from_slice(plain.as_bytes()),
        Piece::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::LoneSurrogate(unit) => {
            let [high, low] = unit.to_be_bytes();
            bytes.extend_from_slice(&[0xe0 | high >> 4, 0x80 | (high & 0xf) << 2 | low >> 6, 0x80 | low & 0x3f]);
        }
    });
    bytes
}

/// A part of a string's content.
pub(super) enum Piece<'a> {
    /// Text without escapes.
    Plain(&'a str),
    /// The character that an escape stands for.
    Char(char),
    LoneSurrogate(u16),
}

/// Calls `each` with each part of the text between a string's quotes, in order. The parser has checked that every
/// escape is well-formed.
pub(super) fn each_piece<'a>(mut inner: &'a str, mut each: impl FnMut(Piece<'a>)) {
    while let Some(at) = inner.bytes().position(|byte| byte == b'\\') {
        if at > 0 {
            each(Piece::Plain(&inner[..at]));
        }
        let (piece, length) = escape(&inner.as_bytes()[at..]);
        each(piece);
        inner = inner.get(at + length..).unwrap_or_default();
    }
    if !inner.is_empty() {
        each(Piece::Plain(inner));
    }
}

/// Decodes the escape at the beginning of the bytes. Returns the piece and the length of the escape in bytes.
fn escape<'a>(bytes: &[u8]) -> (Piece<'a>, usize) {
    let short = |char| (Piece::Char(char), 2);
    match bytes.get(1) {
        Some(b'u') => unicode_escape(bytes),
        Some(b'b') => short('\u{8}'),
        Some(b'f') => short('\u{c}'),
        Some(b'n') => short('\n'),
        Some(b'r') => short('\r'),
        Some(b't') => short('\t'),
        Some(other) => short(char::from(*other)),
        None => (Piece::Char('\\'), 1),
    }
}

/// Decodes `\uXXXX`, or two of them if they are a surrogate pair. Returns the piece and its length in bytes.
fn unicode_escape<'a>(bytes: &[u8]) -> (Piece<'a>, usize) {
    let unit = |at: usize| bytes.get(at..at + 6).and_then(code_unit);
    let first = unit(0).unwrap_or(0xfffd);
    if let Some(char) = char::from_u32(first.into()) {
        return (Piece::Char(char), 6);
    }
    let pair = unit(6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match pair {
        Some(char) => (Piece::Char(char), 12),
        None => (Piece::LoneSurrogate(first), 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inner: &str, text: &str, bytes: &[u8]) {
        assert_eq!(unescape(inner), text, "{inner}");
        assert_eq!(unescape_wtf8(inner), bytes, "{inner}");
    }

    #[test]
    fn every_escape_is_decoded() {
        check(r"a\n\t\/\\\u0041z", "a\n\t/\\Az", b"a\n\t/\\Az");
        check(r"\ud83d\ude00!", "\u{1f600}!", "\u{1f600}!".as_bytes());
    }

    #[test]
    fn lone_surrogates_stay_different_in_wtf8() {
        check(r"\ud800", "\u{fffd}", b"\xed\xa0\x80");
        check(r"\udfffx", "\u{fffd}x", b"\xed\xbf\xbfx");
        check(r"\ud800\ud83d\ude00", "\u{fffd}\u{1f600}", b"\xed\xa0\x80\xf0\x9f\x98\x80");
        check(r"\ud800\u0041", "\u{fffd}A", b"\xed\xa0\x80A");
    }
}
