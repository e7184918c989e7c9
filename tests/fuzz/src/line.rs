//! The checks that hold for every line, whatever the event and the schema.

use jiff::Timestamp;
use schema::{LineContext, Normalized, Normalizer, RowId};

use crate::Json;

/// Deeper than any line: an event's depth, and what a schema can put around it.
const LINE_LEVELS: usize = 512;

/// The members of lines beside those of their event.
pub fn context() -> LineContext<'static> {
    LineContext { source_id: "acme", source_label: "Acme", parse_time: Timestamp::UNIX_EPOCH }
}

/// Holds a line against what `normalize` promises, but for [`check_keys`], and returns what it says.
///
/// # Panics
/// A promise is broken.
pub fn check_line(normalizer: &Normalizer, line: &[u8], normalized: &Normalized) -> Json {
    let shown = String::from_utf8_lossy(line);
    let feeds = line.iter().filter(|byte| **byte == b'\n').count();
    assert!(line.ends_with(b"}\n") && feeds == 1, "not one line: {shown}");
    let json = Json::parse(line, LINE_LEVELS).unwrap_or_else(|| panic!("not JSON: {shown}"));
    let row_id = normalized.row_id.to_string();
    assert_eq!(json.get("p_row_id").and_then(Json::as_str), Some(row_id.as_str()), "{shown}");
    assert_eq!(RowId::parse(&row_id), Some(normalized.row_id));
    assert_eq!(json.get("p_log_type").and_then(Json::as_str), Some(normalizer.log_type()), "{shown}");
    let aside = json.get("p_nonconforming").map_or(0, |aside| aside.distinct().len());
    assert_eq!(normalized.nonconforming as usize, aside, "the count of nonconforming: {shown}");
    let event_time = normalized.event_time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S.%9f").to_string());
    if event_time.is_some() {
        assert_eq!(json.get("p_event_time").and_then(Json::as_str), event_time.as_deref(), "{shown}");
    }
    json
}

/// Holds a line's keys against the promise that each is there once, at every depth.
///
/// # Panics
/// The promise is broken.
pub fn check_keys(json: &Json, line: &[u8]) {
    assert_eq!(json.key_given_twice(), None, "a key given twice: {}", String::from_utf8_lossy(line));
}

/// The parts of a line that hold the event: its own fields, and what was set aside.
pub fn own(line: &Json) -> Vec<&Json> {
    let members = line.distinct().into_iter();
    let own = members.filter(|(name, _)| name == "p_nonconforming" || !name.starts_with("p_"));
    own.map(|(_, value)| value).collect()
}
