//! The collector's behaviour as a tree: answers so far, calls next.
//!
//! A tick is deterministic in its start and in the answers it is given. So the real code needs to
//! run only once for each history of answers, however many ways of the world lead to that history:
//! a node is a history, an edge one answer. The tree grows as it is asked for.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use collector::{StreamReport, UnixSeconds};
use jiff::Timestamp;

use super::call::{Answer, Request};
use super::intern::Interner;
use super::scenario::Scenario;
use super::worker::Worker;

/// A node's number.
pub type NodeId = u32;

/// How a tick starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// The worker's clock.
    pub now: UnixSeconds,
    /// The worker's chance.
    pub seed: u64,
}

/// A tick after some answers.
#[derive(Debug)]
pub struct Node {
    /// How it started.
    pub start: Start,
    /// What it was told: the call's id and the answer's number.
    history: Vec<(u64, u32)>,
    /// What it asks: the call's id and the request's number. Timers stand last.
    pub waiting: Vec<(u64, u32)>,
    /// Whether the vendor has answered it.
    pub has_asked_vendor: bool,
    /// What it reported, once it has ended.
    pub reports: Option<Vec<StreamReport>>,
}

/// The tree.
#[derive(Debug)]
pub struct Behaviour {
    scenario: Arc<Scenario>,
    /// Every request ever made.
    pub requests: Interner<Request>,
    /// Every answer ever given.
    pub answers: Interner<Answer>,
    nodes: Vec<Arc<Node>>,
    roots: HashMap<Start, NodeId>,
    children: HashMap<(NodeId, u64, u32), NodeId>,
}

impl Behaviour {
    /// The behaviour in one scenario.
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let (requests, answers) = (Interner::default(), Interner::default());
        Self { scenario, requests, answers, nodes: Vec::new(), roots: HashMap::new(), children: HashMap::new() }
    }

    /// The node of that number.
    pub fn node(&self, id: NodeId) -> Arc<Node> {
        Arc::clone(&self.nodes[id as usize])
    }

    /// All nodes so far.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// A tick that has been told nothing.
    pub fn root(&mut self, start: Start) -> NodeId {
        if let Some(known) = self.roots.get(&start) {
            return *known;
        }
        let root = self.grow(start, Vec::new(), false);
        self.roots.insert(start, root);
        root
    }

    /// The tick at `node` after one more answer, by its number.
    pub fn child(&mut self, node: NodeId, call: u64, answer: u32) -> NodeId {
        if let Some(known) = self.children.get(&(node, call, answer)) {
            return *known;
        }
        let parent = self.node(node);
        let history = parent.history.iter().copied().chain([(call, answer)]).collect();
        let answered = parent.waiting.iter().filter(|(id, _)| *id == call);
        let asks_vendor = answered.into_iter().any(|(_, request)| self.requests.value(*request).is_for_vendor());
        let child = self.grow(parent.start, history, parent.has_asked_vendor || asks_vendor);
        self.children.insert((node, call, answer), child);
        child
    }

    /// Runs the real code through a history.
    fn grow(&mut self, start: Start, history: Vec<(u64, u32)>, has_asked_vendor: bool) -> NodeId {
        let now = Timestamp::from_second(start.now).unwrap_or_default();
        let mut worker = Worker::begin(&self.scenario, now, start.seed, Rc::default());
        for (call, answer) in &history {
            // A timer that went off leaves the clock where it was: nothing in the protocol reads more into it.
            worker.answer(*call, Answer::clone(&self.answers.value(*answer)));
        }
        let mut waiting = worker.waiting();
        waiting.sort_by_key(|(id, request)| (matches!(request, Request::Sleep { .. }), *id));
        let waiting = waiting.into_iter().map(|(id, request)| (id, self.requests.number(request))).collect();
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        let reports = worker.reports.take();
        self.nodes.push(Arc::new(Node { start, history, waiting, has_asked_vendor, reports }));
        id
    }
}
