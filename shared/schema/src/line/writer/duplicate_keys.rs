//! Puts the values of a duplicate key under `p_nonconforming`, except the last value. As in Panther, the field itself
//! gets the last value.

use super::undeclared::is_null_or_empty_array;
use super::{LineWriter, Path, Place};
use crate::event::json::{Kind, NodeId};

impl LineWriter<'_> {
    /// Puts each value in `id`, at any depth, under `p_nonconforming` if a later member of the same object has its key.
    pub(super) fn add_duplicates(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        if !document.has_duplicate_keys(id) {
            return;
        }
        if document.kind(id) == Kind::Array {
            for (index, element) in document.elements(id).enumerate() {
                self.add_duplicates(place.at(&Path::Index(place.path, index)), element);
            }
        }
        for (member, is_duplicate) in document.members_with_duplicates(id) {
            let name = document.name(&member);
            let path = Path::Name(place.path, &name);
            if is_duplicate && !is_null_or_empty_array(place, member.value) {
                self.add_nonconforming(place.at(&path), member.value);
            }
            if self.is_masked(&name) {
                self.count_hidden_duplicates(place, member.value);
            } else {
                self.add_duplicates(place.at(&path), member.value);
            }
        }
    }

    /// Counts the values inside of a masked value that [`Self::add_duplicates`] would put under `p_nonconforming`. They
    /// are not shown.
    fn count_hidden_duplicates(&mut self, place: Place<'_>, id: NodeId) {
        let document = place.document;
        if !document.has_duplicate_keys(id) {
            return;
        }
        for element in document.elements(id) {
            self.count_hidden_duplicates(place, element);
        }
        for (member, is_duplicate) in document.members_with_duplicates(id) {
            if is_duplicate && !is_null_or_empty_array(place, member.value) {
                self.nonconforming.count_hidden();
            }
            self.count_hidden_duplicates(place, member.value);
        }
    }
}
