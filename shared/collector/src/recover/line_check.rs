//! Checks that a line is one that the collector writes.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use schema::RowId;
use serde::Deserialize;

use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;

/// The members of a line that are checked.
#[derive(Deserialize)]
struct CheckedLine<'a> {
    #[serde(borrow)]
    p_log_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    p_row_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    p_event_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    p_parse_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    p_source_id: Option<Cow<'a, str>>,
    p_schema_version: Option<u64>,
}

/// The values of a sound line that the check of the lake uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SoundLine {
    pub(crate) row_id: RowId,
    pub(crate) parse_time: UnixSeconds,
}

/// Checks a line of the stream. The error is its fault.
pub(crate) fn check_line(line: &[u8], stream: &Stream) -> Result<SoundLine, String> {
    let Some(line) = line.strip_suffix(b"\n") else { return Err("it does not end in a line feed".to_owned()) };
    let line: CheckedLine<'_> = serde_json::from_slice(line).map_err(|why| format!("it is no line: {why}"))?;
    let missing = |name: &str| format!("{name} is missing");
    let log_type = line.p_log_type.ok_or_else(|| missing("p_log_type"))?;
    if log_type != stream.log_type.name() {
        return Err(format!("p_log_type is {log_type:?} in the table of {}", stream.log_type.name()));
    }
    let source = line.p_source_id.ok_or_else(|| missing("p_source_id"))?;
    if source != stream.source.as_str() {
        return Err(format!("p_source_id is {source:?} in an object of {}", stream.source));
    }
    line.p_schema_version.ok_or_else(|| missing("p_schema_version"))?;
    seconds("p_event_time", line.p_event_time.as_deref())?;
    let parse_time = seconds("p_parse_time", line.p_parse_time.as_deref())?;
    let row_id = line.p_row_id.ok_or_else(|| missing("p_row_id"))?;
    let row_id = RowId::parse(&row_id).ok_or_else(|| format!("p_row_id {row_id:?} is not 32 hex digits"))?;
    Ok(SoundLine { row_id, parse_time })
}

/// Returns a time of a line in seconds since 1970.
fn seconds(name: &str, text: Option<&str>) -> Result<UnixSeconds, String> {
    let text = text.ok_or_else(|| format!("{name} is missing"))?;
    let time = text.parse::<DateTime>().ok().and_then(|time| Offset::UTC.to_timestamp(time).ok());
    time.map(|time| time.as_second()).ok_or_else(|| format!("{name} {text:?} is no time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stream;

    const LINE: &str = r#"{"id":"x","p_log_type":"OpenAI.Audit","p_row_id":"00079b945d659b69f09c6b201d287db9","p_event_time":"2026-11-17 04:43:58.000000000","p_parse_time":"1970-01-01 00:01:40.500000000","p_source_id":"acme","p_schema_version":0}"#;

    fn check(line: &str) -> Result<SoundLine, String> {
        check_line(line.as_bytes(), &stream("acme"))
    }

    #[test]
    fn ok_a_sound_line_shows_its_row_id_and_parse_time() {
        let row_id = RowId::parse("00079b945d659b69f09c6b201d287db9").unwrap();
        assert_eq!(check(&format!("{LINE}\n")), Ok(SoundLine { row_id, parse_time: 100 }));
    }

    #[test]
    fn err_each_fault_of_a_line_is_named() {
        for (change, to, fault) in [
            ("\n", "", "line feed"),
            ("{", "", "no line"),
            ("OpenAI.Audit", "OpenAI.Other", "in the table of OpenAI.Audit"),
            ("p_log_type", "log_type", "p_log_type is missing"),
            ("\"acme\"", "\"other\"", "in an object of acme"),
            ("p_source_id", "source_id", "p_source_id is missing"),
            ("p_schema_version", "schema_version", "p_schema_version is missing"),
            ("2026-11-17", "2026-13-17", "p_event_time"),
            ("p_parse_time", "parse_time", "p_parse_time is missing"),
            ("p_row_id", "row_id", "p_row_id is missing"),
            ("00079b945", "X0079b945", "32 hex digits"),
        ] {
            let line = format!("{LINE}\n").replacen(change, to, 1);
            assert!(check(&line).unwrap_err().contains(fault), "{fault}: {line}");
        }
    }
}
