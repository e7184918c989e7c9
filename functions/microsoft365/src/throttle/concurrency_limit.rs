//! The limit of concurrent blob fetches of a tenant.
//!
//! It follows additive increase and multiplicative decrease. The limit rises by one after as many quick answers as it
//! permits fetches, and a throttled request halves it. It never exceeds the number of blobs that one stream prefetches.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use collector::lock;

use crate::policy::POLICY;

/// The limit at the start of a process.
const FIRST_LIMIT: usize = 4;
const MIN_LIMIT: usize = 1;
/// The highest limit: the number of blobs that one stream prefetches.
pub(crate) const MAX_LIMIT: usize = POLICY.fetches_ahead;
/// A throttled request divides the limit by this.
const DECREASE_FACTOR: usize = 2;

/// Grants permits to fetch a blob, in the order of the requests.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    in_flight: usize,
    /// Quick answers since the last change of the limit.
    quick_answers: usize,
    /// The wakers of the waiting callers by ticket, so the oldest caller comes first.
    waiting: BTreeMap<u64, Waker>,
    next_ticket: u64,
}

/// A permit to fetch one blob. Dropping it lets the next caller have it.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    permits: &'a ConcurrencyLimit,
}

impl Default for ConcurrencyLimit {
    fn default() -> Self {
        let state = State {
            limit: FIRST_LIMIT.min(MAX_LIMIT),
            in_flight: 0,
            quick_answers: 0,
            waiting: BTreeMap::new(),
            next_ticket: 0,
        };
        Self { state: Mutex::new(state) }
    }
}

impl ConcurrencyLimit {
    /// Waits for a permit.
    pub(crate) async fn acquire(&self) -> Permit<'_> {
        let mut waiting = Waiting { permits: self, ticket: None };
        poll_fn(|context| waiting.poll(context)).await;
        Permit { permits: self }
    }

    /// Counts a quick answer to a fetch that still holds its permit. After as many quick answers as it permits fetches,
    /// the limit rises by one.
    ///
    /// An answer counts only while all permits are in use: otherwise it does not show that the vendor accepts more.
    pub(crate) fn record_quick_answer(&self) {
        self.change_and_wake(|state| {
            if state.in_flight >= state.limit {
                state.quick_answers += 1;
            }
            if state.quick_answers >= state.limit && state.limit < MAX_LIMIT {
                state.limit += 1;
                state.quick_answers = 0;
            }
        });
    }

    /// Halves the limit after a throttled request. Fetches in flight go on.
    pub(crate) fn record_throttling(&self) {
        self.with(|state| {
            state.limit = (state.limit / DECREASE_FACTOR).max(MIN_LIMIT);
            state.quick_answers = 0;
        });
    }

    /// Makes a change that may free a permit, and wakes the waiting callers if it did.
    fn change_and_wake(&self, change: impl FnOnce(&mut State)) {
        let wakers: Vec<Waker> = self.with(|state| {
            change(state);
            if state.in_flight >= state.limit {
                return Vec::new();
            }
            state.waiting.values().cloned().collect()
        });
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut lock(&self.state))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permits.change_and_wake(|state| state.in_flight -= 1);
    }
}

/// A caller that waits for a permit.
struct Waiting<'a> {
    permits: &'a ConcurrencyLimit,
    ticket: Option<u64>,
}

impl Waiting<'_> {
    /// Takes a permit if one is free and no older caller waits.
    ///
    /// Only the oldest caller may take one. It is polled soon after it is woken, because the collector polls its
    /// prefetched blobs also while it reads another one.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.permits.with(|state| {
            let ticket = *self.ticket.get_or_insert_with(|| state.issue_ticket());
            let is_oldest = state.waiting.first_key_value().is_none_or(|(first, _)| *first >= ticket);
            if is_oldest && state.in_flight < state.limit {
                state.in_flight += 1;
                return Poll::Ready(());
            }
            state.waiting.insert(ticket, context.waker().clone());
            Poll::Pending
        })
    }
}

impl State {
    fn issue_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // The next caller may be the oldest now, because this one got its permit or gave up.
            self.permits.change_and_wake(|state| {
                state.waiting.remove(&ticket);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, poll_immediate};

    use super::*;

    impl ConcurrencyLimit {
        fn with_limit(limit: usize) -> Self {
            let permits = Self::default();
            permits.with(|state| state.limit = limit);
            permits
        }

        fn limit(&self) -> usize {
            self.with(|state| state.limit)
        }

        fn in_flight_and_waiting(&self) -> (usize, usize) {
            self.with(|state| (state.in_flight, state.waiting.len()))
        }

        fn try_acquire(&self) -> Option<Permit<'_>> {
            self.acquire().now_or_never()
        }
    }

    /// Polls the future once and returns the permit, if it is ready.
    fn poll<'a>(waiting: &mut BoxFuture<'a, Permit<'a>>) -> Option<Permit<'a>> {
        poll_immediate(waiting).now_or_never().flatten()
    }

    #[test]
    fn no_more_permits_than_the_limit() {
        let permits = ConcurrencyLimit::with_limit(2);
        let (first, second) = (permits.try_acquire().unwrap(), permits.try_acquire().unwrap());
        assert!(permits.try_acquire().is_none());
        drop(first);
        let third = permits.try_acquire().unwrap();
        assert!(permits.try_acquire().is_none());
        drop((second, third));
        assert_eq!(permits.in_flight_and_waiting(), (0, 0));
    }

    #[test]
    fn the_oldest_caller_goes_first() {
        let permits = ConcurrencyLimit::with_limit(1);
        let held = permits.try_acquire().unwrap();
        let (mut older, mut younger) = (permits.acquire().boxed(), permits.acquire().boxed());
        assert!(poll(&mut older).is_none() && poll(&mut younger).is_none());
        drop(held);
        assert!(poll(&mut younger).is_none(), "it is not its turn");
        assert!(poll(&mut older).is_some());
        assert!(poll(&mut younger).is_some(), "the permit was given back");
    }

    /// A waker that counts its calls.
    #[derive(Default)]
    struct CountingWaker(AtomicUsize);

    impl Wake for CountingWaker {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_next_caller_is_woken_when_two_permits_are_free_and_the_oldest_takes_one() {
        let permits = ConcurrencyLimit::with_limit(2);
        let (first, second) = (permits.try_acquire().unwrap(), permits.try_acquire().unwrap());
        let (mut older, mut younger) = (permits.acquire().boxed(), permits.acquire().boxed());
        let woken = Arc::new(CountingWaker::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut look = || younger.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll(&mut older).is_none() && look().is_pending());
        drop((first, second));
        assert!(look().is_pending());
        let before = woken.0.load(Ordering::SeqCst);
        assert!(poll(&mut older).is_some());
        assert!(woken.0.load(Ordering::SeqCst) > before);
        assert!(look().is_ready());
    }

    #[test]
    fn a_caller_that_went_away_leaves_no_trace() {
        let permits = ConcurrencyLimit::with_limit(1);
        let held = permits.try_acquire().unwrap();
        let (mut gone, mut next) = (permits.acquire().boxed(), permits.acquire().boxed());
        assert!(poll(&mut gone).is_none() && poll(&mut next).is_none());
        drop(gone);
        assert_eq!(permits.in_flight_and_waiting(), (1, 1));
        drop(held);
        assert!(poll(&mut next).is_some());
        assert_eq!(permits.in_flight_and_waiting(), (0, 0));
    }

    #[test]
    fn a_round_of_quick_answers_raises_the_limit_by_one_up_to_the_maximum() {
        let permits = ConcurrencyLimit::default();
        let mut out = Vec::new();
        let mut rounds = Vec::new();
        while permits.limit() < MAX_LIMIT {
            out.extend(std::iter::from_fn(|| permits.try_acquire()));
            let before = permits.limit();
            let answers = (1..).find(|_| {
                permits.record_quick_answer();
                permits.limit() > before
            });
            rounds.push((before, answers.unwrap()));
        }
        let expected: Vec<_> = (FIRST_LIMIT..MAX_LIMIT).map(|limit| (limit, limit)).collect();
        assert_eq!(rounds, expected);
        out.extend(std::iter::from_fn(|| permits.try_acquire()));
        (0..MAX_LIMIT * 3).for_each(|_| permits.record_quick_answer());
        assert_eq!((permits.limit(), out.len()), (MAX_LIMIT, MAX_LIMIT));
    }

    #[test]
    fn a_limit_that_is_not_used_up_does_not_grow() {
        let permits = ConcurrencyLimit::default();
        let _one = permits.try_acquire().unwrap();
        (0..100).for_each(|_| permits.record_quick_answer());
        assert_eq!(permits.limit(), FIRST_LIMIT);
    }

    #[test]
    fn throttling_halves_the_limit_down_to_the_minimum() {
        let permits = ConcurrencyLimit::with_limit(MAX_LIMIT);
        let seen: Vec<_> = (0..6)
            .map(|_| {
                permits.record_throttling();
                permits.limit()
            })
            .collect();
        assert_eq!(seen, [8, 4, 2, 1, 1, 1]);
    }

    #[test]
    fn fetches_in_flight_go_on_and_are_not_replaced() {
        let permits = ConcurrencyLimit::with_limit(4);
        let mut out: Vec<_> = std::iter::from_fn(|| permits.try_acquire()).collect();
        permits.record_throttling();
        out.truncate(2);
        assert!(permits.try_acquire().is_none());
        out.truncate(1);
        assert!(permits.try_acquire().is_some());
    }
}
