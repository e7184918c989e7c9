//! The OpenAI audit logs API: `GET /v1/organization/audit_logs`.

mod auth;
mod awkward;
mod behaviours;
mod broken_span;
mod choices;
mod endpoint;
mod envelope;
mod event;
mod events;
mod generated;
mod generated_event;
mod keys;
mod late;
mod list;
mod payloads;
mod people;
mod query;
mod reply;
mod state;
mod supplied;
mod types;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use behaviours::Behaviours;
pub use broken_span::BrokenSpan;
pub use choices::{AuditLogging, EdgeIds, QuotaCode, UnknownCursor};
pub use endpoint::BASE_PATH;
pub use generated::generated;
pub use keys::{ADMIN_KEY, Key};

use crate::http::{Reply, Request};
use crate::ledger::ServedEvent;
use crate::options::{Clock, Options};
use crate::server::{RunningSimulator, Simulation};
use endpoint::operation;
use state::State;

/// The OpenAI simulator. A clone shares all its state with the original.
#[derive(Clone)]
pub struct OpenAiSimulator(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

impl OpenAiSimulator {
    /// Returns a simulator with the behaviours of the preset `options.faults`.
    ///
    /// # Errors
    /// A supplied event is not JSON, or the ledger's file cannot be opened.
    pub fn new(options: &Options, clock: Clock) -> io::Result<Self> {
        Self::with(options, Behaviours::new(options.faults, options.seed), clock)
    }

    /// Returns a simulator with these behaviours. `options.faults` is ignored.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(options: &Options, behaviours: Behaviours, clock: Clock) -> io::Result<Self> {
        let state = State::new(options, behaviours)?;
        Ok(Self(Arc::new(Shared { clock, state: Mutex::new(state) })))
    }

    /// Creates a simulator and serves it on 127.0.0.1. Port 0 means any free port. The caller must be in a tokio
    /// runtime.
    ///
    /// # Errors
    /// As [`Self::new`] and [`Self::serve`].
    pub fn start(options: Options, port: u16, clock: Clock) -> io::Result<RunningSimulator> {
        Self::new(&options, clock)?.serve(port)
    }

    /// Serves the simulator on 127.0.0.1. Port 0 means any free port. The caller must be in a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound, or the caller is not in a tokio runtime.
    pub fn serve(&self, port: u16) -> io::Result<RunningSimulator> {
        RunningSimulator::start(Arc::clone(&self.0) as Arc<dyn Simulation>, port)
    }

    /// Changes the behaviours from the next request on. The events and the times at which they become visible were
    /// fixed when the simulator was created, so they do not change.
    pub fn change(&self, change: impl FnOnce(&mut Behaviours)) {
        let now = self.0.now();
        self.0.state().change(now, change);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulation for Shared {
    fn answer(&self, request: &Request) -> Reply {
        let now = self.now();
        self.state().answer(request, now)
    }

    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn served(&self) -> Vec<ServedEvent> {
        self.state().served()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state().ledger.counts()
    }

    fn pending(&self) -> usize {
        self.state().pending()
    }
}
