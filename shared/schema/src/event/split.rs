//! A JSON array, in pieces as they come, split into its elements.

mod brackets;
mod record_keys;
mod recovery;
mod space;

use brackets::Brackets;
use record_keys::Records;
use recovery::{Last, Recovery};
use space::{is_space, without_space, without_space_after};

use crate::event::json::{self, plain_until};

/// Splits one JSON array into its raw elements, holding little more than one element at a time.
///
/// It finds where elements end; their reader finds out which of them are valid JSON. Where the array itself is broken
/// (brackets that do not match, a string without an end), it goes on with the next record that can be told from an object
/// inside of a record (see `split/recovery.rs`), and hands out what stands before it as one element, which is not JSON.
#[derive(Debug)]
pub struct ArraySplitter {
    longest_element: usize,
    state: State,
    /// Text that is not handed out yet, or may still be needed.
    text: Vec<u8>,
    /// All of the text before it was read.
    at: usize,
    /// The beginning, in the text, of the element that is being read, of the bracket behind the last one, or of what is
    /// broken.
    element: usize,
    /// The broken part follows something that was handed out.
    is_behind: bool,
    /// An element with a comma or bracket behind it, while it is open whether it ended there: with a surplus brace inside
    /// of it a member of it comes next.
    pending: Option<(usize, usize)>,
    /// Brackets and braces open inside the element.
    open: Brackets,
    last: Last,
    in_string: bool,
    /// The last byte was a backslash in a string.
    escaping: bool,
    records: Records,
    recovery: Option<Recovery>,
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
    /// Behind something broken; the next record is searched.
    Broken,
}

/// Why an element is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    EndOfInput,
    /// At the comma or bracket behind it.
    EndOfElement,
    /// At a byte that does not fit.
    Break,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// White space behind an array, in bytes.
const MAX_SPACE_BYTES: usize = 1 << 20;

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
        Self {
            longest_element,
            state: State::Before(0),
            text: Vec::new(),
            at: 0,
            element: 0,
            is_behind: false,
            pending: None,
            open: Brackets::default(),
            last: Last::default(),
            in_string: false,
            escaping: false,
            records: Records::default(),
            recovery: None,
        }
    }

    /// Takes the next bytes and hands each element completed by them to `each`.
    ///
    /// # Errors
    /// The bytes are not an array, or an element is too long; the splitter is of no further use then.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), SplitError> {
        for piece in bytes.chunks(PIECE_BYTES) {
            let mut text = std::mem::take(&mut self.text);
            text.extend_from_slice(piece);
            self.read(&text, &mut each)?;
            self.text = text;
            self.forget();
        }
        Ok(())
    }

    /// The end of input: hands the elements that were held back to `each`.
    ///
    /// # Errors
    /// The array was not closed, or there was none.
    pub fn finish(mut self, mut each: impl FnMut(&[u8])) -> Result<(), SplitError> {
        let text = std::mem::take(&mut self.text);
        loop {
            match self.state {
                State::After => {
                    self.hand_out_pending(&text, &mut each);
                    return Ok(());
                }
                State::Before(_) => return error("no JSON array: the input is empty"),
                State::First | State::Next => {
                    self.hand_out_pending(&text, &mut each);
                    return error("the JSON array is cut off");
                }
                State::Element => self.recover_from(self.begin()),
                State::Broken => {
                    if !self.recover(&text, true, &mut each)? {
                        return self.finish_broken(&text, &mut each);
                    }
                    self.read(&text, &mut each)?;
                }
            }
        }
    }

    /// The end of an input that broke off: hands the whole elements that were held back to `each`.
    pub fn abandon(mut self, mut each: impl FnMut(&[u8])) {
        let text = std::mem::take(&mut self.text);
        match self.state {
            State::Next | State::After => self.hand_out_pending(&text, &mut each),
            State::Broken => self.end_recovery(&text[self.element..], None, true, &mut each),
            State::Before(_) | State::First | State::Element => {}
        }
    }

    /// Reads the text to its end.
    fn read(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        while let Some(byte) = text.get(self.at) {
            match self.state {
                State::Broken => {
                    if !self.recover(text, false, each)? {
                        break;
                    }
                }
                State::Element => self.element(text, each)?,
                _ => self.between(*byte, text, each)?,
            }
        }
        Ok(())
    }

    /// Forgets the text that is not needed any more.
    fn forget(&mut self) {
        let needed = match self.state {
            State::Before(_) | State::First => self.at,
            State::Next => self.pending.map_or(self.at, |(start, _)| start),
            State::Element | State::After | State::Broken => self.begin(),
        };
        self.text.drain(..needed);
        self.at -= needed;
        self.element = self.element.saturating_sub(needed);
        self.pending = self.pending.map(|(start, end)| (start - needed, end - needed));
    }

    /// Returns the place in the text up to which all was handed out.
    fn begin(&self) -> usize {
        self.pending.map_or(self.element, |(start, _)| start)
    }

    /// Takes a byte outside of elements.
    fn between(&mut self, byte: u8, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        self.state = match (self.state, byte) {
            (State::Before(mark), _) if BYTE_ORDER_MARK.get(mark) == Some(&byte) => State::Before(mark + 1),
            (State::Before(1 | 2), _) => return error("no JSON array: half a byte order mark"),
            (state, byte) if is_space(byte) => match state {
                State::Before(_) => State::Before(BYTE_ORDER_MARK.len()),
                State::After if self.at - self.element > MAX_SPACE_BYTES => {
                    return error("too much white space follows the JSON array");
                }
                _ => state,
            },
            (State::Before(_), b'[') => State::First,
            (State::Before(_), _) => return error("no JSON array: the input begins with something else"),
            (State::First, b']') => {
                self.element = self.at;
                State::After
            }
            (State::After, _) => {
                self.go_on_after_the_end(each)?;
                return Ok(());
            }
            (_, b',' | b']' | b'}' | b':') => {
                self.recover_from(self.pending.map_or(self.at, |(start, _)| start));
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

    /// More follows the bracket at the end of the array: it was a surplus one.
    fn go_on_after_the_end(&mut self, each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        if self.pending.is_some() {
            self.recover_from(self.begin());
            return Ok(());
        }
        self.check_length(1)?;
        each(b"]");
        self.recover_from(self.at);
        self.is_behind = true;
        Ok(())
    }

    fn begin_element(&mut self, byte: u8, text: &[u8], each: &mut impl FnMut(&[u8])) {
        let may_be_member = self.pending.is_some_and(|(start, _)| text[start] == b'{') && !matches!(byte, b'{' | b'[');
        if !may_be_member {
            self.hand_out_pending(text, each);
        }
        self.open.clear();
        (self.last, self.in_string, self.escaping) = (Last::default(), false, false);
        (self.state, self.element) = (State::Element, self.at);
    }

    /// Goes on in an element.
    fn element(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        let stop = self.scan(text);
        self.check_length(self.at - self.element)?;
        match stop {
            Stop::EndOfInput => {}
            Stop::Break => self.recover_from(self.begin()),
            Stop::EndOfElement => {
                self.hand_out_pending(text, each);
                let length = without_space_after(&text[self.element..self.at]).len();
                self.pending = Some((self.element, self.element + length));
                self.state = State::Next;
                if text[self.at] == b']' {
                    if text[self.element] != b'{' {
                        self.hand_out_pending(text, each);
                    }
                    (self.state, self.element) = (State::After, self.at);
                }
                self.at += 1;
            }
        }
        Ok(())
    }

    fn check_length(&self, length: usize) -> Result<(), SplitError> {
        if length > self.longest_element {
            return Err(SplitError(format!("an element is longer than {} bytes", self.longest_element)));
        }
        Ok(())
    }

    fn hand_out_pending(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) {
        if let Some((start, end)) = self.pending.take() {
            self.hand_out(&text[start..end], each);
        }
    }

    /// Hands out a sound element.
    fn hand_out(&mut self, element: &[u8], each: &mut impl FnMut(&[u8])) {
        if element.starts_with(b"{") {
            self.records.add(element);
        }
        each(element);
    }

    /// Reads on to where the element stops.
    fn scan(&mut self, text: &[u8]) -> Stop {
        while let Some(byte) = text.get(self.at).copied() {
            if self.in_string {
                if !self.string(text) {
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
            if !self.last.takes(byte, self.open.is_in_object()) {
                return Stop::Break;
            }
            let is_sound = match byte {
                b'{' | b'[' => {
                    self.open.open(byte == b'[');
                    true
                }
                b'}' | b']' => self.open.close(byte == b']'),
                b'"' => {
                    self.in_string = true;
                    true
                }
                _ => true,
            };
            if !is_sound {
                return Stop::Break;
            }
            self.at += 1;
        }
        Stop::EndOfInput
    }

    /// Goes on in a string; returns `false` at a byte that no string has.
    fn string(&mut self, text: &[u8]) -> bool {
        if std::mem::take(&mut self.escaping) {
            self.at += 1;
            return true;
        }
        self.at = plain_until(text, self.at);
        match text.get(self.at) {
            Some(b'"') => self.in_string = false,
            Some(b'\\') => self.escaping = true,
            Some(_) => return false,
            None => return true,
        }
        self.at += 1;
        true
    }

    /// Searches the next record from here on in the text.
    fn recover_from(&mut self, begin: usize) {
        (self.state, self.element, self.is_behind, self.pending) = (State::Broken, begin, false, None);
        self.recovery = Some(Recovery::new(self.records.take_keys()));
    }

    /// Goes on in what is broken; returns `true` once it was left behind.
    fn recover(&mut self, text: &[u8], is_end: bool, each: &mut impl FnMut(&[u8])) -> Result<bool, SplitError> {
        let broken = &text[self.element..];
        let Some(recovery) = &mut self.recovery else { return Ok(false) };
        let next = recovery.read(broken, is_end);
        let read = next.unwrap_or(recovery.at());
        self.check_length(read)?;
        let Some(next) = next else { return Ok(false) };
        self.end_recovery(broken, None, false, each);
        self.at = self.element + next;
        self.begin_element(text[self.at], text, each);
        Ok(true)
    }

    /// The end of input in something broken.
    fn finish_broken(&mut self, text: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), SplitError> {
        let broken = without_space_after(&text[self.element..]);
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

    /// Hands out the records that were found, and between them and up to `end`, if that is given, what is broken.
    fn end_recovery(&mut self, broken: &[u8], end: Option<usize>, is_cut: bool, each: &mut impl FnMut(&[u8])) {
        let Some(recovery) = self.recovery.take() else { return };
        let (mut from, mut is_behind) = (0, self.is_behind);
        for (start, stop) in recovery.records(broken, is_cut) {
            if !is_cut {
                hand_out_broken(&broken[from..start], is_behind, true, each);
            }
            self.hand_out(&broken[start..stop], each);
            (from, is_behind) = (stop, true);
        }
        if let Some(end) = end {
            hand_out_broken(&broken[from..end], is_behind, false, each);
        }
        self.records.give_back(recovery.into_keys());
    }
}

/// Hands out what stands between two records, without the commas that belong there. If that is nothing, or sound by
/// itself, an empty element says that something was broken, for no such element is taken for a sound one.
fn hand_out_broken(text: &[u8], is_behind: bool, is_before: bool, each: &mut impl FnMut(&[u8])) {
    let mut broken = without_space(text);
    if broken == if is_behind && is_before { &b","[..] } else { b"" } {
        return;
    }
    let mut is_apart = true;
    if is_behind {
        let without = broken.strip_prefix(b",");
        (is_apart, broken) = (without.is_some(), without.unwrap_or(broken));
    }
    if is_before {
        let without = broken.strip_suffix(b",");
        (is_apart, broken) = (is_apart && without.is_some(), without.unwrap_or(broken));
    }
    let broken = without_space(broken);
    each(broken);
    if !is_apart && json::parse(broken).is_ok() {
        each(b"");
    }
}

#[cfg(test)]
mod tests;
