//! Splits a layout or a strftime format into its parts.

/// A field of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    ShortYear,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    /// A day, with a space before a single digit.
    PaddedDay,
    /// The day of the year, from 1. In the padded form, it has three places and is padded with spaces.
    YearDay {
        is_padded: bool,
    },
    Weekday,
    ShortWeekday,
    Hour,
    Hour12,
    Minute,
    Second,
    /// `AM` or `PM`.
    AmPm(AmPmCase),
    /// A fraction of this many digits. The flag is `true` if the fraction may be missing.
    Fraction(usize, bool),
    /// The digits of a fraction, without the point.
    Subsecond,
    Offset(Offset),
    /// An offset in any of the usual forms.
    AnyOffset,
    ZoneName,
}

/// The case in which `AM` or `PM` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmPmCase {
    Upper,
    Lower,
    Any,
}

/// The form of an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// The number of parts: 1 for hours, 2 for hours and minutes, 3 with seconds.
    pub(super) parts: usize,
    /// A colon separates the parts.
    pub(super) has_colon: bool,
    /// `Z` may stand for zero.
    pub(super) allows_z: bool,
}

/// A part of a layout.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Literal(String),
    /// A field and its number of digits; 0 stands for one or two digits.
    Field(Field, usize),
}

const fn offset(parts: usize, has_colon: bool, allows_z: bool) -> Field {
    Field::Offset(Offset { parts, has_colon, allows_z })
}

/// The tokens of Go's layouts, each with its field and number of digits. A longer token comes before the tokens with
/// which it begins.
const TOKENS: &[(&str, Field, usize)] = &[
    ("2006", Field::Year, 4),
    ("January", Field::MonthName, 0),
    ("Jan", Field::ShortMonthName, 0),
    ("Monday", Field::Weekday, 0),
    ("Mon", Field::ShortWeekday, 0),
    ("MST", Field::ZoneName, 0),
    ("002", Field::YearDay { is_padded: false }, 3),
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
    ("PM", Field::AmPm(AmPmCase::Upper), 0),
    ("pm", Field::AmPm(AmPmCase::Lower), 0),
    ("__2", Field::YearDay { is_padded: true }, 3),
    ("_2", Field::PaddedDay, 0),
    ("1", Field::Month, 0),
    ("2", Field::Day, 0),
    ("3", Field::Hour12, 0),
    ("4", Field::Minute, 0),
    ("5", Field::Second, 0),
];

/// Returns the part with which a Go layout begins, and the length of the part in bytes.
pub(super) fn next_part(rest: &str, first: char) -> (Part, usize) {
    if let Some(fraction) = fraction(rest) {
        return fraction;
    }
    match TOKENS.iter().find(|token| begins_with(rest, token)) {
        Some((token, field, digits)) => (Part::Field(*field, *digits), token.len()),
        None => (Part::Literal(first.to_string()), first.len_utf8()),
    }
}

/// Returns `true` if a layout begins with a token. As in Go, `Monat` does not begin with `Mon`, nor `_2006` with `_2`.
fn begins_with(rest: &str, (token, field, _): &(&str, Field, usize)) -> bool {
    let Some(after) = rest.strip_prefix(token) else { return false };
    match field {
        Field::ShortMonthName | Field::ShortWeekday => !after.starts_with(|char: char| char.is_ascii_lowercase()),
        Field::PaddedDay => !rest.starts_with("_2006"),
        _ => true,
    }
}

/// Reads a fraction such as `.000` or `,999` that no other digit follows.
fn fraction(rest: &str) -> Option<(Part, usize)> {
    let digits = rest.strip_prefix(['.', ','])?;
    let kind = digits.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
    let count = digits.len() - digits.trim_start_matches(kind).len();
    if digits[count..].starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    Some((Part::Field(Field::Fraction(count, kind == '9'), 0), count + 1))
}

/// Returns the parts of a strftime format. Returns `None` if it has a directive other than numbers of fixed width,
/// names, offsets, fractions, AM or PM, and combinations of these.
pub(super) fn directives(format: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            parts.push(Part::Literal(char.to_string()));
            continue;
        }
        let letter = chars.next()?;
        match combined_directive(letter) {
            Some(format) => parts.extend(directives(format)?),
            None => parts.push(directive(letter)?),
        }
    }
    Some(parts)
}

/// Returns the format that a combined directive stands for; `None` for any other directive.
fn combined_directive(letter: char) -> Option<&'static str> {
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

/// Returns the part for a directive that is not combined; `None` for an unknown one.
fn directive(letter: char) -> Option<Part> {
    let (field, digits) = match letter {
        'Y' => (Field::Year, 4),
        'y' => (Field::ShortYear, 2),
        'm' => (Field::Month, 2),
        'd' => (Field::Day, 2),
        'e' => (Field::PaddedDay, 0),
        'j' => (Field::YearDay { is_padded: false }, 3),
        'H' => (Field::Hour, 2),
        'I' => (Field::Hour12, 2),
        'M' => (Field::Minute, 2),
        'S' => (Field::Second, 2),
        'f' => (Field::Subsecond, 0),
        'B' => (Field::MonthName, 0),
        'b' | 'h' => (Field::ShortMonthName, 0),
        'A' => (Field::Weekday, 0),
        'a' => (Field::ShortWeekday, 0),
        'p' => (Field::AmPm(AmPmCase::Any), 0),
        'z' => (Field::AnyOffset, 0),
        'Z' => (Field::ZoneName, 0),
        '%' => return Some(Part::Literal("%".to_owned())),
        _ => return None,
    };
    Some(Part::Field(field, digits))
}
