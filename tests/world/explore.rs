//! Driver 2: every interleaving and every crash.
//!
//! Two workers run the real collector. At every moment either may begin a tick, get an answer, fail or die; a call
//! whose caller failed or died may never take effect, or take effect at any later moment; an item of a commit may
//! become visible at any moment after its head; the clocks of the workers may differ. `stateright` explores all of it
//! breadth first, so a counterexample is a shortest one. Its states are numbers of interned values: the world, and each
//! worker's node in the tree of its [`Behaviour`]. Two sequences of steps that lead to the same world with the same
//! histories are one state, and a tick that died or ended leaves no history, so the number of states is finite.
//!
//! From every state reached, whatever the two workers were doing, a single worker must finish and leave
//! every event in the bucket once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use collector::{PortError, UnixSeconds};
use stateright::{Checker, Model, Property};

use super::behaviour::{Behaviour, NodeId, Start};
use super::call::{Answer, Request, TickId};
use super::intern::Interner;
use super::mutant::Mutant;
use super::simulation::Simulation;
use super::single_worker::{MAX_CALLS, MAX_TICKS};
use super::store::{ItemPlace, Store};

/// The state in which an exploration begins, and its bounds.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The world at the start.
    pub world: Simulation,
    /// The maximum number of failures and deaths, together.
    pub faults: u8,
    /// Each worker's clock, which also decides what the vendor shows that worker.
    pub clocks: [UnixSeconds; 2],
}

/// The phase of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The worker may begin a tick; after a death it may begin another.
    Idle,
    /// The worker is in a tick, which has reached this node.
    At(NodeId),
    /// The worker's tick has ended.
    Ended,
    /// The worker's tick, at this node, has ended with a failure that needs a person.
    Stopped(NodeId),
}

/// One state of the exploration, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Moment {
    world: u32,
    workers: [Phase; 2],
    faults: u8,
    /// Calls of dead ticks that may still take effect, each as the start of its tick and the number of its request.
    late_calls: Vec<(UnixSeconds, u32)>,
    is_state_lost: bool,
}

/// One step between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A worker begins a tick.
    Begin(usize),
    /// The world answers a worker's call, which is given by its id.
    Answer(usize, u64),
    /// A worker's call of the vendor fails.
    Fail(usize, u64),
    /// A worker dies during a call; the flag says if the call may still take effect.
    Die(usize, u64, bool),
    /// A call of a dead tick takes effect; the number is its index among the late calls.
    Arrive(usize),
    /// The hidden item with this number becomes visible.
    Reveal(usize),
    /// A worker waits for hidden items until its tick gives up and ends.
    GiveUpWaiting(usize),
    /// The state is lost, which happens only with [`Mutant::HeadLost`].
    Lose,
}

/// The result of an exploration.
#[derive(Debug)]
pub struct Explored {
    /// Distinct states.
    pub states: usize,
    /// Distinct worlds among them.
    pub worlds: usize,
    /// Distinct histories of answers that a tick had.
    pub histories: usize,
    /// `true` if every state was explored.
    pub is_complete: bool,
    /// The first violated invariant and the steps that lead to it.
    pub violation: Option<String>,
    /// Histories in which a tick adopted another tick's object.
    pub adopting: usize,
}

/// Explores all states of a fixture, or about `max_states` of them.
pub fn explore(fixture: Fixture, max_states: Option<usize>) -> Explored {
    let checker = Exploration::new(fixture).checker().threads(1);
    let checker = match max_states {
        Some(max) => checker.target_state_count(max),
        None => checker,
    };
    let checker = checker.spawn_bfs().join();
    let model = checker.model();
    let discovery = checker.discovery(ALL_DELIVERED).or_else(|| checker.discovery(NO_ALARM));
    let violation = discovery.map(|path| model.describe(path.into_vec()));
    let memo = model.memo();
    let ended = memo.behaviour.nodes().iter().filter_map(|node| node.reports.as_ref());
    Explored {
        states: checker.unique_state_count(),
        worlds: memo.worlds.len(),
        histories: memo.behaviour.nodes().len(),
        is_complete: checker.is_done()
            && violation.is_none()
            && max_states.is_none_or(|max| checker.state_count() < max),
        violation,
        adopting: ended.filter(|reports| reports.iter().any(|report| report.lines.adopted > 0)).count(),
    }
}

const ALL_DELIVERED: &str = "every event once, and a worker alone finishes";
const NO_ALARM: &str = "no tick asks for a person";

struct Exploration {
    fixture: Fixture,
    memo: Mutex<Memo>,
}

/// Results that are stored so that they are computed only once. They follow from the states and are not part of them.
struct Memo {
    behaviour: Behaviour,
    worlds: Interner<Simulation>,
    /// The world and the answer after a request, by the world before it, the start of the tick and the request.
    call_results: HashMap<(u32, UnixSeconds, u32), (u32, u32)>,
    /// The result of a single worker's run to the end, by world.
    settle_results: HashMap<u32, Result<(), String>>,
    /// Nodes for which a check has shown that failures end the tick.
    failure_checked_nodes: HashSet<NodeId>,
    failed_answer: u32,
}

impl Exploration {
    fn new(fixture: Fixture) -> Self {
        let mut behaviour = Behaviour::new(Arc::clone(&fixture.world.scenario));
        let failed_answer = behaviour.answers.number(Answer::Failed(PortError::next_tick("no answer in time")));
        let (worlds, call_results, settle_results) = (Interner::default(), HashMap::new(), HashMap::new());
        let memo = Memo {
            behaviour,
            worlds,
            call_results,
            settle_results,
            failure_checked_nodes: HashSet::new(),
            failed_answer,
        };
        Self { fixture, memo: Mutex::new(memo) }
    }

    fn memo(&self) -> MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Describes the steps to a violated invariant, one line per step.
    fn describe(&self, path: Vec<(Moment, Option<Step>)>) -> String {
        let mut memo = self.memo();
        let mut text = String::new();
        for (moment, step) in &path {
            let Some(step) = step else { break };
            let call = match step {
                Step::Answer(worker, call) | Step::Fail(worker, call) | Step::Die(worker, call, _) => {
                    memo.request(moment.workers[*worker], *call).map(|(_, number)| number)
                }
                Step::Arrive(index) => Some(moment.late_calls[*index].1),
                _ => None,
            };
            let request = call.map(|number| format!("{:?}", memo.behaviour.requests.value(number)));
            text.push_str(&format!("{step:?} {}\n", request.unwrap_or_default()));
        }
        if let Some((last, _)) = path.last() {
            text.push_str(&memo.check_world(last.world).err().unwrap_or_default());
            for phase in &last.workers {
                if let Phase::Stopped(node) = phase {
                    text.push_str(&format!("asks for a person: {:?}", memo.behaviour.node(*node).reports));
                }
            }
        }
        text
    }
}

impl Memo {
    fn perform_call(&mut self, world: u32, began: UnixSeconds, request: u32) -> (u32, u32) {
        if let Some(known) = self.call_results.get(&(world, began, request)) {
            return *known;
        }
        let mut after = Simulation::clone(&self.worlds.value(world));
        let answer = after.perform(TickId { number: 0, began }, &self.behaviour.requests.value(request));
        let result = (self.worlds.number(after), self.behaviour.answers.number(answer));
        self.call_results.insert((world, began, request), result);
        result
    }

    fn change_world(&mut self, world: u32, change: impl FnOnce(&mut Simulation)) -> u32 {
        let mut after = Simulation::clone(&self.worlds.value(world));
        change(&mut after);
        self.worlds.number(after)
    }

    /// Returns the start of the worker's tick and the number of its call's request.
    fn request(&self, phase: Phase, call: u64) -> Option<(UnixSeconds, u32)> {
        let Phase::At(node) = phase else { return None };
        let node = self.behaviour.node(node);
        let request = node.waiting.iter().find(|(id, _)| *id == call).map(|(_, request)| *request)?;
        Some((node.start.now, request))
    }

    fn phase_after_answer(&mut self, phase: Phase, call: u64, answer: u32) -> Phase {
        let Phase::At(node) = phase else { return phase };
        let child = self.behaviour.child(node, call, answer);
        let node = self.behaviour.node(child);
        let Some(reports) = &node.reports else { return Phase::At(child) };
        if reports.iter().any(|report| report.failure.as_ref().is_some_and(|failure| failure.needs_person)) {
            return Phase::Stopped(child);
        }
        // Work is left, so the schedule will begin another tick.
        if reports.iter().all(|report| report.drained) { Phase::Ended } else { Phase::Idle }
    }

    /// Returns `true` if the worker's only open call is a timer: it waits until the store shows a commit. All other
    /// timers run beside another call.
    fn waits_for_store(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        node.waiting.iter().all(|(_, request)| is_timer(&self.behaviour.requests.value(*request)))
    }

    /// Returns the possible next steps of a worker.
    fn possible_steps(&self, worker: usize, node: NodeId, may_fail: bool, has_hidden: bool) -> Vec<Step> {
        let waits_for_store = self.waits_for_store(node);
        let node = self.behaviour.node(node);
        if waits_for_store {
            // A read before all items are visible returns a part of them and leads to the same wait again, so it is not
            // explored.
            let wait = node.waiting.iter().map(|(call, _)| Step::Answer(worker, *call));
            return if has_hidden { vec![Step::GiveUpWaiting(worker)] } else { wait.collect() };
        }
        let mut steps = Vec::new();
        for (call, request) in &node.waiting {
            add_steps(&mut steps, worker, *call, &self.behaviour.requests.value(*request), may_fail);
        }
        steps
    }

    /// Returns `true` if a worker asks for something that no other worker ever changes: the vendor's data, or the
    /// visible items of a commit.
    fn reads_only_unshared_data(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        let requests = node.waiting.iter().map(|(_, request)| self.behaviour.requests.value(*request));
        requests.into_iter().any(|request| request.is_for_vendor() || matches!(*request, Request::VisibleHours { .. }))
    }

    /// Returns `true` if a worker is in the last step of its tick, which raises the birth record's mark. A failure
    /// there changes nothing, because nothing follows it and a later tick raises the mark; and its exact time does not
    /// matter to the other worker.
    fn is_in_last_step(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        node.waiting.iter().any(|(_, request)| match &*self.behaviour.requests.value(*request) {
            Request::Replace { .. } => true,
            Request::Get { key } => node.has_asked_vendor && key.contains("_state/"),
            _ => false,
        })
    }

    /// Asserts that a failed call of the state or the bucket ends the tick without another call, so that a failure is
    /// like a death.
    fn assert_failures_end(&mut self, node: NodeId) {
        if !self.failure_checked_nodes.insert(node) {
            return;
        }
        let waiting = self.behaviour.node(node).waiting.clone();
        for (call, request) in waiting {
            let request = self.behaviour.requests.value(request);
            if !request.is_for_vendor() && !is_timer(&request) {
                let child = self.behaviour.child(node, call, self.failed_answer);
                assert!(self.behaviour.node(child).reports.is_some(), "a tick goes on after {request:?} failed");
            }
        }
    }

    /// Lets a worker that waits for hidden items read again until it gives up, or sees all items and continues.
    /// The other worker does nothing meanwhile, because these reads change nothing.
    fn give_up_waiting(&mut self, world: u32, phase: Phase) -> Phase {
        let mut phase = phase;
        while let Phase::At(at) = phase {
            let node = self.behaviour.node(at);
            let Some((call, request)) = node.waiting.first() else { break };
            if self.behaviour.requests.value(*request).has_effect() {
                break;
            }
            let (_, answer) = self.perform_call(world, node.start.now, *request);
            phase = self.phase_after_answer(phase, *call, answer);
        }
        phase
    }

    /// Returns the numbers of the hidden items that an open read of the worker would return if they were visible. A
    /// worker that waits for the store will read again.
    fn hidden_from(&self, world: u32, node: NodeId) -> Vec<usize> {
        let world = self.worlds.value(world);
        if world.store.hidden.is_empty() {
            return Vec::new();
        }
        let waits_for_store = self.waits_for_store(node);
        let node = self.behaviour.node(node);
        let requests: Vec<_> =
            node.waiting.iter().map(|(_, request)| self.behaviour.requests.value(*request)).collect();
        let is_read = |place: &ItemPlace| requests.iter().any(|request| Store::reads(request, place));
        let places = world.store.hidden.keys().enumerate();
        places.filter(|(_, place)| waits_for_store || is_read(place)).map(|(number, _)| number).collect()
    }

    fn check_world(&mut self, world: u32) -> Result<(), String> {
        if let Some(known) = self.settle_results.get(&world) {
            return known.clone();
        }
        let violation = self.worlds.value(world).checker.violation.clone();
        let found = match violation {
            Some(broken) => Err(broken),
            None => self.settle(world),
        };
        self.settle_results.insert(world, found.clone());
        found
    }

    /// Runs a single worker without faults once all items are visible and all pending work is due.
    fn settle(&mut self, world: u32) -> Result<(), String> {
        let mut world = self.change_world(world, |world| {
            world.reveal_all();
            let begin = world.clock.max(world.scenario.all_visible_at()) + 60;
            world.clock = world.store.pending_due_at().map_or(begin, |due| due.max(begin));
        });
        if let Some(known) = self.settle_results.get(&world) {
            return known.clone();
        }
        let revealed_world = world;
        let found = self.drain(&mut world).and_then(|()| self.worlds.value(world).settled());
        self.settle_results.insert(revealed_world, found.clone());
        found
    }

    fn drain(&mut self, world: &mut u32) -> Result<(), String> {
        for _ in 0..MAX_TICKS {
            let (after, drained) = self.single_worker_tick(*world)?;
            *world = after;
            if drained {
                return Ok(());
            }
        }
        Err(format!("a single worker is not drained after {MAX_TICKS} ticks"))
    }

    fn single_worker_tick(&mut self, mut world: u32) -> Result<(u32, bool), String> {
        let now = self.worlds.value(world).clock;
        let mut at = self.behaviour.root(Start { now, seed: u64::MAX });
        for _ in 0..MAX_CALLS {
            let node = self.behaviour.node(at);
            if let Some(reports) = &node.reports {
                return Ok((world, reports.iter().all(|report| report.drained)));
            }
            let Some((call, request)) = node.waiting.first() else { break };
            let (after, answer) = self.perform_call(world, now, *request);
            world = after;
            at = self.behaviour.child(at, *call, answer);
        }
        Err("a single worker does not finish".into())
    }
}

impl Model for Exploration {
    type State = Moment;
    type Action = Step;

    fn init_states(&self) -> Vec<Moment> {
        let world = self.memo().worlds.number(self.fixture.world.clone());
        vec![Moment {
            world,
            workers: [Phase::Idle; 2],
            faults: self.fixture.faults,
            late_calls: Vec::new(),
            is_state_lost: self.fixture.world.mutant != Some(Mutant::HeadLost),
        }]
    }

    fn actions(&self, moment: &Moment, steps: &mut Vec<Step>) {
        let mut memo = self.memo();
        let mut unobserved_steps = Vec::new();
        for (worker, phase) in moment.workers.iter().enumerate() {
            let Phase::At(node) = phase else {
                steps.extend((*phase == Phase::Idle).then_some(Step::Begin(worker)));
                continue;
            };
            memo.assert_failures_end(*node);
            let hidden = memo.hidden_from(moment.world, *node);
            let is_last = memo.is_in_last_step(*node);
            let mut own = memo.possible_steps(worker, *node, moment.faults > 0 && !is_last, !hidden.is_empty());
            if is_last || memo.reads_only_unshared_data(*node) {
                // The other worker cannot observe the step, so only this order is explored.
                own.extend(hidden.into_iter().map(Step::Reveal));
                *steps = own;
                return;
            }
            steps.append(&mut own);
            unobserved_steps.extend(hidden);
        }
        // Only its reader can observe a hidden item, so it is revealed only just before a read of it.
        unobserved_steps.sort_unstable();
        unobserved_steps.dedup();
        steps.extend(unobserved_steps.into_iter().map(Step::Reveal));
        steps.extend((0..moment.late_calls.len()).map(Step::Arrive));
        if !moment.is_state_lost {
            steps.push(Step::Lose);
        }
    }

    fn next_state(&self, before: &Moment, step: Step) -> Option<Moment> {
        let mut memo = self.memo();
        let mut moment = before.clone();
        match step {
            Step::Begin(worker) => {
                let now = self.fixture.clocks[worker];
                // Two ticks that could both create a head need different seeds, because the head's id is random.
                let is_beside_other = moment.workers.iter().any(|phase| matches!(phase, Phase::At(_)));
                let has_head = !memo.worlds.value(moment.world).store.heads.is_empty();
                let seed = if has_head { 0 } else { u64::from(moment.faults) * 2 + u64::from(is_beside_other) };
                moment.workers[worker] = Phase::At(memo.behaviour.root(Start { now, seed }));
            }
            Step::Answer(worker, call) => {
                let (began, request) = memo.request(moment.workers[worker], call)?;
                let (world, answer) = memo.perform_call(moment.world, began, request);
                if let Phase::At(node) = moment.workers[worker] {
                    let is_fault = is_timer(&memo.behaviour.requests.value(request)) && !memo.waits_for_store(node);
                    moment.faults -= u8::from(is_fault);
                }
                moment.world = world;
                moment.workers[worker] = memo.phase_after_answer(moment.workers[worker], call, answer);
            }
            Step::Fail(worker, call) => {
                moment.faults -= 1;
                let fault = memo.failed_answer;
                moment.workers[worker] = memo.phase_after_answer(moment.workers[worker], call, fault);
            }
            Step::Die(worker, call, arrives) => {
                let sent = memo.request(moment.workers[worker], call)?;
                moment.faults -= 1;
                moment.late_calls.extend(arrives.then_some(sent));
                moment.workers[worker] = Phase::Idle;
            }
            Step::Arrive(index) => {
                let (began, request) = moment.late_calls.remove(index);
                moment.world = memo.perform_call(moment.world, began, request).0;
            }
            Step::Reveal(number) => {
                moment.world = memo.change_world(moment.world, |world| {
                    let place = world.store.hidden.keys().nth(number).cloned();
                    place.iter().for_each(|place| world.reveal(place));
                });
            }
            Step::GiveUpWaiting(worker) => {
                moment.workers[worker] = memo.give_up_waiting(moment.world, moment.workers[worker]);
            }
            Step::Lose => {
                moment.is_state_lost = true;
                moment.world = memo.change_world(moment.world, Simulation::lose_state);
            }
        }
        moment.late_calls.sort_unstable();
        if self.fixture.clocks[0] == self.fixture.clocks[1] {
            // Workers with equal clocks are interchangeable, so their order does not make another state.
            moment.workers.sort_unstable();
        }
        Some(moment)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ALL_DELIVERED, |model, moment: &Moment| model.memo().check_world(moment.world).is_ok()),
            Property::always(NO_ALARM, |model, moment: &Moment| {
                let is_stopped = moment.workers.iter().any(|phase| matches!(phase, Phase::Stopped(_)));
                !is_stopped || !model.fixture.world.checker.checks_state
            }),
        ]
    }
}

fn is_timer(request: &Request) -> bool {
    matches!(request, Request::Sleep { .. })
}

/// Adds the possible steps of a call. A timer that expires because the tick took too long is a fault too.
///
/// A worker dies only during a call with an effect, either before it (the call has no effect) or after it (the call
/// takes effect, at once or later). A death at any other call leaves the same world as a death right after the effect
/// before it, or as a tick that has not begun. A failed call of the state or the bucket ends the tick as a death does
/// ([`Memo::assert_failures_end`]), so no separate step explores it.
fn add_steps(steps: &mut Vec<Step>, worker: usize, call: u64, request: &Request, may_fail: bool) {
    let answered = !is_timer(request) || may_fail;
    steps.extend(answered.then_some(Step::Answer(worker, call)));
    if is_timer(request) || !may_fail {
        return;
    }
    if request.is_for_vendor() {
        steps.push(Step::Fail(worker, call));
    }
    if request.has_effect() {
        steps.extend([Step::Die(worker, call, false), Step::Die(worker, call, true)]);
    }
}
