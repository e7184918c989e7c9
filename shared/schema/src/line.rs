//! One event's members, written by its schema.

mod scalar;
mod undeclared;

use std::cmp::Ordering;

use jiff::civil::DateTime;

use crate::compile::{Field, Name, Object, Type, Value};
use crate::construct::Constructed;
use crate::drift::DriftNames;
use crate::indicator::Found;
use crate::json::{self, Document, Kind, NodeId, write_string};
use crate::transform::Origin;

/// No value for a field.
const NONE: NodeId = NodeId::MAX;

/// Why strict mode refuses an event.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

/// Why a value could not be written.
enum Trouble {
    Misfit(&'static str),
    Refused(Refused),
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// From a value up to the event.
enum Path<'p> {
    Top,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn write(&self, text: &mut String) {
        match self {
            Self::Top => {}
            Self::Name(parent, name) => {
                parent.write(text);
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(name);
            }
            Self::Index(parent, index) => {
                parent.write(text);
                text.push_str(&format!("[{index}]"));
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Without places in arrays: a field has one name in all elements.
    fn write_name(&self, text: &mut String) {
        match self {
            Self::Top => {}
            Self::Name(parent, name) => {
                parent.write_name(text);
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(name);
            }
            Self::Index(parent, _) => {
                parent.write_name(text);
                text.push_str("[]");
            }
        }
    }
}

/// Where a value stands: in which document, and at which path.
#[derive(Clone, Copy)]
struct Place<'p> {
    document: &'p Document<'p>,
    path: &'p Path<'p>,
    in_array: bool,
}

impl<'p> Place<'p> {
    fn at(self, path: &'p Path<'p>) -> Self {
        Self { path, ..self }
    }
}

/// A line being written.
pub(crate) struct Line<'o> {
    strict: bool,
    keeps_undeclared: bool,
    out: &'o mut Vec<u8>,
    pub(crate) found: Found,
    pub(crate) event_time: Option<DateTime>,
    pub(crate) undeclared: u32,
    pub(crate) missing: u32,
    names: &'o mut DriftNames,
    /// Path and JSON of what has no place in the line's own fields.
    aside: Vec<(String, Vec<u8>)>,
}

impl<'o> Line<'o> {
    pub(crate) fn new(strict: bool, keeps_undeclared: bool, out: &'o mut Vec<u8>, names: &'o mut DriftNames) -> Self {
        let (found, event_time, undeclared, missing, aside) = (Found::default(), None, 0, 0, Vec::new());
        Self { strict, keeps_undeclared, out, found, event_time, undeclared, missing, names, aside }
    }

    /// Writes the event's members, without the braces around them.
    pub(crate) fn event(&mut self, event: &Document<'_>, schema: &Object) -> Result<(), Refused> {
        let place = Place { document: event, path: &Path::Top, in_array: false };
        self.members(place, schema, Some(Document::ROOT), &[])
    }

    /// The values that stand under `p_nonconforming`.
    pub(crate) fn nonconforming(&self) -> u32 {
        u32::try_from(self.aside.len()).unwrap_or(u32::MAX)
    }

    /// Writes the members that every line has.
    pub(crate) fn standard(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(self.out);
    }

    /// Writes the `p_any_*` members and `p_nonconforming`.
    pub(crate) fn finish(mut self) {
        self.found.write(self.out);
        if self.aside.is_empty() {
            return;
        }
        tell_apart(&mut self.aside);
        self.out.extend_from_slice(b",\"p_nonconforming\":{");
        for (path, value) in &self.aside {
            separate(self.out);
            write_string(path, self.out);
            self.out.push(b':');
            self.out.extend_from_slice(value);
        }
        self.out.push(b'}');
    }

    fn object(
        &mut self,
        place: Place<'_>,
        object: &Object,
        node: Option<NodeId>,
        constructed: &[(&'static str, NodeId)],
    ) -> Result<(), Refused> {
        self.out.push(b'{');
        self.members(place, object, node, constructed)?;
        self.out.push(b'}');
        Ok(())
    }

    fn members(
        &mut self,
        place: Place<'_>,
        object: &Object,
        node: Option<NodeId>,
        constructed: &[(&'static str, NodeId)],
    ) -> Result<(), Refused> {
        let mut slots = vec![NONE; object.fields.len()];
        let undeclared = node.map(|node| self.assign(place.document, object, node, &mut slots)).unwrap_or_default();
        for (name, id) in constructed {
            let field = object.fields.iter().position(|field| field.name == *name);
            if let Some(slot) = field.and_then(|field| slots.get_mut(field)).filter(|slot| **slot == NONE) {
                *slot = *id;
            }
        }
        for (at, field) in object.fields.iter().enumerate() {
            let path = Path::Name(place.path, &field.name);
            let here = place.at(&path);
            let taken = field.collides && !self.strict && column_is_taken(object, &slots, at);
            match slots.get(at).copied().filter(|slot| *slot != NONE) {
                Some(slot) if taken => self.set_aside(here, slot),
                slot => self.field(here, field, node, slot)?,
            }
        }
        self.undeclared_members(place, object, &slots, &undeclared);
        Ok(())
    }

    /// Finds the value of each field; the members that are left, sorted by name.
    fn assign(
        &self,
        document: &Document<'_>,
        object: &Object,
        node: NodeId,
        slots: &mut [NodeId],
    ) -> Vec<json::Member> {
        let mut left = Vec::new();
        let mut names = object.by_name.iter().peekable();
        for member in document.distinct(node) {
            let mut is_declared = false;
            while let Some(name) = names.next_if(|name| order(document, name, &member).is_le()) {
                if order(document, name, &member).is_eq() {
                    slots[name.field] = member.value;
                    is_declared = true;
                }
            }
            if !is_declared && !self.strict {
                left.push(member);
            }
        }
        if !object.by_column.is_empty() {
            left.retain(|member| !take_by_column(document, object, member, slots));
        }
        left
    }

    fn field(
        &mut self,
        place: Place<'_>,
        field: &Field,
        object: Option<NodeId>,
        slot: Option<NodeId>,
    ) -> Result<(), Refused> {
        if field.required && !place.in_array && is_missing(place, field, slot) {
            self.missing(place, field)?;
        }
        let mark = self.out.len();
        separate(self.out);
        self.out.extend_from_slice(&field.key);
        let written = self.field_value(place, field, object, slot)?;
        if !written || (field.collides && self.strict) {
            self.out.truncate(mark);
        }
        let is_time = matches!(field.value.kind, Type::Timestamp(_));
        if self.strict && field.required && !place.in_array && is_time && !written {
            return Err(refused(place.path, "is required"));
        }
        Ok(())
    }

    /// A required field is missing: counted, and in strict mode refused, but of booleans the reference never asks it.
    fn missing(&mut self, place: Place<'_>, field: &Field) -> Result<(), Refused> {
        if !self.strict {
            self.missing = self.missing.saturating_add(1);
            self.names.missing.note(|name| place.path.write_name(name));
        } else if !matches!(field.value.kind, Type::Boolean) {
            return Err(refused(place.path, "is required"));
        }
        Ok(())
    }

    fn field_value(
        &mut self,
        place: Place<'_>,
        field: &Field,
        object: Option<NodeId>,
        slot: Option<NodeId>,
    ) -> Result<bool, Refused> {
        match field.construction.and_then(|construction| construction.fill(place.document, slot)) {
            Some(Constructed::Value(id)) => return self.value(place, &field.value, id),
            Some(Constructed::Members(members)) => return self.constructed(place, field, slot, &members),
            None => {}
        }
        let origin = match (&field.transform, object) {
            (Some(transform), Some(object)) => transform.apply(place.document, object, slot),
            _ => Origin::Node(slot),
        };
        match origin {
            Origin::Node(Some(id)) => self.value(place, &field.value, id),
            Origin::Node(None) => Ok(false),
            Origin::Text(text) => self.text(place, &field.value, &text),
        }
    }

    fn constructed(
        &mut self,
        place: Place<'_>,
        field: &Field,
        sent: Option<NodeId>,
        members: &[(&'static str, NodeId)],
    ) -> Result<bool, Refused> {
        let Type::Object(object) = &field.value.kind else { return Ok(false) };
        let sent = sent.filter(|id| place.document.kind(*id) == Kind::Object);
        self.object(place, object, sent, members)?;
        Ok(true)
    }

    /// A text that stands nowhere in the event.
    fn text(&mut self, place: Place<'_>, value: &Value, text: &str) -> Result<bool, Refused> {
        let mut raw = Vec::with_capacity(text.len() + 2);
        write_string(text, &mut raw);
        match json::parse(&raw) {
            Ok(document) => self.value(Place { document: &document, ..place }, value, Document::ROOT),
            Err(_) => Ok(false),
        }
    }

    /// Writes a value; false when there is nothing to write.
    fn value(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, Refused> {
        if place.document.kind(id) == Kind::Null {
            return Ok(false);
        }
        let mark = self.out.len();
        let reason = match self.fitted(place, value, id) {
            Ok(written) => return Ok(written),
            Err(Trouble::Refused(refused)) => return Err(refused),
            Err(Trouble::Misfit(reason)) => reason,
        };
        if self.strict {
            return Err(refused(place.path, reason));
        }
        self.out.truncate(mark);
        self.set_aside(place, id);
        let is_container = matches!(place.document.kind(id), Kind::Array | Kind::Object);
        if is_container && matches!(value.kind, Type::String) {
            let mut text = Vec::new();
            place.document.write(id, &mut text);
            write_string(&String::from_utf8_lossy(&text), self.out);
            return Ok(true);
        }
        Ok(false)
    }

    fn fitted(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, Trouble> {
        let kind = place.document.kind(id);
        if value.is_embedded && kind == Kind::String {
            return self.embedded(place, value, id);
        }
        match &value.kind {
            Type::Object(object) if kind == Kind::Object => {
                self.object(place, object, Some(id), &[])?;
                Ok(true)
            }
            Type::Object(_) => Err(Trouble::Misfit("is not an object")),
            Type::Array(element) if kind == Kind::Array => Ok(self.array(place, element, id)?),
            Type::Array(_) => Err(Trouble::Misfit("is not an array")),
            Type::Json => {
                place.document.write(id, self.out);
                Ok(true)
            }
            _ => self.scalar(place.document, value, id).map_err(Trouble::Misfit),
        }
    }

    fn embedded(&mut self, place: Place<'_>, value: &Value, id: NodeId) -> Result<bool, Trouble> {
        let text = place.document.text(id);
        let Ok(document) = json::parse(text.as_bytes()) else {
            return Err(Trouble::Misfit("is not JSON in a string"));
        };
        if document.kind(Document::ROOT) == Kind::String {
            return Err(Trouble::Misfit("is a string in a string"));
        }
        if document.kind(Document::ROOT) == Kind::Null {
            return Ok(false);
        }
        self.fitted(Place { document: &document, ..place }, value, Document::ROOT)
    }

    fn array(&mut self, place: Place<'_>, element: &Value, id: NodeId) -> Result<bool, Refused> {
        let mark = self.out.len();
        self.out.push(b'[');
        for (index, at) in place.document.elements(id).enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let path = Path::Index(place.path, index);
            let here = Place { path: &path, in_array: true, ..place };
            if !self.value(here, element, at)? {
                self.out.extend_from_slice(b"null");
            }
        }
        if self.out.len() == mark + 1 {
            self.out.truncate(mark);
            return Ok(false);
        }
        self.out.push(b']');
        Ok(true)
    }

    fn set_aside(&mut self, place: Place<'_>, id: NodeId) {
        let mut raw = Vec::new();
        place.document.write(id, &mut raw);
        self.aside.push((place.path.text(), raw));
    }
}

/// Writes the comma that stands before a member, unless it is the first.
pub(crate) fn separate(out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
}

fn refused(path: &Path<'_>, reason: &str) -> Refused {
    Refused(format!("{} {reason}", path.text()))
}

/// Required means there and not null.
fn is_missing(place: Place<'_>, field: &Field, slot: Option<NodeId>) -> bool {
    let is_there = slot.is_some_and(|id| place.document.kind(id) != Kind::Null);
    let reads_elsewhere = field.transform.as_ref().is_some_and(|transform| !transform.reads_own_name());
    !is_there && !reads_elsewhere
}

/// How a name that is read and a member's key compare.
fn order(document: &Document<'_>, name: &Name, member: &json::Member) -> Ordering {
    name.prefix.cmp(&member.prefix).then_with(|| name.name.as_bytes().cmp(&document.text_wtf8(member.key)))
}

/// Whether a field before this one has the same column and a value.
fn column_is_taken(object: &Object, slots: &[NodeId], at: usize) -> bool {
    let column = object.fields.get(at).map(|field| field.column.as_str());
    let before = object.fields.iter().zip(slots).take(at);
    before.into_iter().any(|(field, slot)| *slot != NONE && Some(field.column.as_str()) == column)
}

/// A member under the column of a field that has no value is that field's value: a line read again is itself.
fn take_by_column(document: &Document<'_>, object: &Object, member: &json::Member, slots: &mut [NodeId]) -> bool {
    let key = document.text_wtf8(member.key);
    let found = object.by_column.binary_search_by(|(column, _)| column.as_bytes().cmp(&key));
    let field = found.ok().and_then(|at| object.by_column.get(at)).map(|(_, field)| *field);
    match field.and_then(|field| slots.get_mut(field)) {
        Some(slot) if *slot == NONE => {
            *slot = member.value;
            true
        }
        _ => false,
    }
}

/// Sorts by path, and gives equal paths a number.
fn tell_apart(aside: &mut [(String, Vec<u8>)]) {
    aside.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (mut last, mut same) = (String::new(), 0);
    for (at, (path, _)) in aside.iter_mut().enumerate() {
        if at > 0 && *path == last {
            same += 1;
            *path = format!("{path}#{}", same + 1);
        } else {
            (last, same) = (path.clone(), 0);
        }
    }
}
