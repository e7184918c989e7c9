//! Fetches blobs ahead of the blob that is being read.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Several concurrent fetches. Outcomes are returned in the order in which the fetches finish, so a fetch that hangs
/// delays no other fetch.
pub(crate) struct Prefetch<I, F: Future> {
    upcoming: I,
    under_way: FuturesUnordered<F>,
    /// The outcomes of finished fetches that the caller has not taken yet.
    done: VecDeque<F::Output>,
    max_ahead: usize,
}

impl<I: Iterator<Item = F>, F: Future> Prefetch<I, F> {
    /// Returns a prefetch of `fetches`. At any time at most `max_ahead` fetches are in flight, or finished and not
    /// taken.
    pub(crate) fn new(fetches: I, max_ahead: usize) -> Self {
        Self {
            upcoming: fetches,
            under_way: FuturesUnordered::new(),
            done: VecDeque::new(),
            max_ahead: max_ahead.max(1),
        }
    }

    /// Returns the next outcome; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<F::Output> {
        poll_fn(|context| {
            self.advance(context);
            match self.done.pop_front() {
                None if !self.under_way.is_empty() => Poll::Pending,
                outcome => Poll::Ready(outcome),
            }
        })
        .await
    }

    /// Waits for `work` and keeps the fetches going meanwhile. Fetches hold permits of the tenant's concurrency limit,
    /// and other streams wait for these permits, so a fetch must not stop while this stream does other work.
    pub(crate) async fn run_alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let outcome = work.as_mut().poll(context);
            if outcome.is_pending() {
                self.advance(context);
            }
            outcome
        })
        .await
    }

    /// Polls the fetches and starts further ones, without waiting.
    fn advance(&mut self, context: &mut Context<'_>) {
        loop {
            let room = self.max_ahead.saturating_sub(self.done.len() + self.under_way.len());
            self.under_way.extend(self.upcoming.by_ref().take(room));
            match self.under_way.poll_next_unpin(context) {
                Poll::Ready(Some(outcome)) => self.done.push_back(outcome),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::task::Waker;

    use futures_util::FutureExt;
    use futures_util::future::{pending, ready};

    use super::*;

    #[test]
    fn every_outcome_comes_once() {
        let mut prefetch = Prefetch::new((0..7).map(ready), 3);
        let mut taken: Vec<_> = std::iter::from_fn(|| prefetch.next().now_or_never().unwrap()).collect();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Prefetch::new(std::iter::empty::<std::future::Ready<()>>(), 3).next().now_or_never(), Some(None));
    }

    #[test]
    fn a_fetch_that_hangs_holds_up_no_other() {
        let fetches = (0..6).map(async |number| if number == 0 { pending().await } else { number });
        let mut prefetch = Prefetch::new(fetches, 3);
        let mut taken: Vec<_> = std::iter::from_fn(|| prefetch.next().now_or_never().flatten()).collect();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn fetches_continue_during_other_work_within_their_limit() {
        let (begun, ended, let_go) = (Cell::new(0), Cell::new(0), Cell::new(false));
        let wakers = RefCell::<Vec<Waker>>::default();
        let add = |count: &Cell<u32>| count.set(count.get() + 1);
        let fetch = async |number: u8| {
            add(&begun);
            poll_fn(|context| {
                wakers.borrow_mut().push(context.waker().clone());
                if let_go.get() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            add(&ended);
            number
        };
        let mut prefetch = Prefetch::new((0..9).map(fetch), 3);
        assert_eq!(prefetch.next().now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (3, 0));
        let_go.set(true);
        wakers.take().into_iter().for_each(Waker::wake);
        assert_eq!(prefetch.run_alongside(pending::<()>()).now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (3, 3));
        // Taking one outcome makes room for another fetch.
        assert!(prefetch.next().now_or_never().flatten().is_some_and(|number| number < 3));
        assert_eq!(prefetch.run_alongside(ready("work")).now_or_never(), Some("work"));
        assert_eq!((begun.get(), ended.get()), (3, 3));
        assert_eq!(prefetch.run_alongside(pending::<()>()).now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (4, 4));
    }
}
