//! The types of the values in `p_udm`, and the conversion of values to them.

use std::io::Write as _;

use super::raw;
use crate::event::json::write_string;

/// The standard names in the order of `p_udm`, each with the type of its values.
const STANDARD_TYPES: [(&str, UdmType); 10] = [
    ("actor_user", UdmType::Text),
    ("assigned_admin_role", UdmType::Text),
    ("destination_ip", UdmType::Text),
    ("destination_port", UdmType::Integer),
    ("event_type", UdmType::Text),
    ("http_status", UdmType::Integer),
    ("source_ip", UdmType::Text),
    ("source_port", UdmType::Integer),
    ("user", UdmType::Text),
    ("user_agent", UdmType::Text),
];

/// The names that have the same meaning for every log type, in the order of `p_udm`.
pub(crate) const STANDARD_NAMES: [&str; 10] = {
    let mut names = [""; 10];
    let mut at = 0;
    while at < names.len() {
        names[at] = STANDARD_TYPES[at].0;
        at += 1;
    }
    names
};

/// The type that the values of a name must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UdmType {
    Text,
    /// A whole number that fits in an `i64`.
    Integer,
    /// Any JSON value. This is the type of all names that are not standard ones.
    Any,
}

/// A value cannot be converted to the type of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeMismatch;

impl UdmType {
    /// Returns the standard names with their types, in the order of `p_udm`.
    pub(crate) fn standard() -> impl Iterator<Item = (&'static str, Self)> {
        STANDARD_TYPES.into_iter()
    }

    /// Returns the type that the values of this name must have.
    pub(super) fn of(name: &str) -> Self {
        Self::standard().find(|(standard, _)| *standard == name).map_or(Self::Any, |(_, udm_type)| udm_type)
    }

    /// Converts a value, given as compact JSON, and appends it to `out`. For `null` it writes nothing and returns
    /// `false`.
    pub(super) fn write(self, json: &[u8], out: &mut Vec<u8>) -> Result<bool, TypeMismatch> {
        if json == b"null" {
            return Ok(false);
        }
        match self {
            Self::Text if !json.starts_with(b"\"") => {
                write_string(std::str::from_utf8(json).map_err(|_| TypeMismatch)?, out)
            }
            Self::Text | Self::Any => out.extend_from_slice(json),
            Self::Integer => write_integer(json, out)?,
        }
        Ok(true)
    }

    /// Converts a text and appends it to `out`.
    pub(super) fn write_text(self, text: &str, out: &mut Vec<u8>) -> Result<(), TypeMismatch> {
        match self {
            Self::Integer => return write_number(digits(text)?, out),
            Self::Text | Self::Any => write_string(text, out),
        }
        Ok(())
    }

    /// Converts a number and appends it to `out`.
    pub(super) fn write_number(self, number: u64, out: &mut Vec<u8>) -> Result<(), TypeMismatch> {
        match self {
            Self::Integer => write_number(i64::try_from(number).map_err(|_| TypeMismatch)?, out),
            Self::Any => write!(out, "{number}").map_err(|_| TypeMismatch),
            Self::Text => write!(out, "\"{number}\"").map_err(|_| TypeMismatch),
        }
    }
}

fn write_integer(json: &[u8], out: &mut Vec<u8>) -> Result<(), TypeMismatch> {
    let number = match raw::text(json) {
        Some(text) => digits(&text)?,
        None => std::str::from_utf8(json).ok().and_then(|json| json.parse().ok()).ok_or(TypeMismatch)?,
    };
    write_number(number, out)
}

fn write_number(number: i64, out: &mut Vec<u8>) -> Result<(), TypeMismatch> {
    // Writing to a vector cannot fail.
    write!(out, "{number}").map_err(|_| TypeMismatch)
}

/// Parses a text that consists of digits only; a sign is not allowed.
fn digits(text: &str) -> Result<i64, TypeMismatch> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits).ok_or(TypeMismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(udm_type: UdmType, json: &str) -> Option<String> {
        let mut out = Vec::new();
        let written = udm_type.write(json.as_bytes(), &mut out);
        assert!(!out.is_empty() || written != Ok(true), "{json}");
        written.ok().map(|_| String::from_utf8(out).unwrap())
    }

    #[test]
    fn standard_names_are_sorted_and_have_fixed_types() {
        assert!(STANDARD_NAMES.is_sorted());
        assert_eq!(
            ["source_port", "source_ip", "own"].map(UdmType::of),
            [UdmType::Integer, UdmType::Text, UdmType::Any]
        );
    }

    #[test]
    fn a_text_takes_any_value() {
        for (json, expected) in [
            ("\"a\\n\"", "\"a\\n\""),
            ("\"\"", "\"\""),
            ("1.50", "\"1.50\""),
            ("true", "\"true\""),
            ("[\"a\",1]", r#""[\"a\",1]""#),
            ("{}", "\"{}\""),
            ("null", ""),
        ] {
            assert_eq!(written(UdmType::Text, json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn an_integer_takes_whole_numbers_and_their_digits_only() {
        let good = [("443", "443"), ("\"0443\"", "443"), ("-1", "-1"), ("9223372036854775807", "9223372036854775807")];
        for (json, expected) in good.into_iter().chain([("null", "")]) {
            assert_eq!(written(UdmType::Integer, json).as_deref(), Some(expected), "{json}");
        }
        for json in ["1.0", "1e2", "\"-1\"", "\"+1\"", "\"\"", "\"1 \"", "true", "[1]", "{}", "9223372036854775808"] {
            assert_eq!(written(UdmType::Integer, json), None, "{json}");
        }
    }

    #[test]
    fn a_custom_name_keeps_the_value() {
        for json in ["\"a\"", "[1,{\"b\":null}]", "false", "1e400"] {
            assert_eq!(written(UdmType::Any, json).as_deref(), Some(json));
        }
    }

    #[test]
    fn texts_and_numbers_of_methods_are_converted() {
        let write = |write: &dyn Fn(&mut Vec<u8>) -> Result<(), TypeMismatch>| {
            let mut out = Vec::new();
            write(&mut out).map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(write(&|out| UdmType::Text.write_text("a\"", out)), Ok("\"a\\\"\"".to_owned()));
        assert_eq!(write(&|out| UdmType::Integer.write_text("80", out)), Ok("80".to_owned()));
        assert_eq!(write(&|out| UdmType::Integer.write_text("http", out)), Err(TypeMismatch));
        assert_eq!(write(&|out| UdmType::Text.write_number(80, out)), Ok("\"80\"".to_owned()));
        assert_eq!(write(&|out| UdmType::Any.write_number(u64::MAX, out)), Ok(u64::MAX.to_string()));
        assert_eq!(write(&|out| UdmType::Integer.write_number(u64::MAX, out)), Err(TypeMismatch));
    }
}
