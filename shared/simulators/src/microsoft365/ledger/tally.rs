//! Compares the delivered records with the available ones. Each record is represented by a number, so that millions of
//! records fit in memory.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::canonical::canonical;

/// The largest number of examples in a [`Difference`].
const MAX_EXAMPLES: usize = 20;

/// Returns a number that stands for a record: the first 16 bytes of the SHA-256 hash of its canonical JSON. Two
/// spellings of the same record have the same number.
pub fn identity(raw: &str) -> u128 {
    let hash = digest(&SHA256, canonical(raw).as_bytes());
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    u128::from_be_bytes(first)
}

/// Returns the number of a GUID at the start of `id`, in upper or lower case; `None` if `id` does not begin with a
/// GUID.
pub fn id_number(id: &str) -> Option<u128> {
    let digits: String = id.get(..36)?.split('-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

/// Returns the `Id` of a record as a number; `None` if the record has no `Id` that begins with a GUID. `raw` is the
/// record's JSON.
pub(super) fn record_id_number(raw: &str) -> Option<u128> {
    id_number(serde_json::from_str::<Value>(raw).ok()?.get("Id")?.as_str()?)
}

/// A collection of records, each represented by a number and counted as often as it was added. It needs 16 bytes per
/// record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordTally(BTreeMap<String, Vec<u128>>);

/// The differences between the delivered records and the available ones. Every count is 0 if each record was delivered
/// exactly once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The number of available records that were not delivered.
    pub lost: usize,
    /// The number of deliveries of available records beyond the one that is expected of each.
    pub repeated_records: usize,
    /// The number of deliveries of records that were never available.
    pub unexpected: usize,
    /// The log types and numbers of the first records that are lost, repeated or unexpected.
    pub examples: Vec<(String, u128)>,
}

impl RecordTally {
    /// Adds a record, even if it was added before.
    pub fn add(&mut self, log_type: &str, identity: u128) {
        match self.0.get_mut(log_type) {
            Some(known) => known.push(identity),
            None => drop(self.0.insert(log_type.to_owned(), vec![identity])),
        }
    }

    /// Returns the number of added records. A record that was added twice counts twice.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns `true` if there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Compares these available records with the delivered ones. If the same number was added twice here, it must be
    /// delivered twice. (Two different records may have the same [`id_number`].)
    pub fn compare(mut self, mut delivered: Self) -> Difference {
        let mut difference = Difference::default();
        let log_types: BTreeSet<_> = self.0.keys().chain(delivered.0.keys()).cloned().collect();
        for log_type in log_types {
            let mut available = self.0.remove(&log_type).unwrap_or_default();
            let mut delivered = delivered.0.remove(&log_type).unwrap_or_default();
            available.sort_unstable();
            delivered.sort_unstable();
            difference.add(&log_type, &available, &delivered);
        }
        difference
    }
}

impl Difference {
    /// Adds the differences of one log type. Both lists must be sorted.
    fn add(&mut self, log_type: &str, available: &[u128], delivered: &[u128]) {
        let mut remaining = runs(available).peekable();
        for (identity, count) in runs(delivered) {
            while let Some((lost, count)) = remaining.next_if(|(available, _)| *available < identity) {
                self.lost += self.add_example(log_type, lost, count);
            }
            match remaining.next_if(|(available, _)| *available == identity) {
                None => self.unexpected += self.add_example(log_type, identity, count),
                Some((_, expected)) if count < expected => {
                    self.lost += self.add_example(log_type, identity, expected - count);
                }
                Some((_, expected)) if count > expected => {
                    self.repeated_records += self.add_example(log_type, identity, count - expected);
                }
                Some(_) => {}
            }
        }
        for (lost, count) in remaining {
            self.lost += self.add_example(log_type, lost, count);
        }
    }

    /// Adds an example unless there are [`MAX_EXAMPLES`] already. Returns `count` unchanged.
    fn add_example(&mut self, log_type: &str, identity: u128, count: usize) -> usize {
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push((log_type.to_owned(), identity));
        }
        count
    }
}

/// Returns the distinct numbers of a sorted list, each with the number of its occurrences.
fn runs(sorted: &[u128]) -> impl Iterator<Item = (u128, usize)> {
    sorted.chunk_by(|first, second| first == second).map(|run| (run[0], run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(records: &[(&str, u128)]) -> RecordTally {
        let mut tally = RecordTally::default();
        records.iter().for_each(|(log_type, identity)| tally.add(log_type, *identity));
        tally
    }

    fn check(delivered: &[(&str, u128)], expected: [usize; 3], examples: &[(&str, u128)]) {
        let available = tally(&[("a", 5), ("a", 1), ("b", 1), ("a", 3), ("a", 3)]);
        let difference = available.compare(tally(delivered));
        assert_eq!([difference.lost, difference.repeated_records, difference.unexpected], expected, "{difference:?}");
        let examples_found: Vec<_> =
            difference.examples.iter().map(|(log_type, number)| (log_type.as_str(), *number)).collect();
        assert_eq!(examples_found, examples);
    }

    #[test]
    fn a_difference_counts_lost_repeated_and_unexpected_records() {
        let all = [("b", 1), ("a", 1), ("a", 3), ("a", 3), ("a", 5)];
        let and = |more: &[(&'static str, u128)]| [&all[..], more].concat();
        check(&all, [0, 0, 0], &[]);
        check(&all[..4], [1, 0, 0], &[("a", 5)]);
        check(&[&all[..3], &all[4..]].concat(), [1, 0, 0], &[("a", 3)]);
        check(&and(&[("a", 1), ("a", 1), ("a", 3)]), [0, 3, 0], &[("a", 1), ("a", 3)]);
        check(&and(&[("a", 4)]), [0, 0, 1], &[("a", 4)]);
        check(&and(&[("c", 1), ("c", 1)])[1..], [1, 0, 2], &[("b", 1), ("c", 1)]);
        check(&[], [5, 0, 0], &[("a", 1), ("a", 3), ("a", 5), ("b", 1)]);
    }

    #[test]
    fn an_id_has_one_number_in_every_spelling() {
        let number = Some(0x0AF5_1C00_0000_4000_A000_0000_0000_00FF);
        assert_eq!(id_number("0af51c00-0000-4000-a000-0000000000ff"), number);
        assert_eq!(id_number("0AF51C00-0000-4000-A000-0000000000FF_1"), number);
        assert_eq!(record_id_number(r#"{"Id":"0af51c00-0000-4000-a000-0000000000ff"}"#), number);
        for text in ["", "0af5", "0af51c00-0000-4000-a000-0000000000f", "nonsense-that-is-thirty-six-long-ééé"] {
            assert_eq!(id_number(text), None, "{text}");
        }
        assert_eq!(record_id_number("17"), None);
    }

    #[test]
    fn the_same_record_in_another_spelling_has_the_same_identity() {
        assert_eq!(identity(r#"{"a":"é","b":1}"#), identity(r#" {"b":1, "a":"\u00e9"}"#));
        assert_ne!(identity(r#"{"a":1}"#), identity(r#"{"a":1.0}"#));
    }
}
