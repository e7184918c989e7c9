//! Tracks the calls of a source that have no answer yet, so that the error for a hanging source can name them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;

use collector::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::clock::SystemClock;

/// A message names at most this many calls.
const MAX_NAMED: usize = 3;

/// The number of calls to each port since the counts were last taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls to the state table.
    pub state: u64,
    /// Calls to the bucket.
    pub bucket: u64,
}

impl CallCounts {
    /// Returns the sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { state: self.state + other.state, bucket: self.bucket + other.bucket }
    }
}

/// The calls of one source to its ports that have no answer yet.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    calls: RefCell<BTreeMap<u64, Call>>,
    next: Cell<u64>,
    /// The calls since the last [`InFlight::take_counts`].
    counts: Cell<CallCounts>,
    /// The last calls that were dropped before their answer: how long each had waited, and its description.
    abandoned_calls: RefCell<Vec<(SignedDuration, String)>>,
}

#[derive(Debug)]
struct Call {
    description: String,
    began: Timestamp,
}

/// Removes a call from [`InFlight`] when it is dropped, and records it as abandoned if it was not answered.
struct CallGuard<'a> {
    calls: &'a InFlight,
    number: u64,
    is_answered: bool,
}

impl InFlight {
    /// Waits for the answer to `call` and tracks the call meanwhile. `description` names the port, the operation and
    /// its object.
    pub(super) async fn track<T>(&self, description: String, call: impl Future<Output = T>) -> T {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        self.calls.borrow_mut().insert(number, Call { description, began: SystemClock.now() });
        let mut ends = CallGuard { calls: self, number, is_answered: false };
        // On the heap, because the compiler cannot lay out futures that are nested this deep.
        let answer = Box::pin(call).await;
        ends.is_answered = true;
        answer
    }

    /// Counts a call of the state table.
    pub(super) fn count_state(&self) {
        let counts = self.counts.get();
        self.counts.set(CallCounts { state: counts.state + 1, ..counts });
    }

    /// Counts a call of the bucket.
    pub(super) fn count_bucket(&self) {
        let counts = self.counts.get();
        self.counts.set(CallCounts { bucket: counts.bucket + 1, ..counts });
    }

    /// Returns the numbers of calls since the last time, and begins to count anew.
    pub(super) fn take_counts(&self) -> CallCounts {
        self.counts.take()
    }

    /// Forgets the abandoned calls of an earlier turn.
    pub(super) fn clear_abandoned(&self) {
        self.abandoned_calls.borrow_mut().clear();
    }

    /// Describes the open calls, or the abandoned ones if none is open, each with its waiting time and the longest
    /// first. `None` if there are none.
    pub(super) fn describe(&self) -> Option<String> {
        let now = SystemClock.now();
        let open = self.calls.borrow();
        let open = open.values().map(|call| (now.duration_since(call.began), call.description.clone()));
        let mut calls: Vec<_> = open.collect();
        if calls.is_empty() {
            calls.clone_from(&self.abandoned_calls.borrow());
        }
        calls.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        calls.truncate(MAX_NAMED);
        let named: Vec<_> =
            calls.iter().map(|(taken, description)| format!("{description} ({} s)", taken.as_secs())).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        let call = self.calls.calls.borrow_mut().remove(&self.number);
        if let Some(call) = call.filter(|_| !self.is_answered) {
            let mut abandoned = self.calls.abandoned_calls.borrow_mut();
            // A tick may abandon many calls, and only the last ones matter.
            if abandoned.len() >= MAX_NAMED {
                abandoned.remove(0);
            }
            abandoned.push((SystemClock.now().duration_since(call.began), call.description));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn e2_a_call_under_way_is_named_and_an_answered_one_is_not() {
        let calls = InFlight::default();
        calls.track("state: head".to_owned(), async {}).await;
        assert_eq!(calls.describe(), None);
        let hung = calls.track("bucket: get x".to_owned(), pending::<()>());
        let mut hung = std::pin::pin!(hung);
        assert!(tokio::time::timeout(Duration::from_millis(5), hung.as_mut()).await.is_err());
        assert_eq!(calls.describe().as_deref(), Some("bucket: get x (0 s)"));
    }

    #[tokio::test]
    async fn e2_an_abandoned_call_is_named_until_it_is_cleared() {
        let calls = InFlight::default();
        for number in 0..9 {
            let hung = calls.track(format!("vendor: list {number}"), pending::<()>());
            assert!(tokio::time::timeout(Duration::from_millis(1), hung).await.is_err());
        }
        let named = calls.describe().unwrap();
        assert!(named.contains("list 8") && named.matches("vendor").count() == MAX_NAMED, "{named}");
        calls.clear_abandoned();
        assert_eq!(calls.describe(), None);
    }
}
