//! Computes row ids, by the rule that decides what identifies an event.
//!
//! The rule never changes after the first release, and does not depend on the schemas. A row id is an hour and a hash.
//! The hash is the first 12 bytes of the SHA-256 of a text such as
//!
//! ```text
//! audit-pull row id 1
//! "acme"
//! "Microsoft365.Audit.Exchange"
//! event {"CreationTime":"2026-11-22T09:00:00","Id":…}
//! ```
//!
//! - the lines are the rule's name, the source's id, the log type's name and the event, the last three in canonical form
//!   (`event/json/canonical.rs`); there is a line feed between them and none after the last;
//! - if the vendor's ids identify events (OpenAI) and the event's id is a string that is not empty, the last line is
//!   `id ` and that id in canonical form;
//! - if the input is not an event, the last line is `rejected ` and the bytes of the input.
//!
//! The hour is the vendor's event time in whole hours since 1970. If no member has the name of the time, the member
//! that maps to the same column (such as `effective.at`) is read instead, as in the line.
//!
//! If the time is missing, unreadable or earlier than 256 hours after the start of 1970, if the input is not an event, or
//! if the schema is not of a built-in log type, the hour is the ninth byte of the hash (see [`RowId::RESERVED_HOURS`]).
//!
//! The hash is SHA-256, because processors have instructions for it, because nobody can find an event with the same
//! hash as a given one, and because every system can compute it.

pub(crate) mod row_id;

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::civil::{DateTime, date};
use sha2::{Digest, Sha256};

use crate::event::json::{Document, Kind, NodeId, write_canonical_string};
use crate::language::column::column;
use crate::value::format::{SentTime, read_unix_leniently, whole_seconds};
use crate::value::time::read_iso;
use row_id::RowId;

/// The name of the rule, which is the first line of the hashed text.
const RULE_NAME: &[u8] = b"audit-pull row id 1";
const SECONDS_PER_HOUR: i64 = 3600;

/// The members of a vendor's events that hold the identity and the time of an event.
#[derive(Debug)]
pub(crate) struct IdentityRule {
    /// The member that identifies an event; `None` if only the whole event does. An event whose member is missing,
    /// empty or not a string is identified as a whole.
    pub(crate) id: Option<&'static str>,
    /// The member that holds the vendor's id, if several events may share an id.
    pub(crate) shared_id: Option<&'static str>,
    pub(crate) time: EventTime,
}

/// The member that holds the event's time, with a variant for each form of that time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EventTime {
    /// Seconds, milliseconds or a finer unit since 1970, as a number or a string; or a date and time in a string.
    Unix(&'static str),
    /// A date and time in a string. It is in UTC if it has no offset.
    Iso(&'static str),
}

/// Computes the row ids of one log type of one source. Row ids of different scopes differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// The rule of a built-in log type; `None` for any other schema.
    rule: Option<&'static IdentityRule>,
    /// The state of the hash after the lines of text that are the same for all events.
    common_state: Sha256,
}

impl Scope {
    pub(crate) fn new(log_type: &str, source_id: &str, rule: Option<&'static IdentityRule>) -> Self {
        let mut text = RULE_NAME.to_vec();
        for part in [source_id, log_type] {
            text.push(b'\n');
            write_canonical_string(part, &mut text);
        }
        text.push(b'\n');
        Self { rule, common_state: Sha256::new_with_prefix(text) }
    }

    /// Returns the row id of an event. `identity` is a buffer that the call may overwrite.
    pub(crate) fn event_row_id(&self, event: &Document<'_>, identity: &mut Vec<u8>) -> RowId {
        let id = self.rule.and_then(|rule| event.get(Document::ROOT, rule.id?));
        let id = id.filter(|id| event.kind(*id) == Kind::String && event.raw(*id) != "\"\"");
        identity.clear();
        identity.extend_from_slice(if id.is_some() { b"id " } else { b"event " });
        event.write_canonical(id.unwrap_or(Document::ROOT), identity);
        RowId::new(self.hash(identity), ledger_hour(self.rule, event))
    }

    /// Returns a hash of the vendor's id of the event. Returns `None` if the vendor's ids are unique or the event has
    /// none. Hashes can be compared only within one process.
    pub(crate) fn shared_id(&self, event: &Document<'_>) -> Option<u64> {
        let id = event.get(Document::ROOT, self.rule?.shared_id?).filter(|id| event.kind(*id) == Kind::String)?;
        let mut hasher = DefaultHasher::new();
        event.text(id).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Returns the row id of an input that was rejected.
    pub(crate) fn rejected_row_id(&self, raw: &[u8]) -> RowId {
        RowId::new(self.hash(&[b"rejected ", raw].concat()), None)
    }

    fn hash(&self, identity: &[u8]) -> [u8; 12] {
        let mut hash = [0; 12];
        hash.copy_from_slice(&self.common_state.clone().chain_update(identity).finalize()[..12]);
        hash
    }
}

/// Returns the event's time in whole hours since 1970; `None` if it is unreadable or before 1970. The line reads the
/// time in the same way.
fn ledger_hour(rule: Option<&IdentityRule>, event: &Document<'_>) -> Option<u32> {
    let second = match rule?.time {
        EventTime::Unix(name) => unix_second(event, name),
        EventTime::Iso(name) => iso_second(event, name),
    }?;
    u32::try_from(second.div_euclid(SECONDS_PER_HOUR)).ok()
}

/// Converts a date and time in UTC to seconds since 1970.
fn seconds_since_1970(time: DateTime) -> i64 {
    const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
    time.duration_since(EPOCH).as_secs()
}

/// Returns the value that the line has in the column `name`. It comes from the member of this name, or else from the
/// first member, in the order of the names' bytes, whose name becomes this column.
fn column_value(event: &Document<'_>, name: &str) -> Option<NodeId> {
    let by_column = || event.distinct_members(Document::ROOT).find(|member| column(&event.name(member)) == name);
    event.get(Document::ROOT, name).or_else(|| by_column().map(|member| member.value))
}

/// Reads a time of [`EventTime::Unix`], in seconds since 1970.
fn unix_second(event: &Document<'_>, name: &str) -> Option<i64> {
    let time = column_value(event, name)?;
    let time = match event.kind(time) {
        Kind::String => read_unix_leniently(SentTime::Text(&event.text(time))),
        Kind::Number => {
            let literal = event.raw(time);
            // Whole seconds are the usual form, and need no conversion to a date.
            if let Some(second) = whole_seconds(literal) {
                return Some(second);
            }
            read_unix_leniently(SentTime::Number(literal))
        }
        _ => None,
    };
    time.map(seconds_since_1970)
}

/// Reads a time of [`EventTime::Iso`], in seconds since 1970.
fn iso_second(event: &Document<'_>, name: &str) -> Option<i64> {
    let time = column_value(event, name)?;
    (event.kind(time) == Kind::String).then(|| read_iso(&event.text(time)))?.map(seconds_since_1970)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::json;
    use crate::log_type::LogType;

    fn scope(log_type: LogType) -> Scope {
        Scope::new(log_type.name(), "acme", Some(log_type.spec().identity))
    }

    fn row_id(log_type: LogType, event: &str) -> String {
        let event = json::parse(event.as_bytes()).unwrap();
        scope(log_type).event_row_id(&event, &mut Vec::new()).to_string()
    }

    #[test]
    fn only_ids_of_microsoft_may_be_shared() {
        let shared =
            |log_type: LogType, event: &str| scope(log_type).shared_id(&json::parse(event.as_bytes()).unwrap());
        let one = shared(LogType::Exchange, r#"{"Id":"a","Operation":"x"}"#);
        assert!(one.is_some() && one == shared(LogType::Exchange, r#"{"Operation":"y","Id":"\u0061"}"#));
        assert_ne!(one, shared(LogType::Exchange, r#"{"Id":"b","Operation":"x"}"#));
        for event in ["{}", r#"{"Id":null}"#, r#"{"Id":7}"#] {
            assert_eq!(shared(LogType::Exchange, event), None, "{event}");
        }
        assert_eq!(shared(LogType::OpenAiAudit, r#"{"id":"a","Id":"a"}"#), None);
    }

    fn hour(log_type: LogType, event: &str) -> u32 {
        u32::from_str_radix(&row_id(log_type, event)[..8], 16).unwrap()
    }

    #[test]
    fn the_hour_is_the_vendors_event_time() {
        for time in
            ["2026-08-21T08:44:05", "2026-08-21T08:44:05Z", "2026-08-21T08:44:05.1234567", "2026-08-21T10:44:05+02:00"]
        {
            assert_eq!(hour(LogType::Dlp, &format!(r#"{{"CreationTime":"{time}"}}"#)), 496_472, "{time}");
        }
    }

    #[test]
    fn c8_the_hour_is_read_from_every_form_of_the_time() {
        for time in [
            "1787301845",
            "\"1787301845\"",
            "1787301845.999",
            "\"1787301845.5\"",
            "1.787301845e9",
            "1787301845123",
            "1787301845123456",
            "\"1787301845123\"",
            "\"2026-08-21T08:44:05Z\"",
            "\"2026-08-21T10:44:05.25+02:00\"",
            "\"2026-08-21 08:44:05\"",
        ] {
            assert_eq!(hour(LogType::OpenAiAudit, &format!(r#"{{"effective_at":{time}}}"#)), 496_472, "{time}");
        }
    }

    #[test]
    fn f3_events_without_a_readable_time_spread_over_the_reserved_hours() {
        let times = [
            ("effective_at", "null"),
            ("effective_at", "\"soon\""),
            ("effective_at", "-5"),
            ("effective_at", "0"),
            ("effective_at", "99999999999999999999"),
            ("effective_at", "true"),
            ("CreationTime", "null"),
            ("CreationTime", "\"1969-12-31T23:00:00\""),
            ("CreationTime", "\"0001-01-01T00:00:00\""),
            ("CreationTime", "\"2026-13-01T00:00:00\""),
            ("CreationTime", "1787301845"),
        ];
        for (name, time) in times {
            let log_type = if name == "CreationTime" { LogType::General } else { LogType::OpenAiAudit };
            let event = |at: u32| format!(r#"{{"id":"{at}","Id":"{at}","{name}":{time}}}"#);
            let hours: HashSet<u32> = (0..4_000).map(|at| hour(log_type, &event(at))).collect();
            assert!(hours.iter().all(|hour| *hour < RowId::RESERVED_HOURS), "{name} {time}");
            assert!(hours.len() > 250, "{name} {time}: {}", hours.len());
        }
    }

    #[test]
    fn f3_rejected_inputs_spread_over_the_reserved_hours() {
        let scope = scope(LogType::Dlp);
        let hours: HashSet<u32> =
            (0..4_000).map(|at| scope.rejected_row_id(format!("no {at}").as_bytes()).hour).collect();
        assert!(hours.len() > 250 && hours.iter().all(|hour| *hour < RowId::RESERVED_HOURS), "{}", hours.len());
    }

    #[test]
    fn an_openai_event_is_identified_by_its_id() {
        let id = |event: &str| row_id(LogType::OpenAiAudit, event);
        assert_eq!(id(r#"{"id":"a","x":1}"#), id(r#"{"id":"\u0061","x":2}"#));
        assert_ne!(id(r#"{"id":"a"}"#), id(r#"{"id":"b"}"#));
        assert_ne!(id(r#"{"id":7,"x":1}"#), id(r#"{"id":7,"x":2}"#));
        assert_ne!(id(r#"{"id":"","x":1}"#), id(r#"{"id":"","x":2}"#));
        assert_ne!(id(r#"{"x":1}"#), id(r#"{"x":2}"#));
    }

    #[test]
    fn a_microsoft_event_is_identified_by_its_whole_content_in_any_order_and_spelling() {
        let id = |event: &str| row_id(LogType::Exchange, event);
        let same = id(r#"{"Id":"1","a":{"x":1,"y":[1,"\u00e9"]}}"#);
        assert_eq!(id("{ \"a\" : {\"y\":[1,\"é\"],\"\\u0078\":1}, \"Id\":\"1\" }"), same);
        for other in [
            r#"{"Id":"1","a":{"x":1.0,"y":[1,"é"]}}"#,
            r#"{"Id":"1","a":{"x":"1","y":[1,"é"]}}"#,
            r#"{"Id":"1","a":{"x":1,"y":["é",1]}}"#,
            r#"{"Id":"1","a":{"x":1,"y":[1,"é"]},"b":null}"#,
            r#"{"Id":"1","a":{"x":2,"x":1,"y":[1,"é"]}}"#,
            r#"{"Id":"1","a":{"x":1,"x":2,"y":[1,"é"]}}"#,
            r#"{"Id":"1","a":{"x":1,"y":[1,"\ud800"]}}"#,
            r#"{"Id":"1","a":{"x":1,"y":[1,"\ud801"]}}"#,
            r#"{"Id":"1","a":{"x":1,"y":[1,"\ufffd"]}}"#,
        ] {
            assert_ne!(id(other), same, "{other}");
        }
    }

    #[test]
    fn row_ids_differ_by_source_log_type_and_kind() {
        let event = json::parse(b"{}").unwrap();
        let ids = [
            scope(LogType::Dlp).event_row_id(&event, &mut Vec::new()),
            scope(LogType::General).event_row_id(&event, &mut Vec::new()),
            Scope::new(LogType::Dlp.name(), "acme2", Some(LogType::Dlp.spec().identity))
                .event_row_id(&event, &mut Vec::new()),
            scope(LogType::Dlp).rejected_row_id(b"{}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }
}
