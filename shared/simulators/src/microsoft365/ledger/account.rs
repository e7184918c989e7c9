//! Records as numbers: enough to tell whether each was delivered exactly once, and little to hold.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::canonical::canonical;

/// So many are told one by one.
const MOST_TOLD: usize = 20;

/// Which record it is, as a number: two records have the same one if they are the same in canonical
/// form, and only then as far as anybody can find.
pub fn identity(raw: &str) -> u128 {
    let hash = digest(&SHA256, canonical(raw).as_bytes());
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    u128::from_be_bytes(first)
}

/// A record's `Id` as a number, however it is spelled; none of what is no GUID and does not begin with one.
pub fn id(id: &str) -> Option<u128> {
    let digits: String = id.get(..36)?.split('-').collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
}

/// The same of a record.
pub(super) fn id_of(raw: &str) -> Option<u128> {
    id(serde_json::from_str::<Value>(raw).ok()?.get("Id")?.as_str()?)
}

/// Records by log type, each a number; 16 bytes a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account(BTreeMap<String, Vec<u128>>);

/// How what was delivered differs from what was made available. All of it is 0, or empty, where every
/// record was delivered exactly once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Made available and not delivered.
    pub lost: usize,
    /// Delivered more often than made available: how many times too often, in sum.
    pub repeated: usize,
    /// Delivered and never made available.
    pub made_up: usize,
    /// The first of them: the log type and the number.
    pub examples: Vec<(String, u128)>,
}

impl Account {
    /// Adds a record.
    pub fn add(&mut self, log_type: &str, identity: u128) {
        match self.0.get_mut(log_type) {
            Some(known) => known.push(identity),
            None => drop(self.0.insert(log_type.to_owned(), vec![identity])),
        }
    }

    /// How many records it has, each as often as it was added.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Holds what was delivered against what was made available, which is this account. Two records of
    /// one number, as there are by `Id`, are to be delivered twice.
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
    /// Both are sorted.
    fn add(&mut self, log_type: &str, available: &[u128], delivered: &[u128]) {
        let mut coming = runs(available).peekable();
        for (identity, count) in runs(delivered) {
            while let Some((lost, count)) = coming.next_if(|(available, _)| *available < identity) {
                self.lost += self.example(log_type, lost, count);
            }
            match coming.next_if(|(available, _)| *available == identity) {
                None => self.made_up += self.example(log_type, identity, count),
                Some((_, expected)) if count < expected => {
                    self.lost += self.example(log_type, identity, expected - count);
                }
                Some((_, expected)) if count > expected => {
                    self.repeated += self.example(log_type, identity, count - expected);
                }
                Some(_) => {}
            }
        }
        for (lost, count) in coming {
            self.lost += self.example(log_type, lost, count);
        }
    }

    /// Tells one of the numbers at fault, if not too many were told; `count` as it is.
    fn example(&mut self, log_type: &str, identity: u128, count: usize) -> usize {
        if self.examples.len() < MOST_TOLD {
            self.examples.push((log_type.to_owned(), identity));
        }
        count
    }
}

/// The distinct ones of sorted numbers, and how often each comes.
fn runs(sorted: &[u128]) -> impl Iterator<Item = (u128, usize)> {
    sorted.chunk_by(|one, other| one == other).map(|run| (run[0], run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(records: &[(&str, u128)]) -> Account {
        let mut account = Account::default();
        records.iter().for_each(|(log_type, identity)| account.add(log_type, *identity));
        account
    }

    fn check(delivered: &[(&str, u128)], expected: [usize; 3], examples: &[(&str, u128)]) {
        let available = account(&[("a", 5), ("a", 1), ("b", 1), ("a", 3), ("a", 3)]);
        let difference = available.compare(account(delivered));
        assert_eq!([difference.lost, difference.repeated, difference.made_up], expected, "{difference:?}");
        let told: Vec<_> = difference.examples.iter().map(|(log_type, number)| (log_type.as_str(), *number)).collect();
        assert_eq!(told, examples);
    }

    #[test]
    fn exactly_once_and_every_way_that_it_is_not() {
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
    fn ids_in_every_spelling() {
        let number = Some(0x0AF5_1C00_0000_4000_A000_0000_0000_00FF);
        assert_eq!(id("0af51c00-0000-4000-a000-0000000000ff"), number);
        assert_eq!(id("0AF51C00-0000-4000-A000-0000000000FF_1"), number);
        assert_eq!(id_of(r#"{"Id":"0af51c00-0000-4000-a000-0000000000ff"}"#), number);
        for text in ["", "0af5", "0af51c00-0000-4000-a000-0000000000f", "nonsense-that-is-thirty-six-long-ééé"] {
            assert_eq!(id(text), None, "{text}");
        }
        assert_eq!(id_of("17"), None);
    }

    #[test]
    fn the_same_record_in_another_spelling_has_the_same_identity() {
        assert_eq!(identity(r#"{"a":"é","b":1}"#), identity(r#" {"b":1, "a":"\u00e9"}"#));
        assert_ne!(identity(r#"{"a":1}"#), identity(r#"{"a":1.0}"#));
    }
}
