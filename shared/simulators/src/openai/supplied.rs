//! Events that the caller supplied in [`Options::records`](crate::Options::records): any JSON values, in any order.

use std::collections::HashSet;
use std::io;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::event::Event;
use super::types;
use crate::canonical;
use crate::seeded_rng::{SeededRng, hash};

/// An event without a time is listed as if it had happened this many seconds before the start.
const DEFAULT_AGE_SECONDS: i64 = 60;

/// Returns the supplied events. The event with the index `i` becomes visible at `visible_at[i]`, or at once if that
/// list is shorter. Of several events with the same identity, only the first is returned.
///
/// # Errors
/// A record is not JSON.
pub(super) fn supplied_events(records: &[String], visible_at: &[Timestamp], now: Timestamp) -> io::Result<Vec<Event>> {
    let mut known_identities = HashSet::new();
    let mut events = Vec::with_capacity(records.len());
    for (number, raw) in records.iter().enumerate() {
        let visible_at = visible_at.get(number).copied().unwrap_or(now);
        let event = event(raw, now, visible_at)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("record {}: {error}", number + 1)))?;
        if known_identities.insert(event.identity().to_owned()) {
            events.push(event);
        }
    }
    Ok(events)
}

fn event(raw: &str, now: Timestamp, visible_at: Timestamp) -> serde_json::Result<Event> {
    // The text is read as a [`RawValue`], because a `Value` can hold neither lone surrogates nor arbitrarily large
    // numbers. Of duplicate keys, the last one is used.
    let raw: &RawValue = serde_json::from_str(raw)?;
    let fields = canonical::fields(raw.get()).unwrap_or_default();
    let field = |name| fields.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.get());
    let text = |name| field(name).and_then(|value| serde_json::from_str::<String>(value).ok());
    let effective_at = field("effective_at").and_then(|value| value.parse().ok());
    let id = text("id").filter(|id| !id.is_empty());
    Ok(Event {
        cursor: id.clone().unwrap_or_else(|| cursor_of(raw.get())),
        id,
        effective_at: effective_at.unwrap_or_else(|| now.as_second() - DEFAULT_AGE_SECONDS),
        visible_at,
        is_tenant_scoped: text("type").is_some_and(|event_type| types::is_tenant_scoped(&event_type)),
        raw: raw.get().to_owned(),
    })
}

/// Returns an id by which cursors name an event that has no id. It depends only on the event's text.
fn cursor_of(raw: &str) -> String {
    format!("audit_log-{}", SeededRng::new(hash(raw), "hidden id", 0).alphanumeric(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);

    fn read(raw: &str) -> Event {
        event(raw, NOW, NOW).unwrap()
    }

    #[test]
    fn a_supplied_value_that_is_no_event_is_listed_all_the_same() {
        for raw in ["7", "null", "[]", r#"["a", 5]"#, "\"id\"", "{}", r#"{"id":7}"#, r#"{"id":""}"#, r#"{"id":null}"#] {
            let event = read(&format!(" {raw}\n"));
            assert_eq!((event.identity(), event.raw.as_str()), (raw, raw));
            assert_eq!((event.id.as_deref(), event.effective_at), (None, NOW.as_second() - 60), "{raw}");
            assert!(event.cursor.starts_with("audit_log-"), "{raw}");
        }
        assert_ne!(read("7").cursor, read("8").cursor);
    }

    #[test]
    fn fields_are_read_from_unusual_json() {
        let raw = r#"{"name":"\ud800","n":1e999,"id":"a","effective_at":12,"type":"tenant.user.added","id":"b"}"#;
        let event = read(raw);
        assert_eq!((event.identity(), event.effective_at, event.is_tenant_scoped), ("b", 12, true));
        assert_eq!(event.raw, raw);
    }

    #[test]
    fn err_the_message_names_the_number_of_a_record_that_is_not_json() {
        let error = supplied_events(&["{}".to_owned(), "{".to_owned()], &[], NOW).unwrap_err();
        assert!(error.to_string().starts_with("record 2: "), "{error}");
    }
}
