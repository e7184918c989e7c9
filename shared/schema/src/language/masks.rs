//! Masks the values that a schema hides, wherever they are in a line: also under `p_nonconforming`, in undeclared
//! fields, in JSON values and in fields that copy them.
//!
//! A mask belongs to a field. Outside of declared fields a value can only be recognised by its name. There, a member is
//! masked if it has the name of a masked field or a name that such a field reads, at any depth and in upper or lower
//! case.

use std::collections::BTreeMap;

use crate::event::json::{self, Document, Kind, NodeId, write_string};
use crate::language::column::column;
use crate::language::model::{Field, Object, Schema, Type, Value};
use crate::language::transform::{MaskRule, Transform};

/// The masks of a schema. The key is the column name of the members that a mask applies to, in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masks {
    by_column: BTreeMap<String, MaskRule>,
}

impl Schema {
    /// Returns the masks of the fields; `None` if the schema masks nothing.
    pub(crate) fn masks(&self) -> Option<Masks> {
        let mut masks = Masks::default();
        masks.add_fields(&self.root);
        (!masks.by_column.is_empty()).then_some(masks)
    }

    /// Gives the mask of a field also to all fields that take their values from it.
    pub(crate) fn propagate_masks(&mut self) {
        let mut masked = Vec::new();
        collect_masked_paths(&self.root, &mut Vec::new(), &mut masked);
        if !masked.is_empty() {
            propagate(&mut self.root, &mut Vec::new(), &masked);
        }
    }
}

/// The members to write if several have equal keys: only the last one, or all.
#[derive(Debug, Clone, Copy)]
enum DuplicateKeys {
    KeepLast,
    KeepAll,
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

    /// Returns the mask for members of this name.
    pub(crate) fn for_name(&self, name: &str) -> Option<&MaskRule> {
        self.by_column.get(&key(name))
    }

    /// Writes a value and masks the members in it, also in JSON text inside of strings. Such text may itself contain
    /// strings with JSON text. Each level is at most half as long as the level around it, which bounds the number of
    /// levels.
    ///
    /// Of members with equal keys it writes the last one, because an object of a line has each key once.
    pub(crate) fn write(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        self.write_with(document, id, DuplicateKeys::KeepLast, out);
    }

    /// Like [`Self::write`], but writes all members with equal keys. It is for JSON that the line holds as text.
    pub(crate) fn write_with_duplicates(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        self.write_with(document, id, DuplicateKeys::KeepAll, out);
    }

    fn write_with(&self, document: &Document<'_>, id: NodeId, duplicates: DuplicateKeys, out: &mut Vec<u8>) {
        match document.kind(id) {
            Kind::Object => {
                let mut members: Vec<_> = match duplicates {
                    DuplicateKeys::KeepLast => document.distinct_members(id).collect(),
                    DuplicateKeys::KeepAll => document.members(id).to_vec(),
                };
                members.sort_unstable_by_key(|member| member.value);
                out.push(b'{');
                for (at, member) in members.iter().enumerate() {
                    let name = document.name(member);
                    out.extend_from_slice(if at > 0 { b"," } else { b"" });
                    write_string(&name, out);
                    out.push(b':');
                    self.write_member(document, &name, member.value, duplicates, out);
                }
                out.push(b'}');
            }
            Kind::Array => {
                out.push(b'[');
                for (at, element) in document.elements(id).enumerate() {
                    out.extend_from_slice(if at > 0 { b"," } else { b"" });
                    self.write_with(document, element, duplicates, out);
                }
                out.push(b']');
            }
            Kind::String => self.write_text(document, id, out),
            _ => document.write(id, out),
        }
    }

    /// Writes the value of a member. If the member's name is masked, the whole value is masked, unless it is null.
    fn write_member(
        &self,
        document: &Document<'_>,
        name: &str,
        id: NodeId,
        duplicates: DuplicateKeys,
        out: &mut Vec<u8>,
    ) {
        match self.for_name(name).filter(|_| document.kind(id) != Kind::Null) {
            Some(mask) => write_string(&mask.apply_to_value(document, id), out),
            None => self.write_with(document, id, duplicates, out),
        }
    }

    /// Writes a string. If it is JSON text, the members in it are masked.
    fn write_text(&self, document: &Document<'_>, id: NodeId, out: &mut Vec<u8>) {
        let text = document.text(id);
        match json_text(&text).and_then(|text| json::parse(text.as_bytes()).ok()) {
            Some(inner) if self.may_apply(&inner, Document::ROOT) => {
                let mut masked = Vec::new();
                self.write_with_duplicates(&inner, Document::ROOT, &mut masked);
                write_string(&String::from_utf8_lossy(&masked), out);
            }
            Some(_) => document.write(id, out),
            None => match self.find_in_broken_json(&text) {
                Some(mask) => write_string(&mask.apply_to_value(document, id), out),
                None => document.write(id, out),
            },
        }
    }

    /// Returns `true` if a mask applies to something in the text, which may be JSON or the beginning of JSON.
    pub(crate) fn applies_to_text(&self, text: &str) -> bool {
        match json_text(text).and_then(|text| json::parse(text.as_bytes()).ok()) {
            Some(inner) => self.may_apply(&inner, Document::ROOT),
            None => self.find_in_broken_json(text).is_some(),
        }
    }

    /// Finds the mask of a name that is in quotation marks in broken JSON: the text is cut, or continues after the end
    /// of the value. The end of the named value is unknown, so the caller masks all of the text.
    fn find_in_broken_json(&self, text: &str) -> Option<&MaskRule> {
        let text = json_text(text)?.to_lowercase();
        // If the text is a JSON string that holds JSON, the quotation marks are escaped.
        let is_named = |name: &str| text.contains(&format!("\"{name}\"")) || text.contains(&format!("\"{name}\\\""));
        self.by_column.iter().find(|(name, _)| is_named(name)).map(|(_, mask)| mask)
    }

    /// Returns `true` if a mask applies to something in a value, or may apply to JSON text in it.
    fn may_apply(&self, document: &Document<'_>, id: NodeId) -> bool {
        match document.kind(id) {
            Kind::Object => document.members(id).iter().any(|member| {
                self.for_name(&document.name(member)).is_some() || self.may_apply(document, member.value)
            }),
            Kind::Array => document.elements(id).any(|element| self.may_apply(document, element)),
            Kind::String => json_text(&document.text(id)).is_some(),
            _ => false,
        }
    }
}

/// Returns the text without leading white space if it looks like a JSON object or array, or like a JSON string, which
/// may hold one; `None` otherwise.
fn json_text(text: &str) -> Option<&str> {
    Some(text.trim_start()).filter(|text| text.starts_with(['{', '[', '"']))
}

/// Returns the key under which [`Masks`] keeps the mask for a name.
fn key(name: &str) -> String {
    column(name).to_lowercase()
}

/// The path of names that leads to a masked value in an event, and the mask.
type MaskedPath = (Vec<String>, MaskRule);

/// Collects the paths of all masked fields, except those that copy, join or split other paths.
fn collect_masked_paths(object: &Object, at: &mut Vec<String>, found: &mut Vec<MaskedPath>) {
    for field in &object.fields {
        let read =
            field.transform.as_deref().map_or(Some(&*field.name), |transform| transform.member_name(&field.name));
        let Some(read) = read else { continue };
        at.push(read.to_owned());
        if let Some(mask) = field.transform.as_deref().and_then(Transform::mask) {
            found.push((at.clone(), mask.clone()));
        }
        if let Some(object) = object_of(&field.value) {
            collect_masked_paths(object, at, found);
        }
        at.pop();
    }
}

/// Masks each declared field that reads a masked path or a part of a masked value.
fn propagate(object: &mut Object, at: &mut Vec<String>, masked: &[MaskedPath]) {
    for field in &mut object.fields {
        let name = field.name.to_string();
        let paths: Vec<Vec<String>> = match field.transform.as_deref() {
            Some(transform) => transform.paths(&name).into_iter().map(|path| joined(at, &path)).collect(),
            None => vec![joined(at, &[&name])],
        };
        for (path, mask) in masked {
            for read in &paths {
                match common_prefix_length(path, read) {
                    Some(same) if same == read.len() => mask_field(field, &path[same..], mask),
                    // The field reads a part of the masked value.
                    Some(_) => mask_field(field, &[], mask),
                    None => {}
                }
            }
        }
        at.push(name);
        if let Some(object) = object_of_mut(&mut field.value) {
            propagate(object, at, masked);
        }
        at.pop();
    }
    *object = Object::new(std::mem::take(&mut object.fields));
}

/// Returns the length of the shorter path if the other one begins with it, regardless of case.
fn common_prefix_length(path: &[String], read: &[String]) -> Option<usize> {
    let same = path.iter().zip(read).take_while(|(a, b)| key(a) == key(b)).count();
    (same == path.len().min(read.len())).then_some(same)
}

/// Masks the declared fields at the path `rest` inside of a field, or the field itself if the path is empty.
fn mask_field(field: &mut Field, rest: &[String], mask: &MaskRule) {
    let Some((first, rest)) = rest.split_first() else {
        match &mut field.transform {
            Some(transform) => transform.add_mask(mask),
            None => field.transform = Some(Box::new(Transform::masked(mask))),
        }
        return;
    };
    let Some(object) = object_of_mut(&mut field.value) else { return };
    for field in &mut object.fields {
        let read =
            field.transform.as_deref().map_or(Some(&*field.name), |transform| transform.member_name(&field.name));
        if read == Some(first) {
            mask_field(field, rest, mask);
        }
    }
}

/// Appends a path to the path of its object.
fn joined(at: &[String], path: &[&str]) -> Vec<String> {
    at.iter().cloned().chain(path.iter().map(|name| (*name).to_owned())).collect()
}

/// Returns the object type of a value or of an array's elements; `None` if they are of another type.
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
