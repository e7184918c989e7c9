//! One tick of the real collector, advanced one answer at a time.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use collector::{Env, SourceCache, StreamReport, run_tick};
use jiff::Timestamp;
use schema::NO_CUSTOM_MODELS;

use super::call::{Answer, Request};
use super::ports::{CallQueue, Ports};
use super::scenario::Scenario;

/// The maximum number of polls between two answers. A tick that needs more is in an endless loop.
const MAX_POLLS: u32 = 1_000;

type Running = Pin<Box<dyn Future<Output = Vec<StreamReport>>>>;

/// One running tick. Dropping it simulates the sudden death of its process.
pub struct Worker {
    tick: Running,
    queue: Rc<RefCell<CallQueue>>,
    woken: Arc<Woken>,
    /// The reports of the tick once it has ended.
    pub reports: Option<Vec<StreamReport>>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("waiting", &self.waiting()).field("reports", &self.reports).finish()
    }
}

impl Worker {
    /// Begins a tick at `now` by the worker's clock; `seed` is for its random numbers.
    pub fn begin(scenario: &Arc<Scenario>, now: Timestamp, seed: u64, cache: Rc<SourceCache>) -> Self {
        let ports = Ports::new(now, seed);
        let queue = ports.queue();
        let deadline = now.saturating_add(Duration::from_secs(scenario.tick_seconds.unsigned_abs())).unwrap_or(now);
        let scenario = Arc::clone(scenario);
        let tick = Box::pin(async move {
            let source = scenario.source(ports.clone());
            let env = Env {
                state: &ports,
                bucket: &ports,
                clock: &ports,
                settings: &scenario.settings,
                models: &NO_CUSTOM_MODELS,
                deadline,
            };
            run_tick(&env, &source, &cache).await
        });
        let mut worker = Self { tick, queue, woken: Arc::default(), reports: None };
        worker.poll();
        worker
    }

    /// Returns the calls that wait for an answer, oldest first.
    pub fn waiting(&self) -> Vec<(u64, Request)> {
        self.queue.borrow().waiting()
    }

    /// Answers one call and polls the tick until it waits again.
    pub fn answer(&mut self, id: u64, answer: Answer) {
        self.queue.borrow_mut().answer(id, answer);
        self.poll();
    }

    /// Sets the worker's clock.
    pub fn set_now(&mut self, now: Timestamp) {
        self.queue.borrow_mut().now = now;
    }

    /// Returns the time on the worker's clock.
    pub fn now(&self) -> Timestamp {
        self.queue.borrow().now
    }

    fn poll(&mut self) {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        for _ in 0..MAX_POLLS {
            if self.reports.is_some() {
                return;
            }
            self.woken.0.store(false, Ordering::Relaxed);
            match self.tick.as_mut().poll(&mut context) {
                Poll::Ready(reports) => self.reports = Some(reports),
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => {}
                Poll::Pending => return,
            }
        }
    }
}

/// A waker that remembers that the tick asked to be polled again.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
