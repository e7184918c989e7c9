//! Tests of the event's time and of the hour of its row id.

use jiff::Timestamp;

use super::context;
use crate::identity::row_id::RowId;
use crate::line::normalize::Normalizer;
use crate::log_type::LogType;

const SECONDS_PER_HOUR: i64 = 3600;

#[test]
fn c8_the_row_ids_hour_is_that_of_the_event_time_in_every_form() {
    let forms = [
        "1787301845",
        "1787301845123",
        "1787301845123456",
        "1787301845.25",
        "1.787301845e9",
        "\"1787301845\"",
        "\"1787301845.5\"",
        "\" 1787301845\"",
        "\"2026-08-21T08:44:05\"",
        "\"2026-08-21T8:44:05\"",
        "\" 2026-08-21 08:44:05,5Z \"",
        "\"2026-08-21T10:44:05+0200\"",
        "\"2026-08-21T08:44:60\"",
        "\"\"",
        "null",
        "[]",
        "true",
        "0",
        "-1",
        "\"0001-01-01T00:00:00\"",
        "\"9999-12-31T23:59:59Z\"",
        "1e300",
        "253402300799999",
        "\"2026-08-21T08:44:05.\"",
        "\"2026-08-21T08:44:05.1234567899\"",
        "1787301845.1234567890123",
    ];
    for (log_type, form) in LogType::ALL.into_iter().flat_map(|log_type| forms.map(|form| (log_type, form))) {
        let event = format!(r#"{{"effective_at":{form},"CreationTime":{form}}}"#);
        let normalizer = Normalizer::new(log_type);
        let normalized = normalizer.normalize(event.as_bytes(), &context(), &mut Vec::new()).unwrap();
        let hour_of = |time: Timestamp| u32::try_from(time.as_second().div_euclid(SECONDS_PER_HOUR)).ok();
        let hour = normalized.event_time.and_then(hour_of).filter(|hour| *hour >= RowId::RESERVED_HOURS);
        // [`Timestamp`] does not reach these times, so there is no hour to compare with.
        if form.starts_with("\"9999") || form.starts_with("253402300799") {
            continue;
        }
        match hour {
            Some(hour) => assert_eq!(normalized.row_id.hour, hour, "{} {form}", log_type.name()),
            None => assert!(normalized.row_id.hour < RowId::RESERVED_HOURS, "{} {form}", log_type.name()),
        }
    }
}

#[test]
fn c8_the_hour_and_the_event_time_are_read_from_the_same_member() {
    const HOUR: u32 = 496_472;
    let (openai, microsoft) = (LogType::OpenAiAudit, LogType::SharePoint);
    for (log_type, event, is_read) in [
        (openai, r#"{"effective.at":1787301845}"#, true),
        (openai, r#"{"effective at":"2026-08-21T08:44:05Z"}"#, true),
        (openai, r#"{"effective\u002eat":1787301845123}"#, true),
        (openai, r#"{"effective_at":1787301845,"effective.at":7200000}"#, true),
        (openai, r#"{"effective.at":7200000,"effective.at":1787301845}"#, true),
        (openai, r#"{"effective:at":7200000,"effective.at":1787301845,"id":"1"}"#, true),
        (openai, r#"{"effective_at":null,"effective.at":1787301845}"#, false),
        (openai, r#"{"Effective_At":1787301845}"#, false),
        (openai, r#"{"data":{"effective_at":1787301845}}"#, false),
        (openai, r#"{"effective_at":{"effective_at":1787301845}}"#, false),
        (openai, r#"{"effective":{"at":1787301845}}"#, false),
        (microsoft, r#"{"CreationTime":"2026-08-21T08:44:05"}"#, true),
        (microsoft, r#"{"creationTime":"2026-08-21T08:44:05"}"#, false),
        (microsoft, r#"{"Creation.Time":"2026-08-21T08:44:05"}"#, false),
    ] {
        let normalizer = Normalizer::new(log_type);
        let normalized = normalizer.normalize(event.as_bytes(), &context(), &mut Vec::new()).unwrap();
        let event_hour = normalized.event_time.map(|time| time.as_second().div_euclid(SECONDS_PER_HOUR));
        assert_eq!(event_hour, is_read.then_some(i64::from(HOUR)), "{event}");
        assert_eq!(normalized.row_id.hour == HOUR, is_read, "{event}");
    }
}
