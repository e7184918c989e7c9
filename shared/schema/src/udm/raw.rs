//! Reads JSON text without allocating. The text must be valid and compact, and no object may repeat a key; the text of
//! a line is always like this.
//!
//! For any other text the results are meaningless, but no function panics.

use std::borrow::Cow;

use crate::event::json::{find_special_byte, unescape};

/// Returns the JSON text of a member's value; `None` if `object` is not an object or has no such member.
pub(crate) fn member<'l>(object: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let mut members = members(object.strip_prefix(b"{")?);
    members.find(|(key, _)| is_key(key, name)).map(|(_, value)| value)
}

/// Returns the JSON text of the last member with this name. The text must be valid JSON, but may have white space and
/// repeated keys.
pub(crate) fn last_member<'l>(json: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let mut rest = json.trim_ascii().strip_prefix(b"{")?.trim_ascii_start();
    let mut found = None;
    while let Some((key, after)) = split_value(rest) {
        let (value, after) = split_value(after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())?;
        if is_key(unquoted(key)?, name) {
            found = Some(value.trim_ascii_end());
        }
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(b",").unwrap_or_default().trim_ascii_start();
    }
    found
}

/// Splits a list of members such as `"a":1,"b":2`, which has no braces around it. Returns for each member the text
/// between the quotes of its key, and the JSON text of its value.
pub(super) fn members(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (key, value, after) = split_member(rest)?;
        rest = after.strip_prefix(b",").unwrap_or_default();
        Some((key, value))
    })
}

/// Returns the JSON texts of an array's elements. Any other value has none.
pub(crate) fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = array.strip_prefix(b"[").unwrap_or_default();
    std::iter::from_fn(move || {
        let (element, after) = split_value(rest)?;
        rest = after.strip_prefix(b",").unwrap_or_default();
        Some(element)
    })
}

/// Returns, for each object in an array, the JSON texts of the members with these names. Elements that are not objects
/// are skipped.
pub(crate) fn objects<'l, const N: usize>(
    array: &'l [u8],
    names: [&str; N],
) -> impl Iterator<Item = [Option<&'l [u8]>; N]> {
    let mut rest = array.strip_prefix(b"[").unwrap_or_default();
    std::iter::from_fn(move || {
        while !rest.starts_with(b"{") {
            let (_, after) = split_value(rest)?;
            rest = after.strip_prefix(b",").unwrap_or_default();
        }
        let mut found = [None; N];
        rest = rest.get(1..)?;
        while !rest.starts_with(b"}") {
            let (key, value, after) = split_member(rest)?;
            if let Some(at) = names.iter().position(|name| is_key(key, name)) {
                found[at] = Some(value);
            }
            rest = after.strip_prefix(b",").unwrap_or(after);
        }
        rest = rest.get(1..)?;
        rest = rest.strip_prefix(b",").unwrap_or_default();
        Some(found)
    })
}

/// Returns the text of a JSON string that is not empty; `None` for anything else.
pub(crate) fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    let inside = std::str::from_utf8(unquoted(json).filter(|inside| !inside.is_empty())?).ok()?;
    Some(if inside.contains('\\') { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) })
}

/// Returns `true` if a JSON text is a string with this text.
#[inline]
pub(crate) fn is_string(json: &[u8], text: &str) -> bool {
    unquoted(json).is_some_and(|inside| is_key(inside, text))
}

/// Returns `true` for a JSON string that is not empty.
pub(crate) fn is_text(json: &[u8]) -> bool {
    json.len() > 2 && json.starts_with(b"\"")
}

/// Returns the text between the quotes of a JSON string, with its escapes; `None` for anything else.
#[inline]
fn unquoted(json: &[u8]) -> Option<&[u8]> {
    json.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

#[inline]
fn is_key(inside: &[u8], name: &str) -> bool {
    // An escaped key is longer than its name, so only a longer text with a backslash has to be unescaped.
    match inside == name.as_bytes() {
        true => !name.contains('\\'),
        false => {
            let may_be = inside.len() > name.len() && inside.contains(&b'\\');
            may_be && std::str::from_utf8(inside).is_ok_and(|inside| unescape(inside) == name)
        }
    }
}

/// Splits off the first member of a list of members. Returns the text between the quotes of its key, its value, and the
/// rest.
fn split_member(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, after) = split_value(bytes)?;
    let (value, after) = split_value(after.strip_prefix(b":")?)?;
    Some((unquoted(key)?, value, after))
}

/// Splits off the value at the start of a text. Returns the value and the rest.
fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = match bytes.first()? {
        b'"' => string_end(bytes, 1)?,
        b'{' | b'[' => container_end(bytes)?,
        b'}' | b']' => return None,
        _ => bytes.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(bytes.len()),
    };
    bytes.split_at_checked(end)
}

/// Returns the offset after the closing quote of a string. `from` is an offset inside the string.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = find_special_byte(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the offset after the array or object at the start of a text.
fn container_end(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn member<'l>(object: &'l str, name: &str) -> Option<&'l str> {
        super::member(object.as_bytes(), name).map(|json| std::str::from_utf8(json).unwrap())
    }

    fn elements(array: &str) -> impl Iterator<Item = &str> {
        super::elements(array.as_bytes()).map(|json| std::str::from_utf8(json).unwrap())
    }

    fn text(json: &str) -> Option<Cow<'_, str>> {
        super::text(json.as_bytes())
    }

    #[test]
    fn a_member_is_found_past_strings_that_look_like_members() {
        let object = r#"{"a":"\"b\":1,","x":{"b":2,"c":["}",{}]},"b":[1,"]"],"c":null,"d":-1.5e3}"#;
        assert_eq!(member(object, "b"), Some(r#"[1,"]"]"#));
        assert_eq!(member(object, "c"), Some("null"));
        assert_eq!(member(object, "d"), Some("-1.5e3"));
        assert_eq!(member(object, "a\":"), None);
        assert_eq!(member(member(object, "x").unwrap(), "c"), Some(r#"["}",{}]"#));
    }

    #[test]
    fn a_key_may_be_escaped() {
        let object = r#"{"a\"b":1,"\u0063":2,"\\":3,"":4}"#;
        assert_eq!(
            ["a\"b", "c", "\\", "", "\\u0063"].map(|name| member(object, name)),
            [Some("1"), Some("2"), Some("3"), Some("4"), None]
        );
    }

    #[test]
    fn other_values_have_no_members() {
        for value in ["null", "[]", "{}", "\"a\"", "1", "", "{", "[", "{\"a", "{\"a\":", "[1", "[\"\\"] {
            assert_eq!(member(value, "a"), None, "{value}");
            assert!(elements(value).count() <= 1, "{value}");
        }
        assert_eq!(elements("{\"a\":1}").count(), 0);
    }

    #[test]
    fn the_last_member_is_found_past_white_space_and_repeated_keys() {
        let last = |json: &'static str| super::last_member(json.as_bytes(), "a");
        for json in [r#"{"a":1}"#, " {\n\"a\" :\t1 , \"b\":[ {\"a\": 2} ] }\n", r#"{"a":0,"b":0, "a" : 1 }"#] {
            assert_eq!(last(json), Some(&b"1"[..]), "{json}");
        }
        for json in ["{}", " { } ", r#"["a"]"#, "\"a\"", r#"{"b":{"a":1}}"#, "1", ""] {
            assert_eq!(last(json), None, "{json}");
        }
    }

    #[test]
    fn a_text_is_a_string_that_is_not_empty() {
        assert!(matches!(text("\"é a\""), Some(Cow::Borrowed("é a"))));
        assert_eq!(text(r#""a\n\ud83d\ude00""#).as_deref(), Some("a\n\u{1f600}"));
        for value in ["\"\"", "null", "1", "[\"a\"]", "{}", "true", "\"", ""] {
            assert_eq!(text(value), None, "{value}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any_text().prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any_text(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof!["[ab\"\\\\{}\\[\\]:,\n\u{1}é😀]{0,6}", ".{0,12}", "[a-c]"]
    }

    fn check(json: &str, value: &Value) {
        for name in ["a", "", "\""] {
            assert_eq!(member(json, name).map(str::to_owned), value.get(name).map(Value::to_string), "{json} {name}");
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            let found = member(json, name).unwrap();
            assert_eq!(found, inner.to_string(), "{json} {name}");
            check(found, inner);
        }
        let found: Vec<&str> = elements(json).collect();
        let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(found, all.iter().map(Value::to_string).collect::<Vec<_>>(), "{json}");
        found.iter().zip(all).for_each(|(found, inner)| check(found, inner));
        let objects: Vec<_> = objects(json.as_bytes(), ["a", "\""]).collect();
        let members = all.iter().filter(|inner| inner.is_object()).map(|inner| ["a", "\""].map(|name| inner.get(name)));
        let string = |found: Option<&[u8]>| found.map(|json| String::from_utf8(json.to_vec()).unwrap());
        assert_eq!(
            objects.iter().map(|found| found.map(string)).collect::<Vec<_>>(),
            members.map(|found| found.map(|inner| inner.map(Value::to_string))).collect::<Vec<_>>(),
            "{json}"
        );
        assert!(["a", "", "\\"].iter().all(|text| is_string(json.as_bytes(), text) == (value == text)), "{json}");
        assert_eq!(text(json).as_deref(), value.as_str().filter(|text| !text.is_empty()), "{json}");
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_json_library_finds(value in any_value()) {
            check(&value.to_string(), &value);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"\\\\a1é ]{0,20}") {
            let _ = (super::member(text.as_bytes(), "a"), super::elements(text.as_bytes()).count(), objects(text.as_bytes(), ["a"]).count(), super::text(text.as_bytes()));
        }
    }
}
