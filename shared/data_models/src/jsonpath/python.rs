//! Reproduces Python's behaviour: length, order and conversion of values, and regular expressions.

use std::borrow::Cow;
use std::cmp::Ordering;

use fancy_regex::{Regex, RegexBuilder};

use super::error::EvaluationError;
use super::matches::WorkLimit;
use crate::value::{Number, Value, View};

/// The maximum length of a regular expression, in bytes.
const MAX_PATTERN_BYTES: usize = 1024;
/// The maximum number of backtracking steps of one search.
const MAX_BACKTRACKING: usize = 100_000;

/// Compiles a regular expression in the syntax of Python's `re` module.
///
/// # Errors
/// The pattern is not supported. The error is the reason.
pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("the pattern is longer than {MAX_PATTERN_BYTES} bytes"));
    }
    let mut builder = RegexBuilder::new(&translated(pattern));
    builder.backtrack_limit(MAX_BACKTRACKING);
    builder.build().map_err(|error| format!("the pattern is not supported: {error}"))
}

/// Translates a Python pattern for `fancy_regex`, where `\Z` and `$` match at other places and character classes may
/// nest.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut class_start = None;
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        let position = text.len();
        match (c, class_start) {
            ('\\', None) if characters.peek() == Some(&'Z') => {
                characters.next();
                text.push_str("\\z");
            }
            ('\\', _) => {
                text.push(c);
                text.extend(characters.next());
            }
            ('$', None) => text.push_str("(?:$|(?=\\n\\z))"),
            ('[', None) => {
                text.push('[');
                if characters.peek() == Some(&'^') {
                    text.extend(characters.next());
                }
                class_start = Some(text.len());
            }
            (']', Some(start)) if position > start => {
                text.push(']');
                class_start = None;
            }
            ('[' | ']' | '&' | '~', Some(_)) => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text
}

/// Returns `true` if the pattern matches anywhere in the text.
///
/// # Errors
/// The search takes too many steps.
pub(super) fn is_match(regex: &Regex, text: &str) -> Result<bool, EvaluationError> {
    regex.is_match(text).map_err(|_| EvaluationError::TooMuchWork)
}

/// Python's `len(value)`; `None` for a value that has no length.
pub(super) fn length(view: &View<'_>) -> Option<usize> {
    match view {
        View::String(text) => Some(text.chars().count()),
        View::List(values) => Some(values.len()),
        View::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// Python's `int(value)`; `None` for a text that is not an integer.
///
/// # Errors
/// The value is neither a number nor a text.
pub(super) fn integer(view: &View<'_>) -> Result<Option<i128>, EvaluationError> {
    match view {
        View::Boolean(value) => Ok(Some(i128::from(*value))),
        View::Number(Number::Integer(number)) => Ok(Some(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "int() cuts the fraction off; what is larger is capped")]
        View::Number(Number::Float(number)) => Ok(Some(*number as i128)),
        View::String(text) => Ok(integer_of_text(text)),
        value => Err(EvaluationError::no_number(value)),
    }
}

/// Parses an integer as Python does: spaces around it, a sign, and single underscores between digits are allowed.
fn integer_of_text(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let has_bad_underscore = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    (is_number && !has_bad_underscore).then(|| text.replace('_', "").parse().ok()).flatten()
}

/// Returns the value as a number. As in Python, booleans are the numbers 0 and 1; `None` for any other type.
pub(super) fn number(view: &View<'_>) -> Option<Number> {
    match view {
        View::Number(number) => Some(*number),
        View::Boolean(value) => Some(Number::Integer(i128::from(*value))),
        _ => None,
    }
}

/// Compares two numbers; `None` if one of them is NaN.
pub(super) fn compare_numbers(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
        _ => left.as_float().partial_cmp(&right.as_float()),
    }
}

/// Python's `left == right`.
///
/// # Errors
/// The values are too large, or nested too deeply.
pub(super) fn is_equal(left: &Value<'_>, right: &Value<'_>, work: &WorkLimit) -> Result<bool, EvaluationError> {
    let (left, right) = (work.read(left)?, work.read(right)?);
    if let (Some(left), Some(right)) = (number(&left), number(&right)) {
        return Ok(compare_numbers(left, right) == Some(Ordering::Equal));
    }
    match (&left, &right) {
        (View::Null, View::Null) => Ok(true),
        (View::String(left), View::String(right)) => Ok(left == right),
        (View::List(left), View::List(right)) if left.len() == right.len() => {
            work.deeper(|| all(left.iter().zip(right), |(left, right)| is_equal(left, right, work)))
        }
        (View::Object(left), View::Object(right)) if left.len() == right.len() => {
            // In the worst case each member is compared with all members of the other object.
            work.take(left.len().saturating_mul(right.len()))?;
            let right_value =
                |name: &str| right.iter().find(|(right_name, _)| right_name == name).map(|(_, value)| value);
            let is_same = |(name, value): &(Cow<'_, str>, Value<'_>)| match right_value(name) {
                Some(right) => is_equal(value, right, work),
                None => Ok(false),
            };
            work.deeper(|| all(left.iter(), is_same))
        }
        _ => Ok(false),
    }
}

/// Returns `true` if the condition holds for all items. Stops at the first item for which it does not.
fn all<T>(
    mut items: impl Iterator<Item = T>,
    mut holds: impl FnMut(T) -> Result<bool, EvaluationError>,
) -> Result<bool, EvaluationError> {
    items.try_fold(true, |so_far, item| Ok(so_far && holds(item)?))
}

/// Compares two values as Python's `<` and `>` do.
///
/// # Errors
/// The values cannot be ordered, or are too large, or nested too deeply.
pub(super) fn order(left: &Value<'_>, right: &Value<'_>, work: &WorkLimit) -> Result<Ordering, EvaluationError> {
    let (left, right) = (work.read(left)?, work.read(right)?);
    if let (Some(left), Some(right)) = (number(&left), number(&right)) {
        return Ok(compare_numbers(left, right).unwrap_or(Ordering::Equal));
    }
    match (&left, &right) {
        (View::String(left), View::String(right)) => Ok(left.cmp(right)),
        (View::List(left), View::List(right)) => {
            for (left, right) in left.iter().zip(right) {
                if !is_equal(left, right, work)? {
                    return work.deeper(|| order(left, right, work));
                }
            }
            Ok(left.len().cmp(&right.len()))
        }
        _ => Err(EvaluationError::no_order(&left, &right)),
    }
}

/// Python's `str(value)`.
///
/// # Errors
/// The value is too large, or nested too deeply.
pub(super) fn text<'e>(view: View<'e>, work: &WorkLimit) -> Result<Cow<'e, str>, EvaluationError> {
    match view {
        View::String(text) => Ok(text),
        view => {
            let mut out = String::new();
            write_repr(&view, &mut out, work)?;
            Ok(Cow::Owned(out))
        }
    }
}

/// Appends Python's `repr(value)` to `out`.
fn write_repr(view: &View<'_>, out: &mut String, work: &WorkLimit) -> Result<(), EvaluationError> {
    match view {
        View::Null => out.push_str("None"),
        View::Boolean(true) => out.push_str("True"),
        View::Boolean(false) => out.push_str("False"),
        View::Number(Number::Integer(number)) => out.push_str(&number.to_string()),
        View::Number(Number::Float(number)) => out.push_str(&float_repr(*number)),
        View::String(text) => write_quoted(text, out),
        View::List(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                work.deeper(|| write_repr(&work.read(value)?, out, work))?;
            }
            out.push(']');
        }
        View::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_quoted(name, out);
                out.push_str(": ");
                work.deeper(|| write_repr(&work.read(value)?, out, work))?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Python's `repr` of a float. From 1e16 on and below 1e-4 it has an exponent of at least two digits.
fn float_repr(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(("+", exponent), |digits| ("-", digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Appends Python's `repr` of a text. It is in single quotes, unless the text has single quotes and no double ones.
fn write_quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == quote => out.extend(['\\', c]),
            _ if c.is_control() && u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        let found = |pattern: &str, text: &str| regex(pattern).unwrap().is_match(text).unwrap();
        assert!(found("a$", "a\n") && !found(r"a\Z", "a\n") && found(r"a\Z", "a"));
        assert!(found("[[]", "[") && found("[]a]", "]") && !found("[^]a]", "]") && found("[a&&b]", "&"));
        assert!(found(r"(?P<x>a)(?P=x)", "aa") && found("(?<=a)b", "ab"));
        assert!(regex("(").is_err());
    }

    #[test]
    fn texts_become_integers_as_in_python() {
        for (text, number) in
            [(" 5 ", Some(5)), ("-1_000", Some(-1000)), ("1__0", None), ("", None), ("x", None), ("1.0", None)]
        {
            assert_eq!(integer_of_text(text), number, "{text:?}");
        }
    }

    #[test]
    fn values_are_written_as_python_does() {
        let written = |json: &str| text(Value::parse(json).unwrap().view(), &WorkLimit::new()).unwrap().into_owned();
        assert_eq!(written(r#"{"a":[1,2.0,null,true,"it's"]}"#), r#"{'a': [1, 2.0, None, True, "it's"]}"#);
        assert_eq!(written("1e22"), "1e+22");
        assert_eq!(written("1.5e-7"), "1.5e-07");
        assert_eq!(written(r#""a\u0000""#), "a\u{0}");
    }
}
