//! The Office 365 Management Activity API, and the token endpoint that it needs.
//!
//! The API is served at `/api/v1.0/{tenant}/activity/feed/…`, the token endpoint at `/{tenant}/oauth2/…` and
//! `/login/{tenant}/oauth2/…`.

mod admission;
mod api;
mod assertion;
mod behaviours;
mod blob_faults;
mod broken_span;
mod call;
mod content;
mod content_type;
mod error;
mod feeds;
mod generated;
mod kinds;
mod ledger;
mod login;
mod presets;
mod records;
mod request;
mod subscriptions;
mod throttle;
mod token;
mod token_request;
mod window;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use assertion::Certificate;
pub use behaviours::{Behaviours, CLIENT_ID, CLIENT_SECRET, READ, READ_DLP, TENANT_ID};
pub use blob_faults::{BlobChoice, BrokenBlobs, TricklingBlobs};
pub use broken_span::BrokenSpan;
pub use content_type::ContentType;
pub use generated::{generated, generated_mixed};
pub use kinds::{AlreadyOn, Cloud, Expiration, Throttle, Unauthorized};
pub use ledger::{AvailableBlob, AvailableRecord, Difference, Ledger, RecordTally, id_number, identity};

use crate::canonical::canonical;
use crate::http::{Reply, Request};
use crate::ledger::ServedEvent;
use crate::options::{Clock, Options};
use crate::server::{RunningSimulator, Simulation};
use api::State;

/// The Microsoft 365 simulator. A clone shares all its state with the original.
#[derive(Clone)]
pub struct Microsoft365Simulator(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

impl Microsoft365Simulator {
    /// Returns a simulator with the behaviours of the preset `options.faults`.
    ///
    /// # Errors
    /// An element of `options.records` is malformed, there are more than four billion events, or the ledger's file
    /// cannot be opened.
    pub fn new(options: &Options, clock: Clock) -> io::Result<Self> {
        Self::with(options, Behaviours::new(options.faults, options.seed), clock)
    }

    /// Returns a simulator with these behaviours. `options.faults` is ignored.
    ///
    /// # Errors
    /// Fails as [`Self::new`] does.
    pub fn with(options: &Options, behaviours: Behaviours, clock: Clock) -> io::Result<Self> {
        let state = Mutex::new(State::new(options, behaviours)?);
        Ok(Self(Arc::new(Shared { clock, state })))
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

    /// Changes the behaviours from the next request on. The blobs and their records were fixed when the simulator was
    /// created, so they do not change.
    pub fn change(&self, change: impl FnOnce(&mut Behaviours)) {
        change(&mut self.0.state().behaviours);
    }

    /// Disables a subscription, as an administrator of the tenant can do. Returns `false` if it was not enabled.
    pub fn disable(&self, content_type: ContentType) -> bool {
        let mut state = self.0.state();
        let now = state.clocks((self.0.clock)()).api;
        state.disable(content_type, now)
    }

    /// Returns `true` if a collector cannot get the blob at present: the listing of its time always fails, its fetch
    /// fails, or it is sent one byte at a time.
    pub fn is_broken(&self, blob: &AvailableBlob) -> bool {
        self.0.state().is_broken(blob, (self.0.clock)())
    }

    /// Returns the ledger of all blobs that were available by the time of the last request. It holds no texts of
    /// records, so it suits tenants with millions of records. [`RunningSimulator::served`](crate::RunningSimulator::served) returns all those texts at once.
    pub fn ledger(&self) -> Ledger {
        self.0.state().ledger()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulation for Shared {
    fn operation(&self, request: &Request) -> &'static str {
        request::operation(request.uri().path()).map_or("other", |(_, operation)| operation.name())
    }

    fn answer(&self, request: &Request) -> Reply {
        let now = (self.clock)();
        self.state().answer(request, now)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn date(&self) -> Timestamp {
        self.state().clocks((self.clock)()).api
    }

    fn served(&self) -> Vec<ServedEvent> {
        let ledger = self.state().ledger();
        let served = ledger.records().map(|record| ServedEvent {
            log_type: record.log_type,
            identity: canonical(&record.raw),
            raw: record.raw,
            visible_at: record.visible_at,
            visible_until: Some(record.visible_until),
        });
        served.collect()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state().counts()
    }

    fn pending(&self) -> usize {
        self.state().pending()
    }
}
