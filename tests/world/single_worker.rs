//! A worker alone: until drained, with a say in its answers.

use std::rc::Rc;
use std::sync::Arc;

use collector::{SourceCache, StreamReport};

use super::call::{Answer, Request, TickId};
use super::simulation::Simulation;
use super::worker::Worker;

/// Calls of one tick. A single worker that wants more does not finish.
pub const MAX_CALLS: usize = 20_000;
/// Ticks until a single worker is drained.
pub const MAX_TICKS: usize = 20;
/// The longest backoff of pending work, in seconds.
const MAX_BACKOFF: i64 = 3_600;
/// The number of a single worker's first tick; those of others are lower.
const FIRST_TICK: u64 = 1 << 32;

/// What one tick did.
#[derive(Debug)]
pub struct Ticked {
    /// Its reports.
    pub reports: Vec<StreamReport>,
    /// Its calls, sleeps left out.
    pub calls: Vec<Request>,
}

impl Ticked {
    /// How many of its calls are such.
    pub fn count(&self, such: impl Fn(&Request) -> bool) -> usize {
        self.calls.iter().filter(|call| such(call)).count()
    }
}

/// One worker and its world.
#[derive(Debug)]
pub struct SingleWorker {
    /// The world.
    pub world: Simulation,
    /// What the warm worker remembers.
    pub cache: Rc<SourceCache>,
    ticks: u64,
}

impl SingleWorker {
    /// A worker that was never warm.
    pub fn new(world: Simulation) -> Self {
        Self { world, cache: Rc::default(), ticks: 0 }
    }

    /// One tick without faults.
    ///
    /// # Errors
    /// When it does not finish.
    pub fn tick(&mut self) -> Result<Ticked, String> {
        self.tick_with(|_, _| None)
    }

    /// A tick that dies with a call under way: the first that is such, which does not arrive.
    ///
    /// # Errors
    /// When there is no such call.
    pub fn crash_at(&mut self, such: impl Fn(&Request) -> bool) -> Result<(), String> {
        let tick = TickId { number: 0, began: self.world.clock };
        let scenario = Arc::clone(&self.world.scenario);
        let mut worker = Worker::begin(&scenario, self.world.now(), u64::MAX, Rc::default());
        while worker.reports.is_none() {
            let (id, request) = self.next_call(&worker)?;
            if such(&request) {
                return Ok(());
            }
            worker.answer(id, self.world.perform(tick, &request));
        }
        Err("the tick ended before any such call".into())
    }

    /// One tick; `instead` may answer a call in the place of the world.
    ///
    /// # Errors
    /// When it does not finish.
    pub fn tick_with(
        &mut self,
        mut instead: impl FnMut(&mut Simulation, &Request) -> Option<Answer>,
    ) -> Result<Ticked, String> {
        self.ticks += 1;
        let tick = TickId { number: FIRST_TICK + self.ticks, began: self.world.clock };
        let scenario = Arc::clone(&self.world.scenario);
        let mut worker = Worker::begin(&scenario, self.world.now(), self.ticks, Rc::clone(&self.cache));
        let mut calls = Vec::new();
        let mut is_as_it_is = true;
        while worker.reports.is_none() {
            let (id, request) = self.next_call(&worker)?;
            if calls.len() >= MAX_CALLS {
                return Err(format!("a single worker does not finish: {MAX_CALLS} calls, then {request:?}"));
            }
            let other = instead(&mut self.world, &request);
            is_as_it_is &= other.is_none();
            let answer = other.unwrap_or_else(|| self.world.perform(tick, &request));
            if !matches!(request, Request::Sleep { .. }) {
                calls.push(request);
            }
            worker.set_now(self.world.now());
            worker.answer(id, answer);
        }
        let reports = worker.reports.unwrap_or_default();
        if is_as_it_is {
            self.world.tick_ended(tick, &reports);
        }
        Ok(Ticked { reports, calls })
    }

    /// The oldest call that the world answers at once; where there is none, the oldest that takes time, for other calls do
    /// not wait for that one; a timer only where there is nothing else, and then time passes.
    fn next_call(&mut self, worker: &Worker) -> Result<(u64, Request), String> {
        let waiting = worker.waiting();
        let timer = |request: &Request| matches!(request, Request::Sleep { .. });
        let calls = || waiting.iter().filter(|(_, request)| !timer(request));
        let is_fast = |request: &Request| !self.world.trickles(request);
        if let Some((id, request)) = calls().find(|(_, request)| is_fast(request)).or_else(|| calls().next()) {
            return Ok((*id, request.clone()));
        }
        let Some((id, Request::Sleep { duration })) = waiting.into_iter().next() else {
            return Err("a worker waits for nothing".into());
        };
        self.world.clock += i64::try_from(duration.as_secs()).unwrap_or(0) + 1;
        Ok((id, Request::Sleep { duration }))
    }

    /// Whether every stream is drained. One whose state was restored is when it has stopped.
    fn is_drained(&self, ticked: &Ticked) -> bool {
        let streams = self.world.scenario.streams.iter().zip(&ticked.reports);
        let mut ended = streams.map(|(of, report)| {
            let has_stopped = report.failure.as_ref().is_some_and(|failure| failure.needs_person);
            report.drained || (has_stopped && self.world.checker.is_restored(&of.stream.name()))
        });
        ended.all(|ended| ended)
    }

    /// Ticks until every stream says that it is drained, with a schedule's time between them; the last tick.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn drain(&mut self) -> Result<Ticked, String> {
        self.drain_within(MAX_TICKS)
    }

    fn drain_within(&mut self, max_ticks: usize) -> Result<Ticked, String> {
        let mut last = None;
        for _ in 0..max_ticks {
            let ticked = self.tick()?;
            if self.is_drained(&ticked) {
                return Ok(ticked);
            }
            last = ticked.reports.into_iter().find(|report| !report.drained);
            self.world.clock += self.world.scenario.policy.tick_seconds;
        }
        Err(format!("a single worker is not drained after {max_ticks} ticks: {last:?}"))
    }

    /// Waits until everything is visible and due, drains, also by every sweep, and judges what came of it.
    ///
    /// # Errors
    /// Says which promise is broken.
    pub fn settle(&mut self) -> Result<(), String> {
        self.world.clock = self.world.clock.max(self.world.scenario.all_visible_at()) + MAX_BACKOFF;
        self.drain_within(MAX_TICKS + self.world.scenario.slow_ticks())?;
        for sweep in self.world.scenario.policy.sweeps {
            self.world.clock += sweep.every + 1;
            self.drain()?;
        }
        self.world.settled()
    }
}
