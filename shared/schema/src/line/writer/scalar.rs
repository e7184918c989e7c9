//! Writes strings, numbers, booleans and times.

use std::io::Write as _;

use jiff::civil::{DateTime, date};

use super::LineWriter;
use crate::event::json::{Document, Kind, NodeId};
use crate::language::model::{Type, Value};
use crate::value::format::{SentTime, TimeFormat, read_leniently};
use crate::value::time::write_time;

/// The result of writing a value: `true` if something was written, or the reason why the value does not fit.
type ScalarResult = Result<bool, &'static str>;

impl LineWriter<'_> {
    /// Writes a value that is declared as a string, a number, a boolean or a time.
    pub(super) fn write_scalar(&mut self, document: &Document<'_>, value: &Value, id: NodeId) -> ScalarResult {
        match &value.kind {
            Type::String => self.write_text_value(document, value, id),
            Type::Integer(bits) => self.write_integer(document, *bits, id),
            Type::Float => self.write_float(document, id),
            Type::Boolean => self.write_boolean(document, id),
            Type::Timestamp(formats) => self.write_timestamp(document, value, formats, id),
            Type::Array(_) | Type::Object(_) | Type::Json => Err("is no single value"),
        }
    }

    fn write_text_value(&mut self, document: &Document<'_>, value: &Value, id: NodeId) -> ScalarResult {
        let text = match document.kind(id) {
            Kind::Array | Kind::Object => return Err("is not a string"),
            Kind::String if value.indicators.is_empty() && value.validate.is_none() => {
                self.write_json(document, id);
                return Ok(true);
            }
            Kind::String => document.text(id),
            _ => document.raw(id).into(),
        };
        if let Some(reason) = value.validate.as_ref().and_then(|validate| validate.refusal_reason(&text)) {
            return Err(reason);
        }
        if document.kind(id) == Kind::String {
            self.write_json(document, id);
        } else {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        }
        // An indicator could show a part of the text that a mask hides, so such a text is not scanned.
        if !self.masks.is_some_and(|masks| masks.applies_to_text(&text)) {
            value.indicators.iter().for_each(|indicator| self.scratch.found.scan(*indicator, &text, !self.is_strict));
        }
        Ok(true)
    }

    fn write_integer(&mut self, document: &Document<'_>, bits: u32, id: NodeId) -> ScalarResult {
        let literal = match document.kind(id) {
            Kind::Number => document.raw(id).into(),
            Kind::String => document.text(id),
            _ => return Err("is not a whole number"),
        };
        if literal.is_empty() {
            return Ok(false);
        }
        let lenient = || if self.is_strict { None } else { whole_number(&literal) };
        let exact = literal.parse().ok();
        let number: i64 = exact.or_else(lenient).ok_or("is not a whole number")?;
        let limit = i64::MAX >> (64 - bits);
        if number > limit || number < -limit - 1 {
            return Err("is out of range");
        }
        if exact.is_some() && number != 0 && document.kind(id) == Kind::Number {
            // The number is copied, because JSON has one spelling for each whole number, except for -0.
            self.out.extend_from_slice(literal.as_bytes());
        } else {
            // Writing to a vector cannot fail.
            write!(self.out, "{number}").map_err(|_| "is out of range")?;
        }
        Ok(true)
    }

    fn write_float(&mut self, document: &Document<'_>, id: NodeId) -> ScalarResult {
        let literal = match document.kind(id) {
            Kind::Number => document.raw(id).into(),
            Kind::String => document.text(id),
            _ => return Err("is not a number"),
        };
        if literal.is_empty() {
            return Ok(false);
        }
        let number: f64 = literal.parse().map_err(|_| "is not a number")?;
        if !number.is_finite() {
            return Err("is out of range");
        }
        // As in Go's JSON, very small and very large numbers have an exponent.
        let size = number.abs();
        let text = match size != 0.0 && !(1e-6..1e21).contains(&size) {
            true if size >= 1.0 => format!("{number:e}").replace('e', "e+"),
            true => format!("{number:e}"),
            false => format!("{number}"),
        };
        self.out.extend_from_slice(text.as_bytes());
        Ok(true)
    }

    fn write_boolean(&mut self, document: &Document<'_>, id: NodeId) -> ScalarResult {
        let word = match document.kind(id) {
            Kind::True | Kind::False => document.raw(id).into(),
            Kind::Number => document.raw(id).into(),
            Kind::String => document.text(id),
            _ => return Err("is not a boolean"),
        };
        let value = match (word.as_ref(), document.kind(id)) {
            ("", _) => return Ok(false),
            ("1" | "true", _) | ("t" | "T" | "True" | "TRUE", Kind::String) => "true",
            ("0" | "false", _) | ("f" | "F" | "False" | "FALSE", Kind::String) => "false",
            _ => return Err("is not a boolean"),
        };
        self.out.extend_from_slice(value.as_bytes());
        Ok(true)
    }

    fn write_timestamp(
        &mut self,
        document: &Document<'_>,
        value: &Value,
        formats: &[TimeFormat],
        id: NodeId,
    ) -> ScalarResult {
        let text = match document.kind(id) {
            Kind::Number => document.raw(id).into(),
            Kind::String => document.text(id),
            _ => return Err("is not a time"),
        };
        if text.is_empty() {
            return Ok(false);
        }
        let is_text = document.kind(id) == Kind::String;
        let sent = if is_text { SentTime::Text(&text) } else { SentTime::Number(&text) };
        let read = match self.is_strict {
            true => formats.iter().find_map(|format| format.read(sent)),
            false => read_leniently(formats, sent),
        };
        let time = read.ok_or("is not a time in the schema's format")?;
        if is_zero(time) && self.is_strict {
            return Ok(false);
        }
        write_time(time, self.out);
        if value.is_event_time && self.event_time.is_none() && !is_zero(time) {
            self.event_time = Some(time);
        }
        Ok(true)
    }
}

/// Reads a whole number that is written with a fraction of zeros or with an exponent.
fn whole_number(literal: &str) -> Option<i64> {
    /// An `f64` holds every whole number below this limit exactly.
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = literal.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < MAX_EXACT).then_some(number as i64)
}

/// Returns `true` for the first moment of the year 1, Go's zero time, which stands for no time.
fn is_zero(time: DateTime) -> bool {
    time == date(1, 1, 1).at(0, 0, 0, 0)
}
