//! The findings of a check: a count per kind, and a few examples.

use std::collections::BTreeMap;

use serde::Serialize;

/// The number of examples that are kept of each kind of finding.
const MAX_EXAMPLES: usize = 5;

/// A kind of fault in a lake or its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The state of a stream is missing, unreadable, restored from a backup, or another deployment's.
    State,
    /// A row id occurs on two lines within the deduplication horizon.
    DuplicateRow,
    /// A line is not one that the collector writes.
    BrokenLine,
    /// An object cannot be decompressed, or disappeared during the check.
    BrokenObject,
    /// The partition of an object contradicts the parse time of its lines or the order of the objects.
    WrongPartition,
    /// Two objects of a stream have the same number.
    NumberTwice,
    /// An object has a number that the state has not given out yet.
    NumberBeyondState,
    /// A line whose row id is missing from the ledger, so that its event would be delivered again.
    LineWithoutLedgerRow,
    /// A row id in the ledger without a line or a rejected input, so that its event is not delivered again.
    LedgerRowWithoutLine,
    /// A key in the folder of a log type that is not the key of an object of a known stream.
    StrayKey,
}

impl FindingKind {
    /// Returns the description of the kind, in the plural.
    pub fn description(self) -> &'static str {
        match self {
            Self::State => "streams whose state does not fit the bucket",
            Self::DuplicateRow => "lines whose row id occurs before",
            Self::BrokenLine => "broken lines",
            Self::BrokenObject => "broken objects",
            Self::WrongPartition => "objects in a wrong partition",
            Self::NumberTwice => "objects whose number occurs before",
            Self::NumberBeyondState => "objects beyond the state",
            Self::LineWithoutLedgerRow => "lines without a row of the ledger",
            Self::LedgerRowWithoutLine => "rows of the ledger without a line",
            Self::StrayKey => "keys that belong to no stream",
        }
    }
}

/// The faults of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The number of faults.
    pub count: u64,
    /// The first few of them: the place, and the fault if the kind does not say it.
    pub examples: Vec<String>,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<FindingKind, (u64, Vec<String>)>);

impl Findings {
    /// Adds a fault. `example` is called only if its text is kept.
    pub(crate) fn add(&mut self, kind: FindingKind, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(kind).or_default();
        *count += 1;
        if examples.len() < MAX_EXAMPLES {
            examples.push(example());
        }
    }

    /// Returns the findings by kind.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.0.into_iter().map(|(kind, (count, examples))| Finding { kind, count, examples }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_all_faults_are_counted_and_the_first_are_shown() {
        let mut findings = Findings::default();
        for number in 0..9 {
            findings.add(FindingKind::BrokenLine, || number.to_string());
        }
        findings.add(FindingKind::State, || "s".to_owned());
        let list = findings.into_list();
        assert_eq!((list[0].kind, list[0].count), (FindingKind::State, 1));
        assert_eq!((list[1].count, list[1].examples.join("")), (9, "01234".to_owned()));
    }
}
