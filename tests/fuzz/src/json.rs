//! A JSON tree that keeps what `serde_json::Value` loses: the spelling of numbers, and repeated keys.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is spelled in the text.
    Number(String),
    /// A string, with its escapes decoded.
    String(String),
    /// An array with its elements.
    Array(Vec<Json>),
    /// An object with its members in their order, also those with a repeated key.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a JSON text; `None` if `serde_json` refuses it, or if arrays and objects are nested more than `max_depth`
    /// deep.
    pub fn parse(text: &[u8], max_depth: usize) -> Option<Self> {
        Self::read(serde_json::from_slice(text).ok()?, max_depth)
    }

    fn read(raw: &RawValue, max_depth: usize) -> Option<Self> {
        let text = raw.get();
        let inside = || max_depth.checked_sub(1);
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members = serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()?;
                let read = |(key, value)| Some((key, Self::read(value, inside()?)?));
                inside()?;
                Self::Object(members.into_iter().map(read).collect::<Option<_>>()?)
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                inside()?;
                Self::Array(elements.into_iter().map(|element| Self::read(element, inside()?)).collect::<Option<_>>()?)
            }
            b'"' => Self::String(serde_json::from_str(text).ok()?),
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            _ => Self::Number(text.to_owned()),
        })
    }

    /// Returns the value of a key, the last one if the key is repeated; `None` if there is none, or `self` is not an
    /// object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Returns the text of a string; `None` for any other value.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Returns the members of an object, sorted by key. Of members with the same key only the last is returned.
    pub fn distinct_members(&self) -> Vec<&(String, Json)> {
        let mut members: Vec<_> = if let Self::Object(members) = self { members.iter().collect() } else { Vec::new() };
        members.reverse();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.dedup_by(|(a, _), (b, _)| a == b);
        members
    }

    /// Returns a key that is repeated in this object, or in one nested in this value; `None` if there is none.
    pub fn repeated_key(&self) -> Option<&str> {
        match self {
            Self::Object(members) => {
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                let twice = keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
                twice.or_else(|| members.iter().find_map(|(_, value)| value.repeated_key()))
            }
            Self::Array(elements) => elements.iter().find_map(Self::repeated_key),
            _ => None,
        }
    }

    /// Writes the same value differently: the members of objects in reverse order of their keys (those with the same
    /// key keep their order), with white space between tokens, and with every character of a string escaped.
    pub fn respelled(&self) -> String {
        let mut text = String::new();
        self.respell(&mut text);
        text
    }

    fn respell(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(literal) => text.push_str(literal),
            Self::String(value) => escape(value, text),
            Self::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    text.push_str(if at == 0 { "[ " } else { " ,\t" });
                    element.respell(text);
                }
                text.push_str(if elements.is_empty() { "[]" } else { "\r\n]" });
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|(a, _), (b, _)| b.cmp(a));
                for (at, (key, value)) in members.iter().enumerate() {
                    text.push_str(if at == 0 { "{ " } else { " ,\n" });
                    escape(key, text);
                    text.push_str(" : ");
                    value.respell(text);
                }
                text.push_str(if members.is_empty() { "{ }" } else { " }" });
            }
        }
    }
}

fn escape(value: &str, text: &mut String) {
    text.push('"');
    value.encode_utf16().for_each(|unit| text.push_str(&format!("\\u{unit:04X}")));
    text.push('"');
}

/// Collects the members of an object in their order.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
