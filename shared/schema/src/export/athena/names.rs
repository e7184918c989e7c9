//! Gives names to the columns and to the members of structs.

use std::collections::{BTreeMap, BTreeSet};

/// The column and member names for the keys of a table's lines. The SerDe maps each name to one key for the whole line.
/// So a key has the same name at every depth, and no two keys share a name.
#[derive(Debug)]
pub(super) struct Names {
    by_key: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Names {
    /// Creates an empty set of names. No key will get one of the `reserved` names.
    pub(super) fn with_reserved<const N: usize>(reserved: [&str; N]) -> Self {
        Self { by_key: BTreeMap::new(), taken: reserved.map(str::to_owned).into() }
    }

    /// Gives names to these keys, so that no other key gets their names.
    pub(super) fn reserve<'k>(&mut self, keys: impl Iterator<Item = &'k str>) {
        keys.for_each(|key| {
            self.name(key);
        });
    }

    /// Returns the name of a key: the key in lower case with `_` for `-`, as the Glue catalogue requires, and with
    /// underscores at the end if another key has that name already.
    pub(super) fn name(&mut self, key: &str) -> String {
        if let Some(name) = self.by_key.get(key) {
            return name.clone();
        }
        let mut name = key.to_ascii_lowercase().replace('-', "_");
        while self.taken.contains(&name) {
            name.push('_');
        }
        self.taken.insert(name.clone());
        self.by_key.insert(key.to_owned(), name.clone());
        name
    }

    /// Returns the names that differ from their key, each with its key.
    pub(super) fn changed_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_key.iter().filter(|(key, name)| key != name).map(|(key, name)| (name.as_str(), key.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_name_and_no_two_keys_share_a_name() {
        let mut names = Names::with_reserved(["dt"]);
        names.reserve(["Id"].into_iter());
        let keys = ["ID", "Id", "id", "Id", "ok", "DT", "a-b", "a_b"];
        let named = keys.map(|key| names.name(key));
        assert_eq!(named, ["id_", "id", "id__", "id", "ok", "dt_", "a_b", "a_b_"]);
        let mut changed_names: Vec<_> = names.changed_names().collect();
        changed_names.sort_unstable();
        assert_eq!(
            changed_names,
            [("a_b", "a-b"), ("a_b_", "a_b"), ("dt_", "DT"), ("id", "Id"), ("id_", "ID"), ("id__", "id")]
        );
    }
}
