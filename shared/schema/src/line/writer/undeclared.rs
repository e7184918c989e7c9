//! Writes the members that the schema does not declare.

use std::collections::HashSet;

use super::{LineWriter, Path, Place};
use crate::event::json::{Kind, Member, NodeId, write_separator, write_string};
use crate::language::column::{column, is_column_name};
use crate::language::model::Object;

impl LineWriter<'_> {
    /// Writes the undeclared members of a declared object.
    pub(super) fn write_undeclared_members(&mut self, place: Place<'_>, object: &Object, members: &[Member]) {
        self.undeclared = self.undeclared.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
        self.note_undeclared(place, members);
        if self.keeps_undeclared {
            self.write_undeclared(place, members.iter().copied(), |column| object.has_column(column));
        }
    }

    /// Adds the paths of undeclared members to the names of drift.
    fn note_undeclared(&mut self, place: Place<'_>, members: &[Member]) {
        for member in members {
            if !self.names.undeclared.has_room() {
                return;
            }
            let name = place.document.name(member);
            self.names.undeclared.note(|text| Path::Name(place.path, &name).write_name(text));
        }
    }

    /// Writes members that are sorted by name, each under its column. Leaves out null and empty arrays. Puts a member
    /// under `p_nonconforming` if its column is declared, taken by an earlier member or, at the top level, reserved for
    /// standard fields (`p_`).
    fn write_undeclared(
        &mut self,
        place: Place<'_>,
        members: impl Iterator<Item = Member> + Clone,
        is_declared: impl Fn(&str) -> bool,
    ) {
        let document = place.document;
        let is_top_level = matches!(place.path, Path::Top);
        let is_renamed = |member: Member| !is_column_name(&document.name(&member));
        let is_only_member = members.clone().nth(1).is_none();
        let mut taken = (!is_only_member && members.clone().any(is_renamed)).then(HashSet::new);
        for member in members {
            let (name, value) = (document.name(&member), member.value);
            let column = column(&name);
            let path = Path::Name(place.path, &name);
            let is_reserved = is_top_level && column.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("p_"));
            if is_null_or_empty_array(place, value) {
                continue;
            }
            let is_taken = taken.as_mut().is_some_and(|taken| !taken.insert(column.clone().into_owned()));
            if is_reserved || is_taken || is_declared(&column) {
                self.add_nonconforming(place.at(&path), value);
                continue;
            }
            write_separator(self.out);
            write_string(&column, self.out);
            self.out.push(b':');
            let from = self.out.len();
            match self.masks.and_then(|masks| masks.for_name(&name)) {
                Some(mask) => write_string(&mask.apply_to_value(document, value), self.out),
                None => self.write_undeclared_value(place.at(&path), value),
            }
            if let Some(slots) = self.slots.filter(|_| is_top_level) {
                self.scratch.places.note(slots.undeclared(&column), from, self.out.len());
            }
        }
    }

    /// Writes the value of an undeclared member.
    fn write_undeclared_value(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        match document.kind(id) {
            Kind::Object => {
                self.out.push(b'{');
                self.write_undeclared(place, document.distinct_members(id), |_| false);
                self.out.push(b'}');
            }
            Kind::Array => {
                self.out.push(b'[');
                for (index, element) in document.elements(id).enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    let path = Path::Index(place.path, index);
                    self.write_undeclared_value(place.at(&path), element);
                }
                self.out.push(b']');
            }
            _ => self.write_json(document, id),
        }
    }
}

/// Returns `true` for null and for an empty array, which lines leave out.
pub(super) fn is_null_or_empty_array(place: Place<'_>, id: NodeId) -> bool {
    match place.document.kind(id) {
        Kind::Null => true,
        Kind::Array => place.document.elements(id).next().is_none(),
        _ => false,
    }
}
