//! Event in, line out.

use jiff::Timestamp;

use crate::{LogType, RowId};

/// What a line says beside its event.
#[derive(Debug, Clone, Copy)]
pub struct LineContext<'a> {
    /// `p_source_id`; left out when empty.
    pub source_id: &'a str,
    /// `p_source_label`; left out when empty.
    pub source_label: &'a str,
    /// `p_parse_time`.
    pub parse_time: Timestamp,
}

/// What became of an event that did become a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalized {
    /// The line's `p_row_id`.
    pub row_id: RowId,
    /// The vendor's event time, where it could be read.
    pub event_time: Option<Timestamp>,
    /// Values that did not fit their declared type.
    pub nonconforming: u32,
    /// Fields the schema does not declare.
    pub undeclared: u32,
}

/// Why an input cannot become a line: it is not JSON, or not an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// What is wrong with it, without its content.
    pub reason: String,
    /// Hour 0 and the hash of the raw input: a rejected input too is known when it comes again.
    pub row_id: RowId,
}

/// One log type's schema, ready to run.
#[derive(Debug)]
pub struct Normalizer {}

impl Normalizer {
    /// The normaliser of a built-in log type.
    pub fn new(_log_type: LogType) -> Self {
        Self {}
    }

    /// Appends the event's line, LF included, to `out`. On a rejection `out` is as it was.
    pub fn normalize(
        &self,
        _raw: &[u8],
        _context: &LineContext<'_>,
        _out: &mut Vec<u8>,
    ) -> Result<Normalized, Rejection> {
        Err(Rejection { reason: String::new(), row_id: RowId { hour: 0, hash: [0; 12] } })
    }
}
