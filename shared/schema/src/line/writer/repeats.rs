//! Of equal keys in an object the line has the last one, as the reference has; the values of the others are set aside.

use super::undeclared::is_nothing;
use super::{Line, Path, Place};
use crate::event::json::{Kind, NodeId};

impl Line<'_> {
    /// Sets aside the values in `id` whose key is given again in the same object, at any depth.
    pub(super) fn repeats(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        if !document.has_duplicate_keys(id) {
            return;
        }
        if document.kind(id) == Kind::Array {
            for (index, element) in document.elements(id).enumerate() {
                self.repeats(place.at(&Path::Index(place.path, index)), element);
            }
        }
        for (member, is_repeated) in document.members_with_duplicates(id) {
            let name = document.name(&member);
            let path = Path::Name(place.path, &name);
            if is_repeated && !is_nothing(place, member.value) {
                self.set_aside(place.at(&path), member.value);
            }
            if self.is_masked(&name) {
                self.hidden_repeats(place, member.value);
            } else {
                self.repeats(place.at(&path), member.value);
            }
        }
    }

    /// Counts the values inside of a masked one that [`Self::repeats`] would set aside. Nothing of them is shown.
    fn hidden_repeats(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        if !document.has_duplicate_keys(id) {
            return;
        }
        for element in document.elements(id) {
            self.hidden_repeats(place, element);
        }
        for (member, is_repeated) in document.members_with_duplicates(id) {
            if is_repeated && !is_nothing(place, member.value) {
                self.aside.hide();
            }
            self.hidden_repeats(place, member.value);
        }
    }
}
