//! Go's time layouts: a format written as the time Mon Jan 2 15:04:05 -0700 MST 2006.

use jiff::civil::DateTime;

use crate::time::{from_offset, number, read_fraction};

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    parts: Vec<Part>,
    /// Whether seconds may have a fraction that the layout does not show, as in Go.
    fractions: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    Weekday,
    ShortWeekday,
    Hour,
    Hour12,
    Minute,
    Second,
    Half,
    /// A fraction of as many digits as the layout has; `true` when it may be missing.
    Fraction(usize, bool),
    /// An offset; with a colon, and with `Z` for zero.
    Offset {
        colon: bool,
        zulu: bool,
    },
    ZoneName,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    /// A field and how many digits it must have; 0 is one or two.
    Field(Field, usize),
}

/// Longest first where one begins with another.
const TOKENS: &[(&str, Field, usize)] = &[
    ("2006", Field::Year, 4),
    ("January", Field::MonthName, 0),
    ("Jan", Field::ShortMonthName, 0),
    ("Monday", Field::Weekday, 0),
    ("Mon", Field::ShortWeekday, 0),
    ("MST", Field::ZoneName, 0),
    ("01", Field::Month, 2),
    ("02", Field::Day, 2),
    ("03", Field::Hour12, 2),
    ("04", Field::Minute, 2),
    ("05", Field::Second, 2),
    ("06", Field::ShortYear, 2),
    ("15", Field::Hour, 0),
    ("-07:00", Field::Offset { colon: true, zulu: false }, 0),
    ("-0700", Field::Offset { colon: false, zulu: false }, 0),
    ("Z07:00", Field::Offset { colon: true, zulu: true }, 0),
    ("Z0700", Field::Offset { colon: false, zulu: true }, 0),
    ("PM", Field::Half, 0),
    ("pm", Field::Half, 0),
    ("_2", Field::Day, 0),
    ("1", Field::Month, 0),
    ("2", Field::Day, 0),
    ("3", Field::Hour12, 0),
    ("4", Field::Minute, 0),
    ("5", Field::Second, 0),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Layout {
    pub(crate) fn new(layout: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = layout;
        while let Some(first) = rest.chars().next() {
            let (part, length) = next_part(rest, first, parts.last());
            match (part, parts.last_mut()) {
                (Part::Literal(more), Some(Part::Literal(literal))) => literal.push_str(&more),
                (part, _) => parts.push(part),
            }
            rest = &rest[length..];
        }
        let has =
            |wanted: &[Field]| parts.iter().any(|part| matches!(part, Part::Field(field, _) if wanted.contains(field)));
        if !has(&[Field::Year, Field::ShortYear]) || !has(&[Field::Day]) {
            return Err(format!(
                "the layout {layout:?} has no date; a layout is the time 2006-01-02T15:04:05 in your format"
            ));
        }
        Ok(Self { parts, fractions: true })
    }

    /// The strftime format, when all its directives are numbers of fixed width, names, an offset or a half of the day.
    pub(crate) fn from_strftime(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut chars = format.chars();
        while let Some(char) = chars.next() {
            parts.push(if char == '%' { directive(chars.next()?)? } else { Part::Literal(char.to_string()) });
        }
        Some(Self { parts, fractions: false })
    }

    pub(crate) fn read(&self, text: &str) -> Option<DateTime> {
        let mut read = Read { rest: text, ..Read::default() };
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => read.rest = read.rest.strip_prefix(literal.as_str())?,
                Part::Field(field, digits) => read.field(*field, *digits)?,
            }
            let fraction_follows = matches!(parts.peek(), Some(Part::Field(Field::Fraction(..), _)));
            if self.fractions && matches!(part, Part::Field(Field::Second, _)) && !fraction_follows {
                read.unasked_fraction()?;
            }
        }
        read.finish()
    }
}

fn directive(letter: char) -> Option<Part> {
    let (field, digits) = match letter {
        'Y' => (Field::Year, 4),
        'y' => (Field::ShortYear, 2),
        'm' => (Field::Month, 2),
        'd' => (Field::Day, 2),
        'H' => (Field::Hour, 2),
        'I' => (Field::Hour12, 2),
        'M' => (Field::Minute, 2),
        'S' => (Field::Second, 2),
        'B' => (Field::MonthName, 0),
        'b' | 'h' => (Field::ShortMonthName, 0),
        'A' => (Field::Weekday, 0),
        'a' => (Field::ShortWeekday, 0),
        'p' => (Field::Half, 0),
        'z' => (Field::Offset { colon: false, zulu: false }, 0),
        '%' => return Some(Part::Literal("%".to_owned())),
        _ => return None,
    };
    Some(Part::Field(field, digits))
}

/// The part a layout begins with, and its length.
fn next_part(rest: &str, first: char, before: Option<&Part>) -> (Part, usize) {
    let after_second = matches!(before, Some(Part::Field(Field::Second, _)));
    if let Some(fraction) = fraction(rest).filter(|_| after_second) {
        return fraction;
    }
    match TOKENS.iter().find(|(token, ..)| rest.starts_with(token)) {
        Some((token, field, digits)) => (Part::Field(*field, *digits), token.len()),
        None => (Part::Literal(first.to_string()), first.len_utf8()),
    }
}

/// `.000` or `,999` and no further digit.
fn fraction(rest: &str) -> Option<(Part, usize)> {
    let digits = rest.strip_prefix(['.', ','])?;
    let kind = digits.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let count = digits.len() - digits.trim_start_matches(kind).len();
    if digits[count..].starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    Some((Part::Field(Field::Fraction(count, kind == '9'), 0), count + 1))
}

#[derive(Debug)]
struct Read<'a> {
    rest: &'a str,
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: i32,
}

impl Default for Read<'_> {
    fn default() -> Self {
        let (rest, nanosecond, afternoon, offset) = ("", 0, None, 0);
        Self { rest, year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond, afternoon, offset }
    }
}

impl Read<'_> {
    fn field(&mut self, field: Field, digits: usize) -> Option<()> {
        match field {
            Field::Year => self.year = self.digits(digits)?,
            Field::ShortYear => {
                let year = self.digits(digits)?;
                self.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Field::Month => self.month = self.digits(digits)?,
            Field::MonthName => self.month = self.name(&MONTHS, usize::MAX)?,
            Field::ShortMonthName => self.month = self.name(&MONTHS, 3)?,
            Field::Weekday => drop(self.name(&WEEKDAYS, usize::MAX)?),
            Field::ShortWeekday => drop(self.name(&WEEKDAYS, 3)?),
            Field::Day => {
                self.rest = self.rest.strip_prefix(' ').filter(|_| digits == 0).unwrap_or(self.rest);
                self.day = self.digits(digits)?;
            }
            Field::Hour => self.hour = self.digits(digits)?,
            Field::Hour12 => self.hour = self.digits(digits).filter(|hour| *hour <= 12)?,
            Field::Minute => self.minute = self.digits(digits)?,
            Field::Second => self.second = self.digits(digits)?,
            Field::Half => self.half()?,
            Field::Fraction(count, optional) => self.fraction(count, optional)?,
            Field::Offset { colon, zulu } => self.offset(colon, zulu)?,
            Field::ZoneName => self.zone_name()?,
        }
        Some(())
    }

    fn digits(&mut self, wanted: usize) -> Option<u32> {
        let found = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = if wanted == 0 { found.min(2) } else { wanted };
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        number(digits.as_bytes())
    }

    /// One of some names, by its place; only so many of its letters.
    fn name(&mut self, names: &[&str], letters: usize) -> Option<u32> {
        for (place, name) in (1..).zip(names) {
            let name = name.get(..letters).unwrap_or(name);
            let start = self.rest.get(..name.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Some(place);
            }
        }
        None
    }

    fn half(&mut self) -> Option<()> {
        let (half, rest) = self.rest.split_at_checked(2)?;
        self.afternoon = Some(match half {
            "AM" | "am" => false,
            "PM" | "pm" => true,
            _ => return None,
        });
        self.rest = rest;
        Some(())
    }

    fn fraction(&mut self, count: usize, optional: bool) -> Option<()> {
        if optional {
            return self.unasked_fraction();
        }
        let (fraction, rest) = self.rest.split_at_checked(count + 1)?;
        let (nanosecond, after) = read_fraction(fraction.as_bytes())?;
        (after.is_empty() && fraction.starts_with(['.', ','])).then_some(())?;
        (self.nanosecond, self.rest) = (nanosecond, rest);
        Some(())
    }

    /// Seconds may have a fraction that the layout does not show.
    fn unasked_fraction(&mut self) -> Option<()> {
        let followed = matches!(self.rest.as_bytes(), [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        if followed {
            let (nanosecond, rest) = read_fraction(self.rest.as_bytes())?;
            self.nanosecond = nanosecond;
            self.rest = &self.rest[self.rest.len() - rest.len()..];
        }
        Some(())
    }

    fn offset(&mut self, colon: bool, zulu: bool) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| zulu) {
            self.rest = rest;
            return Some(());
        }
        let (text, rest) = self.rest.split_at_checked(if colon { 6 } else { 5 })?;
        let (hours, minutes) = match text.as_bytes() {
            [_, a, b, b':', c, d] | [_, a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
            _ => return None,
        };
        let seconds = i32::try_from(hours * 3600 + minutes * 60).ok().filter(|_| hours < 24 && minutes < 60)?;
        self.offset = match text.chars().next()? {
            '+' => seconds,
            '-' => -seconds,
            _ => return None,
        };
        self.rest = rest;
        Some(())
    }

    /// A zone's letters; only UTC's own names say which time it is, so others are refused.
    fn zone_name(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix("UTC").or_else(|| self.rest.strip_prefix("GMT"))?;
        Some(())
    }

    fn finish(self) -> Option<DateTime> {
        self.rest.is_empty().then_some(())?;
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let small = |value: u32| i8::try_from(value).ok();
        let year = i16::try_from(self.year).ok()?;
        let (month, day, hour) = (small(self.month)?, small(self.day)?, small(hour)?);
        let civil = DateTime::new(year, month, day, hour, small(self.minute)?, small(self.second)?, self.nanosecond);
        from_offset(civil.ok()?, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, text: &str, expected: Option<&str>) {
        let time = Layout::new(layout).unwrap().read(text).map(|time| time.to_string());
        assert_eq!(time.as_deref(), expected, "{layout} {text}");
    }

    #[test]
    fn ok_layouts() {
        let iso = "2006-01-02T15:04:05";
        check(iso, "2024-01-02T03:04:05", Some("2024-01-02T03:04:05"));
        check(iso, "2024-01-02T03:04:05,678", Some("2024-01-02T03:04:05.678"));
        check(iso, "2024-01-02T3:04:05", Some("2024-01-02T03:04:05"));
        check("1/2/2006 3:04:05 PM", "12/31/2023 11:59:59 PM", Some("2023-12-31T23:59:59"));
        check("1/2/2006 3:04:05 PM", "1/2/2024 12:00:00 AM", Some("2024-01-02T00:00:00"));
        check("2006-01-02T15:04:05.000Z07:00", "2024-01-02T03:04:05.678+09:00", Some("2024-01-01T18:04:05.678"));
        check("2006-01-02T15:04:05.999999999Z07:00", "2024-01-02T03:04:05Z", Some("2024-01-02T03:04:05"));
        check("Mon, 02 Jan 2006 15:04:05 -0700", "Tue, 02 Jan 2024 03:04:05 +0000", Some("2024-01-02T03:04:05"));
        check("January _2 06 15:04 MST", "february  9 99 01:02 UTC", Some("1999-02-09T01:02:00"));
    }

    #[test]
    fn err_other_shapes() {
        let iso = "2006-01-02T15:04:05";
        for text in [
            "",
            "2024-01-02T03:04:05Z",
            "2024-01-02 03:04:05",
            "2024-1-2T3:4:5",
            "2024-02-30T00:00:00",
            "2024-01-02T24:00:00",
            "2024-01-02T03:04:05.",
        ] {
            check(iso, text, None);
        }
        check("2006-01-02T15:04:05.000", "2024-01-02T03:04:05.67", None);
        check("2006-01-02 MST", "2024-01-02 PDT", None);
        assert!(Layout::new("15:04").is_err());
    }
}
