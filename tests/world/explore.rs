//! Driver 2: every interleaving, every crash.
//!
//! Two workers run the real collector. At every moment either may begin, be answered, fail or die;
//! a call whose caller failed or died may never arrive, or arrive at any later moment; an item of a commit may become
//! visible at any moment after its head; time may pass once. `stateright` walks all of it breadth first, so a counterexample is a shortest one;
//! its states are numbers of interned values: the world, and each worker's node in the tree of
//! its [`Behaviour`]. Two ways to the same world with the same histories are one state, and a
//! tick that died or ended leaves no history, so the space is finite without any bound.
//!
//! In every state reached, whatever the two workers were at, a worker alone must finish and leave
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

/// What is explored.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The world at the beginning.
    pub world: Simulation,
    /// Failures and deaths, together.
    pub faults: u8,
    /// Each worker's clock, and what the vendor shows it goes by it.
    pub clocks: [UnixSeconds; 2],
}

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// It may begin a tick; after a death it may begin another.
    Idle,
    /// In a tick.
    At(NodeId),
    /// Its tick has ended.
    Ended,
    /// Its tick asks for a person.
    Stopped(NodeId),
}

/// One state: all there is, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Moment {
    world: u32,
    workers: [Phase; 2],
    faults: u8,
    /// Calls nobody waits for that may still arrive: when their tick began, and the request's number.
    late: Vec<(UnixSeconds, u32)>,
    state_lost: bool,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A worker begins a tick.
    Begin(usize),
    /// A worker's call is answered by the world.
    Answer(usize, u64),
    /// A worker's call of the vendor fails.
    Fail(usize, u64),
    /// A worker dies with a call under way; whether that may still arrive.
    Die(usize, u64, bool),
    /// A late call arrives.
    Arrive(usize),
    /// The hidden item of that number becomes visible.
    Reveal(usize),
    /// A worker that waits for hidden items waits in vain: its tick ends.
    WaitInVain(usize),
    /// The state is lost; a mutant's.
    Lose,
}

/// What an exploration found.
#[derive(Debug)]
pub struct Explored {
    /// Distinct states.
    pub states: usize,
    /// Distinct worlds among them.
    pub worlds: usize,
    /// Distinct histories of a worker.
    pub histories: usize,
    /// Whether there was nothing left to explore.
    pub complete: bool,
    /// The first promise found broken, and the way there.
    pub violation: Option<String>,
    /// Histories that ended in a tick that adopted another's object.
    pub adopting: usize,
}

/// Explores all of a fixture, or about `max_states` of it.
pub fn explore(fixture: Fixture, max_states: Option<usize>) -> Explored {
    let checker = Exploration::new(fixture).checker().threads(1);
    let checker = match max_states {
        Some(max) => checker.target_state_count(max),
        None => checker,
    };
    let checker = checker.spawn_bfs().join();
    let model = checker.model();
    let discovery = checker.discovery(SOUND).or_else(|| checker.discovery(NO_ALARM));
    let violation = discovery.map(|path| model.tell(path.into_vec()));
    let memo = model.memo();
    let ended = memo.behaviour.nodes().iter().filter_map(|node| node.reports.as_ref());
    Explored {
        states: checker.unique_state_count(),
        worlds: memo.worlds.len(),
        histories: memo.behaviour.nodes().len(),
        complete: checker.is_done() && violation.is_none() && max_states.is_none_or(|max| checker.state_count() < max),
        violation,
        adopting: ended.filter(|reports| reports.iter().any(|report| report.lines.adopted > 0)).count(),
    }
}

const SOUND: &str = "every event once, and a worker alone finishes";
const NO_ALARM: &str = "no tick asks for a person";

struct Exploration {
    fixture: Fixture,
    memo: Mutex<Memo>,
}

/// What has been found out. None of it is part of a state; all of it is a function of states.
struct Memo {
    behaviour: Behaviour,
    worlds: Interner<Simulation>,
    /// World, begin of the tick, request: world, answer.
    performed: HashMap<(u32, UnixSeconds, u32), (u32, u32)>,
    /// Whether a worker alone brings the world to a good end.
    settled: HashMap<u32, Result<(), String>>,
    /// Nodes at which it was checked that failures end the tick.
    checked: HashSet<NodeId>,
    fault: u32,
}

impl Exploration {
    fn new(fixture: Fixture) -> Self {
        let mut behaviour = Behaviour::new(Arc::clone(&fixture.world.scenario));
        let fault = behaviour.answers.number(Answer::Failed(PortError::next_tick("no answer in time")));
        let (worlds, performed, settled) = (Interner::default(), HashMap::new(), HashMap::new());
        let memo = Memo { behaviour, worlds, performed, settled, checked: HashSet::new(), fault };
        Self { fixture, memo: Mutex::new(memo) }
    }

    fn memo(&self) -> MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to a broken promise, one line a step.
    fn tell(&self, path: Vec<(Moment, Option<Step>)>) -> String {
        let mut memo = self.memo();
        let mut text = String::new();
        for (moment, step) in &path {
            let Some(step) = step else { break };
            let call = match step {
                Step::Answer(worker, call) | Step::Fail(worker, call) | Step::Die(worker, call, _) => {
                    memo.request(moment.workers[*worker], *call).map(|(_, number)| number)
                }
                Step::Arrive(index) => Some(moment.late[*index].1),
                _ => None,
            };
            let request = call.map(|number| format!("{:?}", memo.behaviour.requests.value(number)));
            text.push_str(&format!("{step:?} {}\n", request.unwrap_or_default()));
        }
        if let Some((last, _)) = path.last() {
            text.push_str(&memo.sound(last.world).err().unwrap_or_default());
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
    fn perform(&mut self, world: u32, began: UnixSeconds, request: u32) -> (u32, u32) {
        if let Some(known) = self.performed.get(&(world, began, request)) {
            return *known;
        }
        let mut after = Simulation::clone(&self.worlds.value(world));
        let answer = after.perform(TickId { number: 0, began }, &self.behaviour.requests.value(request));
        let came = (self.worlds.number(after), self.behaviour.answers.number(answer));
        self.performed.insert((world, began, request), came);
        came
    }

    fn changed(&mut self, world: u32, change: impl FnOnce(&mut Simulation)) -> u32 {
        let mut after = Simulation::clone(&self.worlds.value(world));
        change(&mut after);
        self.worlds.number(after)
    }

    /// When the worker's tick began, and the number of its call's request.
    fn request(&self, phase: Phase, call: u64) -> Option<(UnixSeconds, u32)> {
        let Phase::At(node) = phase else { return None };
        let node = self.behaviour.node(node);
        let request = node.waiting.iter().find(|(id, _)| *id == call).map(|(_, request)| *request)?;
        Some((node.start.now, request))
    }

    fn after(&mut self, phase: Phase, call: u64, answer: u32) -> Phase {
        let Phase::At(node) = phase else { return phase };
        let child = self.behaviour.child(node, call, answer);
        let node = self.behaviour.node(child);
        let Some(reports) = &node.reports else { return Phase::At(child) };
        if reports.iter().any(|report| report.failure.as_ref().is_some_and(|failure| failure.needs_person)) {
            return Phase::Stopped(child);
        }
        // What it did not do the schedule tries again.
        if reports.iter().all(|report| report.drained) { Phase::Ended } else { Phase::Idle }
    }

    /// Whether a worker does nothing but wait until the store shows a commit. Other timers run beside a call.
    fn waits_for_store(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        node.waiting.iter().all(|(_, request)| is_timer(&self.behaviour.requests.value(*request)))
    }

    /// What a worker may do next.
    fn steps(&self, worker: usize, node: NodeId, may_fail: bool, has_hidden: bool) -> Vec<Step> {
        let waits_for_store = self.waits_for_store(node);
        let node = self.behaviour.node(node);
        if waits_for_store {
            // To read again before all is visible shows a part of it, and leads to the same wait.
            let wait = node.waiting.iter().map(|(call, _)| Step::Answer(worker, *call));
            return if has_hidden { vec![Step::WaitInVain(worker)] } else { wait.collect() };
        }
        let mut steps = Vec::new();
        for (call, request) in &node.waiting {
            add_steps(&mut steps, worker, *call, &self.behaviour.requests.value(*request), may_fail);
        }
        steps
    }

    /// Whether a worker asks for something that no other worker ever changes: what the vendor says, and which items of a
    /// commit are visible.
    fn asks_what_nobody_changes(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        let requests = node.waiting.iter().map(|(_, request)| self.behaviour.requests.value(*request));
        requests.into_iter().any(|request| request.is_for_vendor() || matches!(*request, Request::VisibleHours { .. }))
    }

    /// Whether a worker does the last thing of its tick, which is to raise the birth record's mark. What fails there
    /// changes nothing, for nothing follows it, and the mark is raised by a later tick; and nobody else cares when exactly
    /// it is done.
    fn does_last_thing(&self, node: NodeId) -> bool {
        let node = self.behaviour.node(node);
        node.waiting.iter().any(|(_, request)| match &*self.behaviour.requests.value(*request) {
            Request::Replace { .. } => true,
            Request::Get { key } => node.has_asked_vendor && key.contains("_state/"),
            _ => false,
        })
    }

    /// A call of the state or the bucket that fails ends the tick without another call: failure is death there.
    fn assert_failures_end(&mut self, node: NodeId) {
        if !self.checked.insert(node) {
            return;
        }
        let waiting = self.behaviour.node(node).waiting.clone();
        for (call, request) in waiting {
            let request = self.behaviour.requests.value(request);
            if !request.is_for_vendor() && !is_timer(&request) {
                let child = self.behaviour.child(node, call, self.fault);
                assert!(self.behaviour.node(child).reports.is_some(), "a tick goes on after {request:?} failed");
            }
        }
    }

    /// Lets a worker that waits for hidden items read again and again, until it gives up, or sees all of them and goes on.
    /// Nobody else does anything meanwhile: what it reads in vain changes nothing.
    fn wait_in_vain(&mut self, world: u32, phase: Phase) -> Phase {
        let mut phase = phase;
        while let Phase::At(at) = phase {
            let node = self.behaviour.node(at);
            let Some((call, request)) = node.waiting.first() else { break };
            if self.behaviour.requests.value(*request).has_effect() {
                break;
            }
            let (_, answer) = self.perform(world, node.start.now, *request);
            phase = self.after(phase, *call, answer);
        }
        phase
    }

    /// The numbers of the hidden items that a read of the worker would show, were they visible. A worker that waits for the
    /// store will read again.
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

    fn sound(&mut self, world: u32) -> Result<(), String> {
        if let Some(known) = self.settled.get(&world) {
            return known.clone();
        }
        let violation = self.worlds.value(world).checker.violation.clone();
        let found = match violation {
            Some(broken) => Err(broken),
            None => self.settle(world),
        };
        self.settled.insert(world, found.clone());
        found
    }

    /// A worker alone, without faults, once everything is visible and due.
    fn settle(&mut self, world: u32) -> Result<(), String> {
        let mut world = self.changed(world, |world| {
            world.reveal_all();
            let begin = world.clock.max(world.scenario.all_visible_at()) + 60;
            world.clock = world.store.pending_due_at().map_or(begin, |due| due.max(begin));
        });
        if let Some(known) = self.settled.get(&world) {
            return known.clone();
        }
        let mended = world;
        let found = self.drain(&mut world).and_then(|()| self.worlds.value(world).settled());
        self.settled.insert(mended, found.clone());
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
            let (after, answer) = self.perform(world, now, *request);
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
            late: Vec::new(),
            state_lost: self.fixture.world.mutant != Some(Mutant::HeadLost),
        }]
    }

    fn actions(&self, moment: &Moment, steps: &mut Vec<Step>) {
        let mut memo = self.memo();
        let mut unseen = Vec::new();
        for (worker, phase) in moment.workers.iter().enumerate() {
            let Phase::At(node) = phase else {
                steps.extend((*phase == Phase::Idle).then_some(Step::Begin(worker)));
                continue;
            };
            memo.assert_failures_end(*node);
            let hidden = memo.hidden_from(moment.world, *node);
            let is_last = memo.does_last_thing(*node);
            let mut own = memo.steps(worker, *node, moment.faults > 0 && !is_last, !hidden.is_empty());
            if is_last || memo.asks_what_nobody_changes(*node) {
                // It concerns no other: whoever does it goes first.
                own.extend(hidden.into_iter().map(Step::Reveal));
                *steps = own;
                return;
            }
            steps.append(&mut own);
            unseen.extend(hidden);
        }
        // An item concerns only who reads it: that it became visible earlier makes no difference.
        unseen.sort_unstable();
        unseen.dedup();
        steps.extend(unseen.into_iter().map(Step::Reveal));
        steps.extend((0..moment.late.len()).map(Step::Arrive));
        if !moment.state_lost {
            steps.push(Step::Lose);
        }
    }

    fn next_state(&self, before: &Moment, step: Step) -> Option<Moment> {
        let mut memo = self.memo();
        let mut moment = before.clone();
        match step {
            Step::Begin(worker) => {
                let now = self.fixture.clocks[worker];
                // Ticks that could both give birth to a head have chances of their own.
                let beside = moment.workers.iter().any(|phase| matches!(phase, Phase::At(_)));
                let is_born = !memo.worlds.value(moment.world).store.heads.is_empty();
                let seed = if is_born { 0 } else { u64::from(moment.faults) * 2 + u64::from(beside) };
                moment.workers[worker] = Phase::At(memo.behaviour.root(Start { now, seed }));
            }
            Step::Answer(worker, call) => {
                let (began, request) = memo.request(moment.workers[worker], call)?;
                let (world, answer) = memo.perform(moment.world, began, request);
                if let Phase::At(node) = moment.workers[worker] {
                    let is_fault = is_timer(&memo.behaviour.requests.value(request)) && !memo.waits_for_store(node);
                    moment.faults -= u8::from(is_fault);
                }
                moment.world = world;
                moment.workers[worker] = memo.after(moment.workers[worker], call, answer);
            }
            Step::Fail(worker, call) => {
                moment.faults -= 1;
                let fault = memo.fault;
                moment.workers[worker] = memo.after(moment.workers[worker], call, fault);
            }
            Step::Die(worker, call, arrives) => {
                let sent = memo.request(moment.workers[worker], call)?;
                moment.faults -= 1;
                moment.late.extend(arrives.then_some(sent));
                moment.workers[worker] = Phase::Idle;
            }
            Step::Arrive(index) => {
                let (began, request) = moment.late.remove(index);
                moment.world = memo.perform(moment.world, began, request).0;
            }
            Step::Reveal(number) => {
                moment.world = memo.changed(moment.world, |world| {
                    let place = world.store.hidden.keys().nth(number).cloned();
                    place.iter().for_each(|place| world.reveal(place));
                });
            }
            Step::WaitInVain(worker) => {
                moment.workers[worker] = memo.wait_in_vain(moment.world, moment.workers[worker]);
            }
            Step::Lose => {
                moment.state_lost = true;
                moment.world = memo.changed(moment.world, Simulation::lose_state);
            }
        }
        moment.late.sort_unstable();
        if self.fixture.clocks[0] == self.fixture.clocks[1] {
            // Nothing tells the workers apart.
            moment.workers.sort_unstable();
        }
        Some(moment)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SOUND, |model, moment: &Moment| model.memo().sound(moment.world).is_ok()),
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

/// What may become of a call. A timer that goes off, because the tick took too long, is a fault too.
///
/// A worker dies only with an effect under way, before it (the call never arrives) or after it (it
/// arrives, at once or later). To die at any other call leaves what dying right after the effect
/// before it leaves, or not having begun. A call of the state or the bucket that fails ends the tick, as death does
/// ([`Memo::assert_failures_end`]), so it is not tried apart from that.
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
