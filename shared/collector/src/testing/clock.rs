//! A clock whose time passes while a future waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;

use super::values::NOW;
use crate::base::ports::Clock;
use crate::base::time::UnixSeconds;

/// Maximum number of polls of a future. A future that needs more polls counts as endless.
const MAX_POLLS: u32 = 1_000_000;

/// A clock whose time passes only while all futures sleep.
#[derive(Clone)]
pub(crate) struct TestClock(Rc<ClockState>);

struct ClockState {
    now: Cell<Timestamp>,
    /// The wakers of sleeping futures, by the time of their wake-up.
    sleepers: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    next_sleeper: Cell<u64>,
    random: Cell<u64>,
}

struct Sleep {
    clock: TestClock,
    key: (Timestamp, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.key.0 {
            return Poll::Ready(());
        }
        self.clock.0.sleepers.borrow_mut().insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.sleepers.borrow_mut().remove(&self.key);
    }
}

/// `true` once the future was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl TestClock {
    pub(super) fn new() -> Self {
        let (now, next_sleeper, random) = (Cell::new(at(NOW)), Cell::new(0), Cell::new(0));
        Self(Rc::new(ClockState { now, sleepers: RefCell::default(), next_sleeper, random }))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.now.set(self.now() + Duration::from_secs(seconds.unsigned_abs()));
    }

    /// Returns the seconds since the world began.
    pub(crate) fn elapsed_seconds(&self) -> f64 {
        self.now().duration_since(at(NOW)).as_secs_f64()
    }

    /// Sets the value of every random number from now on.
    pub(crate) fn set_random(&self, random: u64) {
        self.0.random.set(random);
    }

    /// Runs the work to its end. Time passes while it waits.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..MAX_POLLS {
            if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                self.wake_next();
                woken.0.store(false, Ordering::Relaxed);
            }
        }
        panic!("the work does not end");
    }

    fn wake_next(&self) {
        let first = self.0.sleepers.borrow_mut().pop_first();
        let ((until, _), waker) = first.expect("the work waits for nothing that will happen");
        self.0.now.set(until);
        waker.wake();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let id = self.0.next_sleeper.replace(self.0.next_sleeper.get() + 1);
        Sleep { clock: self.clone(), key: (self.now() + duration, id) }
    }

    fn random(&self) -> u64 {
        self.0.random.get()
    }
}

pub(super) fn at(second: UnixSeconds) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}
