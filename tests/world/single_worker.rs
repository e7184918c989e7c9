//! A single worker: its ticks one after the other, until it is drained.

use std::rc::Rc;
use std::sync::Arc;

use collector::{SourceCache, StreamReport};

use super::call::{Answer, Request, TickId};
use super::simulation::Simulation;
use super::worker::Worker;

/// The maximum number of calls per tick. A tick that makes more counts as endless.
pub const MAX_CALLS: usize = 20_000;
/// The maximum number of ticks that a single worker needs until it is drained.
pub const MAX_TICKS: usize = 20;
/// The maximum backoff of pending work, in seconds.
const MAX_BACKOFF_SECONDS: i64 = 3_600;
/// The number of a single worker's first tick; ticks of other workers have lower numbers.
const FIRST_TICK: u64 = 1 << 32;

/// The result of one tick.
#[derive(Debug)]
pub struct TickOutcome {
    /// The reports of the tick.
    pub reports: Vec<StreamReport>,
    /// The calls of the tick without sleeps.
    pub calls: Vec<Request>,
}

impl TickOutcome {
    /// Counts the calls for which `is_counted` is `true`.
    pub fn count(&self, is_counted: impl Fn(&Request) -> bool) -> usize {
        self.calls.iter().filter(|call| is_counted(call)).count()
    }
}

/// One worker and its world.
#[derive(Debug)]
pub struct SingleWorker {
    /// The world.
    pub world: Simulation,
    /// The cache of the warm worker.
    pub cache: Rc<SourceCache>,
    ticks: u64,
}

impl SingleWorker {
    /// Creates a worker with an empty cache.
    pub fn new(world: Simulation) -> Self {
        Self { world, cache: Rc::default(), ticks: 0 }
    }

    /// Runs one tick without faults.
    ///
    /// # Errors
    /// The tick does not finish.
    pub fn tick(&mut self) -> Result<TickOutcome, String> {
        self.tick_with(|_, _| None)
    }

    /// Runs a tick that dies at the first call for which `is_target` is `true`. That call has no effect.
    ///
    /// # Errors
    /// The tick ends before such a call.
    pub fn crash_at(&mut self, is_target: impl Fn(&Request) -> bool) -> Result<(), String> {
        let tick = TickId { number: 0, began: self.world.clock };
        let scenario = Arc::clone(&self.world.scenario);
        let mut worker = Worker::begin(&scenario, self.world.now(), u64::MAX, Rc::default());
        while worker.reports.is_none() {
            let (id, request) = self.next_call(&worker)?;
            if is_target(&request) {
                return Ok(());
            }
            worker.answer(id, self.world.perform(tick, &request));
        }
        Err("the tick ended before any such call".into())
    }

    /// Runs one tick. `instead` may answer a call in place of the world.
    ///
    /// # Errors
    /// The tick does not finish.
    pub fn tick_with(
        &mut self,
        mut instead: impl FnMut(&mut Simulation, &Request) -> Option<Answer>,
    ) -> Result<TickOutcome, String> {
        self.ticks += 1;
        let tick = TickId { number: FIRST_TICK + self.ticks, began: self.world.clock };
        let scenario = Arc::clone(&self.world.scenario);
        let mut worker = Worker::begin(&scenario, self.world.now(), self.ticks, Rc::clone(&self.cache));
        let mut calls = Vec::new();
        let mut is_unchanged = true;
        while worker.reports.is_none() {
            let (id, request) = self.next_call(&worker)?;
            if calls.len() >= MAX_CALLS {
                return Err(format!("a single worker does not finish: {MAX_CALLS} calls, then {request:?}"));
            }
            let other = instead(&mut self.world, &request);
            is_unchanged &= other.is_none();
            let answer = other.unwrap_or_else(|| self.world.perform(tick, &request));
            if !matches!(request, Request::Sleep { .. }) {
                calls.push(request);
            }
            worker.set_now(self.world.now());
            worker.answer(id, answer);
        }
        let reports = worker.reports.unwrap_or_default();
        if is_unchanged {
            self.world.tick_ended(tick, &reports);
        }
        Ok(TickOutcome { reports, calls })
    }

    /// Returns the oldest call that the world answers at once. If there is none, returns the oldest call that takes
    /// time, because other calls do not wait for it. If there is only a timer, moves the clock to its end and returns
    /// it.
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

    /// Returns `true` if every stream is drained. A stream whose state was restored counts as drained once it has
    /// stopped.
    fn is_drained(&self, ticked: &TickOutcome) -> bool {
        let streams = self.world.scenario.streams.iter().zip(&ticked.reports);
        let mut ended = streams.map(|(scenario_stream, report)| {
            let has_stopped = report.failure.as_ref().is_some_and(|failure| failure.needs_person);
            report.drained || (has_stopped && self.world.checker.is_restored(&scenario_stream.stream.name()))
        });
        ended.all(|ended| ended)
    }

    /// Runs ticks at the schedule's interval until every stream reports that it is drained. Returns the last tick.
    ///
    /// # Errors
    /// The streams are not drained after [`MAX_TICKS`].
    pub fn drain(&mut self) -> Result<TickOutcome, String> {
        self.drain_within(MAX_TICKS)
    }

    fn drain_within(&mut self, max_ticks: usize) -> Result<TickOutcome, String> {
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

    /// Waits until all entries are visible and all pending work is due, drains the streams then and at every later
    /// sweep, and checks the result.
    ///
    /// # Errors
    /// Names the violated invariant.
    pub fn settle(&mut self) -> Result<(), String> {
        self.world.clock = self.world.clock.max(self.world.scenario.all_visible_at()) + MAX_BACKOFF_SECONDS;
        self.drain_within(MAX_TICKS + self.world.scenario.slow_ticks())?;
        for sweep in self.world.scenario.policy.sweeps {
            self.world.clock += sweep.interval_seconds + 1;
            self.drain()?;
        }
        self.world.settled()
    }
}
