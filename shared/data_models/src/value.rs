//! The values of an event, as Python's `json` module would read them.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value: either a part of the event's text, which is parsed one level at a time, or a value that a path
/// computed.
#[derive(Debug, Clone)]
pub enum Value<'e> {
    /// The JSON text of the value, without white space around it.
    Raw(&'e str),
    /// A value that a path or a method computed, which is not a part of the event's text.
    Computed(Rc<View<'e>>),
}

/// A value of which one level is parsed: its elements or members are [`Value`]s.
#[derive(Debug, Clone)]
pub enum View<'e> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Cow<'e, str>),
    /// An array.
    List(Vec<Value<'e>>),
    /// An object with its members in the order of their first appearance. A repeated key has its last value.
    Object(Vec<(Cow<'e, str>, Value<'e>)>),
}

/// A number as Python represents it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A number without fraction and exponent that fits in 128 bits.
    Integer(i128),
    /// Any other number.
    Float(f64),
}

/// A text is not JSON, or is nested too deeply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {0}")]
pub struct NotJson(String);

impl<'e> Value<'e> {
    /// Checks that a text is JSON and returns it as a value.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn parse(text: &'e str) -> Result<Self, NotJson> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| NotJson(error.to_string()))?;
        Ok(Self::Raw(raw.get()))
    }

    /// Parses one level of the value.
    pub fn view(&self) -> View<'e> {
        match self {
            Self::Raw(text) => View::read(text),
            Self::Computed(view) => View::clone(view),
        }
    }

    /// Returns the value of a member; `None` if the value is not an object, or has no such member.
    pub fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Raw(text) if !text.starts_with('{') => None,
            _ => match self.view() {
                View::Object(members) => members.into_iter().find(|(key, _)| key == name).map(|(_, value)| value),
                _ => None,
            },
        }
    }

    /// Returns a copy that does not borrow from the event's text.
    pub fn to_owned(&self) -> Value<'static> {
        Value::from(match self.view() {
            View::Null => View::Null,
            View::Boolean(value) => View::Boolean(value),
            View::Number(number) => View::Number(number),
            View::String(text) => View::String(Cow::Owned(text.into_owned())),
            View::List(values) => View::List(values.iter().map(Value::to_owned).collect()),
            View::Object(members) => View::Object(
                members.iter().map(|(name, value)| (Cow::Owned(name.to_string()), value.to_owned())).collect(),
            ),
        })
    }

    /// Returns the number of bytes of text that [`Self::view`] reads.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Raw(text) => text.len(),
            Self::Computed(_) => 0,
        }
    }

    /// Returns the value as JSON text. Computed values may be numbers that JSON does not have, such as `inf`.
    pub fn to_json(&self) -> Cow<'e, str> {
        match self {
            Self::Raw(text) => Cow::Borrowed(text),
            Self::Computed(view) => Cow::Owned(view.to_json()),
        }
    }
}

impl<'e> From<View<'e>> for Value<'e> {
    fn from(view: View<'e>) -> Self {
        Self::Computed(Rc::new(view))
    }
}

impl<'e> View<'e> {
    fn read(text: &'e str) -> Self {
        match text.as_bytes().first() {
            Some(b'{') => Self::Object(members(text)),
            Some(b'[') => Self::List(elements(text)),
            Some(b'"') => Self::String(string(text)),
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'-' | b'0'..=b'9') => Self::Number(Number::read(text)),
            _ => Self::Null,
        }
    }

    /// Returns `true` if the value is truthy in Python: not null, `false`, 0 or empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(Number::Integer(number)) => *number != 0,
            Self::Number(Number::Float(number)) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Object(members) => !members.is_empty(),
        }
    }

    fn to_json(&self) -> String {
        let list = |values: &[Value<'_>]| values.iter().map(|value| value.to_json()).collect::<Vec<_>>().join(",");
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::String(text) => quoted(text),
            Self::List(values) => format!("[{}]", list(values)),
            Self::Object(members) => {
                let member =
                    |(name, value): &(Cow<'_, str>, Value<'_>)| format!("{}:{}", quoted(name), value.to_json());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl Number {
    /// Parses a JSON number. An integer that does not fit in 128 bits becomes a float.
    fn read(text: &str) -> Self {
        match text.parse() {
            Ok(integer) => Self::Integer(integer),
            // The text is a JSON number, so it always parses as a float.
            Err(_) => Self::Float(text.parse().unwrap_or_default()),
        }
    }

    /// Converts the number to a float.
    #[expect(clippy::cast_precision_loss, reason = "Python rounds as well where it mixes integers and floats")]
    pub(crate) fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

/// Prints a float always with a fraction or an exponent, so that it is read as a float again.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Float(float) => fmt::Debug::fmt(float, f),
        }
    }
}

/// Returns the text as a JSON string with its quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Decodes a JSON string. A lone surrogate, which a Rust string cannot hold, becomes U+FFFD.
fn string(text: &str) -> Cow<'_, str> {
    let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let whole = serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_lone_surrogates(text)));
    whole.map_or(Cow::Borrowed(inside), Cow::Owned)
}

/// Replaces the escape of each lone surrogate by `\ufffd`.
fn without_lone_surrogates(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        fixed.push_str(before);
        let unit = code_unit(escape);
        let length = match unit {
            None => escape.chars().take(2).map(char::len_utf8).sum(),
            Some(0xd800..=0xdbff) if matches!(escape.get(6..).and_then(code_unit), Some(0xdc00..=0xdfff)) => 12,
            Some(_) => 6,
        };
        let is_lone = matches!(unit, Some(0xd800..=0xdfff)) && length == 6;
        fixed.push_str(if is_lone { "\\ufffd" } else { &escape[..length] });
        rest = &escape[length..];
    }
    fixed.push_str(rest);
    fixed
}

/// Returns the UTF-16 code unit of an escape at the start of a text, which must be `\uXXXX`.
fn code_unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// The members of an object. Their values stay JSON text.
struct Members<'e>(Vec<(Cow<'e, str>, Value<'e>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name.0, Value::Raw(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The key of a member. A lone surrogate in it becomes U+FFFD.
struct Name<'e>(Cow<'e, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(String::from_utf8_lossy(name).into_owned())))
            }
        }
        // `deserialize_bytes` accepts a lone surrogate, which `deserialize_str` refuses.
        deserializer.deserialize_bytes(Reader)
    }
}

fn members(text: &str) -> Vec<(Cow<'_, str>, Value<'_>)> {
    // This cannot fail, because the text is part of a text that was parsed as JSON.
    let members = serde_json::from_str::<Members<'_>>(text).map(|members| members.0).unwrap_or_default();
    without_repeats(members)
}

/// Up to this number of members, repeated keys are found by comparing all pairs.
const MAX_PAIRWISE_MEMBERS: usize = 16;

/// Removes repeated keys. The last value is kept, at the place of the first.
fn without_repeats<'e>(members: Vec<(Cow<'e, str>, Value<'e>)>) -> Vec<(Cow<'e, str>, Value<'e>)> {
    let has_repeats = if members.len() <= MAX_PAIRWISE_MEMBERS {
        (1..members.len()).any(|at| members[..at].iter().any(|(name, _)| *name == members[at].0))
    } else {
        let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    };
    if !has_repeats {
        return members;
    }
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<(Cow<'e, str>, Value<'e>)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let at = *places.entry(name.clone()).or_insert(kept.len());
        match kept.get_mut(at) {
            Some(member) => member.1 = value,
            None => kept.push((name, value)),
        }
    }
    kept
}

/// The elements of an array. They stay JSON text.
struct Elements<'e>(Vec<Value<'e>>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(value) = seq.next_element::<&'de RawValue>()? {
                    elements.push(Value::Raw(value.get()));
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

fn elements(text: &str) -> Vec<Value<'_>> {
    serde_json::from_str::<Elements<'_>>(text).map(|elements| elements.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        match Value::parse(text).unwrap().view() {
            View::Object(members) => {
                members.iter().map(|(name, value)| (name.to_string(), value.to_json().into_owned())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_keep_their_order_and_a_repeated_name_its_last_value() {
        assert_eq!(
            names(r#"{"b":1,"a":{"x":[1, 2]},"b":3}"#),
            [("b".into(), "3".into()), ("a".into(), r#"{"x":[1, 2]}"#.into())]
        );
    }

    #[test]
    fn a_lone_surrogate_loses_only_its_own_character() {
        assert_eq!(names(r#"{"a\ud800":1}"#).len(), 1);
        let text = |json: &str| match Value::parse(json).unwrap().view() {
            View::String(text) => text.into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(r#""a\ud800b\\ud800""#), "a\u{fffd}b\\ud800");
        assert_eq!(text(r#""\ud83d\ude00""#), "😀");
    }

    #[test]
    fn numbers_are_integers_or_floats() {
        let number = |json: &str| match Value::parse(json).unwrap().view() {
            View::Number(number) => number,
            other => panic!("{other:?}"),
        };
        assert_eq!(number("12"), Number::Integer(12));
        assert_eq!(number("-1.50"), Number::Float(-1.5));
        assert_eq!(number("1e2").to_string(), "100.0");
    }
}
