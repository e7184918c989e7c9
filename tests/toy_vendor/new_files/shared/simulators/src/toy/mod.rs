//! The API of the toy vendor: `GET /events?from=…&to=…&limit=…&after=…` lists the events of a span, oldest first.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::faults::Faults;
use crate::http::{Reply, Request, bearer, decode_parameters};
use crate::ledger::{Entry, Ledger, ServedEvent};
use crate::options::{Clock, Options};
use crate::seeded_rng::SeededRng;
use crate::server::{RunningSimulator, Simulation};

/// The key that the simulator accepts.
pub const KEY: &str = "toy-key-of-the-simulator";
/// The log type of all events.
const LOG_TYPE: &str = "Toy.Audit";

/// The behaviours of the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// Every request whose number is a multiple of this one is answered with a server error; 0 for no errors.
    pub error_every: u64,
}

impl Behaviours {
    /// Returns the behaviours of a preset.
    pub fn new(faults: Faults) -> Self {
        Self { error_every: if faults == Faults::None { 0 } else { 3 } }
    }

    /// Reads all behaviours from a JSON object.
    ///
    /// # Errors
    /// A message that says why the text is not valid.
    pub fn from_json(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// Returns all behaviours as a JSON object.
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }
}

/// The simulator of the toy vendor. A clone shares all its state with the original.
#[derive(Clone)]
pub struct ToySimulator(Arc<Shared>);

struct Shared {
    clock: Clock,
    behaviours: Behaviours,
    /// The JSON of all events, oldest first, each with its time in seconds since 1970.
    events: Vec<(i64, String)>,
    state: Mutex<State>,
}

struct State {
    requests: u64,
    ledger: Ledger,
}

impl ToySimulator {
    /// Returns a simulator with these behaviours.
    ///
    /// # Errors
    /// The ledger's file cannot be opened.
    pub fn with(options: &Options, behaviours: Behaviours, clock: Clock) -> io::Result<Self> {
        let ledger = Ledger::open("toy", options.ledger.as_deref())?;
        let state = Mutex::new(State { requests: 0, ledger });
        Ok(Self(Arc::new(Shared { clock, behaviours, events: events(options), state })))
    }

    /// Serves the simulator on 127.0.0.1. The caller must be in a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound, or the caller is not in a tokio runtime.
    pub fn serve(&self, port: u16) -> io::Result<RunningSimulator> {
        RunningSimulator::start(Arc::clone(&self.0) as Arc<dyn Simulation>, port)
    }
}

/// Generates the events that `options` ask for, oldest first.
fn events(options: &Options) -> Vec<(i64, String)> {
    let (first, last) = (options.span_start().as_second(), options.now.as_second() - 1 + options.ahead_seconds);
    let event = |number: usize| {
        let mut rng = SeededRng::new(options.seed, "toy event", number as u64);
        let time_seconds = rng.between(first, last);
        let raw = json!({
            "id": format!("toy-{number}"), "time": time_seconds, "action": rng.pick(&["login", "logout"]),
            "user": format!("user{}@example.com", rng.below(20)), "ip": format!("192.0.2.{}", rng.below(256)),
        });
        (time_seconds, raw.to_string())
    };
    let mut events: Vec<_> = (0..options.events).map(event).collect();
    events.sort_unstable();
    events
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of events that are visible now. An event becomes visible when its second has ended.
    fn visible(&self) -> usize {
        let now = self.now().as_second();
        self.events.partition_point(|(second, _)| *second < now)
    }
}

impl Simulation for Shared {
    fn operation(&self, request: &Request) -> &'static str {
        if request.uri().path() == "/events" { "events" } else { "other" }
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut state = self.state();
        state.requests += 1;
        if bearer(request.headers()) != Some(KEY) {
            return Reply::new(StatusCode::UNAUTHORIZED, "", "");
        }
        if self.behaviours.error_every > 0 && state.requests.is_multiple_of(self.behaviours.error_every) {
            return Reply::new(StatusCode::SERVICE_UNAVAILABLE, "", "");
        }
        let visible = self.visible();
        for (event_number, (_, raw)) in self.events[..visible].iter().enumerate() {
            state.ledger.record(Entry { log_type: LOG_TYPE, event_number, visible_at: self.now() }, || raw.clone());
        }
        let parameters = decode_parameters(request.uri().query().unwrap_or_default().as_bytes());
        let number = |name: &str| parameters.iter().find(|(known, _)| known == name)?.1.parse::<i64>().ok();
        let (Some(from), Some(to), Some(limit)) = (number("from"), number("to"), number("limit")) else {
            return Reply::new(StatusCode::BAD_REQUEST, "", "");
        };
        let start = self.events.partition_point(|(second, _)| *second < from);
        let end = self.events.partition_point(|(second, _)| *second < to).min(visible);
        let start = number("after").and_then(|after| usize::try_from(after).ok()).unwrap_or(start);
        let page_end = start.saturating_add(usize::try_from(limit).unwrap_or(0)).min(end);
        let page = self.events.get(start..page_end).unwrap_or_default();
        let page: Vec<&str> = page.iter().map(|(_, raw)| raw.as_str()).collect();
        let next = if page_end < end { page_end.to_string() } else { "null".to_owned() };
        let body = format!(r#"{{"events":[{}],"next":{next}}}"#, page.join(","));
        Reply::new(StatusCode::OK, "application/json", body)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn served(&self) -> Vec<ServedEvent> {
        let served = |entry: &Entry| {
            let raw = self.events[entry.event_number].1.clone();
            ServedEvent {
                log_type: LOG_TYPE,
                identity: format!("toy-{}", entry.event_number),
                raw,
                visible_at: entry.visible_at,
                visible_until: None,
            }
        };
        self.state().ledger.entries().iter().map(served).collect()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state().ledger.counts()
    }

    fn pending(&self) -> usize {
        self.events.len() - self.visible()
    }
}
