//! The calls of a source that have no answer yet: what is cut off says what it waited for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;

use collector::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::clock::SystemClock;

/// Calls that a message names at most.
const MAX_NAMED: usize = 3;

/// The calls of one source to its ports that are under way.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    calls: RefCell<BTreeMap<u64, Call>>,
    next: Cell<u64>,
    /// The calls that nobody waited for any longer, with the time they had been under way.
    abandoned: RefCell<Vec<(SignedDuration, String)>>,
}

#[derive(Debug)]
struct Call {
    what: String,
    began: Timestamp,
}

/// Ends a call when it is dropped, whether it was answered or abandoned.
struct Ends<'a> {
    calls: &'a InFlight,
    number: u64,
    is_answered: bool,
}

impl InFlight {
    /// Waits for the answer to `call`, which is under way meanwhile. `what` names the port, the operation and what it is
    /// done to.
    pub(super) async fn track<T>(&self, what: String, call: impl Future<Output = T>) -> T {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        self.calls.borrow_mut().insert(number, Call { what, began: SystemClock.now() });
        let mut ends = Ends { calls: self, number, is_answered: false };
        // On the heap: futures nested this deep exceed what the compiler can lay out.
        let answer = Box::pin(call).await;
        ends.is_answered = true;
        answer
    }

    /// Forgets the calls of an earlier turn.
    pub(super) fn clear_abandoned(&self) {
        self.abandoned.borrow_mut().clear();
    }

    /// Names the calls under way, or else those that were abandoned last, the one that took longest first, each with the
    /// time that it has taken; `None` when there are none.
    pub(super) fn describe(&self) -> Option<String> {
        let now = SystemClock.now();
        let open = self.calls.borrow();
        let open = open.values().map(|call| (now.duration_since(call.began), call.what.clone()));
        let mut calls: Vec<_> = open.collect();
        if calls.is_empty() {
            calls.clone_from(&self.abandoned.borrow());
        }
        calls.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        calls.truncate(MAX_NAMED);
        let named: Vec<_> = calls.iter().map(|(taken, what)| format!("{what} ({} s)", taken.as_secs())).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let call = self.calls.calls.borrow_mut().remove(&self.number);
        if let Some(call) = call.filter(|_| !self.is_answered) {
            let mut abandoned = self.calls.abandoned.borrow_mut();
            // Only the newest are of use, and a tick may abandon many.
            if abandoned.len() >= MAX_NAMED {
                abandoned.remove(0);
            }
            abandoned.push((SystemClock.now().duration_since(call.began), call.what));
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
