//! The canonical form of a JSON value, which two spellings of the same value share.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Depth of nesting up to which a value is brought into canonical form. Deeper values stay as they were sent.
const MAX_DEPTH: usize = 64;

/// Returns the canonical form: keys are sorted by their bytes at every level, duplicate keys keep their order, strings
/// have one spelling, numbers stay as they were sent, and there is no white space.
pub(crate) fn canonical(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    write(json.trim(), MAX_DEPTH, &mut out);
    out
}

fn write(json: &str, depth: usize, out: &mut String) {
    let done = depth > 0
        && match json.as_bytes().first() {
            Some(b'{') => object(json, depth, out),
            Some(b'[') => array(json, depth, out),
            Some(b'"') => string(json, out),
            _ => false,
        };
    if !done {
        out.push_str(json);
    }
}

fn object(json: &str, depth: usize, out: &mut String) -> bool {
    let Some(mut fields) = fields(json) else { return false };
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    out.push('{');
    for (number, (key, value)) in fields.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(key.as_str()).to_string());
        out.push(':');
        write(value.get(), depth - 1, out);
    }
    out.push('}');
    true
}

/// Returns an object's fields, including duplicate keys. `None` if the text is not an object or a key is not a valid
/// string.
pub(crate) fn fields(json: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::Deserializer::from_str(json).deserialize_map(Fields).ok()
}

/// Returns the text at the end of a path of keys. Of duplicate keys the last one counts.
pub(crate) fn text_at(json: &str, path: &[&str]) -> Option<String> {
    let Some((key, rest)) = path.split_first() else { return serde_json::from_str(json).ok() };
    let fields = fields(json)?;
    let (_, value) = fields.iter().rfind(|(name, _)| name == key)?;
    text_at(value.get(), rest)
}

fn array(json: &str, depth: usize, out: &mut String) -> bool {
    let Ok(elements) = serde_json::Deserializer::from_str(json).deserialize_seq(Elements) else { return false };
    out.push('[');
    for (number, element) in elements.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(element.get(), depth - 1, out);
    }
    out.push(']');
    true
}

/// Writes a string in its one spelling. A string with a lone surrogate stays as it was sent.
fn string(json: &str, out: &mut String) -> bool {
    let Ok(text) = serde_json::from_str::<String>(json) else { return false };
    out.push_str(&serde_json::Value::from(text).to_string());
    true
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
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

struct Elements;

impl<'de> Visitor<'de> for Elements {
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
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":1.0}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#),
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
    }
}
