//! A JSON array, in pieces as they come, split into its elements.

mod brackets;

use brackets::Brackets;

use crate::json::plain_until;

/// Splits one JSON array into its raw elements, holding no more than one element at a time.
///
/// It finds where elements end; whether each is valid JSON is for its reader to say. An element that lacks a closing
/// brace or quotation mark ends where the next one begins, if that is unambiguous: where a member's name must stand,
/// and no array is open inside the element, `{` begins the next element.
#[derive(Debug)]
pub struct ArraySplitter {
    longest_element: usize,
    state: State,
    /// The start of an element that goes on in the next bytes.
    held: Vec<u8>,
    /// Brackets and braces open inside the element.
    open: Brackets,
    /// The last byte of the element outside of strings that is no white space; `"` after a string.
    last: u8,
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

/// Why an element is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    EndOfInput,
    /// At the comma or bracket behind it.
    EndOfElement,
    /// At the brace of the next one, a comma before it: it lacks braces.
    NextBegan,
    /// In the first name of the next one: it lacks a quotation mark and braces.
    NextBeganInString,
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
        Self { longest_element, state, held, open: Brackets::default(), last: 0, in_string: false, escaping: false }
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
        let (end, stop) = self.scan(bytes, from);
        let piece = &bytes[from..end];
        if self.held.len() + piece.len() > self.longest_element {
            return Err(SplitError(format!("an element is longer than {} bytes", self.longest_element)));
        }
        match stop {
            Stop::EndOfInput => self.held.extend_from_slice(piece),
            Stop::EndOfElement => {
                if self.held.is_empty() {
                    each(without_space_after(piece));
                } else {
                    self.held.extend_from_slice(piece);
                    each(without_space_after(&self.held));
                    self.held.clear();
                }
                self.begin_element();
                self.state = if bytes.get(end) == Some(&b',') { State::Next } else { State::After };
                return Ok(end + 1);
            }
            Stop::NextBegan => {
                self.held.extend_from_slice(piece);
                let comma = self.held.iter().rposition(|byte| *byte == b',').unwrap_or(self.held.len());
                each(without_space_after(self.held.get(..comma).unwrap_or_default()));
                self.held.clear();
                self.begin_element();
            }
            Stop::NextBeganInString => {
                self.held.extend_from_slice(piece);
                self.resume_in_string(each);
            }
        }
        Ok(end)
    }

    /// What is read next is the beginning of an element.
    fn begin_element(&mut self) {
        self.open.clear();
        (self.last, self.in_string, self.escaping) = (0, false, false);
    }

    /// Where the element stops, or its piece.
    fn scan(&mut self, bytes: &[u8], from: usize) -> (usize, Stop) {
        let mut at = from;
        while let Some(byte) = bytes.get(at).copied() {
            if self.in_string {
                at = self.string(bytes, at);
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    at += 1;
                    continue;
                }
                b',' | b']' if self.open.is_empty() => return (at, Stop::EndOfElement),
                // It closes the array of elements: the last one lacks its braces.
                b']' if self.open.are_all_objects() => return (at, Stop::EndOfElement),
                b']' => self.open.close_array(),
                b'}' if self.open.is_empty() => {}
                b'}' => self.open.close_object(),
                b'{' if self.last == b',' && self.open.is_in_object() => {
                    if self.open.are_all_objects() {
                        return (at, Stop::NextBegan);
                    }
                    self.open.close_to_array();
                    self.open.open_object();
                }
                b'{' => self.open.open_object(),
                b'[' => self.open.open_array(),
                b',' | b':' => {}
                _ if self.last == b'"'
                    && self.open.are_all_objects()
                    && self.next_begins_in_string(&bytes[from..at]) =>
                {
                    return (at, Stop::NextBeganInString);
                }
                b'"' => self.in_string = true,
                _ => {}
            }
            self.last = byte;
            at += 1;
        }
        (at, Stop::EndOfInput)
    }

    /// Returns `true` if the element so far, of which `piece` is not held yet, ends in what looks like the end of an
    /// element, a comma, and the beginning of another one up to the quotation mark of its first name. The string that ended
    /// there and is followed by no punctuation is not where a string ended, then, but where one lacks its end.
    fn next_begins_in_string(&self, piece: &[u8]) -> bool {
        let mut backwards = piece.iter().rev().chain(self.held.iter().rev()).filter(|byte| !is_space(**byte));
        [b'"', b'{', b',', b'}'].iter().all(|expected| backwards.next() == Some(expected))
    }

    /// Hands out what is held up to the comma that [`Self::next_begins_in_string`] found, and goes on in the name behind it.
    fn resume_in_string(&mut self, each: &mut impl FnMut(&[u8])) {
        let brace = self.held.iter().rposition(|byte| *byte == b'{').unwrap_or(0);
        let next = self.held.split_off(brace);
        let comma = self.held.iter().rposition(|byte| *byte == b',').unwrap_or(self.held.len());
        each(without_space_after(self.held.get(..comma).unwrap_or_default()));
        self.held = next;
        self.begin_element();
        self.open.open_object();
        self.in_string = true;
    }

    /// Goes on in a string; the place after what was used.
    fn string(&mut self, bytes: &[u8], at: usize) -> usize {
        if std::mem::take(&mut self.escaping) {
            return at + 1;
        }
        let at = plain_until(bytes, at);
        match bytes.get(at) {
            Some(b'"') => (self.in_string, self.last) = (false, b'"'),
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
        assert_eq!(
            split(&[bytes], 100).as_deref(),
            Ok(expected.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice()),
            "{text}"
        );
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
    fn a8_an_element_that_lacks_its_end_costs_only_itself() {
        let next = r#"{"Id":"3"}"#;
        for broken in [
            r#"{"Id":"2""#,
            r#"{"Id":"2","b":{"c":1}"#,
            r#"{"Id":"2","b":{"c":1"#,
            r#"{"Id":"2","b":[{"c":1},{"d":[2]}]"#,
            "{\"Id\":\"2\",\"b\":\"},{\"",
            r#"{"Id":"2","b":"x}"#,
            r#"{"Id":"2","b":{"c":"x}}"#,
            r#"{"Id":"2","b":[1,2}"#,
            r#"{"Id":"2","b":[{"c":1,{"d":2}]}"#,
            r#"{"Id":"2"}}"#,
            r#"{"Id"2}"#,
            "{",
        ] {
            check(&format!(r#"[{{"Id":"1"}},{broken},{next}]"#), &[r#"{"Id":"1"}"#, broken, next]);
            check(&format!("[{broken}\n ,\n  {next}, 4]"), &[broken, next, "4"]);
        }
        // Two in a row, and one at the end.
        check(r#"[{"a":1,{"a":2,{"a":3}]"#, &[r#"{"a":1"#, r#"{"a":2"#, r#"{"a":3}"#]);
        check(r#"[{"a":1},{"a":2]"#, &[r#"{"a":1}"#, r#"{"a":2"#]);
        // The name of the next one may be cut from its quotation mark.
        check("[{\"a\":\"x},\n{ \"b\":1}]", &["{\"a\":\"x}", "{ \"b\":1}"]);
    }

    #[test]
    fn a8_where_the_next_one_begins_is_not_guessed() {
        // Within an array of the element a brace may begin one of its own.
        for text in [r#"[{"a":[{"b":1},{"Id":"2"}]"#, r#"[{"a":[{"b":"x},{"Id":"2"}]"#, r#"[{"a":"x,{"Id":"2"}]"#] {
            assert!(split(&[text.as_bytes()], 100).is_err(), "{text}");
        }
        // Strings may hold what looks like it.
        check(r#"[{"a":"},{","b":"x},{"},{"c":",{"}]"#, &[r#"{"a":"},{","b":"x},{"}"#, r#"{"c":",{"}"#]);
    }

    /// The elements up to the end or an error, and whether it was the end.
    fn outcome(pieces: &[&[u8]], longest: usize) -> (Vec<Vec<u8>>, bool) {
        let (mut elements, mut splitter) = (Vec::new(), ArraySplitter::new(longest));
        let mut push = |piece: &&[u8]| splitter.push(piece, |element| elements.push(element.to_vec())).is_ok();
        let is_split = pieces.iter().all(&mut push);
        (elements, is_split && splitter.finish().is_ok())
    }

    #[test]
    fn a8_no_input_is_taken_for_sound_that_is_not_nor_split_by_where_it_is_cut() {
        const PARTS: [&str; 16] =
            ["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "a", "1", "{\"a\":1}", ",{\"a\":", "},{\"", "\"a\":"];
        // A linear congruential generator: the same inputs every time.
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..40_000 {
            let parts = (0..random(14)).map(|_| PARTS[random(PARTS.len() as u64) as usize]);
            let text = format!("[{}]", parts.collect::<String>());
            let bytes = text.as_bytes();
            let (elements, is_split) = outcome(&[bytes], bytes.len());
            let are_sound = elements.iter().all(|it| serde_json::from_slice::<serde::de::IgnoredAny>(it).is_ok());
            let is_array = serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(bytes).is_ok();
            assert_eq!(is_split && are_sound, is_array, "{text}");
            let (cut, bound) = (random(bytes.len() as u64) as usize, random(12) as usize);
            for longest in [bytes.len(), bound] {
                let whole = outcome(&[bytes], longest);
                assert_eq!(outcome(&[&bytes[..cut], &bytes[cut..]], longest), whole, "{text} cut at {cut}, {longest}");
                assert_eq!(outcome(&bytes.chunks(1).collect::<Vec<_>>(), longest), whole, "{text} by bytes, {longest}");
                assert!(whole.0.iter().all(|element| element.len() <= longest), "{text}");
            }
        }
    }

    #[test]
    fn err_no_array_or_not_closed() {
        for text in [
            "", " ", "\u{feff}", "{}", "null", "[", "[1", "[1,", "[1,]", "[,1]", "[\"a]", "[{", "[}]", "[1]]", "[1] x",
            "[][]",
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
