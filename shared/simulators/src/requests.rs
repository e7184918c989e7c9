//! The requests that a simulator received.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

/// Number of requests that are kept with their details. Beyond it, the oldest request is dropped.
const MAX_KEPT_REQUESTS: usize = 100_000;

/// A request that a simulator received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The time of the request, by the simulator's clock.
    pub at: Timestamp,
    /// The operation, named as in [`Scripted::operation`](crate::Scripted::operation); `other` if the vendor has no
    /// such operation.
    pub operation: &'static str,
    /// The path and query of the request.
    pub target: String,
    /// The status of the answer; `None` if the connection was closed without an answer.
    pub status: Option<u16>,
}

/// The number of requests per operation, and the details of the latest [`MAX_KEPT_REQUESTS`].
#[derive(Debug, Default)]
pub(crate) struct Requests {
    by_operation: BTreeMap<&'static str, u64>,
    latest: VecDeque<ReceivedRequest>,
}

impl Requests {
    pub(crate) fn record(&mut self, request: ReceivedRequest) {
        *self.by_operation.entry(request.operation).or_default() += 1;
        if self.latest.len() >= MAX_KEPT_REQUESTS {
            self.latest.pop_front();
        }
        self.latest.push_back(request);
    }

    pub(crate) fn total(&self) -> u64 {
        self.by_operation.values().sum()
    }

    pub(crate) fn count_of(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn latest(&self) -> impl Iterator<Item = &ReceivedRequest> {
        self.latest.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_requests_are_counted_and_the_latest_are_kept() {
        let mut requests = Requests::default();
        let max = MAX_KEPT_REQUESTS as u64;
        for number in 0..max + 3 {
            let operation = if number.is_multiple_of(2) { "even" } else { "odd" };
            let target = number.to_string();
            requests.record(ReceivedRequest { at: Timestamp::UNIX_EPOCH, operation, target, status: None });
        }
        assert_eq!((requests.total(), requests.count_of("even"), requests.count_of("none")), (max + 3, max / 2 + 2, 0));
        assert_eq!(
            (requests.latest().count(), requests.latest().next().unwrap().target.as_str()),
            (MAX_KEPT_REQUESTS, "3")
        );
    }
}
