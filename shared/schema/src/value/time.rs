//! Reads times in the forms that vendors use, and writes them in the form that lines have.
//!
//! All times are a [`DateTime`] in UTC, because a [`Timestamp`] does not reach to the end of the year 9999.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Converts a time to a date and time in UTC.
pub(crate) fn utc(time: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(time)
}

/// Returns the time if its year is at least 0: a line has four digits for the year, and no sign.
fn checked_year(civil: DateTime) -> Option<DateTime> {
    (civil.year() >= 0).then_some(civil)
}

/// Converts milliseconds since 1970; `None` before the year 0 or after 9999.
pub(crate) fn from_millisecond(millisecond: i64) -> Option<DateTime> {
    Timestamp::from_millisecond(millisecond).ok().map(utc).and_then(checked_year)
}

/// Converts microseconds since 1970; `None` before the year 0 or after 9999.
pub(crate) fn from_microsecond(microsecond: i64) -> Option<DateTime> {
    Timestamp::from_microsecond(microsecond).ok().map(utc).and_then(checked_year)
}

/// Converts nanoseconds since 1970. An `i64` reaches from the year 1677 to 2262.
pub(crate) fn from_nanosecond(nanosecond: i64) -> Option<DateTime> {
    Timestamp::from_nanosecond(nanosecond.into()).ok().map(utc)
}

/// Converts a date and time at an offset of `seconds` ahead of UTC to UTC; `None` before the year 0 or after 9999.
pub(crate) fn from_offset(civil: DateTime, seconds: i32) -> Option<DateTime> {
    civil.checked_sub(SignedDuration::from_secs(seconds.into())).ok().and_then(checked_year)
}

/// Writes a time as `YYYY-MM-DD HH:MM:SS.nnnnnnnnn`, in quotes.
pub(crate) fn write_time(civil: DateTime, out: &mut Vec<u8>) {
    let mut text = *b"\"0000-00-00 00:00:00.000000000\"";
    let year = civil.year().unsigned_abs();
    let pairs = [
        (1, (year / 100) as u8),
        (3, (year % 100) as u8),
        (6, civil.month().unsigned_abs()),
        (9, civil.day().unsigned_abs()),
        (12, civil.hour().unsigned_abs()),
        (15, civil.minute().unsigned_abs()),
        (18, civil.second().unsigned_abs()),
    ];
    for (at, value) in pairs {
        text[at] = b'0' + value / 10;
        text[at + 1] = b'0' + value % 10;
    }
    let mut nanosecond = civil.subsec_nanosecond().unsigned_abs();
    if nanosecond != 0 {
        for digit in text[21..30].iter_mut().rev() {
            *digit = b'0' + (nanosecond % 10) as u8;
            nanosecond /= 10;
        }
    }
    out.extend_from_slice(&text);
}

/// Reads a date and time in the ISO 8601 forms that vendors use. `T` or a space separates date and time, `.` or `,`
/// begins a fraction, and `Z`, an offset or nothing follows. The hour may have one digit. Without an offset the time is
/// in UTC. Digits of a fraction after the ninth are dropped.
pub(crate) fn read_iso(text: &str) -> Option<DateTime> {
    let bytes = text.trim().as_bytes();
    let padded = pad_hour(bytes);
    let (head, rest) = padded.as_deref().unwrap_or(bytes).split_at_checked(19)?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _] = head else {
        return None;
    };
    let part = |from: usize, to: usize| number(&head[from..to]).and_then(|value| i16::try_from(value).ok());
    let two_digits = |from: usize| part(from, from + 2).and_then(|value| i8::try_from(value).ok());
    let (nanosecond, rest) = read_fraction(rest)?;
    let offset = read_offset(rest)?;
    let civil = DateTime::new(
        part(0, 4)?,
        two_digits(5)?,
        two_digits(8)?,
        two_digits(11)?,
        two_digits(14)?,
        two_digits(17)?,
        nanosecond,
    )
    .ok()?;
    from_offset(civil, offset)
}

/// Returns the text with two digits for the hour; `None` if the hour does not have one digit.
fn pad_hour(bytes: &[u8]) -> Option<Vec<u8>> {
    const HOUR: usize = 11;
    let is_short = bytes.get(HOUR).is_some_and(u8::is_ascii_digit) && bytes.get(HOUR + 1) == Some(&b':');
    is_short.then(|| [&bytes[..HOUR], b"0", &bytes[HOUR..]].concat())
}

/// Reads an optional fraction. Returns its nanoseconds (0 without a fraction) and the bytes that follow it.
pub(crate) fn read_fraction(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.' | b',', digits @ ..] = bytes else { return Some((0, bytes)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = digits.split_at(count);
    let used = &fraction[..count.min(9)];
    let scale = 10_u32.pow(9 - used.len() as u32);
    let nanosecond = number(used)?.checked_mul(scale)?;
    Some((i32::try_from(nanosecond).ok()?, rest))
}

/// Reads an offset: `Z`, `±HH:MM`, `±HHMM`, or nothing for UTC. Returns it in seconds ahead of UTC.
fn read_offset(bytes: &[u8]) -> Option<i32> {
    let (sign, digits) = match bytes {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?)
}

/// Reads one to nine decimal digits; `None` for any other bytes.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write_time(read_iso(text)?, &mut out);
        String::from_utf8(out).ok()
    }

    #[test]
    fn every_form_that_vendors_use_is_read() {
        for (text, expected) in [
            ("2026-08-21T08:44:05", "\"2026-08-21 08:44:05.000000000\""),
            ("2026-08-21T08:44:05Z", "\"2026-08-21 08:44:05.000000000\""),
            ("2026-08-21 08:44:05.0000001Z", "\"2026-08-21 08:44:05.000000100\""),
            ("2026-08-21T08:44:05,678", "\"2026-08-21 08:44:05.678000000\""),
            ("2026-08-21T08:44:05.12345678999", "\"2026-08-21 08:44:05.123456789\""),
            ("2026-08-21T08:44:05+02:00", "\"2026-08-21 06:44:05.000000000\""),
            ("2026-08-21T08:44:05-0230", "\"2026-08-21 11:14:05.000000000\""),
            ("2026-08-21T8:44:05Z", "\"2026-08-21 08:44:05.000000000\""),
            ("9999-12-31T23:59:59Z", "\"9999-12-31 23:59:59.000000000\""),
            ("0000-01-01T00:00:00Z", "\"0000-01-01 00:00:00.000000000\""),
        ] {
            assert_eq!(written(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            "2026-08-21",
            "2026-02-30T00:00:00",
            "2026-08-21T24:00:00",
            "2026-08-21T08:44:60",
            "2026-08-21T08:44:05.",
            "2026-08-21T08:44:05 UTC",
            "2026-08-21T08:44:05+25:00",
            "0000-01-01T00:00:00+09:00",
            "2026-8-21T08:44:05",
            "2026-08-21T:44:05",
            "2026-08-21T8:44",
            "２０26-08-21T08:44:05",
        ] {
            assert_eq!(read_iso(text), None, "{text}");
        }
    }
}
