//! How many blobs are being fetched at the same time: as many as the vendor bears.
//!
//! Additive increase, multiplicative decrease: each round of quick answers allows one more, and
//! throttling halves what is allowed. What the engine asks for ahead is the upper bound.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::policy::POLICY;

/// Fetches allowed at first.
const FIRST_ALLOWED: usize = 4;
/// Never fewer are allowed.
const FEWEST_ALLOWED: usize = 1;
/// Never more are allowed: no single stream asks for more ahead than this.
pub(crate) const MOST_ALLOWED: usize = POLICY.fetches_ahead;
/// Throttling leaves one in so many.
const DECREASE: usize = 2;

/// Hands out permits to fetch.
#[derive(Debug)]
pub(crate) struct Permits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    allowed: usize,
    taken: usize,
    /// Quick answers since the last change of what is allowed.
    quick: usize,
    /// Those who wait, the oldest first.
    waiting: BTreeMap<u64, Waker>,
    next_ticket: u64,
}

/// Leave to fetch one blob; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    permits: &'a Permits,
}

impl Default for Permits {
    fn default() -> Self {
        let state = State {
            allowed: FIRST_ALLOWED.min(MOST_ALLOWED),
            taken: 0,
            quick: 0,
            waiting: BTreeMap::new(),
            next_ticket: 0,
        };
        Self { state: Mutex::new(state) }
    }
}

impl Permits {
    /// Waits for a permit.
    pub(crate) async fn take(&self) -> Permit<'_> {
        let mut waiting = Waiting { permits: self, ticket: None };
        poll_fn(|context| waiting.poll(context)).await;
        Permit { permits: self }
    }

    /// A fetch was answered quickly; its permit is still out. A round of those allows one more, if
    /// all that is allowed is used: otherwise nothing is learnt of what the vendor bears.
    pub(crate) fn answered_quickly(&self) {
        self.free(|state| {
            if state.taken >= state.allowed {
                state.quick += 1;
            }
            if state.quick >= state.allowed && state.allowed < MOST_ALLOWED {
                state.allowed += 1;
                state.quick = 0;
            }
        });
    }

    /// The vendor refused a request for being too many. Those under way are not called back.
    pub(crate) fn throttled(&self) {
        self.with(|state| {
            state.allowed = (state.allowed / DECREASE).max(FEWEST_ALLOWED);
            state.quick = 0;
        });
    }

    /// After a change that may have made room: whoever waits looks again.
    fn free(&self, change: impl FnOnce(&mut State)) {
        let wakers: Vec<Waker> = self.with(|state| {
            change(state);
            if state.taken >= state.allowed {
                return Vec::new();
            }
            state.waiting.values().cloned().collect()
        });
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permits.free(|state| state.taken -= 1);
    }
}

/// Somebody who waits for a permit.
struct Waiting<'a> {
    permits: &'a Permits,
    ticket: Option<u64>,
}

impl Waiting<'_> {
    /// The oldest goes first. It looks as soon as it is woken: the engine polls what it asked for ahead
    /// while it is busy with a blob.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.permits.with(|state| {
            let ticket = *self.ticket.get_or_insert_with(|| state.ticket());
            let is_oldest = state.waiting.first_key_value().is_none_or(|(first, _)| *first >= ticket);
            if is_oldest && state.taken < state.allowed {
                state.taken += 1;
                return Poll::Ready(());
            }
            state.waiting.insert(ticket, context.waker().clone());
            Poll::Pending
        })
    }
}

impl State {
    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // With it, or after it, the next one may have its turn.
            self.permits.free(|state| {
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

    impl Permits {
        fn allowing(allowed: usize) -> Self {
            let permits = Self::default();
            permits.with(|state| state.allowed = allowed);
            permits
        }

        fn allowed(&self) -> usize {
            self.with(|state| state.allowed)
        }

        fn taken_and_waiting(&self) -> (usize, usize) {
            self.with(|state| (state.taken, state.waiting.len()))
        }

        fn now(&self) -> Option<Permit<'_>> {
            self.take().now_or_never()
        }
    }

    /// What polling it once comes to.
    fn poll<'a>(waiting: &mut BoxFuture<'a, Permit<'a>>) -> Option<Permit<'a>> {
        poll_immediate(waiting).now_or_never().flatten()
    }

    #[test]
    fn no_more_than_allowed() {
        let permits = Permits::allowing(2);
        let (first, second) = (permits.now().unwrap(), permits.now().unwrap());
        assert!(permits.now().is_none());
        drop(first);
        let third = permits.now().unwrap();
        assert!(permits.now().is_none());
        drop((second, third));
        assert_eq!(permits.taken_and_waiting(), (0, 0));
    }

    #[test]
    fn the_oldest_goes_first() {
        let permits = Permits::allowing(1);
        let held = permits.now().unwrap();
        let (mut older, mut younger) = (permits.take().boxed(), permits.take().boxed());
        assert!(poll(&mut older).is_none() && poll(&mut younger).is_none());
        drop(held);
        assert!(poll(&mut younger).is_none(), "it is not its turn");
        assert!(poll(&mut older).is_some());
        assert!(poll(&mut younger).is_some(), "the permit was given back");
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_next_is_woken_when_two_are_free_and_when_the_oldest_went_away() {
        let permits = Permits::allowing(2);
        let (first, second) = (permits.now().unwrap(), permits.now().unwrap());
        let (mut older, mut younger) = (permits.take().boxed(), permits.take().boxed());
        let woken = Arc::new(Woken::default());
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
    fn one_that_went_away_leaves_no_trace() {
        let permits = Permits::allowing(1);
        let held = permits.now().unwrap();
        let (mut gone, mut next) = (permits.take().boxed(), permits.take().boxed());
        assert!(poll(&mut gone).is_none() && poll(&mut next).is_none());
        drop(gone);
        assert_eq!(permits.taken_and_waiting(), (1, 1));
        drop(held);
        assert!(poll(&mut next).is_some());
        assert_eq!(permits.taken_and_waiting(), (0, 0));
    }

    #[test]
    fn a_round_of_quick_answers_allows_one_more_up_to_the_most() {
        let permits = Permits::default();
        let mut out = Vec::new();
        let mut rounds = Vec::new();
        while permits.allowed() < MOST_ALLOWED {
            out.extend(std::iter::from_fn(|| permits.now()));
            let before = permits.allowed();
            let answers = (1..).find(|_| {
                permits.answered_quickly();
                permits.allowed() > before
            });
            rounds.push((before, answers.unwrap()));
        }
        let expected: Vec<_> = (FIRST_ALLOWED..MOST_ALLOWED).map(|allowed| (allowed, allowed)).collect();
        assert_eq!(rounds, expected);
        out.extend(std::iter::from_fn(|| permits.now()));
        (0..MOST_ALLOWED * 3).for_each(|_| permits.answered_quickly());
        assert_eq!((permits.allowed(), out.len()), (MOST_ALLOWED, MOST_ALLOWED));
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let permits = Permits::default();
        let _one = permits.now().unwrap();
        (0..100).for_each(|_| permits.answered_quickly());
        assert_eq!(permits.allowed(), FIRST_ALLOWED);
    }

    #[test]
    fn throttling_halves_down_to_the_fewest() {
        let permits = Permits::allowing(MOST_ALLOWED);
        let seen: Vec<_> = (0..6)
            .map(|_| {
                permits.throttled();
                permits.allowed()
            })
            .collect();
        assert_eq!(seen, [8, 4, 2, 1, 1, 1]);
    }

    #[test]
    fn those_under_way_are_not_called_back_but_not_replaced_either() {
        let permits = Permits::allowing(4);
        let mut out: Vec<_> = std::iter::from_fn(|| permits.now()).collect();
        permits.throttled();
        out.truncate(2);
        assert!(permits.now().is_none());
        out.truncate(1);
        assert!(permits.now().is_some());
    }
}
