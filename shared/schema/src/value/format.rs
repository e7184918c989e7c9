//! The time formats a schema can name.

mod layout;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::value::time::{from_microsecond, from_millisecond, from_nanosecond, from_offset, read_iso};
use layout::Layout;

/// RFC 3339 as a layout: read as Go reads it.
const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

#[derive(Debug, Clone)]
pub(crate) enum TimeFormat {
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

impl Sent<'_> {
    fn literal(&self) -> &str {
        let (Self::Text(literal) | Self::Number(literal)) = self;
        literal
    }
}

impl TimeFormat {
    /// Returns the format that a schema calls by this name.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        Ok(match name {
            "" | "rfc3339" => Self::Layout(Layout::new(RFC3339)?),
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
        if let Some(layout) = Layout::from_strftime(format) {
            return Ok(Self::Layout(layout?));
        }
        let example = Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let written =
            strtime::format(format, &example).map_err(|cause| format!("the time format {format}: {cause}"))?;
        if read_strftime(format, &written).is_none() {
            return Err(format!("the time format {format} says no date and time"));
        }
        Ok(Self::Strftime(format.to_owned()))
    }

    /// Reads a time.
    pub(crate) fn read(&self, sent: Sent<'_>) -> Option<DateTime> {
        match (self, sent) {
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

/// Reads what vendors send beside the declared formats: seconds since 1970 that are really milliseconds or finer, and
/// any usual date and time.
pub(crate) fn read_leniently(formats: &[TimeFormat], sent: Sent<'_>) -> Option<DateTime> {
    let declared = formats.iter().find_map(|format| match format {
        TimeFormat::Unix => read_unix_auto(sent.literal()),
        other => other.read(sent),
    });
    declared.or_else(|| read_date(sent))
}

/// Reads the time of a field whose declared format is `unix`, as [`read_leniently`] does.
pub(crate) fn read_unix_leniently(sent: Sent<'_>) -> Option<DateTime> {
    read_unix_auto(sent.literal()).or_else(|| read_date(sent))
}

fn read_date(sent: Sent<'_>) -> Option<DateTime> {
    if let Sent::Text(text) = sent { read_iso(text) } else { None }
}

/// Decimal seconds, by way of whole microseconds in a 64-bit float. As in the reference, the count of nanoseconds is 64
/// bits that wrap: times far off (milliseconds taken for seconds) become other times, not errors.
fn read_unix(literal: &str) -> Option<DateTime> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    let micros = decimal(literal)? * 1e6;
    let micros = if (-BOUND..BOUND).contains(&micros) { micros as i64 } else { i64::MIN };
    from_nanosecond(micros.wrapping_mul(1_000))
}

fn decimal(literal: &str) -> Option<f64> {
    let plain = literal.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    literal.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// From here on a number since 1970 is of milliseconds: seconds reach to the year 5138.
const SECONDS: f64 = 1e11;

/// A number of whole seconds since 1970, by its size.
pub(crate) fn whole_seconds(literal: &str) -> Option<i64> {
    literal.parse().ok().filter(|second: &i64| (second.unsigned_abs() as f64) < SECONDS)
}

/// Seconds, milliseconds, microseconds or nanoseconds, by their size. Nothing wraps here.
fn read_unix_auto(literal: &str) -> Option<DateTime> {
    const MILLISECONDS: f64 = SECONDS * 1e3;
    const MICROSECONDS: f64 = MILLISECONDS * 1e3;
    let whole = || literal.parse::<i64>().ok();
    if let Some(second) = whole_seconds(literal) {
        return from_millisecond(second * 1_000);
    }
    let number = decimal(literal)?;
    match number.abs() {
        ..SECONDS => from_microsecond((number * 1e6) as i64),
        ..MILLISECONDS => from_millisecond(whole()?),
        ..MICROSECONDS => from_microsecond(whole()?),
        _ => from_nanosecond(whole()?),
    }
}

fn read_strftime(format: &str, text: &str) -> Option<DateTime> {
    let broken = strtime::parse(format, text).ok()?;
    let Ok(civil) = broken.to_datetime() else {
        return broken.to_timestamp().ok().and_then(|time| from_microsecond(time.as_microsecond()));
    };
    from_offset(civil, broken.offset().map_or(0, |offset| offset.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str, sent: Sent<'_>, expected: Option<&str>) {
        let time = TimeFormat::new(format).unwrap().read(sent).map(|time| time.to_string());
        assert_eq!(time.as_deref(), expected, "{format} {sent:?}");
    }

    #[test]
    fn ok_formats() {
        check("rfc3339", Sent::Text("2024-01-02T03:04:05.5+09:00"), Some("2024-01-01T18:04:05.5"));
        check("unix", Sent::Number("1704164645.123456"), Some("2024-01-02T03:04:05.123456"));
        check("unix", Sent::Text("-1"), Some("1969-12-31T23:59:59"));
        check("unix_ms", Sent::Number("1704164645678"), Some("2024-01-02T03:04:05.678"));
        check("unix_auto", Sent::Number("1704164645"), Some("2024-01-02T03:04:05"));
        check("unix_auto", Sent::Number("1704164645678"), Some("2024-01-02T03:04:05.678"));
        check("unix_auto", Sent::Number("1704164645678901"), Some("2024-01-02T03:04:05.678901"));
        check("unix_auto", Sent::Text("1704164645678901234"), Some("2024-01-02T03:04:05.678901234"));
        check("unix_auto", Sent::Number("9787301845"), Some("2280-02-23T22:57:25"));
        check("unix_auto", Sent::Number("9787301845678"), Some("2280-02-23T22:57:25.678"));
        check("unix_auto", Sent::Number("-62167219200"), Some("0000-01-01T00:00:00"));
        check("rfc3339", Sent::Text("2024-01-02T03:04:05,5Z"), Some("2024-01-02T03:04:05.5"));
        check("%Y-%j %H:%M", Sent::Text("2024-032 03:04"), Some("2024-02-01T03:04:00"));
        check("%Y-%m-%d %k:%M", Sent::Text("2024-01-02  3:04"), Some("2024-01-02T03:04:00"));
        check("%s", Sent::Text("1704164645"), Some("2024-01-02T03:04:05"));
        check("%d/%b/%Y:%H:%M:%S %z", Sent::Text("02/Jan/2024:03:04:05 +0900"), Some("2024-01-01T18:04:05"));
    }

    #[test]
    fn err_other_forms() {
        check("rfc3339", Sent::Text("2024-01-02 03:04:05Z"), None);
        check("rfc3339", Sent::Text("2024-01-02T03:04:05"), None);
        check("rfc3339", Sent::Number("1704164645"), None);
        check("unix", Sent::Text("inf"), None);
        check("unix_ms", Sent::Number("1.5"), None);
        check("unix_auto", Sent::Number("-62167219201"), None);
        check("unix_auto", Sent::Number("-62167219200001"), None);
        check("unix_auto", Sent::Number("9787301845678901234"), None);
        check("rfc3339", Sent::Text("2024-01-02t03:04:05z"), None);
        check("rfc3339", Sent::Text("2024-01-02T03:04:60Z"), None);
        check("%Y-%m-%d", Sent::Text("2024-01-02 "), None);
        check("%Y-%m-%d", Sent::Text("2024-1-2"), None);
        check("%H:%M:%S %Y-%m-%d", Sent::Text("03:04:05.5 2024-01-02"), None);
        for format in ["%!", "%", "%H:%M", "100%%", "%k:%M", "%Q"] {
            assert!(TimeFormat::new(format).is_err(), "{format}");
        }
        assert!(TimeFormat::new("cloudflare").is_err());
    }
}
