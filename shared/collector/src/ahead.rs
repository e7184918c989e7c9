//! Blobs fetched ahead of the one that is read.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

/// Fetches in the order of their blobs, some of them under way.
pub(crate) struct Ahead<I, F: Future> {
    upcoming: I,
    under_way: FuturesOrdered<F>,
    /// Those that are done and nobody took yet.
    done: VecDeque<F::Output>,
    most: usize,
}

impl<I: Iterator<Item = F>, F: Future> Ahead<I, F> {
    /// Of all the `fetches` at most so many are under way or done at the same time.
    pub(crate) fn new(fetches: I, most: usize) -> Self {
        Self { upcoming: fetches, under_way: FuturesOrdered::new(), done: VecDeque::new(), most: most.max(1) }
    }

    /// The next fetch's outcome; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<F::Output> {
        poll_fn(|context| {
            self.go_on(context);
            match self.done.pop_front() {
                None if !self.under_way.is_empty() => Poll::Pending,
                outcome => Poll::Ready(outcome),
            }
        })
        .await
    }

    /// Waits for `work`, while the fetches go on: they hold what others of the tenant wait for.
    pub(crate) async fn alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let outcome = work.as_mut().poll(context);
            if outcome.is_pending() {
                self.go_on(context);
            }
            outcome
        })
        .await
    }

    /// As far as they go without waiting.
    fn go_on(&mut self, context: &mut Context<'_>) {
        loop {
            let room = self.most.saturating_sub(self.done.len() + self.under_way.len());
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
    fn outcomes_come_in_order_and_none_is_left_out() {
        let mut ahead = Ahead::new((0..7).map(ready), 3);
        let taken: Vec<_> = std::iter::from_fn(|| ahead.next().now_or_never().unwrap()).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Ahead::new(std::iter::empty::<std::future::Ready<()>>(), 3).next().now_or_never(), Some(None));
    }

    #[test]
    fn fetches_go_on_while_other_work_waits_but_no_more_than_may() {
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
        let mut ahead = Ahead::new((0..9).map(fetch), 3);
        assert_eq!(ahead.next().now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (3, 0));
        let_go.set(true);
        wakers.take().into_iter().for_each(Waker::wake);
        assert_eq!(ahead.alongside(pending::<()>()).now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (3, 3));
        // One is taken, and makes room for another.
        assert_eq!(ahead.next().now_or_never(), Some(Some(0)));
        assert_eq!(ahead.alongside(ready("work")).now_or_never(), Some("work"));
        assert_eq!((begun.get(), ended.get()), (3, 3));
        assert_eq!(ahead.alongside(pending::<()>()).now_or_never(), None);
        assert_eq!((begun.get(), ended.get()), (4, 4));
    }
}
