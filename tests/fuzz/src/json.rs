//! JSON as `serde_json` understands it, with what its `Value` forgets: numbers as sent, and keys given twice.

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
    /// A number's literal.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// Elements.
    Array(Vec<Json>),
    /// Members in the order sent, equal keys included.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one document; none when `serde_json` does not, or when it nests deeper than `levels` containers.
    pub fn parse(text: &[u8], levels: usize) -> Option<Self> {
        Self::read(serde_json::from_slice(text).ok()?, levels)
    }

    fn read(raw: &RawValue, levels: usize) -> Option<Self> {
        let text = raw.get();
        let inside = || levels.checked_sub(1);
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

    /// The value of an object's key: of equal keys, the last.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A string's text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// An object's members, each key once: of equal keys, the last.
    pub fn distinct(&self) -> Vec<&(String, Json)> {
        let mut members: Vec<_> = if let Self::Object(members) = self { members.iter().collect() } else { Vec::new() };
        members.reverse();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.dedup_by(|(a, _), (b, _)| a == b);
        members
    }

    /// A key that an object in here has twice.
    pub fn key_given_twice(&self) -> Option<&str> {
        match self {
            Self::Object(members) => {
                let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                let twice = keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
                twice.or_else(|| members.iter().find_map(|(_, value)| value.key_given_twice()))
            }
            Self::Array(elements) => elements.iter().find_map(Self::key_given_twice),
            _ => None,
        }
    }

    /// The same value in another spelling: every object's members turned round (equal keys stay in their order), white
    /// space between tokens, every character of a string escaped.
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

/// Collects an object's members as they come.
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
