//! What clients asked for.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

/// The latest so many requests are remembered one by one.
const MOST_REMEMBERED: usize = 100_000;

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When, by the simulator's clock.
    pub at: Timestamp,
    /// The operation, named as in a [`Scripted`](crate::Scripted) fault; `other` for what is none.
    pub operation: &'static str,
    /// Path and query.
    pub target: String,
    /// The status of the answer; `None` if the connection was closed instead.
    pub status: Option<u16>,
}

/// All requests counted, the latest remembered.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    by_operation: BTreeMap<&'static str, u64>,
    latest: VecDeque<Asked>,
}

impl Requests {
    pub(crate) fn note(&mut self, asked: Asked) {
        *self.by_operation.entry(asked.operation).or_default() += 1;
        if self.latest.len() >= MOST_REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(asked);
    }

    pub(crate) fn total(&self) -> u64 {
        self.by_operation.values().sum()
    }

    pub(crate) fn of(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn latest(&self) -> impl Iterator<Item = &Asked> {
        self.latest.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_latest_remembered() {
        let mut requests = Requests::default();
        let most = MOST_REMEMBERED as u64;
        for number in 0..most + 3 {
            let operation = if number.is_multiple_of(2) { "even" } else { "odd" };
            let target = number.to_string();
            requests.note(Asked { at: Timestamp::UNIX_EPOCH, operation, target, status: None });
        }
        assert_eq!((requests.total(), requests.of("even"), requests.of("none")), (most + 3, most / 2 + 2, 0));
        assert_eq!(
            (requests.latest().count(), requests.latest().next().unwrap().target.as_str()),
            (MOST_REMEMBERED, "3")
        );
    }
}
