//! A JSON array, in pieces as they come, split into its elements.

use crate::json::plain_until;

/// Splits one JSON array into its raw elements, holding no more than one element at a time.
///
/// It finds where elements end; whether each is valid JSON is for its reader to say.
#[derive(Debug)]
pub struct ArraySplitter {
    longest_element: usize,
    state: State,
    /// The start of an element that goes on in the next bytes.
    held: Vec<u8>,
    /// Brackets and braces open inside the element.
    depth: usize,
    in_string: bool,
    /// The last byte was a backslash in a string.
    escaping: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array; so many bytes of a byte order mark were read.
    Before(usize),
    /// After `[`: an element or the end.
    First,
    /// After a comma: an element.
    Next,
    /// In an element.
    Element,
    After,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes are not one JSON array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SplitError(pub String);

fn error<T>(text: &str) -> Result<T, SplitError> {
    Err(SplitError(text.to_owned()))
}

impl ArraySplitter {
    /// A splitter that refuses elements of more than `longest_element` bytes.
    pub fn new(longest_element: usize) -> Self {
        let (state, held) = (State::Before(0), Vec::new());
        Self { longest_element, state, held, depth: 0, in_string: false, escaping: false }
    }

    /// Takes the next bytes and hands each element completed by them to `each`.
    ///
    /// # Errors
    /// The bytes are not an array, or an element is too long; the splitter is of no further use then.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), SplitError> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if self.state == State::Element {
                at = self.element(bytes, at, &mut each)?;
                continue;
            }
            if self.between(*byte)? {
                at += 1;
            }
        }
        Ok(())
    }

    /// The end of input.
    ///
    /// # Errors
    /// The array was not closed, or there was none.
    pub fn finish(self) -> Result<(), SplitError> {
        match self.state {
            State::After => Ok(()),
            State::Before(_) => error("no JSON array: the input is empty"),
            _ => error("the JSON array is cut off"),
        }
    }

    /// Takes a byte outside of elements; false when an element begins with it.
    fn between(&mut self, byte: u8) -> Result<bool, SplitError> {
        self.state = match (self.state, byte) {
            (State::Before(mark), _) if BYTE_ORDER_MARK.get(mark) == Some(&byte) => State::Before(mark + 1),
            (State::Before(1 | 2), _) => return error("no JSON array: half a byte order mark"),
            (state, byte) if is_space(byte) => match state {
                State::Before(_) => State::Before(BYTE_ORDER_MARK.len()),
                _ => state,
            },
            (State::Before(_), b'[') => State::First,
            (State::Before(_), _) => return error("no JSON array: the input begins with something else"),
            (State::First, b']') => State::After,
            (State::First | State::Next, b',' | b']' | b'}' | b':') => {
                return error("not a JSON array: an element is missing");
            }
            (State::After, _) => return error("not one JSON array: more follows it"),
            (State::First | State::Next, _) => State::Element,
            (State::Element, _) => State::Element,
        };
        Ok(self.state != State::Element)
    }

    /// Goes on in an element; the place after what was used.
    fn element(&mut self, bytes: &[u8], from: usize, each: &mut impl FnMut(&[u8])) -> Result<usize, SplitError> {
        let end = self.element_end(bytes, from)?;
        let piece = &bytes[from..end.unwrap_or(bytes.len())];
        if self.held.len() + piece.len() > self.longest_element {
            return Err(SplitError(format!("an element is longer than {} bytes", self.longest_element)));
        }
        let Some(end) = end else {
            self.held.extend_from_slice(piece);
            return Ok(bytes.len());
        };
        if self.held.is_empty() {
            each(without_space_after(piece));
        } else {
            self.held.extend_from_slice(piece);
            each(without_space_after(&self.held));
            self.held.clear();
        }
        self.state = if bytes.get(end) == Some(&b',') { State::Next } else { State::After };
        Ok(end + 1)
    }

    /// Where the comma or bracket after the element stands.
    fn element_end(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, SplitError> {
        while at < bytes.len() {
            if self.in_string {
                at = self.string(bytes, at);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b',' | b']' if self.depth == 0 => return Ok(Some(at)),
                b'}' if self.depth == 0 => return error("not a JSON array: a } closes nothing"),
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
            at += 1;
        }
        Ok(None)
    }

    /// Goes on in a string; the place after what was used.
    fn string(&mut self, bytes: &[u8], at: usize) -> usize {
        if std::mem::take(&mut self.escaping) {
            return at + 1;
        }
        let at = plain_until(bytes, at);
        match bytes.get(at) {
            Some(b'"') => self.in_string = false,
            Some(b'\\') => self.escaping = true,
            _ => {}
        }
        (at + 1).min(bytes.len())
    }
}

/// Only what JSON takes for white space is none of the element.
fn without_space_after(element: &[u8]) -> &[u8] {
    let end = element.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    element.get(..end).unwrap_or(element)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]], longest: usize) -> Result<Vec<String>, SplitError> {
        let mut elements = Vec::new();
        let mut splitter = ArraySplitter::new(longest);
        for piece in pieces {
            splitter.push(piece, |element| elements.push(String::from_utf8_lossy(element).into_owned()))?;
        }
        splitter.finish().map(|()| elements)
    }

    /// The same whole, byte by byte, and in two pieces cut anywhere.
    fn check(text: &str, expected: &[&str]) {
        let bytes = text.as_bytes();
        assert_eq!(split(&[bytes], 100).unwrap(), expected, "{text}");
        assert_eq!(split(&bytes.chunks(1).collect::<Vec<_>>(), 100).unwrap(), expected, "{text}");
        for at in 0..bytes.len() {
            assert_eq!(split(&[&bytes[..at], &bytes[at..]], 100).unwrap(), expected, "{text} cut at {at}");
        }
    }

    #[test]
    fn ok_elements_wherever_the_input_is_cut() {
        check("[]", &[]);
        check("\u{feff} \n[ \t] \r\n", &[]);
        check("[1\x0c ,2\t\r\n]", &["1\x0c", "2"]);
        check("[1, \"a\" ,null]", &["1", "\"a\"", "null"]);
        check(r#"[{"a":"]},\"\\"},[[{}],"\\\\"]]"#, &[r#"{"a":"]},\"\\"}"#, r#"[[{}],"\\\\"]"#]);
        check("[{\"é\":\"\\u00e9\u{1f600}\"} , {}\n]", &["{\"é\":\"\\u00e9\u{1f600}\"}", "{}"]);
    }

    #[test]
    fn err_no_array_or_not_closed() {
        for text in [
            "", " ", "\u{feff}", "{}", "null", "[", "[1", "[1,", "[1,]", "[,1]", "[\"a]", "[{]", "[}]", "[1]]",
            "[1] x", "[][]",
        ] {
            assert!(split(&[text.as_bytes()], 100).is_err(), "{text}");
            assert!(split(&text.as_bytes().chunks(1).collect::<Vec<_>>(), 100).is_err(), "{text}");
        }
        assert!(split(&[b"\xef\xbb[]"], 100).is_err());
        assert!(split(&[b" \xef\xbb\xbf[]"], 100).is_err());
    }

    #[test]
    fn err_an_element_over_the_bound() {
        assert_eq!(split(&[b"[12345]"], 5).unwrap(), ["12345"]);
        for pieces in [&[b"[123456]".as_slice()][..], &[b"[123".as_slice(), b"456"], &[b"[\"".as_slice(), b"aaaaaaaa"]]
        {
            assert_eq!(split(pieces, 5).unwrap_err().0, "an element is longer than 5 bytes");
        }
    }
}
