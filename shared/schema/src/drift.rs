//! Where events leave what the schemas and the vendors' published lists know.
//!
//! Nothing depends on it but counts, and a few names so that a person knows where to look: an event that drifts becomes
//! a line like any other.

use serde::Serialize;

/// Names that are kept of a kind.
const MOST_NAMES: usize = 10;
/// The longest a name may be, in characters: names are the vendor's data.
const MAX_NAME_CHARS: usize = 100;

/// A few distinct names of what drifted. Names only, never values; the vendor's data all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DriftNames {
    /// Paths of fields that the schema does not declare, without places in arrays.
    #[serde(rename = "undeclared_field_names")]
    pub undeclared: Names,
    /// Record types that the vendor's published list does not have.
    #[serde(rename = "unknown_record_type_names")]
    pub unknown_types: Names,
    /// Paths of fields that the schema requires and that were not there.
    #[serde(rename = "missing_required_names")]
    pub missing: Names,
    /// Names of `p_udm` that failed: their path or method failed, or found a value of another type.
    #[serde(rename = "udm_failed_names")]
    pub udm_failed: Names,
}

impl DriftNames {
    /// Takes no names.
    pub(crate) fn none() -> Self {
        let none = Names { most: 0, ..Names::default() };
        Self { undeclared: none.clone(), unknown_types: none.clone(), missing: none.clone(), udm_failed: none }
    }

    /// Keeps the names noted so far, whatever becomes of the next event.
    pub fn keep(&mut self) {
        self.each(Names::keep);
    }

    /// Forgets the names noted since the last [`Self::keep`].
    pub fn forget(&mut self) {
        self.each(Names::forget);
    }

    /// Adds the names of `others`, as far as there is room.
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

/// The first few distinct names.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "Vec<String>")]
pub struct Names {
    names: Vec<String>,
    /// How many of them are there for good.
    kept: usize,
    most: usize,
    /// A name being made: most are there already.
    name: String,
}

impl Names {
    /// The names, in the order of their first appearance.
    pub fn all(&self) -> &[String] {
        &self.names
    }

    /// Whether another name can be noted: to make one that cannot is wasted time.
    pub(crate) fn has_room(&self) -> bool {
        self.names.len() < self.most
    }

    /// Notes the name that `write` appends.
    pub(crate) fn note(&mut self, write: impl FnOnce(&mut String)) {
        if !self.has_room() {
            return;
        }
        self.name.clear();
        write(&mut self.name);
        if let Some((end, _)) = self.name.char_indices().nth(MAX_NAME_CHARS) {
            self.name.truncate(end);
        }
        if !self.names.contains(&self.name) {
            self.names.push(self.name.clone());
        }
    }

    fn keep(&mut self) {
        self.kept = self.names.len();
    }

    fn forget(&mut self) {
        self.names.truncate(self.kept);
    }

    fn merge(&mut self, others: &Self) {
        others.names.iter().for_each(|name| self.note(|text| text.push_str(name)));
    }
}

impl Default for Names {
    fn default() -> Self {
        Self { names: Vec::new(), kept: 0, most: MOST_NAMES, name: String::new() }
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
    fn ok_each_name_once_in_order() {
        let mut names = Names::default();
        ["b", "a", "b"].iter().for_each(|name| note(&mut names, name));
        assert_eq!(names.all(), ["b", "a"]);
    }

    #[test]
    fn ok_bounded_in_number_and_length() {
        let mut names = Names::default();
        note(&mut names, &"é".repeat(MAX_NAME_CHARS + 1));
        (0..2 * MOST_NAMES).for_each(|number| note(&mut names, &number.to_string()));
        assert_eq!(names.all().len(), MOST_NAMES);
        assert_eq!(names.all()[0].chars().count(), MAX_NAME_CHARS);
        assert_eq!(names.all()[MOST_NAMES - 1], (MOST_NAMES - 2).to_string());
    }

    #[test]
    fn ok_what_is_not_kept_is_forgotten() {
        let mut names = DriftNames::default();
        note(&mut names.undeclared, "a");
        names.keep();
        note(&mut names.undeclared, "b");
        note(&mut names.missing, "c");
        names.forget();
        assert_eq!((names.undeclared.all(), names.missing.all().len()), (&["a".to_owned()][..], 0));
    }

    #[test]
    fn ok_merged_names_are_distinct_and_bounded() {
        let (mut all, mut more) = (DriftNames::default(), DriftNames::default());
        (0..8).for_each(|number| note(&mut all.undeclared, &number.to_string()));
        (4..14).for_each(|number| note(&mut more.undeclared, &number.to_string()));
        all.merge(&more);
        all.forget();
        assert_eq!(all.undeclared.all(), (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn ok_none_takes_none() {
        let mut none = DriftNames::none();
        note(&mut none.unknown_types, "a");
        assert_eq!(none, DriftNames::default());
    }
}
