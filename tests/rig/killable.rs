//! A future that can be killed at any of its awaits.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::memory_store::MemoryStore;

/// The result of a tick that died, and so has no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died;

/// Polls `work` until it ends, a call to the store kills it, or it has been polled `max_polls` times. Killed work
/// is dropped at its current await, as if its process had died.
pub async fn run_killable<T>(
    work: impl Future<Output = T>,
    max_polls: Option<u64>,
    store: &MemoryStore,
) -> Result<T, Died> {
    let mut work = pin!(work);
    let mut polls = 0_u64;
    poll_fn(|context| {
        if max_polls.is_some_and(|max_polls| polls >= max_polls) {
            return Poll::Ready(Err(Died));
        }
        polls += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if store.take_death() => Poll::Ready(Err(Died)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls `work` until `is_reached` returns `true`. The caller may then poll it further or drop it.
///
/// # Panics
/// `work` ends before `is_reached` returns `true`.
pub async fn until<F: Future>(mut work: Pin<&mut F>, is_reached: impl Fn() -> bool) {
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Pending if is_reached() => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
        Poll::Ready(_) => panic!("the work ended before the wanted point"),
    })
    .await;
}
