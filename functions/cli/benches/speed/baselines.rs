//! Two baselines for the normaliser's speed: converting events with `serde_json::Value`, and only copying their bytes.

use schema::LogType;
use serde_json::{Map, Value};

use crate::corpus::{Event, SOURCE};

/// A constant row id. The normaliser hashes the whole event for it; the baseline computes nothing.
const ROW_ID: &str = "00079b945d659b69f09c6b201d287db9";
/// A constant parse time in the format of lines. The baseline formats no time.
const TIME: &str = "2026-11-22 09:00:00.000000000";

/// Appends an event as a line in the simplest way: it parses the event to a [`Value`], drops nulls, adds seven standard
/// fields and writes the result. It does less than the normaliser: no types, times, indicators or row id.
pub(crate) fn append_value(event: &Event, lines: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let mut value = without_nulls(serde_json::from_slice(event.raw.as_bytes())?);
    if let Value::Object(fields) = &mut value {
        add_standard_fields(event.log_type, fields);
    }
    serde_json::to_writer(&mut *lines, &value)?;
    lines.push(b'\n');
    Ok(())
}

fn add_standard_fields(log_type: LogType, fields: &mut Map<String, Value>) {
    let texts = [
        ("p_log_type", log_type.name()),
        ("p_row_id", ROW_ID),
        ("p_event_time", TIME),
        ("p_parse_time", TIME),
        ("p_source_id", SOURCE.0),
        ("p_source_label", SOURCE.1),
    ];
    fields.extend(texts.map(|(name, text)| (name.to_owned(), Value::from(text))));
    fields.insert("p_schema_version".to_owned(), Value::from(0));
}

/// Returns the value without the object members whose value is null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let there = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Appends the bytes of an event unchanged.
pub(crate) fn append_copy(event: &Event, lines: &mut Vec<u8>) {
    lines.extend_from_slice(event.raw.as_bytes());
}
