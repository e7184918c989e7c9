//! Goes on in an array that is broken somewhere: finds the records behind the break.
//!
//! Nobody can say which bracket or quotation mark of an array that does not fit is missing or surplus. But JSON
//! text has `{"name":` nowhere than at the beginning of an object: inside of a string its quotation marks would be
//! escaped. So each such place, unless it follows `:` or `[`, may be the beginning of a record. It is one if the object
//! ends soundly, if its names are those of records ([`RecordKeys`]), and if no member of another object follows it. All
//! text between such records is handed out as it is, to be rejected.
//!
//! Every byte is read twice at most (a string in which a break was found, once more), and a record's text once more for
//! its names.

use super::record_keys::RecordKeys;
use super::space::is_space;
use crate::event::json::{self, plain_until};

/// The longest beginning of an object that is looked for, in bytes: its brace, its first name and a colon.
const MAX_BEGINNING_BYTES: usize = 256;
/// White space and punctuation that is looked through for what stands before or behind it, in bytes.
const MAX_LOOK_BYTES: usize = 512;
/// The deepest nesting of an object that is looked for: deeper ones are refused elsewhere.
const MAX_OPEN: usize = 256;

/// An open bracket or brace.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_array: bool,
    start: usize,
    /// An object that may be a record.
    is_candidate: bool,
}

/// An object that may be a record.
#[derive(Debug, Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
    /// The beginning of the array that seems to hold it, if any.
    array: Option<usize>,
}

/// The search for records in a text that begins where something broken does.
#[derive(Debug)]
pub(super) struct Recovery {
    keys: RecordKeys,
    /// All before it was read.
    at: usize,
    /// The open brackets and braces, from the outermost candidate inwards; none while the next candidate is searched.
    open: Vec<Open>,
    last: Last,
    in_string: bool,
    /// The last byte was a backslash in a string.
    escaping: bool,
    /// The beginning of the last string.
    string: usize,
    /// One behind the other.
    found: Vec<Found>,
    /// Something did not fit.
    has_break: bool,
}

/// The text that follows an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// A comma, and here the next element, which is no string.
    Next(usize),
    /// Something else that is no member, or the end.
    Loose,
    /// A member: the object is a part of another one, or a surplus brace ended it.
    Other,
    /// The text does not say yet.
    Unknown,
}

/// The beginning of an object with a member.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Beginning {
    /// Its first name, as it was sent.
    Name(std::ops::Range<usize>),
    None,
    /// The text does not say yet.
    Unknown,
}

impl Recovery {
    pub(super) fn new(keys: RecordKeys) -> Self {
        Self {
            keys,
            at: 0,
            open: Vec::new(),
            last: Last::default(),
            in_string: false,
            escaping: false,
            string: 0,
            found: Vec::new(),
            has_break: false,
        }
    }

    /// Gives back what it was made of.
    pub(super) fn into_keys(self) -> RecordKeys {
        self.keys
    }

    /// The bytes of the text that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Returns `true` if the text is broken, and not only cut off.
    pub(super) fn has_break(&self) -> bool {
        self.has_break || self.in_string
    }

    /// Reads on in the text; `is_end`: nothing follows it. Returns where the next element begins, once a record was
    /// found and a comma and another object behind it.
    pub(super) fn read(&mut self, text: &[u8], is_end: bool) -> Option<usize> {
        while self.at < text.len() {
            if self.open.is_empty() {
                if !self.search(text, is_end) {
                    return None;
                }
            } else if self.in_string {
                self.read_string(text);
            } else if self.open.len() == 1 && text[self.at] == b'}' {
                match follow(text, self.open[0].start, self.at + 1, is_end) {
                    Follow::Unknown => return None,
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

    /// The records that were found, without those inside of a candidate that may go on when `is_cut`.
    pub(super) fn records(&self, text: &[u8], is_cut: bool) -> Vec<(usize, usize)> {
        let end = self.open.first().filter(|_| is_cut).map_or(usize::MAX, |open| open.start);
        let found = self.found.iter().filter(|found| found.start < end);
        found.filter(|found| self.is_record(text, found)).map(|found| (found.start, found.end)).collect()
    }

    fn is_record(&self, text: &[u8], found: &Found) -> bool {
        let Some(object) = text.get(found.start..found.end) else { return false };
        // What the text begins with stands where an element does.
        if found.start == 0 {
            return json::parse(object).is_ok();
        }
        let is_like_inner = found.array.is_some_and(|array| begins_like(text, array, found.start));
        let is_apart = found.array.is_none() || follow(text, found.start, found.end, true) != Follow::Other;
        is_apart && self.keys.is_record(object, is_like_inner)
    }

    /// Goes on to the next candidate; returns `false` if the text does not say yet where that is.
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
        self.open.push(Open { is_array: false, start: brace, is_candidate: true });
        (self.last, self.in_string, self.escaping) = (Last::brace(), false, false);
        self.at += 1;
        true
    }

    fn read_string(&mut self, text: &[u8]) {
        if std::mem::take(&mut self.escaping) {
            self.at += 1;
            return;
        }
        self.at = plain_until(text, self.at);
        match text.get(self.at) {
            Some(b'"') => self.in_string = false,
            Some(b'\\') => self.escaping = true,
            Some(_) => return self.give_up(true),
            None => return,
        }
        self.at += 1;
    }

    fn read_byte(&mut self, byte: u8) {
        if !is_space(byte) {
            let last = self.last.byte;
            let in_object = self.open.last().is_some_and(|open| !open.is_array);
            if !self.last.takes(byte, in_object) || !self.takes_bracket(byte, last) {
                return self.give_up(last == b'"');
            }
        }
        self.at += 1;
    }

    /// Opens or closes what the byte does; returns `false` if that does not fit.
    fn takes_bracket(&mut self, byte: u8, last: u8) -> bool {
        match byte {
            b'"' => (self.in_string, self.string) = (true, self.at),
            b'{' | b'[' => {
                let is_candidate = byte == b'{' && last == b',';
                self.open.push(Open { is_array: byte == b'[', start: self.at, is_candidate });
                return self.open.len() <= MAX_OPEN;
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

    /// A sound object holds no records: what was found in it is its own.
    fn close_object(&mut self, object: Open) {
        let kept = self.found.partition_point(|found| found.start < object.start);
        self.found.truncate(kept);
        if object.is_candidate {
            let array = self.open.last().filter(|open| open.is_array).map(|open| open.start);
            self.found.push(Found { start: object.start, end: self.at + 1, array });
        }
    }

    /// Closes the outermost candidate; returns where the next element begins if it is a record, and all is sound behind it.
    fn close_outermost(&mut self, text: &[u8], follow: Follow) -> Option<usize> {
        if let Some(object) = self.open.pop() {
            self.close_object(object);
        }
        self.at += 1;
        let is_record = self.found.last().is_some_and(|found| self.is_record(text, found));
        if follow == Follow::Other || !is_record {
            self.found.pop();
            self.has_break = true;
            return None;
        }
        if let Follow::Next(next) = follow { Some(next) } else { None }
    }

    /// Nothing is known any more of what is open. The search goes on here, or at the beginning of the last string, which
    /// may have no end of its own.
    fn give_up(&mut self, in_string: bool) {
        self.open.clear();
        (self.in_string, self.escaping, self.has_break) = (false, false, true);
        if in_string {
            self.at = self.string + 1;
        }
    }
}

/// The last byte outside of strings that is no white space, `"` for a string, and the one before that string. Both are 0
/// at the beginning of an element.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Last {
    pub(super) byte: u8,
    before: u8,
}

impl Last {
    /// The byte that opens an object.
    fn brace() -> Self {
        Self { byte: b'{', before: 0 }
    }

    /// Returns `true` unless it is known that a byte cannot come next in JSON, and takes it if so.
    #[inline]
    pub(super) fn takes(&mut self, byte: u8, in_object: bool) -> bool {
        let last = std::mem::replace(&mut self.byte, byte);
        let is_after_name = || in_object && last == b'"' && self.before != b':';
        // A value stands before it.
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
            b'{' | b'[' => matches!(last, 0 | b':' | b'[') || last == b',' && !in_object,
            _ => match last {
                b'"' | b'}' | b']' | b'{' => false,
                b',' => !in_object,
                _ => true,
            },
        }
    }
}

/// Returns `true` for the value of a member and for the first element of an array, unless another array ended before that
/// one: then it is one of arrays in a row.
fn follows_colon_or_bracket(text: &[u8], brace: usize) -> bool {
    let mut before = text[..brace].iter().rev().take(MAX_LOOK_BYTES).filter(|byte| !is_space(**byte));
    match before.next() {
        Some(b':') => true,
        Some(b'[') => before.find(|byte| **byte != b',') != Some(&b']'),
        _ => false,
    }
}

/// Classifies the text that follows the object from `start` up to `end`.
fn follow(text: &[u8], start: usize, end: usize, is_end: bool) -> Follow {
    let rest = text.get(end..).unwrap_or_default();
    let is_punctuation = |byte: &u8| matches!(byte, b',' | b']' | b'}') || is_space(*byte);
    let Some(next) = rest.iter().take(MAX_LOOK_BYTES).position(|byte| !is_punctuation(byte)) else {
        return match rest.len() >= MAX_LOOK_BYTES {
            true => Follow::Other,
            false if is_end => Follow::Loose,
            false => Follow::Unknown,
        };
    };
    let between = &rest[..next];
    let commas = between.iter().filter(|byte| **byte == b',').count();
    let is_closed = between.iter().any(|byte| matches!(byte, b']' | b'}'));
    match rest[next] {
        b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if commas == 1 && !is_closed => Follow::Next(end + next),
        b'"' => match (name_at(text, end + next), beginning(text, start)) {
            (Beginning::Unknown, _) if !is_end => Follow::Unknown,
            // It begins with a member of this name: the next object lacks its brace.
            (Beginning::Name(next), Beginning::Name(first)) if text[next.clone()] == text[first.clone()] => {
                Follow::Loose
            }
            (Beginning::Name(_), _) => Follow::Other,
            _ => Follow::Loose,
        },
        b':' if commas == 0 => Follow::Other,
        _ => Follow::Loose,
    }
}

/// The beginning of the object at a brace.
fn beginning(text: &[u8], brace: usize) -> Beginning {
    match name_at(text, brace + 1) {
        // A name like `,` could follow a string that ends in a brace.
        Beginning::Name(name) if !text[name.start].is_ascii_alphanumeric() && text[name.start] != b'_' => {
            Beginning::None
        }
        name => name,
    }
}

/// The name of a member with its colon, white space before it.
fn name_at(text: &[u8], from: usize) -> Beginning {
    let window = &text[from.min(text.len())..text.len().min(from + MAX_BEGINNING_BYTES)];
    let cut = if window.len() == MAX_BEGINNING_BYTES { Beginning::None } else { Beginning::Unknown };
    let skip_space = |at: usize| window[at..].iter().position(|byte| !is_space(*byte)).map(|space| at + space);
    let Some(quote) = skip_space(0) else { return cut };
    if window[quote] != b'"' {
        return Beginning::None;
    }
    let name = quote + 1;
    let end = plain_until(window, name);
    match window.get(end) {
        None => return cut,
        Some(b'"') if end > name => {}
        Some(_) => return Beginning::None,
    }
    match skip_space(end + 1) {
        None => cut,
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
