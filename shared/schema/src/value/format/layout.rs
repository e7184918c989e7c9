//! Reads times by the layouts of Go's package `time`. A layout is the time Mon Jan 2 15:04:05 -0700 MST 2006, written
//! in the wanted format.

mod read;
mod token;

use jiff::civil::DateTime;

use read::Reader;
use token::{Field, Part, directives, next_part};

/// A compiled layout, or a strftime format with the same fields.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    parts: Vec<Part>,
    /// Go's rules apply: seconds may have a fraction that the layout does not show, and a space in the layout matches
    /// one or more spaces in the text.
    has_go_rules: bool,
}

impl Layout {
    pub(crate) fn new(layout: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = layout;
        while let Some(first) = rest.chars().next() {
            let (part, length) = next_part(rest, first);
            match (part, parts.last_mut()) {
                (Part::Literal(more), Some(Part::Literal(literal))) => literal.push_str(&more),
                (part, _) => parts.push(part),
            }
            rest = &rest[length..];
        }
        if !has_year(&parts) {
            return Err(format!(
                "the layout {layout:?} has no year; a layout is the time 2006-01-02T15:04:05 in your format"
            ));
        }
        Ok(Self { parts, has_go_rules: true })
    }

    /// Compiles a strftime format; `None` if it has a directive that layouts cannot express.
    ///
    /// # Errors
    /// The format has no year.
    pub(crate) fn from_strftime(format: &str) -> Option<Result<Self, String>> {
        let parts = directives(format)?;
        if has_year(&parts) {
            return Some(Ok(Self { parts, has_go_rules: false }));
        }
        Some(Err(format!("the time format {format} has no year")))
    }

    /// Reads a time; `None` if the text does not have the form of the layout.
    pub(crate) fn read(&self, text: &str) -> Option<DateTime> {
        let mut reader = Reader::new(text);
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) if self.has_go_rules => reader.spaced_literal(literal)?,
                Part::Literal(literal) => reader.literal(literal)?,
                Part::Field(field, digits) => reader.field(*field, *digits)?,
            }
            if self.has_go_rules && matches!(part, Part::Field(Field::Second, _)) && !self.has_fraction_next(at + 1) {
                reader.optional_fraction()?;
            }
        }
        reader.finish()
    }

    /// Returns `true` if the next field of the layout is a fraction.
    fn has_fraction_next(&self, from: usize) -> bool {
        let mut fields = self.parts.iter().skip(from).filter(|part| matches!(part, Part::Field(..)));
        matches!(fields.next(), Some(Part::Field(Field::Fraction(..), _)))
    }
}

fn has_year(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Field(Field::Year | Field::ShortYear, _)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, text: &str, expected: Option<&str>) {
        let time = Layout::new(layout).unwrap().read(text).map(|time| time.to_string());
        assert_eq!(time.as_deref(), expected, "{layout} {text}");
    }

    #[test]
    fn a_layout_reads_the_times_of_its_form() {
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
        check("2006-01", "2024-02", Some("2024-02-01T00:00:00"));
    }

    #[test]
    fn offsets_are_read_in_every_form() {
        for (layout, text) in [
            ("2006-01-02 15 -07", "2024-01-02 12 +09"),
            ("2006-01-02 15Z07", "2024-01-02 03Z"),
            ("2006-01-02 15Z0700", "2024-01-01 20-0700"),
            ("2006-01-02T15:04:05-07:00:00", "2024-01-02T12:30:01+09:30:01"),
            ("2006-01-02T15:04:05Z070000", "2024-01-02T12:30:01+093001"),
            ("2006-01-02T15Z07:00", "2024-01-03T03+24:00"),
            ("2006-01-02T15Z07:00", "2024-01-02T04+00:60"),
        ] {
            check(layout, text, Some("2024-01-02T03:00:00"));
        }
        check("2006-01-02T15Z07:00", "2024-01-03T04+25:00", None);
        check("2006-01-02T15-07:00", "2024-01-03T04Z", None);
        check("2006-01-02 15 -07", "2024-01-02 12 -7", None);
    }

    #[test]
    fn a_day_of_the_year_is_read() {
        check("2006-002", "2024-060", Some("2024-02-29T00:00:00"));
        check("2006-002", "2023-365", Some("2023-12-31T00:00:00"));
        check("2006 __2", "2023  32", Some("2023-02-01T00:00:00"));
        check("2006-002", "2023-366", None);
        check("2006-002", "2023-000", None);
        check("2006-01-02 002", "2024-02-29 060", Some("2024-02-29T00:00:00"));
        check("2006-01-02 002", "2024-02-28 060", None);
    }

    #[test]
    fn words_and_spaces_are_read_as_go_reads_them() {
        check("Month 2006", "Month 2024", Some("2024-01-01T00:00:00"));
        check("Jan_2006", "Feb_2024", Some("2024-02-01T00:00:00"));
        check("2006-01-02 15:04", "2024-01-02   03:04", Some("2024-01-02T03:04:00"));
        check("2006-01-02 15:04", "2024-01-0203:04", None);
        check("2 Jan 2006", " 5 Jan 2024", None);
        check("_2 Jan 2006", " 5 Jan 2024", Some("2024-01-05T00:00:00"));
        check("3pm 2006", "3PM 2024", None);
        check("3PM 2006", "3pm 2024", None);
    }

    #[test]
    fn a_layout_refuses_other_forms() {
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
        for layout in ["15:04", "", "Jan _2 15:04:05", "YYYY-MM-DD"] {
            assert!(Layout::new(layout).is_err(), "{layout}");
        }
    }

    #[test]
    fn strftime_reads_offsets_in_every_form() {
        let layout = Layout::from_strftime("%Y-%m-%d %H%z").unwrap().unwrap();
        for text in ["2024-01-02 12+0900", "2024-01-02 12+09:00", "2024-01-02 12+09", "2024-01-02 03Z"] {
            assert_eq!(layout.read(text).unwrap().to_string(), "2024-01-02T03:00:00", "{text}");
        }
        for text in ["2024-01-02 12", "2024-01-02 12+9", "2024-01-02 12+09:0", "2024-01-02 12 +0900"] {
            assert_eq!(layout.read(text), None, "{text}");
        }
    }

    #[test]
    fn strftime_directives_are_read() {
        for (format, text) in [
            ("%Y-%m-%dT%H:%M:%S.%f", "2024-01-02T03:04:05.678"),
            ("%F %T.%f %Z", "2024-01-02 03:04:05.678000000 UTC"),
            ("%c .%f", "Tue Jan  2 03:04:05 2024 .678"),
            ("%v %r,%f", " 2-Jan-2024 03:04:05 am,678"),
            ("%x %X%%%f", "01/02/24 03:04:05%678"),
        ] {
            let layout = Layout::from_strftime(format).unwrap().unwrap();
            assert_eq!(layout.read(text).unwrap().to_string(), "2024-01-02T03:04:05.678", "{format}");
        }
        let layout = Layout::from_strftime("%F %T.%f").unwrap().unwrap();
        for text in ["2024-01-02 03:04:05.", "2024-01-02 03:04:05.1234567890", "2024-01-02  03:04:05.1"] {
            assert_eq!(layout.read(text), None, "{text}");
        }
        assert!(Layout::from_strftime("%G").is_none());
        assert!(Layout::from_strftime("%H:%M").unwrap().is_err());
    }
}
