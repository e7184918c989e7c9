//! The time formats a schema can name.

mod layout;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::Offset;

use crate::definition::Definition;
use crate::time::read_iso;
use layout::Layout;

#[derive(Debug, Clone)]
pub(crate) enum TimeFormat {
    Rfc3339,
    /// Seconds since 1970, with a fraction.
    Unix,
    /// So many nanoseconds a unit since 1970, whole.
    UnixUnits(i64),
    /// Since 1970 in the unit that gives a time of our days.
    UnixAuto,
    Strftime(String),
    Layout(Layout),
}

/// A value as it was sent: what formats read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sent<'a> {
    Text(&'a str),
    Number(&'a str),
}

impl TimeFormat {
    /// The formats of a timestamp field; RFC 3339 when it names none.
    pub(crate) fn all(definition: &Definition) -> Result<Vec<Self>, String> {
        let names = match (&definition.time_format, &definition.time_formats) {
            (Some(_), Some(_)) => return Err("timeFormat and timeFormats exclude each other".to_owned()),
            (Some(name), None) => vec![name.as_str()],
            (None, Some(names)) => names.iter().map(String::as_str).collect(),
            (None, None) => Vec::new(),
        };
        if names.is_empty() {
            return Ok(vec![Self::Rfc3339]);
        }
        names.into_iter().map(Self::new).collect()
    }

    fn new(name: &str) -> Result<Self, String> {
        Ok(match name {
            "" | "rfc3339" => Self::Rfc3339,
            "unix" => Self::Unix,
            "unix_ms" => Self::UnixUnits(1_000_000),
            "unix_us" => Self::UnixUnits(1_000),
            "unix_ns" => Self::UnixUnits(1),
            "unix_auto" => Self::UnixAuto,
            _ if name.contains('%') => Self::strftime(name)?,
            _ => match name.strip_prefix("layout=") {
                Some(layout) => Self::Layout(Layout::new(layout)?),
                None => return Err(format!("no time format is called {name}")),
            },
        })
    }

    fn strftime(format: &str) -> Result<Self, String> {
        let example = Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        strtime::format(format, &example).map_err(|cause| format!("the time format {format}: {cause}"))?;
        Ok(Self::Strftime(format.to_owned()))
    }

    /// Reads a time.
    pub(crate) fn read(&self, sent: Sent<'_>) -> Option<Timestamp> {
        match (self, sent) {
            (Self::Rfc3339, Sent::Text(text)) => read_rfc3339(text),
            (Self::Unix, Sent::Text(literal) | Sent::Number(literal)) => read_unix(literal),
            (Self::UnixUnits(unit), Sent::Text(literal) | Sent::Number(literal)) => {
                from_nanosecond(literal.parse::<i64>().ok()?.wrapping_mul(*unit))
            }
            (Self::UnixAuto, Sent::Text(literal) | Sent::Number(literal)) => read_unix_auto(literal),
            (Self::Strftime(format), Sent::Text(text)) => read_strftime(format, text),
            (Self::Layout(layout), Sent::Text(text)) => layout.read(text),
            (_, Sent::Number(_)) => None,
        }
    }
}

fn from_nanosecond(nanosecond: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanosecond.into()).ok()
}

/// `T` and `Z` in capitals, a zone, and nothing else.
fn read_rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let zoned = text.ends_with('Z') || matches!(bytes, [.., b'+' | b'-', _, _, b':', _, _]);
    let fraction = bytes.get(19).is_none_or(|byte| *byte != b',');
    if bytes.get(10) != Some(&b'T') || !zoned || !fraction || text.trim().len() != text.len() {
        return None;
    }
    read_iso(text)
}

/// Decimal seconds to whole microseconds. As in the reference, the count of nanoseconds is 64 bits that wrap: times far
/// off (milliseconds taken for seconds) become other times, not errors.
fn read_unix(literal: &str) -> Option<Timestamp> {
    let seconds: f64 = literal.parse().ok()?;
    let plain = literal.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !plain || !seconds.is_finite() {
        return None;
    }
    let whole = seconds.trunc();
    let micros = ((seconds - whole) * 1e6).round() as i64;
    let whole = whole as i64;
    from_nanosecond(whole.wrapping_mul(1_000_000_000).wrapping_add(micros.wrapping_mul(1_000)))
}

/// Seconds, milliseconds, microseconds or nanoseconds, by their size: each range ends where seconds pass the year 5138.
fn read_unix_auto(literal: &str) -> Option<Timestamp> {
    const LIMIT: f64 = 1e11;
    let value: f64 = literal.parse().ok()?;
    let unit = [(1.0, 0), (1e3, 1_000_000), (1e6, 1_000), (1e9, 1)];
    let (_, unit) = unit.into_iter().find(|(scale, _)| value.abs() < LIMIT * scale)?;
    if unit == 0 { read_unix(literal) } else { from_nanosecond(literal.parse::<i64>().ok()?.checked_mul(unit)?) }
}

fn read_strftime(format: &str, text: &str) -> Option<Timestamp> {
    let broken = strtime::parse(format, text).ok()?;
    let offset = broken.offset().unwrap_or(Offset::UTC);
    offset.to_timestamp(broken.to_datetime().ok()?).ok()
}
