//! What a schema masks is unreadable wherever it stands in a line: also under `p_nonconforming`, in undeclared fields,
//! in JSON values and in fields that copy it.
//!
//! A mask belongs to a field, and so to the names that the field bears and reads. Outside of declared fields a line has
//! no other way to tell the value: whatever bears one of these names is masked there, at any depth and in any case.

use std::collections::BTreeMap;

use crate::event::json::{self, Document, Kind, NodeId, write_string};
use crate::language::column::column;
use crate::language::model::{Field, Object, Schema, Type, Value};
use crate::language::transform::{Masked, Transform};

/// The masks of a schema, by the columns of the names that they are for, in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masks {
    by_column: BTreeMap<String, Masked>,
}

impl Schema {
    /// The masks of its fields; none when it masks nothing.
    pub(crate) fn masks(&self) -> Option<Masks> {
        let mut masks = Masks::default();
        masks.add_fields(&self.root);
        (!masks.by_column.is_empty()).then_some(masks)
    }

    /// Gives every field that takes the value of a masked field the same mask.
    pub(crate) fn spread_masks(&mut self) {
        let mut masked = Vec::new();
        masked_paths(&self.root, &mut Vec::new(), &mut masked);
        if !masked.is_empty() {
            spread(&mut self.root, &mut Vec::new(), &masked);
        }
    }
}

/// The members with equal keys of an object that are written.
#[derive(Debug, Clone, Copy)]
enum Equals {
    Last,
    All,
}

impl Masks {
    fn add_fields(&mut self, object: &Object) {
        for field in &object.fields {
            let transform = field.transform.as_deref();
            if let Some((transform, mask)) = transform.and_then(|transform| Some((transform, transform.mask()?))) {
                let read = transform.paths(&field.name).into_iter().filter_map(|path| path.last().copied());
                for name in read.chain([&*field.name]) {
                    self.by_column.entry(key(name)).or_insert_with(|| mask.clone());
                }
            }
            self.add_value(&field.value);
        }
    }

    fn add_value(&mut self, value: &Value) {
        match &value.kind {
            Type::Object(object) => self.add_fields(object),
            Type::Array(element) => self.add_value(element),
            _ => {}
        }
    }

    /// The mask for whatever bears this name.
    pub(crate) fn of(&self, name: &str) -> Option<&Masked> {
        self.by_column.get(&key(name))
    }

    /// Writes a value with what is masked in it unreadable, also where it stands in JSON text inside of strings: each
    /// level of such text takes up half as much as the one around it at most, which bounds their number. Of equal keys
    /// it writes the last one: an object in a line has each key once.
    pub(crate) fn write(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        self.write_with(document, id, Equals::Last, out);
    }

    /// Like [`Self::write`], with the values of all equal keys: for what stands in a line as a text.
    pub(crate) fn write_whole(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        self.write_with(document, id, Equals::All, out);
    }

    fn write_with(&self, document: &Document<'_>, id: NodeId, equals: Equals, out: &mut Vec<u8>) {
        match document.kind(id) {
            Kind::Object => {
                let mut members: Vec<_> = match equals {
                    Equals::Last => document.distinct(id).collect(),
                    Equals::All => document.members(id).to_vec(),
                };
                members.sort_unstable_by_key(|member| member.value);
                out.push(b'{');
                for (at, member) in members.iter().enumerate() {
                    let name = document.name(member);
                    out.extend_from_slice(if at > 0 { b"," } else { b"" });
                    write_string(&name, out);
                    out.push(b':');
                    self.write_member(document, &name, member.value, equals, out);
                }
                out.push(b'}');
            }
            Kind::Array => {
                out.push(b'[');
                for (at, element) in document.elements(id).enumerate() {
                    out.extend_from_slice(if at > 0 { b"," } else { b"" });
                    self.write_with(document, element, equals, out);
                }
                out.push(b']');
            }
            Kind::String => self.write_text(document, id, out),
            _ => document.write(id, out),
        }
    }

    /// Writes the value of a member: all of it masked when the member bears a masked name.
    fn write_member(&self, document: &Document<'_>, name: &str, id: NodeId, equals: Equals, out: &mut Vec<u8>) {
        match self.of(name).filter(|_| document.kind(id) != Kind::Null) {
            Some(mask) => write_string(&mask.of(document, id), out),
            None => self.write_with(document, id, equals, out),
        }
    }

    fn write_text(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        let text = document.text(id);
        match json_text(&text).and_then(|text| json::parse(text.as_bytes()).ok()) {
            Some(inner) if self.is_in(&inner, Document::ROOT) => {
                let mut masked = Vec::new();
                self.write_whole(&inner, Document::ROOT, &mut masked);
                write_string(&String::from_utf8_lossy(&masked), out);
            }
            Some(_) => document.write(id, out),
            None => match self.named_in(&text) {
                Some(mask) => write_string(&mask.of(document, id), out),
                None => document.write(id, out),
            },
        }
    }

    /// Returns `true` if something in the text is masked, be it JSON or the beginning of some.
    pub(crate) fn is_in_text(&self, text: &str) -> bool {
        match json_text(text).and_then(|text| json::parse(text.as_bytes()).ok()) {
            Some(inner) => self.is_in(&inner, Document::ROOT),
            None => self.named_in(text).is_some(),
        }
    }

    /// The mask of a name that stands in quotation marks in a text that looks like JSON and is none, because it is cut or
    /// goes on after its end. Where its value ends cannot be told, so all of the text is masked.
    fn named_in(&self, text: &str) -> Option<&Masked> {
        let text = json_text(text)?.to_lowercase();
        // Inside of JSON text that is a string itself the marks are escaped.
        let is_named = |name: &str| text.contains(&format!("\"{name}\"")) || text.contains(&format!("\"{name}\\\""));
        self.by_column.iter().find(|(name, _)| is_named(name)).map(|(_, mask)| mask)
    }

    /// Returns `true` when something in the value is masked, or may be, in a text.
    fn is_in(&self, document: &Document<'_>, id: NodeId) -> bool {
        match document.kind(id) {
            Kind::Object => document
                .members(id)
                .iter()
                .any(|member| self.of(&document.name(member)).is_some() || self.is_in(document, member.value)),
            Kind::Array => document.elements(id).any(|element| self.is_in(document, element)),
            Kind::String => json_text(&document.text(id)).is_some(),
            _ => false,
        }
    }
}

/// The text, if it looks like a JSON object or array, or like a string that may hold one.
fn json_text(text: &str) -> Option<&str> {
    Some(text.trim_start()).filter(|text| text.starts_with(['{', '[', '"']))
}

fn key(name: &str) -> String {
    column(name).to_lowercase()
}

/// The path of a masked value, by the names under which it is sent.
type MaskedPath = (Vec<String>, Masked);

/// The paths of the fields that mask what is sent under their own name or one other.
fn masked_paths(object: &Object, at: &mut Vec<String>, found: &mut Vec<MaskedPath>) {
    for field in &object.fields {
        let read = field.transform.as_deref().map_or(Some(&*field.name), |transform| transform.reads(&field.name));
        let Some(read) = read else { continue };
        at.push(read.to_owned());
        if let Some(mask) = field.transform.as_deref().and_then(Transform::mask) {
            found.push((at.clone(), mask.clone()));
        }
        if let Some(object) = object_of(&field.value) {
            masked_paths(object, at, found);
        }
        at.pop();
    }
}

fn spread(object: &mut Object, at: &mut Vec<String>, masked: &[MaskedPath]) {
    for field in &mut object.fields {
        let own = field.name.to_string();
        let paths: Vec<Vec<String>> = match field.transform.as_deref() {
            Some(transform) => transform.paths(&own).into_iter().map(|path| joined(at, &path)).collect(),
            None => vec![joined(at, &[&own])],
        };
        for (path, mask) in masked {
            for read in &paths {
                match common(path, read) {
                    Some(same) if same == read.len() => mask_field(field, &path[same..], mask),
                    // It reads from inside of what is masked.
                    Some(_) => mask_field(field, &[], mask),
                    None => {}
                }
            }
        }
        at.push(own);
        if let Some(object) = object_of_mut(&mut field.value) {
            spread(object, at, masked);
        }
        at.pop();
    }
    *object = Object::new(std::mem::take(&mut object.fields));
}

/// The length of the shorter path, if it is the beginning of the other one; letters are compared without their case.
fn common(path: &[String], read: &[String]) -> Option<usize> {
    let same = path.iter().zip(read).take_while(|(a, b)| key(a) == key(b)).count();
    (same == path.len().min(read.len())).then_some(same)
}

/// Masks a field, or what it declares at the rest of a path.
fn mask_field(field: &mut Field, rest: &[String], mask: &Masked) {
    let Some((first, rest)) = rest.split_first() else {
        match &mut field.transform {
            Some(transform) => transform.add_mask(mask),
            None => field.transform = Some(Box::new(Transform::masked(mask))),
        }
        return;
    };
    let Some(object) = object_of_mut(&mut field.value) else { return };
    for field in &mut object.fields {
        let read = field.transform.as_deref().map_or(Some(&*field.name), |transform| transform.reads(&field.name));
        if read == Some(first) {
            mask_field(field, rest, mask);
        }
    }
}

fn joined(at: &[String], path: &[&str]) -> Vec<String> {
    at.iter().cloned().chain(path.iter().map(|name| (*name).to_owned())).collect()
}

/// The object of a value, or of the elements of an array.
fn object_of(value: &Value) -> Option<&Object> {
    match &value.kind {
        Type::Object(object) => Some(object),
        Type::Array(element) => object_of(element),
        _ => None,
    }
}

fn object_of_mut(value: &mut Value) -> Option<&mut Object> {
    match &mut value.kind {
        Type::Object(object) => Some(object),
        Type::Array(element) => object_of_mut(element),
        _ => None,
    }
}
