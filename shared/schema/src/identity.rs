//! Which event this is: what goes into the row id.
//!
//! The rule is frozen with the first release, and nothing of the schemas enters it. The hash is the start of SHA-256 of
//!
//! ```text
//! audit-pull row id 1
//! "acme"
//! "Microsoft365.Audit.Exchange"
//! event {"CreationTime":"2026-11-22T09:00:00","Id":…}
//! ```
//!
//! - the lines are the rule's name, the source's id, the log type's name and the event, the last three in canonical form
//!   (`json/canonical.rs`); there is a line feed between them and none after the last;
//! - where the vendor's ids name events (OpenAI) and the event has one that is a string and not empty, the last line is
//!   `id ` and that id in canonical form;
//! - for an input that is no event it is `rejected ` and the bytes of the input.
//!
//! SHA-256, because processors have instructions for it, because two different events must not come to one id by
//! anybody's design, and because everybody can make it again.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::civil::{DateTime, date};
use sha2::{Digest, Sha256};

use crate::json::{Document, Kind, write_canonical_string};
use crate::log_type::LogType;
use crate::row_id::RowId;
use crate::time::read_iso;

const RULE: &[u8] = b"audit-pull row id 1";
const SECONDS_PER_HOUR: i64 = 3600;
/// The end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// What keeps the row ids of one log type of one source apart from all others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    vendor: Option<LogType>,
    /// The hash, so far as it is the same for all events.
    start: Sha256,
}

impl Scope {
    pub(crate) fn new(log_type: &str, source_id: &str) -> Self {
        let mut text = RULE.to_vec();
        for part in [source_id, log_type] {
            text.push(b'\n');
            write_canonical_string(part, &mut text);
        }
        text.push(b'\n');
        Self { vendor: LogType::from_name(log_type), start: Sha256::new_with_prefix(text) }
    }

    /// The row id of an event. `identity` is memory to work in.
    pub(crate) fn of_event(&self, event: &Document<'_>, identity: &mut Vec<u8>) -> RowId {
        let id = (self.vendor == Some(LogType::OpenAiAudit)).then(|| event.get(Document::ROOT, "id")).flatten();
        let id = id.filter(|id| event.kind(*id) == Kind::String && event.raw(*id) != "\"\"");
        identity.clear();
        identity.extend_from_slice(if id.is_some() { b"id " } else { b"event " });
        event.write_canonical(id.unwrap_or(Document::ROOT), identity);
        RowId { hour: ledger_hour(self.vendor, event), hash: self.hash(identity) }
    }

    /// A hash of the id that the vendor gave the event, where it is not what tells events apart. Only good to
    /// compare within a process.
    pub(crate) fn shared_id(&self, event: &Document<'_>) -> Option<u64> {
        self.vendor.filter(|vendor| *vendor != LogType::OpenAiAudit)?;
        let id = event.get(Document::ROOT, "Id").filter(|id| event.kind(*id) == Kind::String)?;
        let mut hasher = DefaultHasher::new();
        event.text(id).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// The row id of an input that is no event.
    pub(crate) fn of_rejected(&self, raw: &[u8]) -> RowId {
        RowId { hour: 0, hash: self.hash(&[b"rejected ", raw].concat()) }
    }

    fn hash(&self, identity: &[u8]) -> [u8; 12] {
        let mut hash = [0; 12];
        hash.copy_from_slice(&self.start.clone().chain_update(identity).finalize()[..12]);
        hash
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
        let event = json::parse(event.as_bytes()).unwrap();
        Scope::new(log_type.name(), "acme").of_event(&event, &mut Vec::new()).to_string()
    }

    #[test]
    fn an_id_is_shared_where_it_does_not_name_the_event() {
        let shared = |log_type: LogType, event: &str| {
            Scope::new(log_type.name(), "acme").shared_id(&json::parse(event.as_bytes()).unwrap())
        };
        let one = shared(LogType::Exchange, r#"{"Id":"a","Operation":"x"}"#);
        assert!(one.is_some() && one == shared(LogType::Exchange, r#"{"Operation":"y","Id":"\u0061"}"#));
        assert_ne!(one, shared(LogType::Exchange, r#"{"Id":"b","Operation":"x"}"#));
        for event in ["{}", r#"{"Id":null}"#, r#"{"Id":7}"#] {
            assert_eq!(shared(LogType::Exchange, event), None, "{event}");
        }
        assert_eq!(shared(LogType::OpenAiAudit, r#"{"id":"a","Id":"a"}"#), None);
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
            Scope::new("Microsoft365.DLP.All", "acme").of_event(&event, &mut Vec::new()),
            Scope::new("Microsoft365.Audit.General", "acme").of_event(&event, &mut Vec::new()),
            Scope::new("Microsoft365.DLP.All", "acme2").of_event(&event, &mut Vec::new()),
            Scope::new("Microsoft365.DLP.All", "acme").of_rejected(b"{}"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }
}
