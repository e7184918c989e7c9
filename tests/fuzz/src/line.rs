//! Checks that must hold for every line, whatever the event and the schema are.

use jiff::Timestamp;
use schema::{LineContext, Normalized, Normalizer, RowId};

use crate::Json;

/// The maximum nesting of a line. It is more than the nesting of an event and the levels that a schema can add.
const MAX_LINE_DEPTH: usize = 512;

/// Returns the fixed values of the members that do not come from the event, such as the source's id.
pub fn line_context() -> LineContext<'static> {
    LineContext { source_id: "acme", source_label: "Acme", parse_time: Timestamp::UNIX_EPOCH }
}

/// Checks that a line is what `normalize` promises, and returns the parsed line. [`check_unique_keys`] is a separate
/// check.
///
/// # Panics
/// The line breaks a promise.
pub fn check_line(normalizer: &Normalizer, line: &[u8], normalized: &Normalized) -> Json {
    let shown = String::from_utf8_lossy(line);
    let feeds = line.iter().filter(|byte| **byte == b'\n').count();
    assert!(line.ends_with(b"}\n") && feeds == 1, "not one line: {shown}");
    let json = Json::parse(line, MAX_LINE_DEPTH).unwrap_or_else(|| panic!("not JSON: {shown}"));
    let row_id = normalized.row_id.to_string();
    assert_eq!(json.get("p_row_id").and_then(Json::as_str), Some(row_id.as_str()), "{shown}");
    assert_eq!(RowId::parse(&row_id), Some(normalized.row_id));
    assert_eq!(json.get("p_log_type").and_then(Json::as_str), Some(normalizer.log_type()), "{shown}");
    let aside = json.get("p_nonconforming").map_or(0, |aside| aside.distinct_members().len());
    assert_eq!(normalized.nonconforming as usize, aside, "the count of nonconforming: {shown}");
    let event_time = normalized.event_time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S.%9f").to_string());
    if event_time.is_some() {
        assert_eq!(json.get("p_event_time").and_then(Json::as_str), event_time.as_deref(), "{shown}");
    }
    json
}

/// Checks that no object in a line, at any depth, has a repeated key.
///
/// # Panics
/// A key is repeated.
pub fn check_unique_keys(json: &Json, line: &[u8]) {
    assert_eq!(json.repeated_key(), None, "a key given twice: {}", String::from_utf8_lossy(line));
}

/// Returns the values in a line that come from the event: its own fields, and those in `p_nonconforming`.
pub fn event_values(line: &Json) -> Vec<&Json> {
    let members = line.distinct_members().into_iter();
    let own = members.filter(|(name, _)| name == "p_nonconforming" || !name.starts_with("p_"));
    own.map(|(_, value)| value).collect()
}
