//! Writes values in canonical form, which is the same however a value was spelled. Row ids are hashes of it, so the
//! form never changes.
//!
//! The form has no white space. Keys are sorted by the bytes of their texts, and equal keys stay in the order sent.
//! Numbers stay as sent. Strings escape only `"` and `\` (with a backslash), and characters below U+0020 and lone
//! surrogates (as `\u` and four lower-case hex digits).

use super::document::{Document, Kind};
use super::flags::{ESCAPED, NOT_CANONICAL};
use super::member::{Member, NodeId};
use super::parse::find_special_byte;
use super::text::{Piece, each_piece};

impl Document<'_> {
    /// Writes a value in canonical form.
    pub(crate) fn write_canonical(&self, id: NodeId, out: &mut Vec<u8>) {
        if self.node(id).flags & NOT_CANONICAL == 0 {
            out.extend_from_slice(self.raw(id).as_bytes());
            return;
        }
        match self.kind(id) {
            Kind::Object => self.write_canonical_object(id, out),
            Kind::Array => self.write_canonical_array(id, out),
            _ => write_sent_string(self.span_text(self.string_span(id)), out),
        }
    }

    fn write_canonical_array(&self, id: NodeId, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, element) in self.elements(id).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write_canonical(element, out);
        }
        out.push(b']');
    }

    fn write_canonical_object(&self, id: NodeId, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, member) in self.members(id).iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            match self.canonical_as_sent(member) {
                Some(sent) => out.extend_from_slice(sent),
                None => self.write_canonical_member(member, out),
            }
        }
        out.push(b'}');
    }

    /// Returns the bytes of a member as they were sent: key, colon and value. Returns `None` if they were not sent in
    /// canonical form.
    fn canonical_as_sent(&self, member: &Member) -> Option<&[u8]> {
        let (key, value) = (member.key, self.node(member.value));
        let is_canonical = (key.flags | value.flags) & (ESCAPED | NOT_CANONICAL) == 0 && value.start == key.end + 2;
        is_canonical.then(|| &self.text.as_bytes()[key.start as usize - 1..value.end as usize])
    }

    fn write_canonical_member(&self, member: &Member, out: &mut Vec<u8>) {
        write_sent_string(self.span_text(member.key), out);
        out.push(b':');
        self.write_canonical(member.value, out);
    }
}

/// Writes a text as a string in canonical form.
pub(crate) fn write_canonical_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Writes a string in canonical form. `inside` is the text between its quotes as it was sent.
fn write_sent_string(inside: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    each_piece(inside, |piece| match piece {
        Piece::Plain(plain) => out.extend_from_slice(plain.as_bytes()),
        Piece::Char(char) => write_escaped(char.encode_utf8(&mut [0; 4]), out),
        Piece::LoneSurrogate(unit) => write_unicode_escape(unit, out),
    });
    out.push(b'"');
}

fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(find_special_byte(rest, 0));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            _ => write_unicode_escape(u16::from(*byte), out),
        }
        rest = after;
    }
}

fn write_unicode_escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use crate::event::json;

    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        json::parse(text.as_bytes()).unwrap().write_canonical(0, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
    }

    #[test]
    fn canonical_text_stays_the_same() {
        for text in [r#"{"a":[1.50,"é\u0001",{"b":null}],"b":{}}"#, r#""\udfff""#, "[]", "-0"] {
            check(text, text);
        }
    }

    #[test]
    fn every_spelling_becomes_the_canonical_one() {
        check("{ \"b\" : 1 , \"a\":[ true ,\tfalse ] }", r#"{"a":[true,false],"b":1}"#);
        check("{\"a\" :1}", r#"{"a":1}"#);
        check(
            r#"{"b":{"d":1,"c":2},"\u0061":"\u00e9\n\/\"\\\uD800"}"#,
            r#"{"a":"é\u000a/\"\\\ud800","b":{"c":2,"d":1}}"#,
        );
        check(r#"{"b":1,"a":2,"b":0,"\u0062":7}"#, r#"{"a":2,"b":1,"b":0,"b":7}"#);
    }
}
