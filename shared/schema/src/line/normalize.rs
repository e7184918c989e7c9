//! The normaliser: takes the bytes of an event and writes its line.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::drift::DriftNames;
use crate::event::json::{self, Document, DocumentBuffers, Kind, SyntaxError, write_separator};
use crate::identity::row_id::RowId;
use crate::identity::{IdentityRule, Scope};
use crate::language::masks::Masks;
use crate::language::model::Schema;
use crate::line::buffers::{BufferPool, Buffers};
use crate::line::context::{ContextCache, LineContext};
use crate::line::writer::LineWriter;
use crate::log_type::LogType;
use crate::log_type::models::builtin_model;
use crate::log_type::record_types::RecordTypes;
use crate::log_type::schemas::{schema, with_constructions};
use crate::udm::{LineModel, Writer};
use crate::value::time::{utc, write_time};

/// The approximate size of the standard fields of a line, in bytes, to reserve memory.
const STANDARD_FIELDS_BYTES: usize = 512;

/// The properties of an event that became a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalized {
    /// The line's `p_row_id`.
    pub row_id: RowId,
    /// A hash of the vendor's id, if several events may share an id, as with Microsoft. `None` if the vendor's ids are
    /// unique, or the event has none.
    pub shared_id: Option<u64>,
    /// The vendor's event time, if it could be read.
    pub event_time: Option<Timestamp>,
    /// The number of values under `p_nonconforming`: values that do not fit their declared type, or whose name is
    /// taken.
    pub nonconforming: u32,
    /// The number of fields that the schema does not declare, in the event and in its declared objects.
    pub undeclared: u32,
    /// The number of required fields that are missing or null.
    pub missing_required: u32,
    /// The number of names of `p_udm` whose path or method failed. The line does not have them.
    pub udm_failed: u32,
    /// The event's type is not in the vendor's published list.
    pub is_unknown_type: bool,
}

/// An input that cannot become a line: it is not JSON or not an object, or strict mode refuses it as Panther does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// The reason, without any content of the input.
    pub reason: String,
    /// A row id with a reserved hour and the hash of the raw input. It identifies the input if it is rejected again.
    pub row_id: RowId,
}

/// The treatment of events that do not match their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Loses nothing: undeclared fields are kept, values that do not fit are put under `p_nonconforming`, and fields
    /// that the vendor's API does not send are filled from other fields.
    #[default]
    Default,
    /// Behaves like Panther: undeclared fields are dropped, and events with values that do not fit are rejected.
    Strict,
}

/// Writes lines by the schema of one log type.
///
/// Threads can share a normaliser. Calls at the same time do not wait for each other.
#[derive(Debug, Clone)]
pub struct Normalizer {
    schema: Schema,
    mode: Mode,
    /// Lines have undeclared fields as well as the declared ones.
    keeps_undeclared: bool,
    /// The record types that the vendor publishes; `None` in strict mode.
    record_types: Option<&'static RecordTypes>,
    /// The rule for row ids; `None` if the schema is not of a built-in log type.
    identity: Option<&'static IdentityRule>,
    /// The text of each line before its row id: `"p_log_type":…,"p_row_id":"`
    before_row_id: Box<[u8]>,
    /// The masks of the schema; `None` if it has none, or in strict mode.
    masks: Option<Arc<Masks>>,
    /// The data model that fills `p_udm`; `None` if there is none, or in strict mode.
    udm: Option<Arc<Writer>>,
    buffers: BufferPool,
}

impl Normalizer {
    /// Creates the normaliser of a built-in log type.
    pub fn new(log_type: LogType) -> Self {
        Self::with_schema(schema(log_type), Mode::Default)
    }

    /// Creates the normaliser of any schema.
    pub fn with_schema(schema: Schema, mode: Mode) -> Self {
        let mut schema = match mode {
            Mode::Default => with_constructions(schema),
            Mode::Strict => schema.without_extensions(),
        };
        if mode == Mode::Default {
            schema.propagate_masks();
        }
        schema.number_objects();
        let masks = schema.masks().filter(|_| mode == Mode::Default).map(Arc::new);
        let log_type = LogType::from_name(&schema.name);
        // Row ids are the same in strict mode.
        let identity = log_type.map(|log_type| log_type.spec().identity);
        let log_type = log_type.filter(|_| mode == Mode::Default);
        let spec = log_type.map(LogType::spec);
        let keeps_undeclared = mode == Mode::Default && spec.is_none_or(|spec| spec.keeps_undeclared);
        let before_row_id = format!("\"p_log_type\":\"{}\",\"p_row_id\":\"", schema.name).into_bytes().into();
        let normalizer = Self {
            schema,
            mode,
            keeps_undeclared,
            record_types: spec.map(|spec| &**spec.record_types),
            identity,
            before_row_id,
            masks,
            udm: None,
            buffers: BufferPool::default(),
        };
        normalizer.with_model(log_type.map(builtin_model))
    }

    /// Replaces the data model. Without a model, and always in strict mode, lines have no `p_udm`.
    #[must_use]
    pub fn with_model(mut self, model: Option<LineModel>) -> Self {
        self.schema.root.clear_slots();
        let model = model.filter(|_| self.mode == Mode::Default);
        self.udm = model.map(|model| Writer::new(model, &mut self.schema));
        self
    }

    /// The schema's name: `p_log_type`.
    pub fn log_type(&self) -> &str {
        &self.schema.name
    }

    /// Appends the event's line, with a line feed at its end, to `out`.
    ///
    /// # Errors
    /// The input cannot become a line; `out` is unchanged.
    pub fn normalize(&self, raw: &[u8], context: &LineContext<'_>, out: &mut Vec<u8>) -> Result<Normalized, Rejection> {
        self.normalize_with_drift(raw, context, out, &mut DriftNames::disabled())
    }

    /// Like [`Self::normalize`]. Also adds the names of drift to `names`, even if the input is rejected.
    ///
    /// # Errors
    /// The input cannot become a line; `out` is unchanged.
    pub fn normalize_with_drift(
        &self,
        raw: &[u8],
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, Rejection> {
        let start = out.len();
        self.write(raw, context, out, names).map_err(|reason| {
            out.truncate(start);
            self.reject(raw, context, reason)
        })
    }

    /// Returns the rejection of an input that the caller refuses for `reason`. The input is hashed but not parsed.
    pub fn reject(&self, raw: &[u8], context: &LineContext<'_>, reason: impl Into<String>) -> Rejection {
        let row_id = self.scope(context).rejected_row_id(raw);
        Rejection { reason: reason.into(), row_id }
    }

    fn scope(&self, context: &LineContext<'_>) -> Scope {
        Scope::new(&self.schema.name, context.source_id, self.identity)
    }

    fn write(
        &self,
        raw: &[u8],
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, String> {
        let mut buffers = self.buffers.take();
        let written = self.write_with_buffers(&mut buffers, raw, context, out, names);
        self.buffers.give_back(buffers);
        written
    }

    /// Parses the event and writes its line.
    fn write_with_buffers(
        &self,
        buffers: &mut Buffers,
        raw: &[u8],
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, String> {
        let event = self.parse(raw, std::mem::take(&mut buffers.document)).map_err(|cause| cause.to_string())?;
        let written = self.write_event(buffers, &event, context, out, names);
        buffers.document = event.into_buffers();
        written
    }

    fn write_event(
        &self,
        buffers: &mut Buffers,
        event: &Document<'_>,
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, String> {
        let kind = event.kind(Document::ROOT);
        if kind != Kind::Object {
            return Err(format!("not an object but {}", kind_name(kind)));
        }
        if !buffers.context.is_for(context) {
            let schema_version = (self.mode == Mode::Default).then_some(self.schema.version);
            buffers.context.set(context, self.scope(context), schema_version);
        }
        let row_id = buffers.context.scope.event_row_id(event, &mut buffers.identity);
        let is_unknown_type = self.record_types.is_some_and(|types| types.is_unknown(event, &mut names.unknown_types));
        let length = event.raw(Document::ROOT).len();
        out.reserve(length + length / 4 + STANDARD_FIELDS_BYTES);
        let from = out.len();
        out.push(b'{');
        let is_strict = self.mode == Mode::Strict;
        let masks = self.masks.as_deref();
        let slots = self.udm.as_deref().map(Writer::slots);
        let mut line = LineWriter::new(is_strict, self.keeps_undeclared, masks, slots, out, &mut buffers.line, names);
        if line.write_event(event, &self.schema.root).is_err() {
            return Err(line.refusal_reason);
        }
        let event_time = line.event_time;
        let mut normalized = Normalized {
            row_id,
            shared_id: buffers.context.scope.shared_id(event),
            event_time: event_time.and_then(|time| Offset::UTC.to_timestamp(time).ok()),
            nonconforming: line.nonconforming(),
            undeclared: line.undeclared,
            missing_required: line.missing_required,
            udm_failed: 0,
            is_unknown_type,
        };
        line.write_standard(|out| self.write_standard_fields(row_id, event_time, context, &buffers.context, out));
        line.finish(event);
        if let Some(udm) = &self.udm {
            let (places, buffer) = (&mut buffers.line.places, &mut buffers.udm);
            normalized.udm_failed = udm.write(from, places, out, buffer, &mut names.udm_failed);
        }
        out.extend_from_slice(b"}\n");
        Ok(normalized)
    }

    fn parse<'a>(&self, raw: &'a [u8], buffers: DocumentBuffers) -> Result<Document<'a>, SyntaxError> {
        if self.mode == Mode::Default {
            return json::parse_with(raw, buffers);
        }
        // Panther ignores text after the first value, and reads null as an object without members.
        let (event, _) = json::parse_prefix(raw, buffers)?;
        if event.kind(Document::ROOT) == Kind::Null { json::parse(b"{}") } else { Ok(event) }
    }

    /// Writes the standard fields, without `p_any_*`, `p_nonconforming` and `p_udm`.
    fn write_standard_fields(
        &self,
        row_id: RowId,
        event_time: Option<DateTime>,
        context: &LineContext<'_>,
        cache: &ContextCache,
        out: &mut Vec<u8>,
    ) {
        write_separator(out);
        out.extend_from_slice(&self.before_row_id);
        out.extend_from_slice(&row_id.digits());
        out.extend_from_slice(b"\",\"p_event_time\":");
        let parse_time = utc(context.parse_time);
        write_time(event_time.unwrap_or(parse_time), out);
        out.extend_from_slice(b",\"p_parse_time\":");
        write_time(parse_time, out);
        out.extend_from_slice(&cache.fields);
    }
}

/// Returns the name of a type of JSON value, for messages.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::True | Kind::False => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

#[cfg(test)]
mod tests;
