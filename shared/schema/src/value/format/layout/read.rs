//! A text being read by a layout.

use jiff::civil::{Date, DateTime};

use super::token::{Field, HalfCase, Offset};
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
/// Some write offsets of 24 hours, or of 60 minutes; Go takes them.
const MOST_HOURS: u32 = 24;
const MOST_MINUTES: u32 = 60;

const NANOSECOND_DIGITS: usize = 9;

#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    rest: &'a str,
    year: u32,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: i32,
}

impl<'a> Read<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, ..Self::default() }
    }

    pub(super) fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// A literal in which spaces stand for any number of them.
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
                self.spaces(1);
                self.day = Some(self.digits(digits)?);
            }
            Field::YearDay { padded } => self.year_day = Some(self.year_day(padded, digits)?),
            Field::Hour => self.hour = self.digits(digits)?,
            Field::Hour12 => self.hour = self.digits(digits).filter(|hour| *hour <= 12)?,
            Field::Minute => self.minute = self.digits(digits)?,
            Field::Second => self.second = self.digits(digits)?,
            Field::Half(case) => self.half(case)?,
            Field::Fraction(count, optional) => self.fraction(count, optional)?,
            Field::Subsecond => self.subsecond()?,
            Field::Offset(offset) => self.offset(offset)?,
            Field::AnyOffset => self.any_offset()?,
            Field::ZoneName => self.zone_name()?,
        }
        Some(())
    }

    /// So many digits; for none, one or two.
    fn digits(&mut self, wanted: usize) -> Option<u32> {
        let found = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = if wanted == 0 { found.min(2) } else { wanted };
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        number(digits.as_bytes())
    }

    fn spaces(&mut self, most: usize) {
        let found = self.rest.bytes().take(most).take_while(|byte| *byte == b' ').count();
        self.rest = &self.rest[found..];
    }

    fn year_day(&mut self, padded: bool, digits: usize) -> Option<u32> {
        if !padded {
            return self.digits(digits);
        }
        self.spaces(digits - 1);
        let found = self.rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        self.digits(found.max(1))
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

    fn half(&mut self, case: HalfCase) -> Option<()> {
        let (half, rest) = self.rest.split_at_checked(2)?;
        self.afternoon = Some(match (half, case) {
            ("AM", HalfCase::Upper) | ("am", HalfCase::Lower) => false,
            ("PM", HalfCase::Upper) | ("pm", HalfCase::Lower) => true,
            (any, HalfCase::Any) if any.eq_ignore_ascii_case("am") => false,
            (any, HalfCase::Any) if any.eq_ignore_ascii_case("pm") => true,
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

    /// One to nine digits of a fraction.
    fn subsecond(&mut self) -> Option<()> {
        let count = self.rest.bytes().take(NANOSECOND_DIGITS).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let nanosecond = number(format!("{digits:0<NANOSECOND_DIGITS$}").as_bytes()).filter(|_| count > 0)?;
        (self.nanosecond, self.rest) = (i32::try_from(nanosecond).ok()?, rest);
        Some(())
    }

    /// Seconds may have a fraction that the layout does not show.
    pub(super) fn unasked_fraction(&mut self) -> Option<()> {
        let followed = matches!(self.rest.as_bytes(), [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        if followed {
            let (nanosecond, rest) = read_fraction(self.rest.as_bytes())?;
            self.nanosecond = nanosecond;
            self.rest = &self.rest[self.rest.len() - rest.len()..];
        }
        Some(())
    }

    fn offset(&mut self, offset: Offset) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| offset.zulu) {
            self.rest = rest;
            return Some(());
        }
        let sign = self.sign()?;
        let mut units = [0; 3];
        for (at, unit) in units.iter_mut().take(offset.parts).enumerate() {
            if at > 0 && offset.colon {
                self.literal(":")?;
            }
            *unit = self.digits(2)?;
        }
        self.ahead(sign, units)
    }

    /// `Z`, or hours, and then minutes, and then seconds after a colon, or not.
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
        self.ahead(sign, units)
    }

    fn sign(&mut self) -> Option<i32> {
        let sign = if self.rest.starts_with('+') { 1 } else { -1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        Some(sign)
    }

    fn ahead(&mut self, sign: i32, [hours, minutes, seconds]: [u32; 3]) -> Option<()> {
        (hours <= MOST_HOURS && minutes <= MOST_MINUTES && seconds <= MOST_MINUTES).then_some(())?;
        self.offset = sign * i32::try_from((hours * 60 + minutes) * 60 + seconds).ok()?;
        Some(())
    }

    /// A zone's letters; only UTC's own names say which time it is, so others are refused.
    fn zone_name(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix("UTC").or_else(|| self.rest.strip_prefix("GMT"))?;
        Some(())
    }

    pub(super) fn finish(self) -> Option<DateTime> {
        self.rest.is_empty().then_some(())?;
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let small = |value: u32| i8::try_from(value).ok();
        let civil = self.date()?.at(0, 0, 0, 0).with();
        let civil = civil.hour(small(hour)?).minute(small(self.minute)?).second(small(self.second)?);
        from_offset(civil.subsec_nanosecond(self.nanosecond).build().ok()?, self.offset)
    }

    /// The day; where month and day are given beside the day of the year, they have to agree.
    fn date(&self) -> Option<Date> {
        let small = |value: Option<u32>| i8::try_from(value.unwrap_or(1)).ok();
        let year = i16::try_from(self.year).ok()?;
        let Some(year_day) = self.year_day else { return Date::new(year, small(self.month)?, small(self.day)?).ok() };
        let date = Date::new(year, 1, 1).ok()?.with().day_of_year(i16::try_from(year_day).ok()?).build().ok()?;
        let agrees = |value: Option<u32>, own: i8| value.is_none_or(|value| small(Some(value)) == Some(own));
        (agrees(self.month, date.month()) && agrees(self.day, date.day())).then_some(date)
    }
}
