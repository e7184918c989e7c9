//! Collects the names of drift: differences between events and their schema or the vendor's published record types.
//!
//! The names show a person where to look. They do not affect lines: an event that drifts becomes a line like any other.

use serde::Serialize;

/// The most names that are kept per kind of drift.
const MAX_NAMES: usize = 10;
/// The longest name that is kept, in characters. Longer names are truncated, because vendors may send names of any
/// length.
const MAX_NAME_CHARS: usize = 100;

/// A few distinct names per kind of drift. They show no content of events except names of fields and record types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DriftNames {
    /// Paths of fields that the schema does not declare, with `[]` for the elements of arrays.
    #[serde(rename = "undeclared_field_names")]
    pub undeclared: Names,
    /// Record types that are not in the vendor's published list.
    #[serde(rename = "unknown_record_type_names")]
    pub unknown_types: Names,
    /// Paths of required fields that were missing or null in an event.
    #[serde(rename = "missing_required_names")]
    pub missing: Names,
    /// Names of `p_udm` whose path or method failed, or gave a value of the wrong type.
    #[serde(rename = "udm_failed_names")]
    pub udm_failed: Names,
}

impl DriftNames {
    /// Creates a collection that ignores all names.
    pub(crate) fn disabled() -> Self {
        let none = Names { limit: 0, ..Names::default() };
        Self { undeclared: none.clone(), unknown_types: none.clone(), missing: none.clone(), udm_failed: none }
    }

    /// Makes the names noted so far permanent: [`Self::forget`] does not remove them.
    pub fn keep(&mut self) {
        self.each(Names::keep);
    }

    /// Removes the names that were noted since the last [`Self::keep`].
    pub fn forget(&mut self) {
        self.each(Names::forget);
    }

    /// Adds the names of `others`, up to the limit, and makes all names permanent, as [`Self::keep`] does.
    pub fn merge(&mut self, others: &Self) {
        self.undeclared.merge(&others.undeclared);
        self.unknown_types.merge(&others.unknown_types);
        self.missing.merge(&others.missing);
        self.udm_failed.merge(&others.udm_failed);
        self.keep();
    }

    fn each(&mut self, act: impl Fn(&mut Names)) {
        [&mut self.undeclared, &mut self.unknown_types, &mut self.missing, &mut self.udm_failed]
            .into_iter()
            .for_each(act);
    }
}

/// A list of distinct names. Once it is full, it ignores further names.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "Vec<String>")]
pub struct Names {
    names: Vec<String>,
    /// The number of names, from the start of the list, that `forget` does not remove.
    permanent_count: usize,
    /// The most names that the list accepts.
    limit: usize,
    /// A reused buffer in which a name is composed. Most names are in the list already and need no allocation.
    buffer: String,
}

impl Names {
    /// The names, in the order of their first appearance.
    pub fn all(&self) -> &[String] {
        &self.names
    }

    /// Returns `true` if the list has room for another name. Callers check it before they compose a name.
    pub(crate) fn has_room(&self) -> bool {
        self.names.len() < self.limit
    }

    /// Adds the name that `write` composes, unless it is in the list or the list is full. Truncates a long name.
    pub(crate) fn note(&mut self, write: impl FnOnce(&mut String)) {
        if !self.has_room() {
            return;
        }
        self.buffer.clear();
        write(&mut self.buffer);
        if let Some((end, _)) = self.buffer.char_indices().nth(MAX_NAME_CHARS) {
            self.buffer.truncate(end);
        }
        if !self.names.contains(&self.buffer) {
            self.names.push(self.buffer.clone());
        }
    }

    fn keep(&mut self) {
        self.permanent_count = self.names.len();
    }

    fn forget(&mut self) {
        self.names.truncate(self.permanent_count);
    }

    fn merge(&mut self, others: &Self) {
        others.names.iter().for_each(|name| self.note(|text| text.push_str(name)));
    }
}

impl Default for Names {
    fn default() -> Self {
        Self { names: Vec::new(), permanent_count: 0, limit: MAX_NAMES, buffer: String::new() }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Names {}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        names.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(names: &mut Names, name: &str) {
        names.note(|text| text.push_str(name));
    }

    #[test]
    fn names_are_distinct_and_in_order() {
        let mut names = Names::default();
        ["b", "a", "b"].iter().for_each(|name| note(&mut names, name));
        assert_eq!(names.all(), ["b", "a"]);
    }

    #[test]
    fn the_number_and_length_of_names_are_bounded() {
        let mut names = Names::default();
        note(&mut names, &"é".repeat(MAX_NAME_CHARS + 1));
        (0..2 * MAX_NAMES).for_each(|number| note(&mut names, &number.to_string()));
        assert_eq!(names.all().len(), MAX_NAMES);
        assert_eq!(names.all()[0].chars().count(), MAX_NAME_CHARS);
        assert_eq!(names.all()[MAX_NAMES - 1], (MAX_NAMES - 2).to_string());
    }

    #[test]
    fn forget_removes_the_names_since_the_last_keep() {
        let mut names = DriftNames::default();
        note(&mut names.undeclared, "a");
        names.keep();
        note(&mut names.undeclared, "b");
        note(&mut names.missing, "c");
        names.forget();
        assert_eq!((names.undeclared.all(), names.missing.all().len()), (&["a".to_owned()][..], 0));
    }

    #[test]
    fn merged_names_are_distinct_and_bounded() {
        let (mut all, mut more) = (DriftNames::default(), DriftNames::default());
        (0..8).for_each(|number| note(&mut all.undeclared, &number.to_string()));
        (4..14).for_each(|number| note(&mut more.undeclared, &number.to_string()));
        all.merge(&more);
        all.forget();
        assert_eq!(all.undeclared.all(), (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_disabled_collection_stays_empty() {
        let mut none = DriftNames::disabled();
        note(&mut none.unknown_types, "a");
        assert_eq!(none, DriftNames::default());
    }
}
