//! Learns the member names of an array's records from samples. In a broken array the brackets cannot be trusted, so
//! these names distinguish a record from an object inside of a record.

use std::collections::HashSet;

use crate::event::json::{self, Document, Kind, NodeId};

/// The most records that are kept as samples.
const MAX_SAMPLES: usize = 16;
/// The longest record that is kept as a sample, in bytes.
const MAX_SAMPLE_BYTES: usize = 64 << 10;
/// An object never needs more than this number of common names to be recognised as a record. A name is common if all
/// sampled records have it.
const MAX_NEEDED_NAMES: usize = 4;
/// An object needs at least this number of common names to be recognised as a record.
const MIN_NEEDED_NAMES: usize = 2;
/// Names that every Microsoft record has. They identify a record even before any complete record was read.
const MICROSOFT_NAMES: [&str; 6] = ["Id", "RecordType", "CreationTime", "Operation", "OrganizationId", "UserType"];
/// The [`MICROSOFT_NAMES`] are used only if at least this many of them are common to all sampled records.
const MIN_MICROSOFT_NAMES: usize = 3;

/// Once this many first names are known, broken records add no more of them.
const MAX_FIRST_NAMES: usize = 256;

/// Samples of the complete records that were read so far.
#[derive(Debug, Default)]
pub(super) struct RecordSamples {
    /// Sampled records whose names were not learned yet.
    samples: Vec<Vec<u8>>,
    /// The number of records that were sampled.
    sample_count: usize,
    /// The number of all records so far.
    record_count: usize,
    keys: RecordKeys,
}

impl RecordSamples {
    /// Counts a complete record. The first few records become samples. After them, a record becomes a sample if its
    /// number is a power of two.
    pub(super) fn add(&mut self, record: &[u8]) {
        self.record_count = self.record_count.saturating_add(1);
        let is_wanted = self.record_count < MAX_SAMPLES / 4 || self.record_count.is_power_of_two();
        if is_wanted && self.sample_count < MAX_SAMPLES && record.len() <= MAX_SAMPLE_BYTES {
            self.sample_count += 1;
            self.samples.push(record.to_vec());
        }
    }

    /// Returns the names by which records are recognised. The caller must return them with [`Self::give_back`].
    pub(super) fn take_keys(&mut self) -> RecordKeys {
        for document in self.samples.iter().filter_map(|text| json::parse(text).ok()) {
            if document.kind(Document::ROOT) == Kind::Object {
                self.keys.learn(&document);
            }
        }
        self.samples.clear();
        std::mem::take(&mut self.keys)
    }

    /// Takes back the names that [`Self::take_keys`] returned.
    pub(super) fn give_back(&mut self, keys: RecordKeys) {
        self.keys = keys;
    }
}

/// The names by which records are recognised.
#[derive(Debug, Default)]
pub(super) struct RecordKeys {
    /// The names with which records begin.
    first_names: HashSet<String>,
    /// The names with which objects inside of records begin.
    inner_first_names: HashSet<String>,
    /// The names that all sampled records have; `None` before the first sample.
    common_names: Option<HashSet<String>>,
}

impl RecordKeys {
    /// Adds the first name of a record that is broken somewhere after this name.
    pub(super) fn add_first(&mut self, name: &[u8]) {
        if self.first_names.len() < MAX_FIRST_NAMES {
            self.first_names.insert(String::from_utf8_lossy(name).into_owned());
        }
    }

    fn learn(&mut self, record: &Document<'_>) {
        let names: HashSet<String> = names(record);
        self.common_names = Some(match self.common_names.take() {
            Some(common) => common.intersection(&names).cloned().collect(),
            None => names,
        });
        self.first_names.extend(first_name(record, Document::ROOT));
        self.learn_inner_first_names(record, Document::ROOT);
    }

    fn learn_inner_first_names(&mut self, record: &Document<'_>, id: NodeId) {
        let values = record.members(id).iter().map(|member| member.value).chain(record.elements(id));
        for value in values {
            if record.kind(value) == Kind::Object {
                self.inner_first_names.extend(first_name(record, value));
            }
            self.learn_inner_first_names(record, value);
        }
    }

    /// Returns `true` if the text is a JSON object that can only be a record, not an object inside of a record.
    ///
    /// If only records, or only objects inside of them, begin with the object's first name, this name decides.
    /// Otherwise its other names decide. `is_like_inner` is `true` if the object seems to be in an array whose first
    /// object begins with the same name.
    pub(super) fn is_record(&self, text: &[u8], is_like_inner: bool) -> bool {
        let Ok(object) = json::parse(text) else { return false };
        let Some(first) = first_name(&object, Document::ROOT) else { return false };
        let (is_first, is_inner) =
            (self.first_names.contains(&first), is_like_inner || self.inner_first_names.contains(&first));
        match (is_first, is_inner) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => self.has_names_of_records(&object),
        }
    }

    /// Returns `true` for an object that has the names of a record: all [`MICROSOFT_NAMES`] that are common to the
    /// sampled records, if there are enough of these. Otherwise it must have more than half of all common names, but
    /// not more than [`MAX_NEEDED_NAMES`].
    fn has_names_of_records(&self, object: &Document<'_>) -> bool {
        let names = names(object);
        let is_common = |name: &&&str| self.common_names.as_ref().is_none_or(|common| common.contains(**name));
        let needed: Vec<_> = MICROSOFT_NAMES.iter().filter(is_common).collect();
        if needed.len() >= MIN_MICROSOFT_NAMES {
            return needed.iter().all(|name| names.contains(**name));
        }
        let Some(common) = &self.common_names else { return false };
        let shared = names.intersection(common).count();
        shared >= (common.len() / 2 + 1).clamp(MIN_NEEDED_NAMES, MAX_NEEDED_NAMES)
    }
}

/// Returns the names of an object's members.
fn names(object: &Document<'_>) -> HashSet<String> {
    object.members(Document::ROOT).iter().map(|member| object.name(member).into_owned()).collect()
}

/// Returns the name of the member that was sent first in an object.
fn first_name(document: &Document<'_>, id: NodeId) -> Option<String> {
    let first = document.members(id).iter().min_by_key(|member| member.value)?;
    Some(document.name(first).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(samples: &[&str], object: &str, is_record: bool) {
        let mut all = RecordSamples::default();
        samples.iter().for_each(|sample| all.add(sample.as_bytes()));
        assert_eq!(all.take_keys().is_record(object.as_bytes(), false), is_record, "{samples:?} {object}");
    }

    #[test]
    fn a8_a_record_is_recognised_by_its_first_name() {
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
    fn a8_a_record_that_begins_like_an_inner_object_is_recognised_by_its_other_names() {
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
