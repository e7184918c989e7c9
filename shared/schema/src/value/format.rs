//! Reads times in the formats that a schema can name.

mod layout;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::value::time::{from_microsecond, from_millisecond, from_nanosecond, from_offset, read_iso};
use layout::Layout;

/// RFC 3339 as a Go layout.
const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

/// A time format that a schema can name.
#[derive(Debug, Clone)]
pub(crate) enum TimeFormat {
    /// Seconds since 1970, with a fraction.
    Unix,
    /// A whole number of units since 1970. The unit is given in nanoseconds.
    UnixUnits(i64),
    /// A number since 1970 in seconds, milliseconds, microseconds or nanoseconds, whichever gives a plausible time.
    UnixAuto,
    Strftime(String),
    Layout(Layout),
}

/// The text of a time as it was sent: the content of a string, or a number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SentTime<'a> {
    Text(&'a str),
    Number(&'a str),
}

impl SentTime<'_> {
    fn literal(&self) -> &str {
        let (Self::Text(literal) | Self::Number(literal)) = self;
        literal
    }
}

impl TimeFormat {
    /// Returns the format that has this name in the schema language.
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

    /// Reads a time in this format; `None` if the text has another form.
    pub(crate) fn read(&self, sent: SentTime<'_>) -> Option<DateTime> {
        match (self, sent) {
            (Self::Unix, SentTime::Text(literal) | SentTime::Number(literal)) => read_unix(literal),
            (Self::UnixUnits(unit), SentTime::Text(literal) | SentTime::Number(literal)) => {
                from_nanosecond(literal.parse::<i64>().ok()?.wrapping_mul(*unit))
            }
            (Self::UnixAuto, SentTime::Text(literal) | SentTime::Number(literal)) => read_unix_auto(literal),
            (Self::Strftime(format), SentTime::Text(text)) => read_strftime(format, text),
            (Self::Layout(layout), SentTime::Text(text)) => layout.read(text),
            (_, SentTime::Number(_)) => None,
        }
    }
}

/// Reads a time in the declared formats, or in a form that vendors send instead: milliseconds or a finer unit where the
/// schema declares seconds since 1970, and the forms of [`read_iso`].
pub(crate) fn read_leniently(formats: &[TimeFormat], sent: SentTime<'_>) -> Option<DateTime> {
    let declared = formats.iter().find_map(|format| match format {
        TimeFormat::Unix => read_unix_auto(sent.literal()),
        other => other.read(sent),
    });
    declared.or_else(|| read_date(sent))
}

/// Reads the time of a field whose declared format is `unix`, as [`read_leniently`] does.
pub(crate) fn read_unix_leniently(sent: SentTime<'_>) -> Option<DateTime> {
    read_unix_auto(sent.literal()).or_else(|| read_date(sent))
}

fn read_date(sent: SentTime<'_>) -> Option<DateTime> {
    if let SentTime::Text(text) = sent { read_iso(text) } else { None }
}

/// Reads decimal seconds since 1970 as Panther does: through whole microseconds in a 64-bit float, and nanoseconds in a
/// 64-bit integer that wraps. A time that is far away (milliseconds read as seconds) becomes a wrong time, not an
/// error.
fn read_unix(literal: &str) -> Option<DateTime> {
    const MAX_MICROSECONDS: f64 = 9_223_372_036_854_775_808.0;
    let micros = decimal(literal)? * 1e6;
    let micros = if (-MAX_MICROSECONDS..MAX_MICROSECONDS).contains(&micros) { micros as i64 } else { i64::MIN };
    from_nanosecond(micros.wrapping_mul(1_000))
}

/// Reads a finite decimal number.
fn decimal(literal: &str) -> Option<f64> {
    let is_plain = literal.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    literal.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}

/// The smallest number since 1970 that is taken for milliseconds. As seconds, it would be in the year 5138.
const MIN_MILLISECONDS: f64 = 1e11;

/// Reads a whole number since 1970 that is small enough to count seconds.
pub(crate) fn whole_seconds(literal: &str) -> Option<i64> {
    literal.parse().ok().filter(|second: &i64| (second.unsigned_abs() as f64) < MIN_MILLISECONDS)
}

/// Reads a number since 1970 that counts seconds, milliseconds, microseconds or nanoseconds, depending on its size. A
/// time that is out of range fails; it does not wrap.
fn read_unix_auto(literal: &str) -> Option<DateTime> {
    const MIN_MICROSECONDS: f64 = MIN_MILLISECONDS * 1e3;
    const MIN_NANOSECONDS: f64 = MIN_MICROSECONDS * 1e3;
    let whole = || literal.parse::<i64>().ok();
    if let Some(second) = whole_seconds(literal) {
        return from_millisecond(second * 1_000);
    }
    let number = decimal(literal)?;
    match number.abs() {
        ..MIN_MILLISECONDS => from_microsecond((number * 1e6) as i64),
        ..MIN_MICROSECONDS => from_millisecond(whole()?),
        ..MIN_NANOSECONDS => from_microsecond(whole()?),
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

    fn check(format: &str, sent: SentTime<'_>, expected: Option<&str>) {
        let time = TimeFormat::new(format).unwrap().read(sent).map(|time| time.to_string());
        assert_eq!(time.as_deref(), expected, "{format} {sent:?}");
    }

    #[test]
    fn each_format_reads_its_times() {
        check("rfc3339", SentTime::Text("2024-01-02T03:04:05.5+09:00"), Some("2024-01-01T18:04:05.5"));
        check("unix", SentTime::Number("1704164645.123456"), Some("2024-01-02T03:04:05.123456"));
        check("unix", SentTime::Text("-1"), Some("1969-12-31T23:59:59"));
        check("unix_ms", SentTime::Number("1704164645678"), Some("2024-01-02T03:04:05.678"));
        check("unix_auto", SentTime::Number("1704164645"), Some("2024-01-02T03:04:05"));
        check("unix_auto", SentTime::Number("1704164645678"), Some("2024-01-02T03:04:05.678"));
        check("unix_auto", SentTime::Number("1704164645678901"), Some("2024-01-02T03:04:05.678901"));
        check("unix_auto", SentTime::Text("1704164645678901234"), Some("2024-01-02T03:04:05.678901234"));
        check("unix_auto", SentTime::Number("9787301845"), Some("2280-02-23T22:57:25"));
        check("unix_auto", SentTime::Number("9787301845678"), Some("2280-02-23T22:57:25.678"));
        check("unix_auto", SentTime::Number("-62167219200"), Some("0000-01-01T00:00:00"));
        check("rfc3339", SentTime::Text("2024-01-02T03:04:05,5Z"), Some("2024-01-02T03:04:05.5"));
        check("%Y-%j %H:%M", SentTime::Text("2024-032 03:04"), Some("2024-02-01T03:04:00"));
        check("%Y-%m-%d %k:%M", SentTime::Text("2024-01-02  3:04"), Some("2024-01-02T03:04:00"));
        check("%s", SentTime::Text("1704164645"), Some("2024-01-02T03:04:05"));
        check("%d/%b/%Y:%H:%M:%S %z", SentTime::Text("02/Jan/2024:03:04:05 +0900"), Some("2024-01-01T18:04:05"));
    }

    #[test]
    fn a_format_refuses_other_forms() {
        check("rfc3339", SentTime::Text("2024-01-02 03:04:05Z"), None);
        check("rfc3339", SentTime::Text("2024-01-02T03:04:05"), None);
        check("rfc3339", SentTime::Number("1704164645"), None);
        check("unix", SentTime::Text("inf"), None);
        check("unix_ms", SentTime::Number("1.5"), None);
        check("unix_auto", SentTime::Number("-62167219201"), None);
        check("unix_auto", SentTime::Number("-62167219200001"), None);
        check("unix_auto", SentTime::Number("9787301845678901234"), None);
        check("rfc3339", SentTime::Text("2024-01-02t03:04:05z"), None);
        check("rfc3339", SentTime::Text("2024-01-02T03:04:60Z"), None);
        check("%Y-%m-%d", SentTime::Text("2024-01-02 "), None);
        check("%Y-%m-%d", SentTime::Text("2024-1-2"), None);
        check("%H:%M:%S %Y-%m-%d", SentTime::Text("03:04:05.5 2024-01-02"), None);
        for format in ["%!", "%", "%H:%M", "100%%", "%k:%M", "%Q"] {
            assert!(TimeFormat::new(format).is_err(), "{format}");
        }
        assert!(TimeFormat::new("cloudflare").is_err());
    }
}
