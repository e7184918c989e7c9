//! Learns the names of an array's records from some of them. They tell a record from an object inside of one where
//! brackets cannot tell any more.

use std::collections::HashSet;

use crate::event::json::{self, Document, Kind, NodeId};

/// Records that are kept to learn from.
const MAX_SAMPLES: usize = 16;
/// The longest record that is kept, in bytes.
const MAX_SAMPLE_BYTES: usize = 64 << 10;
/// Names that an object has in common with all records, from which on it is taken for one whatever its first name is.
const MAX_NEEDED_NAMES: usize = 4;
const MIN_NEEDED_NAMES: usize = 2;
/// The names that all of Microsoft's records have: what is known before any sound record.
const VENDORS_NAMES: [&str; 6] = ["Id", "RecordType", "CreationTime", "Operation", "OrganizationId", "UserType"];
/// They tell records from other objects if all records have so many of them.
const MIN_VENDORS_NAMES: usize = 3;

/// First names that are kept of records that are broken themselves.
const MAX_FIRST_NAMES: usize = 256;

/// The records so far, as far as they are needed.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Sound ones that nothing was learned from yet.
    samples: Vec<Vec<u8>>,
    /// Records that were kept to learn from.
    kept: usize,
    /// All records so far.
    seen: usize,
    keys: RecordKeys,
}

impl Records {
    /// Takes a sound record. The first few are kept, and later ones at growing distances.
    pub(super) fn add(&mut self, record: &[u8]) {
        self.seen = self.seen.saturating_add(1);
        let is_wanted = self.seen < MAX_SAMPLES / 4 || self.seen.is_power_of_two();
        if is_wanted && self.kept < MAX_SAMPLES && record.len() <= MAX_SAMPLE_BYTES {
            self.kept += 1;
            self.samples.push(record.to_vec());
        }
    }

    /// The names by which records are known. They are to be given back.
    pub(super) fn take_keys(&mut self) -> RecordKeys {
        for document in self.samples.iter().filter_map(|text| json::parse(text).ok()) {
            if document.kind(Document::ROOT) == Kind::Object {
                self.keys.learn(&document);
            }
        }
        self.samples.clear();
        std::mem::take(&mut self.keys)
    }

    /// Takes back what [`Self::take_keys`] gave.
    pub(super) fn give_back(&mut self, keys: RecordKeys) {
        self.keys = keys;
    }
}

/// The names by which records are known.
#[derive(Debug, Default)]
pub(super) struct RecordKeys {
    /// The first names of records.
    first: HashSet<String>,
    /// The first names of objects inside of records.
    inner: HashSet<String>,
    /// The names that all records have.
    common: Option<HashSet<String>>,
}

impl RecordKeys {
    /// Takes note of the first name of a record of which no more is known.
    pub(super) fn add_first(&mut self, name: &[u8]) {
        if self.first.len() < MAX_FIRST_NAMES {
            self.first.insert(String::from_utf8_lossy(name).into_owned());
        }
    }

    fn learn(&mut self, record: &Document<'_>) {
        let names: HashSet<String> = names(record);
        self.common = Some(match self.common.take() {
            Some(common) => common.intersection(&names).cloned().collect(),
            None => names,
        });
        self.first.extend(first_name(record, Document::ROOT));
        self.learn_inner(record, Document::ROOT);
    }

    fn learn_inner(&mut self, record: &Document<'_>, id: NodeId) {
        let values = record.members(id).iter().map(|member| member.value).chain(record.elements(id));
        for value in values {
            if record.kind(value) == Kind::Object {
                self.inner.extend(first_name(record, value));
            }
            self.learn_inner(record, value);
        }
    }

    /// Returns `true` if the text is a JSON object that can be told from an object inside of a record: it begins with
    /// the name with which records begin and nothing inside of them does, or it has most of the names that all records
    /// have. `is_like_inner`: objects in the same place begin with the same name.
    pub(super) fn is_record(&self, text: &[u8], is_like_inner: bool) -> bool {
        let Ok(object) = json::parse(text) else { return false };
        let Some(first) = first_name(&object, Document::ROOT) else { return false };
        let (is_first, is_inner) = (self.first.contains(&first), is_like_inner || self.inner.contains(&first));
        match (is_first, is_inner) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => self.has_names_of_records(&object),
        }
    }

    /// Returns `true` for an object with all the names that the vendor says all records have, so far as they do; where
    /// records have few of those, for one with most of the names that all of them have.
    fn has_names_of_records(&self, object: &Document<'_>) -> bool {
        let names = names(object);
        let is_common = |name: &&&str| self.common.as_ref().is_none_or(|common| common.contains(**name));
        let needed: Vec<_> = VENDORS_NAMES.iter().filter(is_common).collect();
        if needed.len() >= MIN_VENDORS_NAMES {
            return needed.iter().all(|name| names.contains(**name));
        }
        let Some(common) = &self.common else { return false };
        let shared = names.intersection(common).count();
        shared >= (common.len() / 2 + 1).clamp(MIN_NEEDED_NAMES, MAX_NEEDED_NAMES)
    }
}

fn names(object: &Document<'_>) -> HashSet<String> {
    object.members(Document::ROOT).iter().map(|member| object.name(member).into_owned()).collect()
}

/// The name that an object begins with, as it was sent.
fn first_name(document: &Document<'_>, id: NodeId) -> Option<String> {
    let first = document.members(id).iter().min_by_key(|member| member.value)?;
    Some(document.name(first).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[&str], object: &str, is_record: bool) {
        let mut all = Records::default();
        samples.iter().for_each(|sample| all.add(sample.as_bytes()));
        assert_eq!(all.take_keys().is_record(object.as_bytes(), false), is_record, "{samples:?} {object}");
    }

    #[test]
    fn a8_a_record_is_known_by_its_first_name() {
        check(&[r#"{"Id":1,"Actor":[{"ID":2}]}"#], r#"{"Id":3}"#, true);
        check(&[r#"{"Id":1,"Actor":[{"ID":2}]}"#], r#"{"ID":3}"#, false);
        check(&[r#"{"Id":1}"#, r#"{"Time":2,"Id":3}"#], r#"{"Time":4}"#, true);
        check(&["5", "{", "{}"], r#"{"Id":3}"#, false);
        check(&[], r#"{"Id":3}"#, false);
        let all = r#"{"Id":3,"Operation":4,"UserType":5,"RecordType":6,"CreationTime":7,"OrganizationId":8}"#;
        check(&[], all, true);
        check(&[], &all.replace("CreationTime", "Time"), false);
        check(
            &[&all.replace("CreationTime", "Time")],
            &all.replace("CreationTime", "X").replace("Id\":3", "Y\":3,\"Id\":4"),
            true,
        );
        check(&[all], &all.replace("CreationTime", "X").replace("{", "{\"Y\":3,"), false);
        check(&[r#"{"Id":1}"#], r#"{"Id":3"#, false);
    }

    #[test]
    fn a8_a_record_that_begins_like_what_is_inside_is_known_by_its_other_names() {
        let sample = r#"{"Id":1,"Time":2,"Folder":{"Id":3,"Path":4}}"#;
        check(&[sample], r#"{"Id":5,"Path":6}"#, false);
        check(&[sample], r#"{"Id":5,"Time":6}"#, true);
        check(&[sample], r#"{"Time":5,"Id":6}"#, true);
        check(&[sample, r#"{"Id":1,"Size":7}"#], r#"{"Id":5,"Time":6}"#, false);
        check(
            &[r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}"#],
            r#"{"x":0,"c":1,"i":2,"f":3,"b":1}"#,
            true,
        );
    }
}
