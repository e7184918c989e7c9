//! Finds the records after a broken part of an array.
//!
//! It is unknown which bracket or quotation mark of a broken array is missing or surplus. But JSON text has `{"name":`
//! only at the beginning of an object, because a string would escape the quotation marks. So each such place that does
//! not follow `:` or `[` may be the beginning of a record: a candidate. A candidate is a record if the object is
//! complete, if it has the names of records ([`RecordKeys`]), and if no member of another object follows it. The text
//! between records is emitted unchanged, and the caller rejects it.
//!
//! The search reads every byte at most twice. If it fails inside of a string, it reads that string once more. The text
//! of a record is read once more for its names.

use super::record_keys::RecordKeys;
use super::space::is_space;
use crate::event::json::{self, find_special_byte};

/// The longest beginning of an object that is recognised, in bytes: its brace, its first name and a colon.
const MAX_BEGINNING_BYTES: usize = 256;
/// The most bytes of white space and punctuation that the search skips before or after an object to find the
/// neighbouring text.
const MAX_SKIPPED_BYTES: usize = 512;
/// The deepest nesting of an object that is recognised. The parser refuses deeper ones anyway.
const MAX_OPEN_BRACKETS: usize = 256;

/// An open bracket or brace.
#[derive(Debug, Clone, Copy)]
struct OpenBracket {
    is_array: bool,
    start: usize,
    /// The brace opens a candidate.
    is_candidate: bool,
}

/// A complete object that may be a record.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    start: usize,
    end: usize,
    /// The index of the bracket of the array that seems to hold the object; `None` if it seems to be in no array.
    array: Option<usize>,
}

/// The search for records in a text that begins with a broken part.
#[derive(Debug)]
pub(super) struct Recovery {
    keys: RecordKeys,
    /// The index of the next byte to read.
    at: usize,
    /// The open brackets and braces from the outermost candidate inwards; empty while the next candidate is searched.
    open: Vec<OpenBracket>,
    last: LastByte,
    is_in_string: bool,
    /// The last byte was a backslash that begins an escape in a string.
    is_escaped: bool,
    /// The index of the opening quotation mark of the last string.
    string_start: usize,
    /// The complete candidates in the order of the text, without overlaps.
    found: Vec<Candidate>,
    /// The text was found to be broken, not only cut off.
    has_break: bool,
}

/// The text that follows an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Following {
    /// A comma and then an element that is not a string. The number is the index of that element.
    Element(usize),
    /// The end of the input, or text that is not a member.
    NoMember,
    /// A member: the object is inside of another object, or a surplus brace ended it too early.
    Member,
    /// The text that is needed to decide was not read yet.
    Unknown,
}

/// The beginning of an object with a member.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Beginning {
    /// The range of the object's first name in the text.
    Name(std::ops::Range<usize>),
    /// The text is not the beginning of an object with a member.
    None,
    /// The text that is needed to decide was not read yet.
    Unknown,
}

impl Recovery {
    pub(super) fn new(keys: RecordKeys) -> Self {
        Self {
            keys,
            at: 0,
            open: Vec::new(),
            last: LastByte::default(),
            is_in_string: false,
            is_escaped: false,
            string_start: 0,
            found: Vec::new(),
            has_break: false,
        }
    }

    /// Ends the search, and returns the names that it used.
    pub(super) fn into_keys(self) -> RecordKeys {
        self.keys
    }

    /// Returns the number of bytes that were read.
    pub(super) fn bytes_read(&self) -> usize {
        self.at
    }

    /// Returns `true` if the text is broken, not only cut off.
    pub(super) fn has_break(&self) -> bool {
        self.has_break || self.is_in_string
    }

    /// Continues to read the text. `is_end` says that no more text follows. If it finds a record that a comma and
    /// another element follow, it returns the index of that element.
    pub(super) fn read(&mut self, text: &[u8], is_end: bool) -> Option<usize> {
        while self.at < text.len() {
            if self.open.is_empty() {
                if !self.search(text, is_end) {
                    return None;
                }
            } else if self.is_in_string {
                self.read_string(text);
            } else if self.open.len() == 1 && text[self.at] == b'}' {
                match classify_following(text, self.open[0].start, self.at + 1, is_end) {
                    Following::Unknown => return None,
                    follow => {
                        if let Some(next) = self.close_outermost(text, follow) {
                            return Some(next);
                        }
                    }
                }
            } else {
                self.read_byte(text[self.at]);
            }
        }
        None
    }

    /// Returns the ranges of the records that were found. If the text `is_cut`, leaves out the records inside of an
    /// unclosed candidate.
    pub(super) fn records(&self, text: &[u8], is_cut: bool) -> Vec<(usize, usize)> {
        let end = self.open.first().filter(|_| is_cut).map_or(usize::MAX, |open| open.start);
        let found = self.found.iter().filter(|found| found.start < end);
        found.filter(|found| self.is_record(text, found)).map(|found| (found.start, found.end)).collect()
    }

    fn is_record(&self, text: &[u8], found: &Candidate) -> bool {
        let Some(object) = text.get(found.start..found.end) else { return false };
        // The text begins where an element is expected, so a valid object there is a record, whatever its names are.
        if found.start == 0 {
            return json::parse(object).is_ok();
        }
        let is_like_inner = found.array.is_some_and(|array| begins_like(text, array, found.start));
        let is_separate =
            found.array.is_none() || classify_following(text, found.start, found.end, true) != Following::Member;
        is_separate && self.keys.is_record(object, is_like_inner)
    }

    /// Searches for the next candidate. Returns `false` if the text that is needed to decide was not read yet.
    fn search(&mut self, text: &[u8], is_end: bool) -> bool {
        let brace = text[self.at..].iter().position(|byte| *byte == b'{').map_or(text.len(), |at| self.at + at);
        self.has_break |= brace > self.at;
        self.at = brace;
        if brace == text.len() {
            return true;
        }
        let name = match beginning(text, brace) {
            Beginning::Unknown if !is_end => return false,
            Beginning::Name(name) if !follows_colon_or_bracket(text, brace) => name,
            _ => {
                (self.at, self.has_break) = (brace + 1, true);
                return true;
            }
        };
        if brace == 0 {
            self.keys.add_first(&text[name]);
        }
        self.open.push(OpenBracket { is_array: false, start: brace, is_candidate: true });
        (self.last, self.is_in_string, self.is_escaped) = (LastByte::brace(), false, false);
        self.at += 1;
        true
    }

    fn read_string(&mut self, text: &[u8]) {
        if std::mem::take(&mut self.is_escaped) {
            self.at += 1;
            return;
        }
        self.at = find_special_byte(text, self.at);
        match text.get(self.at) {
            Some(b'"') => self.is_in_string = false,
            Some(b'\\') => self.is_escaped = true,
            Some(_) => return self.give_up(true),
            None => return,
        }
        self.at += 1;
    }

    fn read_byte(&mut self, byte: u8) {
        if !is_space(byte) {
            let last = self.last.byte;
            let is_in_object = self.open.last().is_some_and(|open| !open.is_array);
            if !self.last.advance(byte, is_in_object) || !self.accept_bracket(byte, last) {
                return self.give_up(last == b'"');
            }
        }
        self.at += 1;
    }

    /// Opens or closes a string, bracket or brace. Returns `false` if a bracket or brace does not match, or nests too
    /// deeply.
    fn accept_bracket(&mut self, byte: u8, last: u8) -> bool {
        match byte {
            b'"' => (self.is_in_string, self.string_start) = (true, self.at),
            b'{' | b'[' => {
                let is_candidate = byte == b'{' && last == b',';
                self.open.push(OpenBracket { is_array: byte == b'[', start: self.at, is_candidate });
                return self.open.len() <= MAX_OPEN_BRACKETS;
            }
            b'}' | b']' => {
                let is_array = byte == b']';
                let Some(open) = self.open.pop_if(|open| open.is_array == is_array) else { return false };
                if !is_array {
                    self.close_object(open);
                }
            }
            _ => {}
        }
        true
    }

    /// Closes an object. It drops the candidates inside of the object, because a complete object holds no records.
    fn close_object(&mut self, object: OpenBracket) {
        let kept_count = self.found.partition_point(|found| found.start < object.start);
        self.found.truncate(kept_count);
        if object.is_candidate {
            let array = self.open.last().filter(|open| open.is_array).map(|open| open.start);
            self.found.push(Candidate { start: object.start, end: self.at + 1, array });
        }
    }

    /// Closes the outermost candidate. If the candidate is a record and an element follows it, returns the index of
    /// that element.
    fn close_outermost(&mut self, text: &[u8], follow: Following) -> Option<usize> {
        if let Some(object) = self.open.pop() {
            self.close_object(object);
        }
        self.at += 1;
        let is_record = self.found.last().is_some_and(|found| self.is_record(text, found));
        if follow == Following::Member || !is_record {
            self.found.pop();
            self.has_break = true;
            return None;
        }
        if let Following::Element(next) = follow { Some(next) } else { None }
    }

    /// Gives up the open candidates. The search continues at the current byte or, if `is_in_string`, just after the
    /// opening quotation mark of the last string, because that string may have no end.
    fn give_up(&mut self, is_in_string: bool) {
        self.open.clear();
        (self.is_in_string, self.is_escaped, self.has_break) = (false, false, true);
        if is_in_string {
            self.at = self.string_start + 1;
        }
    }
}

/// The last byte that was read outside of strings and white space; `"` stands for a whole string. `before` is the byte
/// before the last string. Both bytes are 0 at the beginning of an element.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastByte {
    pub(super) byte: u8,
    before: u8,
}

impl LastByte {
    /// Returns the state after the brace that opens an object.
    fn brace() -> Self {
        Self { byte: b'{', before: 0 }
    }

    /// Moves on to `byte`, the next byte of the text. Returns `false` if JSON does not allow it after the byte before.
    #[inline]
    pub(super) fn advance(&mut self, byte: u8, is_in_object: bool) -> bool {
        let last = std::mem::replace(&mut self.byte, byte);
        let is_after_name = || is_in_object && last == b'"' && self.before != b':';
        // The last byte ends a complete value.
        let is_after_value = || !matches!(last, 0 | b',' | b':' | b'[' | b'{') && !is_after_name();
        match byte {
            b'"' => {
                self.before = last;
                matches!(last, 0 | b',' | b':' | b'[' | b'{')
            }
            b':' => is_after_name(),
            b',' => is_after_value(),
            b'}' => last == b'{' || is_after_value(),
            b']' => last == b'[' || is_after_value(),
            b'{' | b'[' => matches!(last, 0 | b':' | b'[') || last == b',' && !is_in_object,
            _ => match last {
                b'"' | b'}' | b']' | b'{' => false,
                b',' => !is_in_object,
                _ => true,
            },
        }
    }
}

/// Returns `true` for a brace that follows a colon or an opening bracket. A bracket after a closed array does not
/// count, because it may begin another array of records.
fn follows_colon_or_bracket(text: &[u8], brace: usize) -> bool {
    let mut before = text[..brace].iter().rev().take(MAX_SKIPPED_BYTES).filter(|byte| !is_space(**byte));
    match before.next() {
        Some(b':') => true,
        Some(b'[') => before.find(|byte| **byte != b',') != Some(&b']'),
        _ => false,
    }
}

/// Classifies the text that follows the object from `start` to `end`. `is_end` says that no more text follows.
fn classify_following(text: &[u8], start: usize, end: usize, is_end: bool) -> Following {
    let rest = text.get(end..).unwrap_or_default();
    let is_punctuation = |byte: &u8| matches!(byte, b',' | b']' | b'}') || is_space(*byte);
    let Some(next) = rest.iter().take(MAX_SKIPPED_BYTES).position(|byte| !is_punctuation(byte)) else {
        return match rest.len() >= MAX_SKIPPED_BYTES {
            true => Following::Member,
            false if is_end => Following::NoMember,
            false => Following::Unknown,
        };
    };
    let between = &rest[..next];
    let commas = between.iter().filter(|byte| **byte == b',').count();
    let is_closed = between.iter().any(|byte| matches!(byte, b']' | b'}'));
    match rest[next] {
        b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if commas == 1 && !is_closed => {
            Following::Element(end + next)
        }
        b'"' => match (name_at(text, end + next), beginning(text, start)) {
            (Beginning::Unknown, _) if !is_end => Following::Unknown,
            // The member has the same name as the object's first member, so it begins another object whose brace is
            // missing.
            (Beginning::Name(next), Beginning::Name(first)) if text[next.clone()] == text[first.clone()] => {
                Following::NoMember
            }
            (Beginning::Name(_), _) => Following::Member,
            _ => Following::NoMember,
        },
        b':' if commas == 0 => Following::Member,
        _ => Following::NoMember,
    }
}

/// Reads the beginning of an object at a brace, up to the colon after its first name.
fn beginning(text: &[u8], brace: usize) -> Beginning {
    match name_at(text, brace + 1) {
        // A name that begins with punctuation is probably the text between two strings, as the comma in `{","`. Then the
        // brace belongs to the first string and opens no object.
        Beginning::Name(name) if !text[name.start].is_ascii_alphanumeric() && text[name.start] != b'_' => {
            Beginning::None
        }
        name => name,
    }
}

/// Reads the name of a member at `from`. White space may come before the name, and a colon must follow it.
fn name_at(text: &[u8], from: usize) -> Beginning {
    let window = &text[from.min(text.len())..text.len().min(from + MAX_BEGINNING_BYTES)];
    let unfinished = if window.len() == MAX_BEGINNING_BYTES { Beginning::None } else { Beginning::Unknown };
    let skip_space = |at: usize| window[at..].iter().position(|byte| !is_space(*byte)).map(|space| at + space);
    let Some(quote) = skip_space(0) else { return unfinished };
    if window[quote] != b'"' {
        return Beginning::None;
    }
    let name = quote + 1;
    let end = find_special_byte(window, name);
    match window.get(end) {
        None => return unfinished,
        Some(b'"') if end > name => {}
        Some(_) => return Beginning::None,
    }
    match skip_space(end + 1) {
        None => unfinished,
        Some(colon) if window[colon] == b':' => Beginning::Name(from + name..from + end),
        Some(_) => Beginning::None,
    }
}

/// Returns `true` if the first element of an array is an object that begins with the same name as another object.
fn begins_like(text: &[u8], array: usize, object: usize) -> bool {
    let first = text[array + 1..].iter().position(|byte| !is_space(*byte)).map(|at| array + 1 + at);
    let Some(first) = first.filter(|first| text[*first] == b'{') else { return false };
    match (beginning(text, first), beginning(text, object)) {
        (Beginning::Name(a), Beginning::Name(b)) => text[a] == text[b],
        _ => false,
    }
}
