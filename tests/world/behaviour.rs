//! The collector's behaviour as a tree whose nodes are ticks with the answers that they have received so far.
//!
//! A tick is determined by its start and by the answers it receives. So the real code needs to
//! run only once per history of answers, however many states of the world lead to that history:
//! a node is a history, and an edge is one answer. Nodes are added when they are first needed.

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

/// The start conditions of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// The worker's clock.
    pub now: UnixSeconds,
    /// The seed of the worker's random numbers.
    pub seed: u64,
}

/// One node of the tree: a tick after a given series of answers.
#[derive(Debug)]
pub struct Node {
    /// The start conditions of the tick.
    pub start: Start,
    /// The answers received so far, each as the call's id and the answer's number in [`Behaviour::answers`].
    history: Vec<(u64, u32)>,
    /// The open calls, each as its id and the number of its request in [`Behaviour::requests`]. Timers come last.
    pub waiting: Vec<(u64, u32)>,
    /// `true` once the vendor has answered a call of the tick.
    pub has_asked_vendor: bool,
    /// The reports of the tick once it has ended.
    pub reports: Option<Vec<StreamReport>>,
}

/// The tree of histories.
#[derive(Debug)]
pub struct Behaviour {
    scenario: Arc<Scenario>,
    /// All requests of all nodes.
    pub requests: Interner<Request>,
    /// All answers of all edges.
    pub answers: Interner<Answer>,
    nodes: Vec<Arc<Node>>,
    roots: HashMap<Start, NodeId>,
    children: HashMap<(NodeId, u64, u32), NodeId>,
}

impl Behaviour {
    /// Creates the empty tree for one scenario.
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let (requests, answers) = (Interner::default(), Interner::default());
        Self { scenario, requests, answers, nodes: Vec::new(), roots: HashMap::new(), children: HashMap::new() }
    }

    /// Returns the node with this number.
    pub fn node(&self, id: NodeId) -> Arc<Node> {
        Arc::clone(&self.nodes[id as usize])
    }

    /// Returns all nodes that exist so far.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Returns the node of a tick that has received no answer yet.
    pub fn root(&mut self, start: Start) -> NodeId {
        if let Some(known) = self.roots.get(&start) {
            return *known;
        }
        let root = self.add_node(start, Vec::new(), false);
        self.roots.insert(start, root);
        root
    }

    /// Returns the node that `node` becomes after one more answer, given by its number.
    pub fn child(&mut self, node: NodeId, call: u64, answer: u32) -> NodeId {
        if let Some(known) = self.children.get(&(node, call, answer)) {
            return *known;
        }
        let parent = self.node(node);
        let history = parent.history.iter().copied().chain([(call, answer)]).collect();
        let answered = parent.waiting.iter().filter(|(id, _)| *id == call);
        let asks_vendor = answered.into_iter().any(|(_, request)| self.requests.value(*request).is_for_vendor());
        let child = self.add_node(parent.start, history, parent.has_asked_vendor || asks_vendor);
        self.children.insert((node, call, answer), child);
        child
    }

    /// Runs the real code through a history of answers and adds the node that it reaches.
    fn add_node(&mut self, start: Start, history: Vec<(u64, u32)>, has_asked_vendor: bool) -> NodeId {
        let now = Timestamp::from_second(start.now).unwrap_or_default();
        let mut worker = Worker::begin(&self.scenario, now, start.seed, Rc::default());
        for (call, answer) in &history {
            // An expired timer leaves the clock unchanged: the protocol depends on no timer.
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
