//! What the schema does not know is kept, by the rules of every other field.

use std::collections::HashSet;

use super::{Line, NONE, Path, Place, separate};
use crate::column::column;
use crate::compile::{Field, Object};
use crate::json::{Kind, Member, NodeId, write_string};

impl Line<'_> {
    /// Writes the undeclared members of a declared object.
    pub(super) fn undeclared_members(
        &mut self,
        place: Place<'_>,
        object: &Object,
        slots: &[NodeId],
        members: &[Member],
    ) {
        self.undeclared = self.undeclared.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
        self.note_undeclared(place, members);
        if !self.keeps_undeclared || members.is_empty() {
            return;
        }
        // Another name that ends in a declared column would stand there with a type of its own, or beside the field.
        let is_renamed = |member: &Member| {
            let name = place.document.text(member.key);
            column(&name) != name.as_ref()
        };
        let is_any_renamed = members.iter().any(is_renamed);
        let is_taken = |slot: NodeId, field: &Field| {
            is_any_renamed || field.collides || (slot != NONE && field.column != field.name)
        };
        let declared = object.fields.iter().zip(slots).filter(|(field, slot)| is_taken(**slot, field));
        let taken = declared.map(|(field, _)| field.column.clone()).collect();
        self.kept(place, members.iter().copied(), taken);
    }

    fn note_undeclared(&mut self, place: Place<'_>, members: &[Member]) {
        for member in members {
            if !self.names.undeclared.has_room() {
                return;
            }
            let name = place.document.text(member.key);
            self.names.undeclared.note(|text| Path::Name(place.path, &name).write_name(text));
        }
    }

    /// Writes members sorted by name, each under its column. `taken` columns, and at the top those that begin like ours,
    /// are set aside.
    fn kept(&mut self, place: Place<'_>, members: impl Iterator<Item = Member>, mut taken: HashSet<String>) {
        let document = place.document;
        let at_top = matches!(place.path, Path::Top);
        let members: Vec<_> = members.map(|member| (document.text(member.key), member.value)).collect();
        let may_collide = !taken.is_empty() || members.iter().any(|(name, _)| column(name) != name.as_ref());
        for (name, value) in members {
            let column = column(&name);
            let path = Path::Name(place.path, &name);
            let is_ours = at_top && column.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("p_"));
            if is_nothing(place, value) {
                continue;
            }
            if is_ours || (may_collide && !taken.insert(column.clone().into_owned())) {
                self.set_aside(place.at(&path), value);
                continue;
            }
            separate(self.out);
            write_string(&column, self.out);
            self.out.push(b':');
            self.loose(place.at(&path), value);
        }
    }

    fn loose(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        match document.kind(id) {
            Kind::Object => {
                self.out.push(b'{');
                self.kept(place, document.distinct(id), HashSet::new());
                self.out.push(b'}');
            }
            Kind::Array => {
                self.out.push(b'[');
                for (index, element) in document.elements(id).enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    let path = Path::Index(place.path, index);
                    self.loose(place.at(&path), element);
                }
                self.out.push(b']');
            }
            _ => document.write(id, self.out),
        }
    }
}

/// Null, or an array without elements.
fn is_nothing(place: Place<'_>, id: NodeId) -> bool {
    match place.document.kind(id) {
        Kind::Null => true,
        Kind::Array => place.document.elements(id).next().is_none(),
        _ => false,
    }
}
