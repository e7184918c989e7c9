//! Parses JSON text into a [`Document`], as RFC 8259 defines it.

use super::document::{Document, DocumentBuffers, Kind, Node};
use super::flags::{DUPLICATE_KEYS, DUPLICATE_KEYS_INSIDE, ESCAPED, INHERITED, NOT_CANONICAL, NOT_COPYABLE, SPACED};
use super::member::{Member, NodeId, Prefix, StringSpan, prefix, prefix_in};
use super::shapes::{ShapeId, Shapes};
use super::text::{code_unit, unescape_wtf8};

/// The most levels to which values may nest.
const MAX_DEPTH: usize = 128;

/// The reason why a text is not one JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxError {
    #[error("not JSON: {what} at byte {at}")]
    Syntax { what: &'static str, at: usize },
    #[error("not UTF-8: byte {0}")]
    NotUtf8(usize),
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("longer than 4 GiB")]
    TooLong,
}

/// Parses a text that holds one JSON value and nothing else.
pub(crate) fn parse(raw: &[u8]) -> Result<Document<'_>, SyntaxError> {
    parse_with(raw, DocumentBuffers::default())
}

/// Like [`parse`], but reuses the buffers of an earlier document.
pub(crate) fn parse_with(raw: &[u8], buffers: DocumentBuffers) -> Result<Document<'_>, SyntaxError> {
    let (document, end) = parse_prefix(raw, buffers)?;
    match document.text.as_bytes()[end..].iter().position(|byte| !is_space(*byte)) {
        None => Ok(document),
        Some(after) => Err(SyntaxError::Syntax { what: "more after the end of the value", at: end + after }),
    }
}

/// Parses the first value of a text and ignores the text after it. Returns the document, and the offset in bytes at
/// which the value ends.
pub(crate) fn parse_prefix(raw: &[u8], mut buffers: DocumentBuffers) -> Result<(Document<'_>, usize), SyntaxError> {
    if u32::try_from(raw.len()).is_err() {
        return Err(SyntaxError::TooLong);
    }
    let text = std::str::from_utf8(raw).map_err(|error| SyntaxError::NotUtf8(error.valid_up_to()))?;
    buffers.nodes.clear();
    buffers.members.clear();
    buffers.open.clear();
    let (open, shapes) = (std::mem::take(&mut buffers.open), buffers.shapes.take());
    let document = Document { text, buffers };
    let mut parser = Parser { document, bytes: text.as_bytes(), at: 0, open, shapes, error: None };
    if raw.starts_with(b"\xef\xbb\xbf") {
        parser.at = 3;
    }
    parser.skip_space();
    parser.value(0);
    if let Some(error) = parser.error {
        return Err(error);
    }
    (parser.document.buffers.open, parser.document.buffers.shapes) = (parser.open, parser.shapes);
    Ok((parser.document, parser.at))
}

/// Returns `true` for white space between the tokens of JSON.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Parser<'a> {
    document: Document<'a>,
    bytes: &'a [u8],
    at: usize,
    /// The members of the objects that are not closed yet.
    open: Vec<Member>,
    shapes: Option<Shapes>,
    error: Option<SyntaxError>,
}

/// The result of a parsing step. It is `None` after an error. The error is in the parser's field `error`, because a
/// large error would make each [`Result`] slow to return.
type Parsed<T> = Option<T>;

impl Parser<'_> {
    #[cold]
    fn error<T>(&mut self, what: &'static str) -> Parsed<T> {
        self.error = Some(SyntaxError::Syntax { what, at: self.at });
        None
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space. Returns `true` if there was any.
    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > start
    }

    fn push(&mut self, kind: Kind, flags: u8, start: usize) -> NodeId {
        let id = self.document.buffers.nodes.len() as u32;
        let (start, end) = (start as u32, self.at as u32);
        self.document.buffers.nodes.push(Node {
            kind,
            flags,
            start,
            end,
            next: id + 1,
            first_member: 0,
            member_count: 0,
            shape: None,
        });
        id
    }

    /// Parses a value. Returns the flags that its container inherits.
    fn value(&mut self, depth: usize) -> Parsed<u8> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.keyword("true", Kind::True),
            Some(b'f') => self.keyword("false", Kind::False),
            Some(b'n') => self.keyword("null", Kind::Null),
            Some(_) => self.error("no value starts like this"),
            None => self.error("the text ends where a value should be"),
        }
    }

    fn keyword(&mut self, word: &str, kind: Kind) -> Parsed<u8> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.error("no value starts like this");
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, 0, start);
        Some(0)
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.error("a number lacks a digit") } else { Some(()) }
    }

    fn number(&mut self) -> Parsed<u8> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(Kind::Number, 0, start);
        Some(0)
    }

    fn string(&mut self) -> Parsed<u8> {
        let start = self.at;
        let flags = self.quoted()?;
        self.push(Kind::String, flags, start);
        Some(flags & INHERITED)
    }

    /// Skips a string, from its opening quote to its closing quote. Returns its flags.
    fn quoted(&mut self) -> Parsed<u8> {
        let mut flags = 0;
        self.at += 1;
        loop {
            self.at = find_special_byte(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => flags |= ESCAPED | NOT_CANONICAL | self.escape()?,
                Some(_) => return self.error("a control character in a string"),
                None => return self.error("a string is not closed"),
            }
        }
        self.at += 1;
        Some(flags)
    }

    /// Skips one escape. Returns [`NOT_COPYABLE`] for a lone surrogate, and no flag for any other escape.
    fn escape(&mut self) -> Parsed<u8> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Some(0);
            }
            Some(b'u') => {}
            _ => return self.error("an unknown escape"),
        }
        let Some(unit) = self.code_unit(self.at) else { return self.error("\\u without four hex digits") };
        self.at += 6;
        match unit {
            0xd800..=0xdbff if matches!(self.code_unit(self.at), Some(0xdc00..=0xdfff)) => {
                self.at += 6;
                Some(0)
            }
            0xd800..=0xdfff => Some(NOT_COPYABLE),
            _ => Some(0),
        }
    }

    fn code_unit(&self, at: usize) -> Option<u16> {
        code_unit(self.bytes.get(at..at + 6)?)
    }

    fn array(&mut self, depth: usize) -> Parsed<u8> {
        let (id, mut flags) = self.enter(Kind::Array, depth)?;
        if self.peek() != Some(b']') {
            loop {
                flags |= self.value(depth)?;
                flags |= self.spaced();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return self.error("an array goes on without , or ]"),
                }
                flags |= self.spaced();
            }
        }
        self.leave(id, flags);
        Some(flags)
    }

    fn object(&mut self, depth: usize) -> Parsed<u8> {
        let (id, mut flags) = self.enter(Kind::Object, depth)?;
        let first_open = self.open.len();
        if self.peek() != Some(b'}') {
            loop {
                flags |= self.member(depth)?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return self.error("an object goes on without , or }"),
                }
                flags |= self.spaced();
            }
        }
        flags |= self.close_object(id, first_open);
        self.leave(id, flags);
        Some(flags & INHERITED)
    }

    fn member(&mut self, depth: usize) -> Parsed<u8> {
        let (prefix, key) = self.key()?;
        let mut flags = key.flags & INHERITED;
        flags |= self.spaced();
        if self.peek() != Some(b':') {
            return self.error("a key without :");
        }
        self.at += 1;
        flags |= self.spaced();
        let value = self.document.buffers.nodes.len() as u32;
        flags |= self.value(depth)?;
        flags |= self.spaced();
        self.open.push(Member { prefix, key, value });
        Some(flags)
    }

    fn key(&mut self) -> Parsed<(Prefix, StringSpan)> {
        if self.peek() != Some(b'"') {
            return self.error("an object's key is not a string");
        }
        let start = self.at + 1;
        let flags = self.quoted()?;
        let end = self.at - 1;
        let prefix = if flags & ESCAPED == 0 {
            prefix_in(self.bytes, start, end)
        } else {
            prefix(&unescape_wtf8(&self.document.text[start..end]))
        };
        Some((prefix, StringSpan { start: start as u32, end: end as u32, flags }))
    }

    #[inline]
    /// Skips white space. Returns [`SPACED`] if there was any, and no flag otherwise.
    fn spaced(&mut self) -> u8 {
        match self.peek() {
            Some(byte) if byte > b' ' => 0,
            _ if self.skip_space() => SPACED,
            _ => 0,
        }
    }

    /// Begins an array or object. Returns its id, and the flags of the white space after its bracket.
    fn enter(&mut self, kind: Kind, depth: usize) -> Parsed<(NodeId, u8)> {
        if depth > MAX_DEPTH {
            self.error = Some(SyntaxError::TooDeep);
            return None;
        }
        let id = self.push(kind, 0, self.at);
        self.at += 1;
        Some((id, self.spaced()))
    }

    /// Ends an array or object, and sets its flags.
    fn leave(&mut self, id: NodeId, flags: u8) {
        self.at += 1;
        let next = self.document.buffers.nodes.len() as u32;
        let node = &mut self.document.buffers.nodes[id as usize];
        (node.flags, node.end, node.next) = (flags, self.at as u32, next);
    }

    /// Moves the members of a closed object from `open` to the document, sorted by key. Returns the object's flags.
    fn close_object(&mut self, id: NodeId, first_open: usize) -> u8 {
        let first_member = self.document.buffers.members.len() as u32;
        let count = (self.open.len() - first_open) as u32;
        let (shape, flags) = match self.add_known(first_open) {
            Some((shape, flags)) => (Some(shape), flags),
            None => self.add_sorted(first_open),
        };
        self.open.truncate(first_open);
        let node = &mut self.document.buffers.nodes[id as usize];
        (node.first_member, node.member_count, node.shape) = (first_member, count, shape);
        flags
    }

    /// Adds the members of an object to the document, in the sorted order that its shape remembers. Returns the shape
    /// and the object's flags; `None` if the shape is not remembered.
    fn add_known(&mut self, first_open: usize) -> Option<(ShapeId, u8)> {
        let (shape, order) = self.shapes.as_ref()?.find(self.bytes, &self.open[first_open..])?;
        let members = order.iter().map(|place| self.open[first_open + usize::from(*place)]);
        self.document.buffers.members.extend(members);
        Some((shape, if order.is_sorted() { 0 } else { NOT_CANONICAL }))
    }

    /// Sorts the members of an object, adds them to the document, and remembers the shape if possible. Returns the
    /// shape and the object's flags.
    fn add_sorted(&mut self, first_open: usize) -> (Option<ShapeId>, u8) {
        let (document, members) = (&self.document, &self.open[first_open..]);
        let mut sorted = members.to_vec();
        sorted.sort_unstable_by(|a, b| document.compare(a, b).then(a.value.cmp(&b.value)));
        let has_duplicates = sorted.windows(2).any(|pair| document.compare(&pair[0], &pair[1]).is_eq());
        self.document.buffers.members.extend_from_slice(&sorted);
        if has_duplicates {
            return (None, SPACED | DUPLICATE_KEYS | DUPLICATE_KEYS_INSIDE);
        }
        let flags = if sorted.is_sorted_by_key(|member| member.value) { 0 } else { NOT_CANONICAL };
        (self.shapes.as_mut().and_then(|shapes| shapes.remember(self.bytes, members, &sorted)), flags)
    }
}

/// Returns the index of the first quote, backslash or control character from `at` on, or the length of `bytes` if there
/// is none. It compares eight bytes at a time.
pub(crate) fn find_special_byte(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    while let Some(Ok(chunk)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(chunk);
        let found = less(word ^ (ONES * 0x22), 1) | less(word ^ (ONES * 0x5c), 1) | less(word, 0x20);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;
