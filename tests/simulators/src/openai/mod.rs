//! The OpenAI audit logs API: `GET /v1/organization/audit_logs`.

mod auth;
mod behaviours;
mod events;
mod given;
mod list;
mod made_up;
mod payloads;
mod people;
mod query;
mod reply;
mod types;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::{Method, StatusCode};
use jiff::Timestamp;

pub use behaviours::{ADMIN_KEY, AuditLogging, Behaviours, EdgeIds, Key, UnknownCursor};
pub use made_up::made_up;

use crate::dice::{Dice, Questions};
use crate::faults;
use crate::http::{Reply, Request};
use crate::ledger::{Entry, Ledger, Served};
use crate::options::{Clock, Options};
use crate::script::Play;
use crate::server::{Running, Simulation};
use events::Event;
use list::{Page, UnknownId};
use query::Query;

/// What follows the origin in the base URL that a client is given.
pub const BASE_PATH: &str = "/v1";
const PATH: &str = "/v1/organization/audit_logs";
const LOG_TYPE: &str = "OpenAI.Audit";

/// The simulator; a handle, of which there may be many.
#[derive(Clone)]
pub struct OpenAiSimulator(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    behaviours: Behaviours,
    /// In list order.
    events: Vec<Event>,
    /// Where the event of a cursor is in `events`.
    places: HashMap<String, usize>,
    /// Places in `events` in the order in which events become visible; those before `next` have.
    coming: Vec<usize>,
    next: usize,
    ledger: Ledger,
    play: Play,
    questions: Questions,
    /// The minute of the last request, and the requests in it.
    minute: (i64, u32),
}

impl OpenAiSimulator {
    /// A simulator with the behaviours that `options.faults` stands for.
    ///
    /// # Errors
    /// A given record is not JSON, or the ledger's file cannot be opened.
    pub fn new(options: &Options, clock: Clock) -> io::Result<Self> {
        Self::with(options, Behaviours::new(options.faults, options.seed), clock)
    }

    /// A simulator with these behaviours.
    ///
    /// # Errors
    /// A given record is not JSON, or the ledger's file cannot be opened.
    pub fn with(options: &Options, behaviours: Behaviours, clock: Clock) -> io::Result<Self> {
        let events = events::events(options, &behaviours)?;
        let places = events.iter().enumerate().map(|(place, event)| (event.cursor.clone(), place)).collect();
        let mut coming: Vec<_> = (0..events.len()).collect();
        coming.sort_by_key(|place| (events[*place].visible_at, events[*place].effective_at, *place));
        let state = State {
            behaviours,
            events,
            places,
            coming,
            next: 0,
            ledger: Ledger::open("openai", options.ledger.as_deref())?,
            play: Play::default(),
            questions: Questions::new(options.seed),
            minute: (0, 0),
        };
        Ok(Self(Arc::new(Shared { clock, state: Mutex::new(state) })))
    }

    /// A simulator, served on 127.0.0.1; port 0 is any that is free. To be called in a tokio runtime.
    ///
    /// # Errors
    /// As [`Self::new`] and [`Self::serve`].
    pub fn start(options: Options, port: u16, clock: Clock) -> io::Result<Running> {
        Self::new(&options, clock)?.serve(port)
    }

    /// Serves it on 127.0.0.1. To be called in a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub fn serve(&self, port: u16) -> io::Result<Running> {
        Running::start(Arc::clone(&self.0) as Arc<dyn Simulation>, port)
    }

    /// Changes how it behaves from the next request on. What concerns events is settled by then.
    pub fn change(&self, change: impl FnOnce(&mut Behaviours)) {
        change(&mut self.0.state().behaviours);
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
        let mut state = self.state();
        state.advance(now);
        let mut dice = state.questions.dice(&request.uri().to_string());
        let reply = state.answer(request, now, &mut dice);
        reply
            .with("x-request-id", format!("req_{}", dice.hex(32)))
            .with("openai-processing-ms", dice.between(20, 400).to_string())
            .with("openai-version", "2020-10-01")
            .with("openai-organization", "example-org")
    }

    fn operation(&self, request: &Request) -> &'static str {
        operation(request)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn served(&self) -> Vec<Served> {
        let state = self.state();
        let served = state.ledger.entries().iter().map(|entry| {
            let event = &state.events[entry.event];
            Served {
                log_type: entry.log_type,
                identity: event.identity().to_owned(),
                raw: event.raw.clone(),
                at: entry.at,
                until: None,
            }
        });
        served.collect()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state().ledger.counts()
    }

    fn pending(&self) -> usize {
        let state = self.state();
        state.coming.len() - state.next
    }
}

/// The name of what is asked for.
fn operation(request: &Request) -> &'static str {
    if request.uri().path() == PATH { "audit_logs" } else { "other" }
}

impl State {
    /// Enters into the ledger what has become visible.
    fn advance(&mut self, now: Timestamp) {
        if self.behaviours.audit_logging != AuditLogging::On {
            return;
        }
        while let Some(place) = self.coming.get(self.next) {
            let event = &self.events[*place];
            if event.visible_at > now {
                break;
            }
            self.next += 1;
            if event.effective_at >= self.behaviours.kept_since.as_second() {
                self.ledger.note(Entry { log_type: LOG_TYPE, event: *place, at: now }, || event.raw.clone());
            }
        }
    }

    fn answer(&mut self, request: &Request, now: Timestamp, dice: &mut Dice) -> Reply {
        let cues = self.play.cues(&self.behaviours.script, operation(request), request);
        if let Some(reply) = cues.instead(dice, reply::server_error, reply::throttled) {
            return reply;
        }
        let answer = self.trouble(now, dice).unwrap_or_else(|| self.route(request, now, dice));
        let reply = faults::on_the_wire(answer, request.headers(), &self.behaviours.transport, dice);
        cues.on_top(reply, dice)
    }

    /// The answer of a server that does not come round to the question.
    fn trouble(&mut self, now: Timestamp, dice: &mut Dice) -> Option<Reply> {
        let behaviours = &self.behaviours;
        let minute = now.as_second().div_euclid(60);
        self.minute = (minute, if self.minute.0 == minute { self.minute.1 + 1 } else { 1 });
        if behaviours.per_minute.is_some_and(|most| self.minute.1 > most) {
            let left = 60 - now.as_second().rem_euclid(60);
            return Some(reply::throttled(u32::try_from(left).ok()));
        }
        if dice.chance(behaviours.throttled) {
            return Some(reply::throttled(Some(1)));
        }
        if dice.chance(behaviours.quota_exhausted) {
            return Some(reply::quota_exhausted());
        }
        dice.chance(behaviours.transport.server_error).then(|| faults::server_error(dice, reply::server_error))
    }

    fn route(&self, request: &Request, now: Timestamp, dice: &mut Dice) -> Reply {
        let behaviours = &self.behaviours;
        let path = request.uri().path();
        if path != PATH {
            let message = format!("Invalid URL ({} {path})", request.method());
            return reply::error(StatusCode::NOT_FOUND, &message, "invalid_request_error", None, Some("unknown_url"));
        }
        if request.method() != Method::GET {
            let message = format!("Not allowed to {} on {path}.", request.method());
            let code = Some("method_not_supported");
            return reply::error(StatusCode::METHOD_NOT_ALLOWED, &message, "invalid_request_error", None, code)
                .with("allow", "GET");
        }
        let as_string = dice.chance(behaviours.error_as_string);
        if let Some(refusal) = auth::refusal(request.headers(), &behaviours.keys, now, as_string) {
            return refusal;
        }
        if behaviours.audit_logging == AuditLogging::OffForbidden {
            let message = "Audit logs are not available to this organization.";
            return reply::error(StatusCode::FORBIDDEN, message, "invalid_request_error", None, None);
        }
        match Query::parse(request.uri().query().unwrap_or_default(), behaviours.unbracketed_ignored) {
            Ok(query) => self.list(query, now, dice),
            Err(refused) => reply::bad_request(&refused.param, &refused.message),
        }
    }

    fn list(&self, mut query: Query, now: Timestamp, dice: &mut Dice) -> Reply {
        let behaviours = &self.behaviours;
        if let Some(status) = behaviours.tenant_only_refused.filter(|_| query.tenant_only) {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            let message = "Tenant-scoped audit logs are not available to this organization.";
            return reply::error(status, message, "invalid_request_error", Some("tenant_only"), None);
        }
        if query.limit > 1 && dice.chance(behaviours.short_pages) {
            query.limit = 1 + dice.below(query.limit - 1);
        }
        if query.after.is_some() && dice.chance(behaviours.page_repeated) {
            query.after = None;
        }
        match self.page(&query, now) {
            Ok(page) => self.envelopes(&page, dice),
            Err(UnknownId(param)) => match behaviours.unknown_cursor {
                UnknownCursor::BadRequest => reply::bad_request(param, &format!("Invalid '{param}': no such object.")),
                UnknownCursor::NotFound => {
                    let message = "No such object.";
                    reply::error(StatusCode::NOT_FOUND, message, "invalid_request_error", Some(param), None)
                }
                UnknownCursor::FirstPage => {
                    (query.after, query.before) = (None, None);
                    let page = self.page(&query, now).unwrap_or(Page { events: Vec::new(), has_more: false });
                    self.envelopes(&page, dice)
                }
            },
        }
    }

    fn page(&self, query: &Query, now: Timestamp) -> Result<Page, UnknownId> {
        let is_on = self.behaviours.audit_logging == AuditLogging::On;
        let kept_since = self.behaviours.kept_since.as_second();
        let is_visible = |event: &Event| is_on && event.visible_at <= now && event.effective_at >= kept_since;
        let place = |id: &str| self.places.get(id).copied();
        list::page(&self.events, query, self.behaviours.ascending, place, is_visible)
    }

    /// A page as it is sent: one envelope, or several one after another.
    fn envelopes(&self, page: &Page, dice: &mut Dice) -> Reply {
        let parts = if dice.chance(self.behaviours.several_documents) { 2 + dice.below(2) } else { 1 };
        let size = page.events.len().div_ceil(parts).max(1);
        let mut body = String::new();
        let mut left = page.events.as_slice();
        loop {
            let (part, rest) = left.split_at(size.min(left.len()));
            self.envelope(part, page.has_more || !rest.is_empty(), dice, &mut body);
            left = rest;
            if left.is_empty() {
                return Reply::new(StatusCode::OK, "application/json", body);
            }
        }
    }

    fn envelope(&self, events: &[usize], has_more: bool, dice: &mut Dice, body: &mut String) {
        let behaviours = &self.behaviours;
        body.push_str(r#"{"object":"list","data":["#);
        for (number, place) in events.iter().enumerate() {
            if number > 0 {
                body.push(',');
            }
            let raw = &self.events[*place].raw;
            match dice.chance(behaviours.reshaped).then(|| reshaped(raw, dice)).flatten() {
                Some(reshaped) => body.push_str(&reshaped),
                None => body.push_str(raw),
            }
        }
        body.push(']');
        let withheld = dice.chance(behaviours.edge_ids_withheld);
        for (name, place) in [("first_id", events.first()), ("last_id", events.last())] {
            let id = place.map(|place| self.events[*place].cursor.as_str());
            let value = match behaviours.edge_ids {
                EdgeIds::Absent if withheld => continue,
                EdgeIds::Null if withheld => serde_json::Value::Null,
                _ => id.into(),
            };
            body.push_str(&format!(r#","{name}":{value}"#));
        }
        body.push_str(&format!(",\"has_more\":{has_more}}}\n"));
    }
}

/// The same event with a field more, or without one.
fn reshaped(raw: &str, dice: &mut Dice) -> Option<String> {
    let mut event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(raw).ok()?;
    if event.remove("source").is_none() {
        event.insert("source".to_owned(), dice.pick(&["retool", "adminapi"]).into());
    }
    serde_json::to_string(&event).ok()
}
