//! Driver 1: random runs. Several workers tick on a random world in a random order with faults at any call. Then a
//! single worker ticks without such faults, and the result is checked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use collector::{Listed, PortError, Prepared, SourceCache};
use jiff::Timestamp;

use super::call::{Answer, BlobAnswer, Request, TickId};
use super::intern::fingerprint;
use super::invariants::{MAX_CLOCK_SKEW_SECONDS, PERSON_FAULT};
use super::mutant::Mutant;
use super::permanent_faults::PermanentFaults;
use super::random_scenario;
use super::random_streams::BEGIN;
use super::rng::SeededRng;
use super::scenario::Scenario;
use super::simulation::{Simulation, Tearing};
use super::single_worker::{SingleWorker, TickOutcome};
use super::store::Store;
use super::worker::Worker;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The first violated invariant.
    pub violation: Option<String>,
    /// A hash of all events of the run; equal seeds have equal hashes.
    pub trace_hash: u128,
    /// A text of all events of the run; empty unless it was asked for.
    pub trace: String,
    /// Calls during the phase with faults.
    pub calls: u64,
    /// Faults at these calls.
    pub faults: u64,
    /// Ticks that died.
    pub deaths: u64,
    /// Lines that a tick adopted from another tick's object.
    pub adopted: u64,
    /// Streams whose state was restored from a backup.
    pub restored: u64,
    /// Calls that failed in the phase with faults because of a permanent fault.
    pub permanent_fault_calls: u64,
    /// Ticks until a single worker had delivered every healthy event.
    pub delivery_ticks: u64,
    /// 1 if the permanent faults lasted for days, otherwise 0. A number, so that runs can be added up.
    pub long_fault_runs: u64,
    /// Gaps that a single worker reported while the permanent faults lasted.
    pub gaps: u64,
    /// The permanent faults of the scenario.
    pub permanent_faults: PermanentFaults,
    /// `true` if the scenario has blobs, which can be broken.
    pub has_blobs: bool,
}

/// Runs one seed. `change` may put a mutant into the world of the run. With `has_trace` the outcome includes the trace.
pub fn run(seed: u64, has_trace: bool, change: impl FnOnce(&mut Simulation)) -> Outcome {
    let mut rng = SeededRng::new(seed);
    let scenario = Arc::new(random_scenario::scenario(&mut rng));
    let mut world = Simulation::new(Arc::clone(&scenario), BEGIN);
    world.tearing = tearing(&mut rng);
    change(&mut world);
    let mut run = Run::new(world, rng, has_trace);
    if has_trace {
        let _ = writeln!(run.outcome.trace, "{scenario:#?}");
    }
    run.run_with_faults();
    run.finish_without_faults()
}

/// Picks the time at which ledger items become visible: in a third of the runs later than their head.
fn tearing(rng: &mut SeededRng) -> Tearing {
    match rng.below(3) {
        0 => Tearing::Delays { seed: rng.bits(), max_seconds: rng.pick(&[60, 600, 3_600]) },
        _ => Tearing::Never,
    }
}

/// One worker process: in a tick or between two ticks.
#[derive(Debug)]
struct WorkerSlot {
    worker: Option<Worker>,
    cache: Rc<SourceCache>,
    tick: TickId,
    /// Seconds by which the worker's clock is ahead of the vendor's.
    skew: i64,
    /// The due times of the timers, by the call's id.
    timers: BTreeMap<u64, Timestamp>,
}

impl WorkerSlot {
    fn new(skew: i64) -> Self {
        let tick = TickId { number: 0, began: 0 };
        Self { worker: None, cache: Rc::default(), tick, skew, timers: BTreeMap::new() }
    }
}

/// Probabilities per 1,000 calls.
#[derive(Debug)]
struct Probabilities {
    failure: u64,
    death: u64,
    slowness: u64,
    same_worker: u64,
}

struct Run {
    world: Simulation,
    scenario: Arc<Scenario>,
    rng: SeededRng,
    slots: Vec<WorkerSlot>,
    probabilities: Probabilities,
    /// Calls whose caller no longer waits, and which may still take effect.
    late_calls: Vec<(TickId, Request)>,
    has_trace: bool,
    step: u64,
    ticks: u64,
    outcome: Outcome,
}

impl Run {
    fn new(world: Simulation, mut rng: SeededRng, has_trace: bool) -> Self {
        let probabilities = Probabilities {
            failure: rng.pick(&[0, 20, 100, 300]),
            death: rng.pick(&[0, 10, 50]),
            slowness: rng.pick(&[0, 20, 60]),
            same_worker: rng.pick(&[0, 500, 900]),
        };
        let slots = (0..rng.pick(&[2, 2, 3]))
            .map(|_| WorkerSlot::new(rng.between(-MAX_CLOCK_SKEW_SECONDS, MAX_CLOCK_SKEW_SECONDS)))
            .collect();
        let (violation, trace) = (None, String::new());
        let scenario = Arc::clone(&world.scenario);
        let outcome = Outcome {
            violation,
            trace_hash: 0,
            trace,
            calls: 0,
            faults: 0,
            deaths: 0,
            adopted: 0,
            restored: 0,
            permanent_fault_calls: 0,
            delivery_ticks: 0,
            long_fault_runs: 0,
            gaps: 0,
            permanent_faults: scenario.permanent_faults.clone(),
            has_blobs: scenario.has_blobs(),
        };
        Self {
            world,
            scenario,
            rng,
            slots,
            probabilities,
            late_calls: Vec::new(),
            has_trace,
            step: 0,
            ticks: 0,
            outcome,
        }
    }

    /// Adds an event of the run to the trace's hash, and to the trace if it is kept.
    fn add_to_trace(&mut self, what: &impl std::fmt::Debug) {
        self.outcome.trace_hash = self.outcome.trace_hash.rotate_left(1) ^ fingerprint(what);
        if self.has_trace {
            let _ = writeln!(self.outcome.trace, "{} {what:?}", self.world.clock);
        }
    }

    /// Runs several workers with faults.
    fn run_with_faults(&mut self) {
        let steps = 100 + self.rng.below(250);
        let loses_state = self.world.mutant == Some(Mutant::HeadLost);
        let lost_at = if loses_state { self.rng.below(steps) } else { steps };
        // A quarter of the seeds makes a backup and restores it later.
        let copied_at = if self.rng.below(4) == 0 { self.rng.below(steps / 2) } else { steps };
        let restored_at = copied_at + 1 + self.rng.below(steps);
        let mut backup = Store::default();
        let mut turn = 0;
        for step in 0..steps {
            self.step = step;
            if step == lost_at {
                self.world.lose_state();
            }
            if step == copied_at {
                backup = self.world.store.clone();
            }
            if step == restored_at {
                self.restore(&backup);
            }
            if !self.rng.happens(self.probabilities.same_worker) {
                turn = self.rng.index(self.slots.len());
            }
            self.deliver_late();
            self.advance(turn);
            if self.world.checker.violation.is_some() {
                return;
            }
        }
    }

    /// Restores the state of every stream whose birth record shows that the backup is too old. All running ticks die
    /// before that, because no tick may continue on a restored state; processes between two ticks live on.
    fn restore(&mut self, backup: &Store) {
        (0..self.slots.len()).for_each(|slot| self.kill_worker(slot));
        self.late_calls.clear();
        for scenario_stream in &self.scenario.streams {
            let name = scenario_stream.stream.name();
            let mark = self.world.store.recorded_seq(&self.scenario.settings.prefix, &scenario_stream.stream);
            let seq = backup.heads.get(&name).map(|row| row.head.seq);
            if seq.zip(mark).is_some_and(|(seq, mark)| seq < mark) {
                self.world.store.restore(&name, backup);
                self.world.checker.record_restoration(name);
                self.outcome.restored += 1;
            }
        }
    }

    /// Runs a single worker without transient faults: with the permanent faults until every healthy event is delivered,
    /// then without them until it is drained. Then checks the result.
    fn finish_without_faults(mut self) -> Outcome {
        // All running ticks die here; calls that they sent may still take effect.
        for slot in 0..self.slots.len() {
            self.kill_worker(slot);
        }
        self.world.reveal_all();
        let mut single = SingleWorker::new(self.world.clone());
        let mut settled = self.world.checker.violation.take().map_or(Ok(()), Err);
        if settled.is_ok() {
            settled = self.deliver_healthy(&mut single);
        }
        if settled.is_ok() {
            single.world.end_permanent_faults();
            settled = single.settle();
        }
        if settled.is_ok() {
            for (tick, request) in std::mem::take(&mut self.late_calls) {
                single.world.perform(tick, &request);
                single.world.checker.record_death(tick);
            }
            settled = single.settle();
        }
        self.world = single.world;
        self.add_to_trace(&self.world.clone());
        self.outcome.violation = settled.err();
        self.outcome
    }

    /// Runs the single worker while the permanent faults last, in some seeds for days.
    fn deliver_healthy(&mut self, single: &mut SingleWorker) -> Result<(), String> {
        let days = if self.scenario.permanent_faults.is_empty() { 0 } else { self.rng.pick(&[0, 0, 0, 2, 9]) };
        let (has_trace, trace) = (self.has_trace, &mut self.outcome.trace);
        let mut gaps = 0;
        let mut note = |now, ticked: &TickOutcome| {
            gaps += ticked.reports.iter().map(|report| report.gaps.len() as u64).sum::<u64>();
            if has_trace {
                let _ = writeln!(trace, "{now} single worker {ticked:?}");
            }
        };
        self.outcome.delivery_ticks = single.deliver_healthy(&mut note)? as u64;
        self.outcome.long_fault_runs += u64::from(days > 0);
        single.run_for_days(days, &mut note)?;
        self.outcome.gaps = gaps;
        Ok(())
    }

    /// Lets a call whose caller is gone take effect, or drops it.
    fn deliver_late(&mut self) {
        if self.late_calls.is_empty() || !self.rng.happens(100) {
            return;
        }
        let (tick, request) = self.late_calls.swap_remove(self.rng.index(self.late_calls.len()));
        if self.rng.happens(700) {
            let answer = self.world.perform(tick, &request);
            self.world.checker.record_death(tick);
            self.add_to_trace(&("late", request, answer));
        }
    }

    /// Advances the slot's worker by one call; begins a tick if there is none.
    fn advance(&mut self, slot: usize) {
        if self.slots[slot].worker.is_none() {
            return self.begin_tick(slot);
        }
        self.pass_time();
        let Some((id, request)) = self.choose_call(slot) else { return };
        self.outcome.calls += 1;
        let decision = self.decide(&request);
        self.add_to_trace(&(slot, id, &request, &decision));
        match decision {
            Decision::Answer => {
                let answer = self.world.perform(self.slots[slot].tick, &request);
                self.outcome.permanent_fault_calls +=
                    u64::from(request.is_for_vendor() && matches!(answer, Answer::Failed(_)));
                self.answer(slot, id, answer);
            }
            Decision::AnswerInstead(answer) => self.answer(slot, id, *answer),
            Decision::Fail { arrival, error } => {
                self.let_take_effect(slot, request, arrival);
                self.answer(slot, id, Answer::Failed(error));
            }
            Decision::Die { arrival } => {
                self.let_take_effect(slot, request, arrival);
                self.kill_worker(slot);
            }
        }
    }

    /// Handles a call whose caller no longer waits for the answer: the call takes effect now, later or never.
    fn let_take_effect(&mut self, slot: usize, request: Request, arrival: Arrival) {
        let tick = self.slots[slot].tick;
        match arrival {
            Arrival::Never => {}
            Arrival::Now => drop(self.world.perform(tick, &request)),
            Arrival::Later => {
                if request.has_effect() {
                    self.late_calls.push((tick, request));
                }
            }
        }
    }

    fn begin_tick(&mut self, slot: usize) {
        if self.slots.iter().all(|slot| slot.worker.is_none()) {
            self.world.clock += self.rng.pick(&[1, 30, 60, 300, 2_000]);
        }
        self.ticks += 1;
        let fresh = self.rng.happens(300);
        let now = self.worker_clock(slot);
        let at = &mut self.slots[slot];
        if fresh {
            at.cache = Rc::default();
        }
        at.tick = TickId { number: self.ticks, began: self.world.clock };
        at.timers.clear();
        at.worker = Some(Worker::begin(&self.scenario, now, self.rng.bits(), Rc::clone(&at.cache)));
        self.after_poll(slot);
    }

    fn worker_clock(&self, slot: usize) -> Timestamp {
        Timestamp::from_second(self.world.clock + self.slots[slot].skew).unwrap_or_default()
    }

    fn kill_worker(&mut self, slot: usize) {
        let at = &mut self.slots[slot];
        if at.worker.take().is_some() {
            // The dead process loses its cache, with all that the dropped tick returns to it.
            at.cache = Rc::default();
            self.outcome.deaths += 1;
            self.world.checker.record_death(at.tick);
        }
    }

    fn answer(&mut self, slot: usize, id: u64, answer: Answer) {
        let now = self.worker_clock(slot);
        let at = &mut self.slots[slot];
        at.timers.remove(&id);
        if let Some(worker) = &mut at.worker {
            worker.set_now(now);
            worker.answer(id, answer);
        }
        self.after_poll(slot);
    }

    /// Sets the timers of new sleeps. If the tick has ended, checks its reports and frees the slot.
    fn after_poll(&mut self, slot: usize) {
        let now = self.worker_clock(slot);
        let at = &mut self.slots[slot];
        let Some(worker) = &mut at.worker else { return };
        if let Some(reports) = worker.reports.take() {
            at.worker = None;
            self.world.tick_ended(at.tick, &reports);
            self.outcome.adopted += reports.iter().map(|report| report.lines.adopted).sum::<u64>();
            self.add_to_trace(&(slot, reports));
            return;
        }
        let waiting = worker.waiting();
        at.timers.retain(|id, _| waiting.iter().any(|(waiting, _)| waiting == id));
        for (id, request) in waiting {
            if let Request::Sleep { duration } = request {
                at.timers.entry(id).or_insert_with(|| now.saturating_add(duration).unwrap_or(now));
            }
        }
    }

    /// Picks one of the open calls of the slot's worker; a timer only if it is due.
    fn choose_call(&mut self, slot: usize) -> Option<(u64, Request)> {
        let now = self.worker_clock(slot);
        let at = &self.slots[slot];
        let mut waiting = at.worker.as_ref()?.waiting();
        let due = |id: &u64| at.timers.get(id).is_none_or(|due| *due <= now);
        if waiting.iter().any(|(id, _)| due(id)) {
            waiting.retain(|(id, _)| due(id));
        } else {
            let first = at.timers.values().min().copied()?;
            let wait = Duration::try_from(first.duration_since(now)).unwrap_or_default();
            self.world.clock += i64::try_from(wait.as_secs()).unwrap_or(0) + 1;
        }
        if waiting.is_empty() {
            self.world.checker.record(Err("a worker waits for nothing".into()));
            return None;
        }
        Some(waiting.swap_remove(self.rng.index(waiting.len())))
    }

    fn pass_time(&mut self) {
        self.world.clock += if self.rng.happens(self.probabilities.slowness) {
            self.rng.pick(&[15, 45, 400, 4_000])
        } else {
            self.rng.pick(&[0, 0, 0, 1])
        };
    }

    fn decide(&mut self, request: &Request) -> Decision {
        if self.rng.happens(self.probabilities.death) {
            self.outcome.faults += 1;
            return Decision::Die { arrival: self.arrival() };
        }
        if matches!(request, Request::Sleep { .. }) || !self.rng.happens(self.probabilities.failure) {
            return Decision::Answer;
        }
        self.outcome.faults += 1;
        if let Some(unusual) = self.unusual_answer(request) {
            return Decision::AnswerInstead(Box::new(unusual));
        }
        let error = match self.rng.below(3) {
            0 if !request.is_for_vendor() => PortError::again("the connection was reset"),
            1 => PortError::person(PERSON_FAULT),
            _ => PortError::next_tick("no answer in time"),
        };
        Decision::Fail { arrival: self.arrival(), error }
    }

    fn arrival(&mut self) -> Arrival {
        self.rng.pick(&[Arrival::Never, Arrival::Now, Arrival::Later])
    }

    /// Picks an unusual answer that a vendor may give without a failure.
    fn unusual_answer(&mut self, request: &Request) -> Option<Answer> {
        if !self.rng.happens(300) {
            return None;
        }
        match request {
            Request::Prepare { .. } => Some(Answer::Prepared(Prepared::NotYet)),
            Request::List { cursor: Some(_), .. } => Some(Answer::Listed(Listed::CursorLost)),
            // A blob is missing only once, because the collector rightly gives up a blob that is missing for a day.
            Request::Fetch { blob, .. } if !self.is_pending_blob(&blob.id) => {
                Some(Answer::Fetched(BlobAnswer::Missing))
            }
            _ => None,
        }
    }

    fn is_pending_blob(&self, blob: &str) -> bool {
        let mut heads = self.world.store.heads.values();
        heads.any(|row| {
            row.head.listings.values().any(|listing| listing.pending.blobs.iter().any(|pending| pending.id == blob))
        })
    }
}

/// The decision about one call.
#[derive(Debug)]
enum Decision {
    /// The world answers the call.
    Answer,
    /// The caller gets this answer instead of the answer of the world.
    AnswerInstead(Box<Answer>),
    /// The caller gets this error.
    Fail { arrival: Arrival, error: PortError },
    /// The caller dies while it waits for the answer.
    Die { arrival: Arrival },
}

/// The time at which a call whose caller no longer waits takes effect.
#[derive(Debug, Clone, Copy)]
enum Arrival {
    Never,
    Now,
    Later,
}
