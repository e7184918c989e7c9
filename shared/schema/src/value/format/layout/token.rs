//! The parts of a layout.

/// A field of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    ShortYear,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    /// After a space, where it has one digit.
    PaddedDay,
    /// Of the year, from 1; after spaces, where it has fewer than three digits and is padded.
    YearDay {
        padded: bool,
    },
    Weekday,
    ShortWeekday,
    Hour,
    Hour12,
    Minute,
    Second,
    Half(HalfCase),
    /// A fraction of as many digits as the layout has; `true` when it may be missing.
    Fraction(usize, bool),
    /// A fraction without its point.
    Subsecond,
    Offset(Offset),
    /// In any of the usual forms.
    AnyOffset,
    ZoneName,
}

/// How the half of a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HalfCase {
    Upper,
    Lower,
    Any,
}

/// How a distance from UTC is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// Hours, minutes and seconds, or the first of them.
    pub(super) parts: usize,
    pub(super) colon: bool,
    /// `Z` stands for zero.
    pub(super) zulu: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Literal(String),
    /// A field and how many digits it must have; 0 is one or two.
    Field(Field, usize),
}

const fn offset(parts: usize, colon: bool, zulu: bool) -> Field {
    Field::Offset(Offset { parts, colon, zulu })
}

/// Longest first where one begins with another.
const TOKENS: &[(&str, Field, usize)] = &[
    ("2006", Field::Year, 4),
    ("January", Field::MonthName, 0),
    ("Jan", Field::ShortMonthName, 0),
    ("Monday", Field::Weekday, 0),
    ("Mon", Field::ShortWeekday, 0),
    ("MST", Field::ZoneName, 0),
    ("002", Field::YearDay { padded: false }, 3),
    ("01", Field::Month, 2),
    ("02", Field::Day, 2),
    ("03", Field::Hour12, 2),
    ("04", Field::Minute, 2),
    ("05", Field::Second, 2),
    ("06", Field::ShortYear, 2),
    ("15", Field::Hour, 0),
    ("-07:00:00", offset(3, true, false), 0),
    ("-07:00", offset(2, true, false), 0),
    ("-070000", offset(3, false, false), 0),
    ("-0700", offset(2, false, false), 0),
    ("-07", offset(1, false, false), 0),
    ("Z07:00:00", offset(3, true, true), 0),
    ("Z07:00", offset(2, true, true), 0),
    ("Z070000", offset(3, false, true), 0),
    ("Z0700", offset(2, false, true), 0),
    ("Z07", offset(1, false, true), 0),
    ("PM", Field::Half(HalfCase::Upper), 0),
    ("pm", Field::Half(HalfCase::Lower), 0),
    ("__2", Field::YearDay { padded: true }, 3),
    ("_2", Field::PaddedDay, 0),
    ("1", Field::Month, 0),
    ("2", Field::Day, 0),
    ("3", Field::Hour12, 0),
    ("4", Field::Minute, 0),
    ("5", Field::Second, 0),
];

/// The part that a Go layout begins with, and its length.
pub(super) fn next_part(rest: &str, first: char) -> (Part, usize) {
    if let Some(fraction) = fraction(rest) {
        return fraction;
    }
    match TOKENS.iter().find(|token| begins_with(rest, token)) {
        Some((token, field, digits)) => (Part::Field(*field, *digits), token.len()),
        None => (Part::Literal(first.to_string()), first.len_utf8()),
    }
}

/// Whether a layout begins with a token: `Monat` and `_2006` begin with none.
fn begins_with(rest: &str, (token, field, _): &(&str, Field, usize)) -> bool {
    let Some(after) = rest.strip_prefix(token) else { return false };
    match field {
        Field::ShortMonthName | Field::ShortWeekday => !after.starts_with(|char: char| char.is_ascii_lowercase()),
        Field::PaddedDay => !rest.starts_with("_2006"),
        _ => true,
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

/// The parts of a strftime format; none when it has a directive that is none of: numbers of fixed width, names, offsets,
/// fractions, a half of the day, and what is made of them.
pub(super) fn directives(format: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            parts.push(Part::Literal(char.to_string()));
            continue;
        }
        let letter = chars.next()?;
        match composed(letter) {
            Some(format) => parts.extend(directives(format)?),
            None => parts.push(directive(letter)?),
        }
    }
    Some(parts)
}

/// What a directive is short for.
fn composed(letter: char) -> Option<&'static str> {
    Some(match letter {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'r' => "%I:%M:%S %p",
        'R' => "%H:%M",
        'T' | 'X' => "%H:%M:%S",
        'v' => "%e-%b-%Y",
        _ => return None,
    })
}

fn directive(letter: char) -> Option<Part> {
    let (field, digits) = match letter {
        'Y' => (Field::Year, 4),
        'y' => (Field::ShortYear, 2),
        'm' => (Field::Month, 2),
        'd' => (Field::Day, 2),
        'e' => (Field::PaddedDay, 0),
        'j' => (Field::YearDay { padded: false }, 3),
        'H' => (Field::Hour, 2),
        'I' => (Field::Hour12, 2),
        'M' => (Field::Minute, 2),
        'S' => (Field::Second, 2),
        'f' => (Field::Subsecond, 0),
        'B' => (Field::MonthName, 0),
        'b' | 'h' => (Field::ShortMonthName, 0),
        'A' => (Field::Weekday, 0),
        'a' => (Field::ShortWeekday, 0),
        'p' => (Field::Half(HalfCase::Any), 0),
        'z' => (Field::AnyOffset, 0),
        'Z' => (Field::ZoneName, 0),
        '%' => return Some(Part::Literal("%".to_owned())),
        _ => return None,
    };
    Some(Part::Field(field, digits))
}
