//! Splits a stream of bytes, which comes in pieces of any size, into lines of limited length.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Splits at LF. It keeps at most one line in memory.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    max_line_bytes: usize,
    /// The beginning of a line whose end has not come yet.
    partial_line: Vec<u8>,
    /// The current line is longer than the limit; the rest of it is skipped.
    is_too_long: bool,
    number: u64,
}

/// A line without its LF or CR LF. The first line is also without a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// The line is longer than the limit and was skipped.
    TooLong,
}

impl LineSplitter {
    /// Returns a splitter that skips lines of more than `max_line_bytes` bytes.
    pub(crate) fn new(max_line_bytes: usize) -> Self {
        Self { max_line_bytes, partial_line: Vec::new(), is_too_long: false, number: 0 }
    }

    /// Takes the next bytes, and calls `each` with every line that they complete and its number, from 1.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(u64, Line<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (piece, rest) = bytes.split_at(end);
            self.end(piece, &mut each);
            bytes = &rest[1..];
        }
        self.buffer(bytes);
    }

    /// Ends the input. Calls `each` for a last line without LF.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(u64, Line<'_>)) {
        if self.is_too_long || !self.partial_line.is_empty() {
            self.end(&[], &mut each);
        }
    }

    fn buffer(&mut self, piece: &[u8]) {
        self.is_too_long |= self.partial_line.len() + piece.len() > self.max_line_bytes;
        if self.is_too_long {
            self.partial_line = Vec::new();
        } else {
            self.partial_line.extend_from_slice(piece);
        }
    }

    fn end(&mut self, piece: &[u8], each: &mut impl FnMut(u64, Line<'_>)) {
        self.number += 1;
        if self.partial_line.is_empty() && !self.is_too_long && piece.len() <= self.max_line_bytes {
            each(self.number, Line::Whole(self.without_mark_and_cr(piece)));
            return;
        }
        self.buffer(piece);
        let line =
            if self.is_too_long { Line::TooLong } else { Line::Whole(self.without_mark_and_cr(&self.partial_line)) };
        each(self.number, line);
        self.partial_line.clear();
        self.is_too_long = false;
    }

    fn without_mark_and_cr<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) } else { line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]], max_line_bytes: usize) -> Vec<(u64, Option<String>)> {
        let mut lines = Vec::new();
        let mut splitter = LineSplitter::new(max_line_bytes);
        let mut each = |number, line: Line<'_>| {
            let text = match line {
                Line::Whole(text) => Some(String::from_utf8_lossy(text).into_owned()),
                Line::TooLong => None,
            };
            lines.push((number, text));
        };
        pieces.iter().for_each(|piece| splitter.push(piece, &mut each));
        splitter.finish(&mut each);
        lines
    }

    /// Checks that the result is the same for the whole text, byte by byte, and for every cut into two pieces.
    fn check(text: &str, max_line_bytes: usize, expected: &[Option<&str>]) {
        let expected: Vec<_> = (1..).zip(expected.iter().map(|line| line.map(str::to_owned))).collect();
        let bytes = text.as_bytes();
        assert_eq!(split(&[bytes], max_line_bytes), expected, "{text:?}");
        assert_eq!(split(&bytes.chunks(1).collect::<Vec<_>>(), max_line_bytes), expected, "{text:?}");
        for at in 0..bytes.len() {
            assert_eq!(split(&[&bytes[..at], &bytes[at..]], max_line_bytes), expected, "{text:?} cut at {at}");
        }
    }

    #[test]
    fn ok_lines_are_the_same_wherever_the_input_is_cut() {
        check("", 9, &[]);
        check("a", 9, &[Some("a")]);
        check("a\n", 9, &[Some("a")]);
        check("\n\na\r\n \nb", 9, &[Some(""), Some(""), Some("a"), Some(" "), Some("b")]);
        check("\u{feff}a\n\u{feff}b\n", 9, &[Some("a"), Some("\u{feff}b")]);
    }

    #[test]
    fn err_lines_over_the_limit_are_skipped() {
        check("123\n1234\n12\n", 3, &[Some("123"), None, Some("12")]);
        check("123456789", 3, &[None]);
        check("1\n123456789", 3, &[Some("1"), None]);
    }
}
