//! Event in, line out.

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
use crate::line::context::{ContextCache, LineContext};
use crate::line::memory::{Kept, Memory};
use crate::line::writer::Line;
use crate::log_type::LogType;
use crate::log_type::models::builtin_model;
use crate::log_type::record_types::RecordTypes;
use crate::log_type::schemas::{schema, with_constructions};
use crate::udm::{LineModel, Writer};
use crate::value::time::{utc, write_time};

/// What became of an event that did become a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalized {
    /// The line's `p_row_id`.
    pub row_id: RowId,
    /// A hash of the vendor's own id, where that does not name the event: Microsoft gives several the same.
    pub shared_id: Option<u64>,
    /// The vendor's event time, where it could be read.
    pub event_time: Option<Timestamp>,
    /// Values under `p_nonconforming`: those that did not fit their declared type, and those whose name is taken.
    pub nonconforming: u32,
    /// Fields the schema does not declare, in the event and in its declared objects.
    pub undeclared: u32,
    /// Fields the schema requires that are not there, or null.
    pub missing_required: u32,
    /// Names of `p_udm` that failed: the line does not have them.
    pub udm_failed: u32,
    /// Whether the vendor's published list does not have the event's type.
    pub is_unknown_type: bool,
}

/// Why an input cannot become a line: it is not JSON, or not an object; in strict mode, what the reference refusal_reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// What is wrong with it, without its content.
    pub reason: String,
    /// A reserved hour and the hash of the raw input: a rejected input too is known when it comes again.
    pub row_id: RowId,
}

/// How an event that does not match its schema is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is lost: undeclared fields are kept, misfits stand under `p_nonconforming`, and fields that the vendor's
    /// API does not have are filled from those it has.
    #[default]
    Default,
    /// The reference's behaviour and nothing of ours: undeclared fields are dropped, misfits refused.
    Strict,
}

/// One log type's schema, ready to run.
///
/// It can be shared: calls at the same time do not wait for each other.
#[derive(Debug, Clone)]
pub struct Normalizer {
    schema: Schema,
    mode: Mode,
    /// General's undeclared fields stand in its `payload` only.
    keeps_undeclared: bool,
    /// What the vendor says there is; in default mode, where it says so.
    record_types: Option<&'static RecordTypes>,
    /// The rule for row ids; `None` if the schema is not of a built-in log type.
    identity: Option<&'static IdentityRule>,
    /// `"p_log_type":…,"p_row_id":"`
    before_row_id: Box<[u8]>,
    /// What the schema masks; in default mode, where it masks something.
    masks: Option<Arc<Masks>>,
    /// The data model; in default mode, where there is one.
    udm: Option<Arc<Writer>>,
    memory: Kept,
}

impl Normalizer {
    /// The normaliser of a built-in log type.
    pub fn new(log_type: LogType) -> Self {
        Self::with_schema(schema(log_type), Mode::Default)
    }

    /// The normaliser of any schema.
    pub fn with_schema(schema: Schema, mode: Mode) -> Self {
        let mut schema = match mode {
            Mode::Default => with_constructions(schema),
            Mode::Strict => schema.without_extensions(),
        };
        if mode == Mode::Default {
            schema.spread_masks();
        }
        schema.number_objects();
        let masks = schema.masks().filter(|_| mode == Mode::Default).map(Arc::new);
        let log_type = LogType::from_name(&schema.name);
        // Strict mode makes the same row ids.
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
            memory: Kept::default(),
        };
        normalizer.with_model(log_type.map(builtin_model))
    }

    /// The same with another data model, or with none: then lines have no `p_udm`. In strict mode they never have it.
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

    /// Appends the event's line, LF included, to `out`.
    ///
    /// # Errors
    /// The input cannot become a line; `out` is as it was.
    pub fn normalize(&self, raw: &[u8], context: &LineContext<'_>, out: &mut Vec<u8>) -> Result<Normalized, Rejection> {
        self.normalize_noting(raw, context, out, &mut DriftNames::none())
    }

    /// Like [`Self::normalize`], and notes the names of what drifted in `names`, also when the input is rejected.
    ///
    /// # Errors
    /// As there.
    pub fn normalize_noting(
        &self,
        raw: &[u8],
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, Rejection> {
        let mark = out.len();
        self.write(raw, context, out, names).map_err(|reason| {
            out.truncate(mark);
            self.reject(raw, context, reason)
        })
    }

    /// The rejection of an input that is no event, whatever it looks like, for the caller's `reason`.
    pub fn reject(&self, raw: &[u8], context: &LineContext<'_>, reason: impl Into<String>) -> Rejection {
        let row_id = self.scope(context).of_rejected(raw);
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
        let mut memory = self.memory.take();
        let written = self.write_in(&mut memory, raw, context, out, names);
        self.memory.give_back(memory);
        written
    }

    fn write_in(
        &self,
        memory: &mut Memory,
        raw: &[u8],
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, String> {
        let event = self.parse(raw, std::mem::take(&mut memory.parts)).map_err(|cause| cause.to_string())?;
        let written = self.write_event(memory, &event, context, out, names);
        memory.parts = event.into_buffers();
        written
    }

    fn write_event(
        &self,
        memory: &mut Memory,
        event: &Document<'_>,
        context: &LineContext<'_>,
        out: &mut Vec<u8>,
        names: &mut DriftNames,
    ) -> Result<Normalized, String> {
        let kind = event.kind(Document::ROOT);
        if kind != Kind::Object {
            return Err(format!("not an object but {}", name(kind)));
        }
        if !memory.context.is_for(context) {
            let schema_version = (self.mode == Mode::Default).then_some(self.schema.version);
            memory.context.set(context, self.scope(context), schema_version);
        }
        let row_id = memory.context.scope.of_event(event, &mut memory.identity);
        let is_unknown_type = self.record_types.is_some_and(|types| types.is_unknown(event, &mut names.unknown_types));
        let length = event.raw(Document::ROOT).len();
        out.reserve(length + length / 4 + 512);
        let from = out.len();
        out.push(b'{');
        let is_strict = self.mode == Mode::Strict;
        let masks = self.masks.as_deref();
        let slots = self.udm.as_deref().map(Writer::slots);
        let mut line = Line::new(is_strict, self.keeps_undeclared, masks, slots, out, &mut memory.line, names);
        if line.event(event, &self.schema.root).is_err() {
            return Err(line.reason);
        }
        let event_time = line.event_time;
        let mut normalized = Normalized {
            row_id,
            shared_id: memory.context.scope.shared_id(event),
            event_time: event_time.and_then(|time| Offset::UTC.to_timestamp(time).ok()),
            nonconforming: line.nonconforming(),
            undeclared: line.undeclared,
            missing_required: line.missing,
            udm_failed: 0,
            is_unknown_type,
        };
        line.standard(|out| self.standard_fields(row_id, event_time, context, &memory.context, out));
        line.finish(event);
        if let Some(udm) = &self.udm {
            let (places, buffer) = (&mut memory.line.places, &mut memory.udm);
            normalized.udm_failed = udm.write(from, places, out, buffer, &mut names.udm_failed);
        }
        out.extend_from_slice(b"}\n");
        Ok(normalized)
    }

    fn parse<'a>(&self, raw: &'a [u8], parts: DocumentBuffers) -> Result<Document<'a>, SyntaxError> {
        if self.mode == Mode::Default {
            return json::parse_with(raw, parts);
        }
        // The reference reads the first value, and null as an object without members.
        let (event, _) = json::parse_prefix(raw, parts)?;
        if event.kind(Document::ROOT) == Kind::Null { json::parse(b"{}") } else { Ok(event) }
    }

    fn standard_fields(
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

fn name(kind: Kind) -> &'static str {
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
