//! Which event this is: what goes into the row id.
//!
//! The rule is frozen with the first release, and nothing of the schemas enters it. The hash is BLAKE3 of
//! `audit-pull row id 1`, the source's id, the log type's name and the identity, one after the other:
//!
//! - a text is its length in bytes as four little-endian bytes, and its UTF-8 bytes;
//! - the identity is `i` and the text of the event's `id`, where the vendor's ids name events (OpenAI, when there is
//!   one); else `e` and the whole event; for an input that is no event, `r` and its bytes like a text;
//! - a value is `n`, `t`, `f` for null, true, false; `d` and a number's literal as a text; `s` and a string's
//!   unescaped text; `[`, the elements, `]`; `{`, for each member its key like a string and its value, `}`;
//! - members are sorted by the bytes of their unescaped keys, equal keys all kept in the order sent; a lone surrogate is
//!   the three bytes that UTF-8 would have for its code point.

use jiff::civil::{DateTime, date};

use crate::json::{Document, Kind, NodeId};
use crate::time::read_iso;
use crate::{LogType, RowId};

const DOMAIN: &[u8] = b"audit-pull row id 1";
const SECONDS_PER_HOUR: i64 = 3600;
/// The end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// The row id of an event.
pub(crate) fn of_event(log_type: &str, source_id: &str, event: &Document<'_>) -> RowId {
    let vendor = LogType::from_name(log_type);
    let hour = ledger_hour(vendor, event);
    let id = (vendor == Some(LogType::OpenAiAudit)).then(|| event.get(Document::ROOT, "id")).flatten();
    let id = id.filter(|id| event.kind(*id) == Kind::String).map(|id| event.text_wtf8(id));
    let mut identity = start(log_type, source_id, event.raw(Document::ROOT).len());
    match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            identity.push(b'i');
            push_text(&id, &mut identity);
        }
        None => {
            identity.push(b'e');
            push_value(event, Document::ROOT, &mut identity);
        }
    }
    RowId { hour, hash: hash(&identity) }
}

/// The row id of an input that is no event.
pub(crate) fn of_rejected(log_type: &str, source_id: &str, raw: &[u8]) -> RowId {
    let mut identity = start(log_type, source_id, raw.len());
    identity.push(b'r');
    push_text(raw, &mut identity);
    RowId { hour: 0, hash: hash(&identity) }
}

fn start(log_type: &str, source_id: &str, length: usize) -> Vec<u8> {
    let mut identity = Vec::with_capacity(length + length / 4 + 256);
    identity.extend_from_slice(DOMAIN);
    push_text(source_id.as_bytes(), &mut identity);
    push_text(log_type.as_bytes(), &mut identity);
    identity
}

fn hash(identity: &[u8]) -> [u8; 12] {
    let mut hash = [0; 12];
    hash.copy_from_slice(&blake3::hash(identity).as_bytes()[..12]);
    hash
}

fn push_text(text: &[u8], identity: &mut Vec<u8>) {
    identity.extend_from_slice(&(text.len() as u32).to_le_bytes());
    identity.extend_from_slice(text);
}

fn push_string(event: &Document<'_>, id: NodeId, identity: &mut Vec<u8>) {
    identity.push(b's');
    push_text(&event.text_wtf8(id), identity);
}

fn push_value(event: &Document<'_>, id: NodeId, identity: &mut Vec<u8>) {
    match event.kind(id) {
        Kind::Null => identity.push(b'n'),
        Kind::True => identity.push(b't'),
        Kind::False => identity.push(b'f'),
        Kind::Number => {
            identity.push(b'd');
            push_text(event.raw(id).as_bytes(), identity);
        }
        Kind::String => push_string(event, id, identity),
        Kind::Array => {
            identity.push(b'[');
            event.elements(id).for_each(|element| push_value(event, element, identity));
            identity.push(b']');
        }
        Kind::Object => {
            identity.push(b'{');
            for member in event.members(id) {
                push_string(event, member.key, identity);
                push_value(event, member.value, identity);
            }
            identity.push(b'}');
        }
    }
}

/// Whole hours since 1970; 0 for what is unknown, earlier, or after the year 9999.
fn ledger_hour(vendor: Option<LogType>, event: &Document<'_>) -> u32 {
    let second = match vendor {
        None => None,
        Some(LogType::OpenAiAudit) => effective_at(event),
        Some(_) => creation_time(event),
    };
    let hour = second.filter(|second| *second <= LAST_SECOND).map(|second| second.div_euclid(SECONDS_PER_HOUR));
    hour.and_then(|hour| u32::try_from(hour).ok()).unwrap_or(0)
}

/// OpenAI's event time: seconds since 1970, as a number or a text; a fraction is cut off.
fn effective_at(event: &Document<'_>) -> Option<i64> {
    let time = event.get(Document::ROOT, "effective_at")?;
    let literal = if event.kind(time) == Kind::String { event.text(time) } else { event.raw(time).into() };
    let (whole, fraction) = literal.split_once('.').unwrap_or((&literal, "0"));
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| whole.parse().ok())?
}

/// Microsoft's event time, in UTC whether it says so or not.
fn creation_time(event: &Document<'_>) -> Option<i64> {
    const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
    let time = event.get(Document::ROOT, "CreationTime")?;
    let time = (event.kind(time) == Kind::String).then(|| read_iso(&event.text(time)))??;
    Some(time.duration_since(EPOCH).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn row_id(log_type: LogType, event: &str) -> String {
        of_event(log_type.name(), "acme", &json::parse(event.as_bytes()).unwrap()).to_string()
    }

    #[test]
    fn the_hour_is_the_vendors_event_time() {
        let hour = |log_type, event: &str| u32::from_str_radix(&row_id(log_type, event)[..8], 16).unwrap();
        for event in
            [r#"{"effective_at":1787301845}"#, r#"{"effective_at":"1787301845"}"#, r#"{"effective_at":1787301845.999}"#]
        {
            assert_eq!(hour(LogType::OpenAiAudit, event), 496_472, "{event}");
        }
        for time in
            ["2026-08-21T08:44:05", "2026-08-21T08:44:05Z", "2026-08-21T08:44:05.1234567", "2026-08-21T10:44:05+02:00"]
        {
            assert_eq!(hour(LogType::Dlp, &format!(r#"{{"CreationTime":"{time}"}}"#)), 496_472, "{time}");
        }
        for event in [
            "{}",
            r#"{"effective_at":null,"CreationTime":null}"#,
            r#"{"effective_at":"soon","CreationTime":"soon"}"#,
            r#"{"effective_at":-5,"CreationTime":"1969-12-31T23:00:00"}"#,
            r#"{"effective_at":1e9,"CreationTime":1787301845}"#,
            r#"{"effective_at":99999999999999999999,"CreationTime":"2026-13-01T00:00:00"}"#,
        ] {
            assert_eq!(hour(LogType::OpenAiAudit, event), 0, "{event}");
            assert_eq!(hour(LogType::General, event), 0, "{event}");
        }
    }

    #[test]
    fn an_openai_event_is_its_id() {
        let id = |event: &str| row_id(LogType::OpenAiAudit, event);
        assert_eq!(id(r#"{"id":"a","x":1}"#), id(r#"{"id":"\u0061","x":2}"#));
        assert_ne!(id(r#"{"id":"a"}"#), id(r#"{"id":"b"}"#));
        assert_ne!(id(r#"{"id":7,"x":1}"#), id(r#"{"id":7,"x":2}"#));
        assert_ne!(id(r#"{"id":"","x":1}"#), id(r#"{"id":"","x":2}"#));
        assert_ne!(id(r#"{"x":1}"#), id(r#"{"x":2}"#));
    }

    #[test]
    fn a_microsoft_event_is_all_of_it_in_any_order_and_spelling() {
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
    fn source_log_type_and_kind_keep_apart() {
        let event = json::parse(b"{}").unwrap();
        let ids = [
            of_event("Microsoft365.DLP.All", "acme", &event),
            of_event("Microsoft365.Audit.General", "acme", &event),
            of_event("Microsoft365.DLP.All", "acme2", &event),
            of_rejected("Microsoft365.DLP.All", "acme", b"{}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }
}
