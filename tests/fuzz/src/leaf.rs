//! Checks that every value of an event is in its line.
//!
//! A leaf is a non-empty string, a number or a boolean. The type of a field may make the line spell a leaf differently,
//! for example as a timestamp. So several spellings count as the leaf, and each leaf of the event needs a leaf of its
//! own in the line.

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::Json;

/// The maximum nesting of an array or object that is sent as text in a string: `json::MAX_DEPTH` of the crate `schema`.
const MAX_DEPTH: usize = 128;

/// Returns a leaf of the event `sent` that is not in `kept`, the parts of its line; `None` if all are there. A leaf
/// that the event has several times must be there as often.
pub fn missing_leaf(sent: &Json, kept: &[&Json]) -> Option<String> {
    let mut texts = Vec::new();
    kept.iter().for_each(|value| leaves(value, &mut texts));
    let mut left: HashMap<String, usize> = HashMap::new();
    texts.iter().for_each(|text| *left.entry(canonical(text)).or_default() += 1);
    texts.clear();
    leaves(sent, &mut texts);
    let mut wanted: Vec<_> = texts.into_iter().map(|text| (spellings(&text), text)).collect();
    // Leaves with the fewest spellings are matched first, so that no leaf with a choice takes the only match of
    // another.
    wanted.sort_by_key(|(ways, _)| ways.len());
    let mut take = |ways: &[String]| {
        ways.iter().any(|way| match left.get_mut(way) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        })
    };
    wanted.into_iter().find(|(ways, _)| !take(ways)).map(|(_, text)| text)
}

fn leaves(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Null => {}
        Json::Bool(value) => found.push(value.to_string()),
        // A string that contains JSON may be an array or object in the line, and vice versa. So its leaves are
        // compared.
        Json::String(text) if text.trim_start().starts_with(['[', '{']) => {
            match Json::parse(text.as_bytes(), MAX_DEPTH) {
                Some(container @ (Json::Array(_) | Json::Object(_))) => leaves(&container, found),
                _ => found.push(text.clone()),
            }
        }
        Json::Number(text) | Json::String(text) => {
            if !text.is_empty() {
                found.push(text.clone());
            }
        }
        Json::Array(elements) => elements.iter().for_each(|element| leaves(element, found)),
        // The line must keep every value of a repeated key.
        Json::Object(members) => members.iter().for_each(|(_, member)| leaves(member, found)),
    }
}

/// Returns the spellings that a line may use for a leaf, beginning with that of the leaf itself.
fn spellings(text: &str) -> Vec<String> {
    let mut ways = vec![canonical(text)];
    match text {
        "1" | "t" | "T" | "True" | "TRUE" => ways.push("true".to_owned()),
        "0" | "f" | "F" | "False" | "FALSE" => ways.push("false".to_owned()),
        _ => {}
    }
    if let Some(number) = parse_finite(text) {
        ways.push(format_float(number));
        ways.extend(since_1970(text, number).map(|time| format!("time {time}")));
    }
    ways.dedup();
    ways
}

/// Returns the same text for all spellings of one time or one number.
fn canonical(text: &str) -> String {
    if let Some(time) = parse_time(text) {
        return format!("time {time}");
    }
    match (text.parse::<i128>(), parse_finite(text)) {
        (Ok(whole), _) => whole.to_string(),
        (_, Some(number)) => format_float(number),
        _ => text.to_owned(),
    }
}

fn parse_finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Formats a float without the sign of a zero and without an exponent.
fn format_float(number: f64) -> String {
    (number + 0.0).to_string()
}

/// Parses a date with a time and an optional offset, and converts it to UTC.
fn parse_time(text: &str) -> Option<DateTime> {
    let (date, clock) = text.trim().split_at_checked("2006-01-02".len())?;
    let (hour, rest) = clock.strip_prefix(['T', 't', ' '])?.split_once(':')?;
    let (minutes, rest) = rest.split_at_checked("04:05".len())?;
    let (fraction, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let digits = if fraction.is_empty() { "0" } else { fraction.strip_prefix(['.', ','])? };
    let digits = digits.get(..9).unwrap_or(digits);
    let civil: DateTime = format!("{date}T{hour:0>2}:{minutes}.{digits}").parse().ok()?;
    civil.checked_sub(SignedDuration::from_mins(parse_offset_minutes(zone)?)).ok()
}

/// Parses an offset from UTC such as `+02:00`, in minutes. No offset means UTC.
fn parse_offset_minutes(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let digits: String = zone.chars().skip(1).filter(|char| *char != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let ahead = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some(if zone.starts_with('-') { -ahead } else { ahead })
}

/// Interprets a number as a time since 1970. The unit is a second, millisecond, microsecond or nanosecond, depending on
/// the number's magnitude. Seconds may have a fraction, which is cut off at microseconds.
fn since_1970(text: &str, number: f64) -> Option<DateTime> {
    let whole = || text.parse::<i64>().ok();
    let time = match number.abs() {
        ..1e11 => Timestamp::from_microsecond((number * 1e6) as i64),
        1e11..1e14 => Timestamp::from_millisecond(whole()?),
        1e14..1e17 => Timestamp::from_microsecond(whole()?),
        _ => Timestamp::from_nanosecond(whole()?.into()),
    };
    Some(Offset::UTC.to_datetime(time.ok()?))
}
