//! Reads the fields of a time from a text, one after the other.

use jiff::civil::{Date, DateTime};

use super::token::{AmPmCase, Field, Offset};
use crate::value::time::{from_offset, number, read_fraction};

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
/// The limits of an offset. Some writers produce 24 hours or 60 minutes, and Go accepts them.
const MAX_OFFSET_HOURS: u32 = 24;
const MAX_OFFSET_MINUTES: u32 = 60;
const MAX_OFFSET_SECONDS: u32 = 60;

const NANOSECOND_DIGITS: usize = 9;

/// The text that is left to read, and the fields that were read.
#[derive(Debug, Default)]
pub(super) struct Reader<'a> {
    rest: &'a str,
    year: u32,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: i32,
    is_afternoon: Option<bool>,
    /// Seconds ahead of UTC.
    offset_seconds: i32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, ..Self::default() }
    }

    /// Reads a literal text.
    pub(super) fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Reads a literal. One or more spaces in the literal match one or more spaces in the text, or its end.
    pub(super) fn spaced_literal(&mut self, literal: &str) -> Option<()> {
        let mut wanted = literal;
        while let Some(char) = wanted.chars().next() {
            if char == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                (wanted, self.rest) = (wanted.trim_start_matches(' '), self.rest.trim_start_matches(' '));
            } else {
                (wanted, self.rest) = (&wanted[char.len_utf8()..], self.rest.strip_prefix(char)?);
            }
        }
        Some(())
    }

    /// Reads a field of `digits` digits; 0 stands for one or two digits.
    pub(super) fn field(&mut self, field: Field, digits: usize) -> Option<()> {
        match field {
            Field::Year => self.year = self.digits(digits)?,
            Field::ShortYear => {
                let year = self.digits(digits)?;
                self.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Field::Month => self.month = Some(self.digits(digits)?),
            Field::MonthName => self.month = Some(self.name(&MONTHS, usize::MAX)?),
            Field::ShortMonthName => self.month = Some(self.name(&MONTHS, 3)?),
            Field::Weekday => drop(self.name(&WEEKDAYS, usize::MAX)?),
            Field::ShortWeekday => drop(self.name(&WEEKDAYS, 3)?),
            Field::Day => self.day = Some(self.digits(digits)?),
            Field::PaddedDay => {
                self.skip_spaces(1);
                self.day = Some(self.digits(digits)?);
            }
            Field::YearDay { is_padded } => self.year_day = Some(self.year_day(is_padded, digits)?),
            Field::Hour => self.hour = self.digits(digits)?,
            Field::Hour12 => self.hour = self.digits(digits).filter(|hour| *hour <= 12)?,
            Field::Minute => self.minute = self.digits(digits)?,
            Field::Second => self.second = self.digits(digits)?,
            Field::AmPm(case) => self.am_pm(case)?,
            Field::Fraction(count, is_optional) => self.fraction(count, is_optional)?,
            Field::Subsecond => self.subsecond()?,
            Field::Offset(offset) => self.offset(offset)?,
            Field::AnyOffset => self.any_offset()?,
            Field::ZoneName => self.zone_name()?,
        }
        Some(())
    }

    /// Reads `wanted` digits; for 0, one or two.
    fn digits(&mut self, wanted: usize) -> Option<u32> {
        let found = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = if wanted == 0 { found.min(2) } else { wanted };
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        number(digits.as_bytes())
    }

    /// Skips at most `max_count` spaces.
    fn skip_spaces(&mut self, max_count: usize) {
        let found = self.rest.bytes().take(max_count).take_while(|byte| *byte == b' ').count();
        self.rest = &self.rest[found..];
    }

    fn year_day(&mut self, is_padded: bool, digits: usize) -> Option<u32> {
        if !is_padded {
            return self.digits(digits);
        }
        self.skip_spaces(digits - 1);
        let found = self.rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        self.digits(found.max(1))
    }

    /// Reads the first `letters` letters of one of the names. Returns the number of the name, from 1.
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

    /// Reads `AM` or `PM` in the given case.
    fn am_pm(&mut self, case: AmPmCase) -> Option<()> {
        let (half, rest) = self.rest.split_at_checked(2)?;
        self.is_afternoon = Some(match (half, case) {
            ("AM", AmPmCase::Upper) | ("am", AmPmCase::Lower) => false,
            ("PM", AmPmCase::Upper) | ("pm", AmPmCase::Lower) => true,
            (any, AmPmCase::Any) if any.eq_ignore_ascii_case("am") => false,
            (any, AmPmCase::Any) if any.eq_ignore_ascii_case("pm") => true,
            _ => return None,
        });
        self.rest = rest;
        Some(())
    }

    /// Reads a fraction of exactly `count` digits or, if it `is_optional`, of any number of digits.
    fn fraction(&mut self, count: usize, is_optional: bool) -> Option<()> {
        if is_optional {
            return self.optional_fraction();
        }
        let (fraction, rest) = self.rest.split_at_checked(count + 1)?;
        let (nanosecond, after) = read_fraction(fraction.as_bytes())?;
        (after.is_empty() && fraction.starts_with(['.', ','])).then_some(())?;
        (self.nanosecond, self.rest) = (nanosecond, rest);
        Some(())
    }

    /// Reads one to nine digits of a fraction, without the point.
    fn subsecond(&mut self) -> Option<()> {
        let count = self.rest.bytes().take(NANOSECOND_DIGITS).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let nanosecond = number(format!("{digits:0<NANOSECOND_DIGITS$}").as_bytes()).filter(|_| count > 0)?;
        (self.nanosecond, self.rest) = (i32::try_from(nanosecond).ok()?, rest);
        Some(())
    }

    /// Reads a fraction, if there is one.
    pub(super) fn optional_fraction(&mut self) -> Option<()> {
        let has_fraction = matches!(self.rest.as_bytes(), [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        if has_fraction {
            let (nanosecond, rest) = read_fraction(self.rest.as_bytes())?;
            self.nanosecond = nanosecond;
            self.rest = &self.rest[self.rest.len() - rest.len()..];
        }
        Some(())
    }

    /// Reads an offset in the form of the layout.
    fn offset(&mut self, offset: Offset) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| offset.allows_z) {
            self.rest = rest;
            return Some(());
        }
        let sign = self.sign()?;
        let mut units = [0; 3];
        for (at, unit) in units.iter_mut().take(offset.parts).enumerate() {
            if at > 0 && offset.has_colon {
                self.literal(":")?;
            }
            *unit = self.digits(2)?;
        }
        self.set_offset(sign, units)
    }

    /// Reads an offset in any form: `Z`, or hours that minutes may follow, with or without a colon. Seconds may follow after
    /// another colon.
    fn any_offset(&mut self) -> Option<()> {
        if self.literal("Z").is_some() {
            return Some(());
        }
        let sign = self.sign()?;
        let mut units = [self.digits(2)?, 0, 0];
        if self.literal(":").is_some() {
            units[1] = self.digits(2)?;
            if self.literal(":").is_some() {
                units[2] = self.digits(2)?;
            }
        } else if self.rest.starts_with(|char: char| char.is_ascii_digit()) {
            units[1] = self.digits(2)?;
        }
        self.set_offset(sign, units)
    }

    fn sign(&mut self) -> Option<i32> {
        let sign = if self.rest.starts_with('+') { 1 } else { -1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        Some(sign)
    }

    /// Sets the offset from its parts.
    fn set_offset(&mut self, sign: i32, [hours, minutes, seconds]: [u32; 3]) -> Option<()> {
        (hours <= MAX_OFFSET_HOURS && minutes <= MAX_OFFSET_MINUTES && seconds <= MAX_OFFSET_SECONDS).then_some(())?;
        self.offset_seconds = sign * i32::try_from((hours * 60 + minutes) * 60 + seconds).ok()?;
        Some(())
    }

    /// Reads the name of a zone. It refuses all names but those of UTC, because others are ambiguous.
    fn zone_name(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix("UTC").or_else(|| self.rest.strip_prefix("GMT"))?;
        Some(())
    }

    /// Returns the time, if all of the text was read.
    pub(super) fn finish(self) -> Option<DateTime> {
        self.rest.is_empty().then_some(())?;
        let hour = match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let to_i8 = |value: u32| i8::try_from(value).ok();
        let civil = self.date()?.at(0, 0, 0, 0).with();
        let civil = civil.hour(to_i8(hour)?).minute(to_i8(self.minute)?).second(to_i8(self.second)?);
        from_offset(civil.subsec_nanosecond(self.nanosecond).build().ok()?, self.offset_seconds)
    }

    /// Returns the date. If the text has both a day of the year and a month or day, they must agree.
    fn date(&self) -> Option<Date> {
        let to_i8 = |value: Option<u32>| i8::try_from(value.unwrap_or(1)).ok();
        let year = i16::try_from(self.year).ok()?;
        let Some(year_day) = self.year_day else { return Date::new(year, to_i8(self.month)?, to_i8(self.day)?).ok() };
        let date = Date::new(year, 1, 1).ok()?.with().day_of_year(i16::try_from(year_day).ok()?).build().ok()?;
        let agrees = |value: Option<u32>, own: i8| value.is_none_or(|value| to_i8(Some(value)) == Some(own));
        (agrees(self.month, date.month()) && agrees(self.day, date.day())).then_some(date)
    }
}
