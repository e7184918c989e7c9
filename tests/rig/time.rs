//! Virtual time: one shared clock that is advanced by calls and by the sleeps of clients.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use collector::Clock;
use jiff::Timestamp;

use crate::world::rng::SeededRng;

/// Virtual time; clones share it.
#[derive(Debug, Clone)]
pub struct VirtualTime(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    now: Timestamp,
    sleepers: Vec<Waker>,
}

impl VirtualTime {
    /// Creates a clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Shared { now, sleepers: Vec::new() })))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current virtual time.
    pub fn now(&self) -> Timestamp {
        self.shared().now
    }

    /// Advances the time and wakes the sleepers.
    pub fn advance(&self, by: Duration) {
        let woken = {
            let mut shared = self.shared();
            shared.now = shared.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            std::mem::take(&mut shared.sleepers)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Returns the clock in the form that the simulators take.
    pub fn for_simulator(&self) -> simulators::Clock {
        let time = self.clone();
        Arc::new(move || time.now())
    }

    /// Waits until the clock shows `at` or later.
    fn wait_until(&self, at: Timestamp) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            let mut shared = self.shared();
            if shared.now >= at {
                return Poll::Ready(());
            }
            if !shared.sleepers.iter().any(|waker| waker.will_wake(context.waker())) {
                shared.sleepers.push(context.waker().clone());
            }
            Poll::Pending
        })
    }
}

/// The behaviour of a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    /// The sleeper waits until others have advanced the time far enough.
    Waits,
    /// The sleeper advances the time itself, and nothing else happens meanwhile.
    Advances,
}

/// A clock that shows virtual time with a constant error in seconds.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    time: VirtualTime,
    ahead: i64,
    sleep: Sleep,
    rng: RefCell<SeededRng>,
}

impl VirtualClock {
    /// Creates the engine's clock: its sleeps are deadlines, so they wait until others have advanced the time.
    pub fn of_engine(time: &VirtualTime, ahead: i64, seed: u64) -> Self {
        Self { time: time.clone(), ahead, sleep: Sleep::Waits, rng: RefCell::new(SeededRng::new(seed)) }
    }

    /// Creates a client's clock: its sleeps are backoffs between two tries, so they advance the time.
    pub fn of_client(time: &VirtualTime, ahead: i64, seed: u64) -> Self {
        Self { sleep: Sleep::Advances, ..Self::of_engine(time, ahead, seed) }
    }
}

/// The clocks of one deployment, which have the same error.
#[derive(Debug)]
pub struct DeploymentClocks {
    /// The engine's clock.
    pub engine: VirtualClock,
    /// The client's clock.
    pub client: VirtualClock,
}

impl DeploymentClocks {
    /// Creates clocks that are `ahead_seconds` ahead of `time`; `seed` is for their random numbers.
    pub fn new(time: &VirtualTime, ahead_seconds: i64, seed: u64) -> Self {
        let engine = VirtualClock::of_engine(time, ahead_seconds, seed);
        let client = VirtualClock::of_client(time, ahead_seconds, !seed);
        Self { engine, client }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.ahead);
        self.time.now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        if self.sleep == Sleep::Advances {
            self.time.advance(duration);
            return pause().await;
        }
        let until = self.time.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        self.time.wait_until(until).await;
    }

    fn random(&self) -> u64 {
        self.rng.borrow_mut().bits()
    }
}

/// Yields once, so that a tick may be killed here.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
