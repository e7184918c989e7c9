//! Splits a JSON array, which arrives in pieces, into its elements.

mod brackets;
mod record_keys;
mod recovery;
mod space;

use brackets::Brackets;
use record_keys::RecordSamples;
use recovery::{LastByte, Recovery};
use space::{is_space, without_space, without_space_after};

use crate::event::json::{self, find_special_byte};

/// Splits one JSON array into its raw elements, and keeps little more than one element in memory. It emits an element
/// by passing its bytes to the caller's function `each`.
///
/// The splitter finds where elements end; the caller checks whether an element is valid JSON. If the array itself is
/// broken (brackets that do not match, a string without an end), the splitter continues at the next record that it can
/// distinguish from an object inside of a record. It emits the text before that record as one element, which is not
/// valid JSON.
#[derive(Debug)]
pub struct ArraySplitter {
    max_element_bytes: usize,
    state: State,
    /// The part of the input that is not emitted yet, or that may still be needed.
    text: Vec<u8>,
    /// The index in `text` of the next byte to read.
    at: usize,
    /// The index in `text` at which the current element, the bracket after the last element, or the broken part begins.
    element_start: usize,
    /// The broken part begins directly after an emitted element, so a comma may be missing between them.
    follows_emitted: bool,
    /// The start and end in `text` of an element that seems complete but is not emitted yet. If a member follows it,
    /// its last brace was a surplus one and the element continues.
    held_back: Option<(usize, usize)>,
    /// The brackets and braces that are open inside the element.
    open: Brackets,
    last: LastByte,
    is_in_string: bool,
    /// The last byte was a backslash that begins an escape in a string.
    is_escaped: bool,
    samples: RecordSamples,
    recovery: Option<Recovery>,
}

/// The position of the splitter in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array. The number counts the bytes of a byte order mark that were read.
    Before(usize),
    /// After `[`: an element or the end of the array follows.
    First,
    /// After a comma: an element follows.
    Next,
    /// Inside of an element.
    Element,
    /// After the array.
    After,
    /// In a broken part: the splitter searches for the next record.
    Broken,
}

/// The reason why the splitter stopped reading an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    EndOfInput,
    /// The comma or bracket after the element was reached.
    EndOfElement,
    /// A byte was reached that JSON does not allow here.
    Break,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The number of bytes that are read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// The most white space that may follow an array, in bytes.
const MAX_SPACE_BYTES: usize = 1 << 20;

/// The input is not one JSON array, or has an element that is too long. The text says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SplitError(pub String);

fn error<T>(text: &str) -> Result<T, SplitError> {
    Err(SplitError(text.to_owned()))
}

impl ArraySplitter {
    /// Creates a splitter that fails at an element of more than `max_element_bytes`.
    pub fn new(max_element_bytes: usize) -> Self {
        Self {
            max_element_bytes,
            state: State::Before(0),
            text: Vec::new(),
            at: 0,
            element_start: 0,
            follows_emitted: false,
            held_back: None,
            open: Brackets::default(),
            last: LastByte::default(),
            is_in_string: false,
            is_escaped: false,
            samples: RecordSamples::default(),
            recovery: None,
        }
    }

    /// Reads the next bytes of the input. Calls `each` with each element that is now known to be complete.
    ///
    /// # Errors
    /// The bytes are not an array, or an element is too long. The splitter cannot be used after an error.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), SplitError> {
        for piece in bytes.chunks(PIECE_BYTES) {
            let mut text = std::mem::take(&mut self.text);
            text.extend_from_slice(piece);
            self.read(&text, &mut each)?;
            self.text = text;
            self.drop_read_text();
        }
        Ok(())
    }

    /// Ends the input and calls `each` with the elements that were held back.
    ///
    /// # Errors
    /// The input has no array, or the array was not closed.
    pub fn finish(mut self, mut each: impl FnMut(&[u8])) -> Result<(), SplitError> {
        let text = std::mem::take(&mut self.text);
        loop {
            match self.state {
                State::After => {
                    self.emit_held_back(&text, &mut each);
                    return Ok(());
                }
                State::Before(_) => return error("no JSON array: the input is empty"),
                State::First | State::Next => {
                    self.emit_held_back(&text, &mut each);
                    return error("the JSON array is cut off");
                }
                State::Element => self.recover_from(self.emitted_end()),
                State::Broken => {
                    if !self.recover(&text, true, &mut each)? {
                        return self.finish_broken(&text, &mut each);
                    }
                    self.read(&text, &mut each)?;
                }
            }
        }
    }

    /// Ends an input that was interrupted, and calls `each` with the complete elements that were held back.
    pub fn abandon(mut self, mut each: impl FnMut(&[u8])) {
        let text = std::mem::take(&mut self.text);
        match self.state {
            State::Next | State::After => self.emit_held_back(&text, &mut each),
            State::Broken => self.end_recovery(&text[self.element_start..], None, true, &mut each),
            State::Before(_) | State::First | State::Element => {}
        }
    }

    /// Reads the text up to its end.
    fn read(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        while let Some(byte) = text.get(self.at) {
            match self.state {
                State::Broken => {
                    if !self.recover(text, false, each)? {
                        break;
                    }
                }
                State::Element => self.read_element(text, each)?,
                _ => self.read_between_elements(*byte, text, each)?,
            }
        }
        Ok(())
    }

    /// Drops the text that is not needed any more.
    fn drop_read_text(&mut self) {
        let needed = match self.state {
            State::Before(_) | State::First => self.at,
            State::Next => self.held_back.map_or(self.at, |(start, _)| start),
            State::Element | State::After | State::Broken => self.emitted_end(),
        };
        self.text.drain(..needed);
        self.at -= needed;
        self.element_start = self.element_start.saturating_sub(needed);
        self.held_back = self.held_back.map(|(start, end)| (start - needed, end - needed));
    }

    /// Returns the index in `text` before which all elements were emitted.
    fn emitted_end(&self) -> usize {
        self.held_back.map_or(self.element_start, |(start, _)| start)
    }

    /// Reads a byte outside of elements.
    fn read_between_elements(&mut self, byte: u8, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        self.state = match (self.state, byte) {
            (State::Before(count), _) if BYTE_ORDER_MARK.get(count) == Some(&byte) => State::Before(count + 1),
            (State::Before(1 | 2), _) => return error("no JSON array: half a byte order mark"),
            (state, byte) if is_space(byte) => match state {
                State::Before(_) => State::Before(BYTE_ORDER_MARK.len()),
                State::After if self.at - self.element_start > MAX_SPACE_BYTES => {
                    return error("too much white space follows the JSON array");
                }
                _ => state,
            },
            (State::Before(_), b'[') => State::First,
            (State::Before(_), _) => return error("no JSON array: the input begins with something else"),
            (State::First, b']') => {
                self.element_start = self.at;
                State::After
            }
            (State::After, _) => {
                self.continue_after_surplus_bracket(each)?;
                return Ok(());
            }
            (_, b',' | b']' | b'}' | b':') => {
                self.recover_from(self.held_back.map_or(self.at, |(start, _)| start));
                return Ok(());
            }
            _ => {
                self.begin_element(byte, text, each);
                return Ok(());
            }
        };
        self.at += 1;
        Ok(())
    }

    /// Continues after a bracket that seemed to end the array. More text follows it, so it was a surplus bracket.
    fn continue_after_surplus_bracket(&mut self, each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        if self.held_back.is_some() {
            self.recover_from(self.emitted_end());
            return Ok(());
        }
        self.check_length(1)?;
        each(b"]");
        self.recover_from(self.at);
        self.follows_emitted = true;
        Ok(())
    }

    fn begin_element(&mut self, byte: u8, text: &[u8], each: &mut impl FnMut(&[u8])) {
        let may_be_member =
            self.held_back.is_some_and(|(start, _)| text[start] == b'{') && !matches!(byte, b'{' | b'[');
        if !may_be_member {
            self.emit_held_back(text, each);
        }
        self.open.clear();
        (self.last, self.is_in_string, self.is_escaped) = (LastByte::default(), false, false);
        (self.state, self.element_start) = (State::Element, self.at);
    }

    /// Continues to read an element.
    fn read_element(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        let stop = self.scan(text);
        self.check_length(self.at - self.element_start)?;
        match stop {
            Stop::EndOfInput => {}
            Stop::Break => self.recover_from(self.emitted_end()),
            Stop::EndOfElement => {
                self.emit_held_back(text, each);
                let length = without_space_after(&text[self.element_start..self.at]).len();
                self.held_back = Some((self.element_start, self.element_start + length));
                self.state = State::Next;
                if text[self.at] == b']' {
                    if text[self.element_start] != b'{' {
                        self.emit_held_back(text, each);
                    }
                    (self.state, self.element_start) = (State::After, self.at);
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), SplitError> {
        if length > self.max_element_bytes {
            return Err(SplitError(format!("an element is longer than {} bytes", self.max_element_bytes)));
        }
        Ok(())
    }

    fn emit_held_back(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) {
        if let Some((start, end)) = self.held_back.take() {
            self.emit(&text[start..end], each);
        }
    }

    /// Emits a complete element. An object is also counted as a record, and may become a sample.
    fn emit(&mut self, element: &[u8], each: &mut impl FnMut(&[u8])) {
        if element.starts_with(b"{") {
            self.samples.add(element);
        }
        each(element);
    }

    /// Reads the current element up to its end, the end of the text, or a byte that JSON does not allow.
    fn scan(&mut self, text: &[u8]) -> Stop {
        while let Some(byte) = text.get(self.at).copied() {
            if self.is_in_string {
                if !self.read_string(text) {
                    return Stop::Break;
                }
                continue;
            }
            if is_space(byte) {
                self.at += 1;
                continue;
            }
            if self.open.is_empty() && matches!(byte, b',' | b']') {
                return Stop::EndOfElement;
            }
            if !self.last.advance(byte, self.open.is_in_object()) {
                return Stop::Break;
            }
            let is_allowed = match byte {
                b'{' | b'[' => {
                    self.open.open(byte == b'[');
                    true
                }
                b'}' | b']' => self.open.close(byte == b']'),
                b'"' => {
                    self.is_in_string = true;
                    true
                }
                _ => true,
            };
            if !is_allowed {
                return Stop::Break;
            }
            self.at += 1;
        }
        Stop::EndOfInput
    }

    /// Continues to read a string. Returns `false` at a control character, which no string may contain.
    fn read_string(&mut self, text: &[u8]) -> bool {
        if std::mem::take(&mut self.is_escaped) {
            self.at += 1;
            return true;
        }
        self.at = find_special_byte(text, self.at);
        match text.get(self.at) {
            Some(b'"') => self.is_in_string = false,
            Some(b'\\') => self.is_escaped = true,
            Some(_) => return false,
            None => return true,
        }
        self.at += 1;
        true
    }

    /// Begins the search for the next record at the index `begin` of the text.
    fn recover_from(&mut self, begin: usize) {
        (self.state, self.element_start, self.follows_emitted, self.held_back) = (State::Broken, begin, false, None);
        self.recovery = Some(Recovery::new(self.samples.take_keys()));
    }

    /// Continues the search for the next record. Returns `true` once it was found and the broken part was emitted.
    /// `is_end` says that no more input follows.
    fn recover(&mut self, text: &[u8], is_end: bool, each: &mut impl FnMut(&[u8])) -> Result<bool, SplitError> {
        let broken = &text[self.element_start..];
        let Some(recovery) = &mut self.recovery else { return Ok(false) };
        let next = recovery.read(broken, is_end);
        let read = next.unwrap_or(recovery.bytes_read());
        self.check_length(read)?;
        let Some(next) = next else { return Ok(false) };
        self.end_recovery(broken, None, false, each);
        self.at = self.element_start + next;
        self.begin_element(text[self.at], text, each);
        Ok(true)
    }

    /// Ends an input whose last part is broken. Fails if the array was not closed.
    fn finish_broken(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        let broken = without_space_after(&text[self.element_start..]);
        let closing = broken.len().saturating_sub(1);
        let has_break = self.recovery.as_ref().is_some_and(Recovery::has_break);
        let is_closed = broken.ends_with(b"]");
        let has_records = self.recovery.as_ref().is_some_and(|recovery| !recovery.records(broken, false).is_empty());
        if is_closed && (has_break || has_records) {
            self.end_recovery(broken, Some(closing), false, each);
            return Ok(());
        }
        self.end_recovery(broken, None, true, each);
        error("the JSON array is cut off")
    }

    /// Emits the records that were found, and the broken text before each record. If `end` is given, also emits the
    /// broken text between the last record and `end`. If the input `is_cut`, emits the records alone, without any
    /// broken text.
    fn end_recovery(&mut self, broken: &[u8], end: Option<usize>, is_cut: bool, each: &mut impl FnMut(&[u8])) {
        let Some(recovery) = self.recovery.take() else { return };
        let (mut from, mut follows_emitted) = (0, self.follows_emitted);
        for (start, stop) in recovery.records(broken, is_cut) {
            if !is_cut {
                emit_broken(&broken[from..start], follows_emitted, true, each);
            }
            self.emit(&broken[start..stop], each);
            (from, follows_emitted) = (stop, true);
        }
        if let Some(end) = end {
            emit_broken(&broken[from..end], follows_emitted, false, each);
        }
        self.samples.give_back(recovery.into_keys());
    }
}

/// Emits the broken text before or after a record, without the commas that separate it from its neighbours.
///
/// `follows_emitted` says that the text follows an emitted element, `is_before_record` that a record follows the text.
/// If a comma is missing but the text is valid JSON, emits an empty element after the text. An empty element is never
/// valid, so the caller learns that the array was broken.
fn emit_broken(text: &[u8], follows_emitted: bool, is_before_record: bool, each: &mut impl FnMut(&[u8])) {
    let mut broken = without_space(text);
    if broken == if follows_emitted && is_before_record { &b","[..] } else { b"" } {
        return;
    }
    let mut has_commas = true;
    if follows_emitted {
        let without = broken.strip_prefix(b",");
        (has_commas, broken) = (without.is_some(), without.unwrap_or(broken));
    }
    if is_before_record {
        let without = broken.strip_suffix(b",");
        (has_commas, broken) = (has_commas && without.is_some(), without.unwrap_or(broken));
    }
    let broken = without_space(broken);
    each(broken);
    if !has_commas && json::parse(broken).is_ok() {
        each(b"");
    }
}

#[cfg(test)]
mod tests;
