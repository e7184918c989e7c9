//! The canonical form of a JSON value. It is the same text for two values that differ only in white space, in the order
//! of their keys or in the escapes of their strings.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Number of nested levels that are brought into canonical form. Values below them keep their original text.
const MAX_DEPTH: usize = 64;

/// Returns the canonical form of a JSON value: no white space outside of strings, the keys of every object sorted by
/// their bytes, and every string with the same escapes. Numbers keep their original text, and duplicate keys their
/// order.
pub(crate) fn canonical(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    write_value(json.trim(), MAX_DEPTH, &mut out);
    out
}

/// Writes a value in canonical form. Writes its original text if `depth` is 0, if it is a number or literal, or if it
/// cannot be brought into canonical form.
fn write_value(json: &str, depth: usize, out: &mut String) {
    let is_written = depth > 0
        && match json.as_bytes().first() {
            Some(b'{') => write_object(json, depth, out),
            Some(b'[') => write_array(json, depth, out),
            Some(b'"') => write_string(json, out),
            _ => false,
        };
    if !is_written {
        out.push_str(json);
    }
}

/// Writes an object with its keys sorted by their bytes. Returns `false` and writes nothing if the text is not an
/// object.
fn write_object(json: &str, depth: usize, out: &mut String) -> bool {
    let Some(mut fields) = fields(json) else { return false };
    fields.sort_by(|(first, _), (second, _)| first.cmp(second));
    out.push('{');
    for (number, (key, value)) in fields.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(key.as_str()).to_string());
        out.push(':');
        write_value(value.get(), depth - 1, out);
    }
    out.push('}');
    true
}

/// Returns an object's fields, including duplicate keys. `None` if the text is not an object or a key is not a valid
/// string.
pub(crate) fn fields(json: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::Deserializer::from_str(json).deserialize_map(FieldsVisitor).ok()
}

/// Returns the string value at `path`, a list of nested keys. `None` if there is none, or if it is not a string. Of
/// duplicate keys, the last one is used.
pub(crate) fn text_at(json: &str, path: &[&str]) -> Option<String> {
    let Some((key, rest)) = path.split_first() else { return serde_json::from_str(json).ok() };
    let fields = fields(json)?;
    let (_, value) = fields.iter().rfind(|(name, _)| name == key)?;
    text_at(value.get(), rest)
}

/// Writes an array. Returns `false` and writes nothing if the text is not an array.
fn write_array(json: &str, depth: usize, out: &mut String) -> bool {
    let Ok(elements) = serde_json::Deserializer::from_str(json).deserialize_seq(ElementsVisitor) else { return false };
    out.push('[');
    for (number, element) in elements.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write_value(element.get(), depth - 1, out);
    }
    out.push(']');
    true
}

/// Writes a string with `serde_json`'s escapes. Returns `false` and writes nothing if the string has a lone surrogate,
/// which a Rust string cannot hold.
fn write_string(json: &str, out: &mut String) -> bool {
    let Ok(text) = serde_json::from_str::<String>(json) else { return false };
    out.push_str(&serde_json::Value::from(text).to_string());
    true
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_an_event_have_one_canonical_form() {
        let expected = r#"{"a":[1.0,{"x":null,"y":"é"}],"b":1e3}"#;
        for json in [expected, r#" { "b" : 1e3, "a" : [ 1.0, { "y": "\u00e9", "x": null } ] } "#] {
            assert_eq!(canonical(json), expected);
        }
    }

    #[test]
    fn different_values_have_different_canonical_forms() {
        for (first, second) in [
            (r#"{"a":1}"#, r#"{"a":1.0}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#),
        ] {
            assert_ne!(canonical(first), canonical(second));
        }
    }
}
