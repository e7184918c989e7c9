//! Writes the values of a [`Document`] as JSON text.

use super::document::{Document, Kind};
use super::flags::NOT_COPYABLE;
use super::member::{Member, NodeId};
use super::parse::find_special_byte;
use super::text::{Piece, each_piece};

impl Document<'_> {
    /// Writes a value on one line. It is copied as it was sent if possible. Otherwise it is written without white space
    /// between its tokens, with each key once, and with U+FFFD for lone surrogates.
    pub(crate) fn write(&self, id: NodeId, out: &mut Vec<u8>) {
        if self.node(id).flags & NOT_COPYABLE == 0 {
            out.extend_from_slice(self.raw(id).as_bytes());
            return;
        }
        match self.kind(id) {
            Kind::Object => self.write_object(id, out),
            Kind::Array => self.write_array(id, out),
            _ => write_repaired(self.span_text(self.string_span(id)), out),
        }
    }

    fn write_name(&self, member: &Member, out: &mut Vec<u8>) {
        if member.key.flags & NOT_COPYABLE != 0 {
            return write_repaired(self.span_text(member.key), out);
        }
        out.push(b'"');
        out.extend_from_slice(self.span_bytes(member.key));
        out.push(b'"');
    }

    fn write_array(&self, id: NodeId, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, element) in self.elements(id).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write(element, out);
        }
        out.push(b']');
    }

    /// Writes an object's members in the order sent. A duplicate key is written once, with its last value and at the
    /// place of that value.
    fn write_object(&self, id: NodeId, out: &mut Vec<u8>) {
        let mut members: Vec<_> = self.distinct_members(id).collect();
        members.sort_unstable_by_key(|member| member.value);
        out.push(b'{');
        for (at, member) in members.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write_name(member, out);
            out.push(b':');
            self.write(member.value, out);
        }
        out.push(b'}');
    }
}

/// Writes a string with U+FFFD for lone surrogates. `inner` is the text between its quotes as it was sent.
fn write_repaired(inner: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    each_piece(inner, |piece| match piece {
        Piece::Plain(plain) => out.extend_from_slice(plain.as_bytes()),
        Piece::Char(char) => write_escaped(char.encode_utf8(&mut [0; 4]), out),
        Piece::LoneSurrogate(_) => out.extend_from_slice("\u{fffd}".as_bytes()),
    });
    out.push(b'"');
}

/// Writes a text as a JSON string.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Writes the comma before a member of an object, unless it is the first member.
pub(crate) fn write_separator(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}

fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(find_special_byte(rest, 0));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use crate::event::json;

    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        json::parse(text.as_bytes()).unwrap().write(0, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_value_in_one_line_is_copied_as_it_was_sent() {
        check(r#"{"b":[1.0,"\u0041"],"a":null}"#, r#"{"b":[1.0,"\u0041"],"a":null}"#);
    }

    #[test]
    fn white_space_duplicate_keys_and_lone_surrogates_are_removed() {
        check("{ \"a\" :\n[ 1 , 2 ] , \"b\": {} }", r#"{"a":[1,2],"b":{}}"#);
        check(r#"{"a":1,"b":2,"a":{"c":3,"c":4}}"#, r#"{"b":2,"a":{"c":4}}"#);
        check(r#"["\ud800\n\"\u0001"]"#, "[\"\u{fffd}\\n\\\"\\u0001\"]");
    }

    #[test]
    fn any_text_is_written_as_a_string() {
        let mut out = Vec::new();
        json::write_string("a\"\\\n\u{1}\u{7f}é", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\n\\u0001\u{7f}é\"".as_bytes());
    }
}
