//! The baselines of the normaliser: the obvious way to do about the same, and no work at all.

use schema::LogType;
use serde_json::{Map, Value};

use crate::corpus::{Event, SOURCE};

/// A row id; here it costs nothing, the normaliser's is a hash of the whole event.
const ROW_ID: &str = "00079b945d659b69f09c6b201d287db9";
/// A moment as lines have it; here it costs nothing either.
const TIME: &str = "2026-11-22 09:00:00.000000000";

/// Appends the event as a line in the obvious way: parsed to a [`Value`], rebuilt without nulls and with the seven
/// standard fields, written. No types, no times, no indicators, no row id: less than the normaliser does.
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

/// The value rebuilt without members that are null.
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

/// Appends the event's bytes as they are.
pub(crate) fn append_copy(event: &Event, lines: &mut Vec<u8>) {
    lines.extend_from_slice(event.raw.as_bytes());
}
