//! Writes the members of one event by its schema.

mod duplicate_keys;
mod nonconforming;
mod path;
mod plan;
mod scalar;
mod undeclared;

use std::borrow::Cow;
use std::cell::OnceCell;

use jiff::civil::DateTime;

use crate::drift::DriftNames;
use crate::event::construct::Constructed;
use crate::event::json::{self, Document, Kind, Member, NodeId, write_separator, write_string};
use crate::language::masks::Masks;
use crate::language::model::{Field, NO_SLOT, Object, Type, Value};
use crate::language::transform::{Transform, Transformed};
use crate::udm::{Places, Slots};
use crate::value::indicator::FoundIndicators;
use nonconforming::Nonconforming;
use path::Path;
use plan::{Assigned, Plans};

/// The error of an event that strict mode refuses. The reason is in [`LineWriter::refusal_reason`], because a large
/// error would make each [`Result`] slow to return.
#[derive(Debug)]
pub(crate) struct Refused;

/// The reason why a value could not be written.
enum WriteError {
    /// The value does not fit its declared type, for this reason.
    Misfit(&'static str),
    /// Strict mode refuses the event.
    Refused,
}

impl From<Refused> for WriteError {
    fn from(Refused: Refused) -> Self {
        Self::Refused
    }
}

/// The place of a value: the document that contains it, and its path in the event.
#[derive(Clone, Copy)]
struct Place<'p> {
    document: &'p Document<'p>,
    path: &'p Path<'p>,
    is_in_array: bool,
    /// The value is masked already.
    is_masked: bool,
}

impl<'p> Place<'p> {
    fn at(self, path: &'p Path<'p>) -> Self {
        Self { path, ..self }
    }
}

/// The buffers that all lines reuse.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    found: FoundIndicators,
    plans: Plans,
    /// A buffer for the undeclared members of one object.
    undeclared: Vec<Member>,
    /// The places in the line of the members that a data model reads.
    pub(crate) places: Places,
}

impl Scratch {
    /// Returns the capacity of the buffers in bytes. The stored plans are left out because they have a limit of their own; the
    /// list that is used to make a plan is included.
    pub(crate) fn size(&self) -> usize {
        self.found.size()
            + self.plans.assigned.capacity() * size_of::<Assigned>()
            + self.undeclared.capacity() * size_of::<Member>()
            + self.places.size()
    }
}

/// Writes one line.
pub(crate) struct LineWriter<'o> {
    is_strict: bool,
    keeps_undeclared: bool,
    masks: Option<&'o Masks>,
    /// The members that a data model reads.
    slots: Option<&'o Slots>,
    out: &'o mut Vec<u8>,
    scratch: &'o mut Scratch,
    pub(crate) event_time: Option<DateTime>,
    event_type: OnceCell<Option<NodeId>>,
    pub(crate) undeclared: u32,
    pub(crate) missing_required: u32,
    names: &'o mut DriftNames,
    nonconforming: Nonconforming,
    /// The reason why strict mode refuses the event.
    pub(crate) refusal_reason: String,
}

impl<'o> LineWriter<'o> {
    pub(crate) fn new(
        is_strict: bool,
        keeps_undeclared: bool,
        masks: Option<&'o Masks>,
        slots: Option<&'o Slots>,
        out: &'o mut Vec<u8>,
        scratch: &'o mut Scratch,
        names: &'o mut DriftNames,
    ) -> Self {
        scratch.found.clear();
        scratch.plans.assigned.clear();
        scratch.places.begin(slots);
        Self {
            is_strict,
            keeps_undeclared,
            masks,
            slots,
            out,
            scratch,
            event_time: None,
            event_type: OnceCell::new(),
            undeclared: 0,
            missing_required: 0,
            names,
            nonconforming: Nonconforming::default(),
            refusal_reason: String::new(),
        }
    }

    /// Writes the event's members, without the braces around them.
    pub(crate) fn write_event(&mut self, event: &Document<'_>, schema: &Object) -> Result<(), Refused> {
        let place = Place { document: event, path: &Path::Top, is_in_array: false, is_masked: false };
        if !self.is_strict {
            self.add_duplicates(place, Document::ROOT);
        }
        self.write_members(place, schema, Some(Document::ROOT), &[])
    }

    /// Returns the number of values under `p_nonconforming`.
    pub(crate) fn nonconforming(&self) -> u32 {
        self.nonconforming.count()
    }

    /// Writes the standard fields, and notes where they begin.
    pub(crate) fn write_standard(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.places.standard = self.out.len();
        write(self.out);
    }

    /// Writes the `p_any_*` members and `p_nonconforming`.
    pub(crate) fn finish(self, event: &Document<'_>) {
        self.scratch.found.write(self.out);
        self.nonconforming.write(event, self.masks, self.out);
    }

    /// Writes an object. `node` is the object in the event, if there is one. `constructed_members` are added to it.
    fn write_object(
        &mut self,
        place: Place<'_>,
        object: &Object,
        node: Option<NodeId>,
        constructed_members: &[(&'static str, NodeId)],
    ) -> Result<(), Refused> {
        self.out.push(b'{');
        self.write_members(place, object, node, constructed_members)?;
        self.out.push(b'}');
        if let Some(row) = object.row {
            self.scratch.places.note_row(row);
        }
        Ok(())
    }

    /// Writes the members of an object, without the braces around them.
    fn write_members(
        &mut self,
        place: Place<'_>,
        object: &Object,
        node: Option<NodeId>,
        constructed_members: &[(&'static str, NodeId)],
    ) -> Result<(), Refused> {
        let first = self.scratch.plans.assigned.len();
        let mut undeclared = std::mem::take(&mut self.scratch.undeclared);
        undeclared.clear();
        self.scratch.plans.assign(place.document, object, node, self.is_strict, &mut undeclared);
        constructed_members.iter().for_each(|(name, id)| self.add_constructed(object, first, name, *id));
        for at in first..self.scratch.plans.assigned.len() {
            let Assigned { field, value, is_column_taken, is_by_column } = self.scratch.plans.assigned[at];
            let field = &object.fields[field as usize];
            if let Some(id) = value.filter(|id| self.can_copy(field, place.document, *id)) {
                write_separator(self.out);
                self.out.extend_from_slice(&field.key);
                let from = self.out.len();
                self.out.extend_from_slice(place.document.raw(id).as_bytes());
                self.note_place(field, from);
                continue;
            }
            if is_by_column {
                self.write_field_by_column(place, field, node, value)?;
                continue;
            }
            let path = Path::Name(place.path, &field.name);
            match value {
                Some(id) if is_column_taken => self.add_nonconforming(place.at(&path), id),
                _ => self.write_field(place.at(&path), field, node, value)?,
            }
        }
        self.scratch.plans.assigned.truncate(first);
        self.write_undeclared_members(place, object, &undeclared);
        self.scratch.undeclared = undeclared;
        Ok(())
    }

    /// Writes a field whose value comes from a member with another name but the same column. `p_nonconforming` and the
    /// names of drift show the member's name.
    #[cold]
    fn write_field_by_column(
        &mut self,
        place: Place<'_>,
        field: &Field,
        object: Option<NodeId>,
        value: Option<NodeId>,
    ) -> Result<(), Refused> {
        let sent = value.and_then(|id| sent_name(place.document, object, id));
        let path = Path::Name(place.path, sent.as_deref().unwrap_or(&field.name));
        self.write_field(place.at(&path), field, object, value)
    }

    /// Gives a constructed value to a field, unless it has a value. `first` is the index in the assigned fields at
    /// which the fields of `object` begin.
    fn add_constructed(&mut self, object: &Object, first: usize, name: &str, id: NodeId) {
        let found = object.fields.iter().position(|field| *field.name == *name);
        let Some(field) = found.and_then(|field| u32::try_from(field).ok()) else { return };
        let assigned = &mut self.scratch.plans.assigned;
        let at = first + assigned[first..].partition_point(|assigned| assigned.field < field);
        match assigned.get_mut(at).filter(|assigned| assigned.field == field) {
            Some(assigned) => assigned.value = assigned.value.or(Some(id)),
            None => {
                assigned.insert(at, Assigned { field, value: Some(id), is_column_taken: false, is_by_column: false })
            }
        }
    }

    /// Writes a field if it has a value. `sent` is the value of the member that the field reads, if the event has one.
    fn write_field(
        &mut self,
        place: Place<'_>,
        field: &Field,
        object: Option<NodeId>,
        sent: Option<NodeId>,
    ) -> Result<(), Refused> {
        if field.is_required && !place.is_in_array && is_missing(place, field, sent) {
            self.add_missing(place, field)?;
        }
        let start = self.out.len();
        write_separator(self.out);
        self.out.extend_from_slice(&field.key);
        let from = self.out.len();
        let written = self.write_field_value(place, field, object, sent)?;
        if !written || (field.shares_column && self.is_strict) {
            self.out.truncate(start);
        } else {
            self.note_place(field, from);
        }
        // For these types, an empty string means that there is no value.
        let is_absent_if_empty = matches!(field.value.kind, Type::Timestamp(_) | Type::Integer(_) | Type::Float);
        if self.is_strict && field.is_required && !place.is_in_array && is_absent_if_empty && !written {
            return Err(self.refuse(place.path, "is required"));
        }
        Ok(())
    }

    /// Notes the place of a field's value in the line, if a data model reads it.
    #[inline]
    fn note_place(&mut self, field: &Field, from: usize) {
        if field.slot != NO_SLOT {
            self.scratch.places.note(field.slot, from, self.out.len());
        }
    }

    /// Counts a missing required field. In strict mode, fails instead, except for a boolean, which Panther never
    /// requires.
    fn add_missing(&mut self, place: Place<'_>, field: &Field) -> Result<(), Refused> {
        if !self.is_strict {
            self.missing_required = self.missing_required.saturating_add(1);
            self.names.missing.note(|name| place.path.write_name(name));
        } else if !matches!(field.value.kind, Type::Boolean) {
            return Err(self.refuse(place.path, "is required"));
        }
        Ok(())
    }

    /// Writes the value of a field. Returns `false` if the field has no value.
    fn write_field_value(
        &mut self,
        place: Place<'_>,
        field: &Field,
        object: Option<NodeId>,
        sent: Option<NodeId>,
    ) -> Result<bool, Refused> {
        match field.construction.and_then(|construction| construction.fill(place.document, sent, &self.event_type)) {
            Some(Constructed::Value(id)) => return self.write_value(place, &field.value, id),
            Some(Constructed::Members(members)) => return self.write_constructed(place, field, sent, &members),
            None => {}
        }
        let origin = match (&field.transform, object) {
            (Some(transform), Some(object)) => transform.apply(place.document, object, sent),
            // The object of the field was not sent. Its members come from elsewhere in the event.
            (Some(transform), None) => transform.mask_node(place.document, sent),
            (None, _) => Transformed::Node(sent),
        };
        match origin {
            Transformed::Node(Some(id)) => self.write_value(place, &field.value, id),
            Transformed::Node(None) => Ok(false),
            Transformed::Text(text) => self.write_text(place, field, &text),
            Transformed::MaskedContainer(_) if self.is_strict => Ok(false),
            Transformed::MaskedContainer(id) => {
                self.add_nonconforming(place, id);
                let mask = field.transform.as_deref().and_then(Transform::mask);
                mask.map_or(Ok(false), |mask| self.write_text(place, field, &mask.apply_to_value(place.document, id)))
            }
        }
    }

    /// Returns `true` for a value that can be copied to the line as it was sent.
    fn can_copy(&self, field: &Field, document: &Document<'_>, id: NodeId) -> bool {
        field.is_plain && document.is_copyable_string(id) && self.masks.is_none()
    }

    /// Returns `true` for a name whose values are masked.
    fn is_masked(&self, name: &str) -> bool {
        self.masks.is_some_and(|masks| masks.for_name(name).is_some())
    }

    /// Writes a value as JSON, with the masks applied.
    fn write_json(&mut self, document: &Document<'_>, id: NodeId) {
        match self.masks {
            Some(masks) => masks.write(document, id, self.out),
            None => document.write(id, self.out),
        }
    }

    /// Writes an object that has both the members that were sent and the constructed ones. Returns `false` if the field
    /// is not an object.
    fn write_constructed(
        &mut self,
        place: Place<'_>,
        field: &Field,
        sent: Option<NodeId>,
        members: &[(&'static str, NodeId)],
    ) -> Result<bool, Refused> {
        let Type::Object(object) = &field.value.kind else { return Ok(false) };
        let sent = sent.filter(|id| place.document.kind(*id) == Kind::Object);
        self.write_object(place, object, sent, members)?;
        Ok(true)
    }

    /// Writes a text that was made from values of the event. Returns `false` if nothing was written.
    fn write_text(&mut self, place: Place<'_>, field: &Field, text: &str) -> Result<bool, Refused> {
        let is_masked = field.transform.as_deref().is_some_and(|transform| transform.mask().is_some());
        let mut raw = Vec::with_capacity(text.len() + 2);
        write_string(text, &mut raw);
        match json::parse(&raw) {
            Ok(document) => {
                let place = Place { document: &document, path: place.path, is_in_array: place.is_in_array, is_masked };
                self.write_value(place, &field.value, Document::ROOT)
            }
            Err(_) => Ok(false),
        }
    }

    /// Writes a value. Returns `false` if nothing was written.
    ///
    /// A value that does not fit is put under `p_nonconforming`, or refused in strict mode. If it is an array or object
    /// in a string field, its JSON text is also written to the field.
    fn write_value(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, Refused> {
        if place.document.kind(id) == Kind::Null {
            return Ok(false);
        }
        let start = self.out.len();
        let reason = match self.write_if_fits(place, value, id) {
            Ok(written) => return Ok(written),
            Err(WriteError::Refused) => return Err(Refused),
            Err(WriteError::Misfit(reason)) => reason,
        };
        if self.is_strict {
            return Err(self.refuse(place.path, reason));
        }
        self.out.truncate(start);
        self.add_nonconforming(place, id);
        let is_container = matches!(place.document.kind(id), Kind::Array | Kind::Object);
        if is_container && matches!(value.kind, Type::String) {
            let mut text = Vec::new();
            match self.masks {
                Some(masks) => masks.write(place.document, id, &mut text),
                None => place.document.write(id, &mut text),
            }
            write_string(&String::from_utf8_lossy(&text), self.out);
            return Ok(true);
        }
        Ok(false)
    }

    /// Writes a value, or fails if it does not fit its declared type. Returns `false` if nothing was written.
    fn write_if_fits(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, WriteError> {
        let kind = place.document.kind(id);
        if value.is_embedded && kind == Kind::String {
            return self.write_embedded(place, value, id);
        }
        match &value.kind {
            Type::Object(object) if kind == Kind::Object => {
                self.write_object(place, object, Some(id), &[])?;
                Ok(true)
            }
            Type::Object(_) => self.write_container_in_text(place, value, id, Kind::Object, "is not an object"),
            Type::Array(element) if kind == Kind::Array => Ok(self.write_array(place, element, id)?),
            Type::Array(_) => self.write_container_in_text(place, value, id, Kind::Array, "is not an array"),
            Type::Json => {
                self.write_json(place.document, id);
                Ok(true)
            }
            _ => self.write_scalar(place.document, value, id).map_err(WriteError::Misfit),
        }
    }

    /// Writes a value of a field that is declared as JSON in a string (`isEmbeddedJSON`).
    fn write_embedded(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, WriteError> {
        let text = place.document.text(id);
        let Ok(document) = json::parse(text.as_bytes()) else {
            return Err(WriteError::Misfit("is not JSON in a string"));
        };
        if document.kind(Document::ROOT) == Kind::String {
            return Err(WriteError::Misfit("is a string in a string"));
        }
        if document.kind(Document::ROOT) == Kind::Null {
            return Ok(false);
        }
        self.write_parsed_text(place, value, &document)
    }

    /// Writes an array or object of the kind `wanted` that was sent as its JSON text. Fails with `reason` for any other
    /// value, and always in strict mode.
    #[cold]
    fn write_container_in_text(
        &mut self,
        place: Place<'_>,
        value: &Value,
        id: NodeId,
        wanted: Kind,
        reason: &'static str,
    ) -> Result<bool, WriteError> {
        if self.is_strict || place.document.kind(id) != Kind::String {
            return Err(WriteError::Misfit(reason));
        }
        let text = place.document.text(id);
        let document = text.trim_start().starts_with(['{', '[']).then(|| json::parse(text.as_bytes()).ok()).flatten();
        match document.filter(|document| document.kind(Document::ROOT) == wanted) {
            Some(document) => self.write_parsed_text(place, value, &document),
            None => Err(WriteError::Misfit(reason)),
        }
    }

    /// Writes a value that was parsed from a string into a document of its own.
    fn write_parsed_text(
        &mut self,
        place: Place<'_>,
        value: &Value,
        document: &Document<'_>,
    ) -> Result<bool, WriteError> {
        let place = Place { document, path: place.path, is_in_array: place.is_in_array, is_masked: false };
        if !self.is_strict {
            self.add_duplicates(place, Document::ROOT);
        }
        self.write_if_fits(place, value, Document::ROOT)
    }

    /// Writes an array. Returns `false` if it has no elements.
    fn write_array(&mut self, place: Place<'_>, element: &Value, id: NodeId) -> Result<bool, Refused> {
        let start = self.out.len();
        self.out.push(b'[');
        for (index, at) in place.document.elements(id).enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let path = Path::Index(place.path, index);
            let here = Place { path: &path, is_in_array: true, ..place };
            if !self.write_value(here, element, at)? {
                let is_empty = matches!(element.kind, Type::Array(_)) && place.document.kind(at) == Kind::Array;
                self.out.extend_from_slice(if is_empty { b"[]" } else { b"null" });
            }
        }
        if self.out.len() == start + 1 {
            self.out.truncate(start);
            return Ok(false);
        }
        self.out.push(b']');
        Ok(true)
    }

    /// Refuses the event because of the value at a path.
    fn refuse(&mut self, path: &Path<'_>, reason: &str) -> Refused {
        self.refusal_reason = format!("{} {reason}", path.text());
        Refused
    }

    /// Puts a value under `p_nonconforming`, masked if a mask applies to it.
    fn add_nonconforming(&mut self, place: Place<'_>, id: NodeId) {
        let masks = self.masks.filter(|_| !place.is_masked);
        self.nonconforming.push(|| {
            let mut raw = Vec::new();
            match masks.map(|masks| (masks, place.path.find(&|name| masks.for_name(name)))) {
                None => place.document.write(id, &mut raw),
                Some((_, Some(mask))) => write_string(&mask.apply_to_value(place.document, id), &mut raw),
                Some((masks, None)) => masks.write(place.document, id, &mut raw),
            }
            (place.path.text(), raw)
        });
    }
}

/// Returns the name of the member of `object` that has this value.
fn sent_name<'d>(document: &Document<'d>, object: Option<NodeId>, value: NodeId) -> Option<Cow<'d, str>> {
    let members = object.map(|object| document.members(object)).unwrap_or_default();
    members.iter().find(|member| member.value == value).map(|member| document.name(member))
}

/// Returns `true` if the event has no value, or null, for a required field. A field that reads another name or a path
/// is never missing.
fn is_missing(place: Place<'_>, field: &Field, sent: Option<NodeId>) -> bool {
    let is_present = sent.is_some_and(|id| place.document.kind(id) != Kind::Null);
    let reads_elsewhere = field.transform.as_ref().is_some_and(|transform| !transform.reads_own_name());
    !is_present && !reads_elsewhere
}
