//! The state of the simulated organization, and the answers to requests.

use std::collections::HashMap;
use std::io;

use hyper::{Method, StatusCode};
use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::broken_span::BrokenSpan;
use super::choices::{AuditLogging, UnknownCursor};
use super::endpoint::{LOG_TYPE, PATH, operation};
use super::envelope::envelopes;
use super::event::Event;
use super::events;
use super::list::{List, Page, UnknownId};
use super::query::Query;
use super::{auth, reply};
use crate::faults;
use crate::gateway::{Gateway, edge_page};
use crate::http::{Reply, Request};
use crate::ledger::{Entry, Ledger, ServedEvent};
use crate::options::Options;
use crate::outage::Outage;
use crate::script::ScriptProgress;
use crate::seeded_rng::{RequestRngs, SeededRng, happens};

pub(super) struct State {
    pub(super) behaviours: Behaviours,
    /// All events, newest first.
    events: Vec<Event>,
    /// The index in `events` of the event that a cursor names.
    index_by_cursor: HashMap<String, usize>,
    /// The indices of all events, in the order in which the events become visible. Those before the position
    /// `next_upcoming` have become visible.
    upcoming: Vec<usize>,
    next_upcoming: usize,
    /// For each event of `events`, `true` if clients can see it.
    visible: Vec<bool>,
    /// The time at which audit logging was last turned on.
    logging_since: Timestamp,
    /// The value of the behaviour `kept_since` at the last request.
    kept_since: Timestamp,
    /// For each dropped event, by its index in `events`, the time at which it was dropped.
    dropped_at: HashMap<usize, Timestamp>,
    pub(super) ledger: Ledger,
    script_progress: ScriptProgress,
    request_rngs: RequestRngs,
    /// The minute of the last request, in minutes since 1970, and the number of requests in that minute.
    requests_in_minute: (i64, u32),
}

impl State {
    pub(super) fn new(options: &Options, behaviours: Behaviours) -> io::Result<Self> {
        let events = events::events(options, &behaviours)?;
        let mut upcoming: Vec<_> = (0..events.len()).collect();
        upcoming.sort_by_key(|index| (events[*index].visible_at, events[*index].effective_at, *index));
        Ok(Self {
            behaviours,
            index_by_cursor: events.iter().enumerate().map(|(index, event)| (event.cursor.clone(), index)).collect(),
            visible: vec![false; events.len()],
            events,
            upcoming,
            next_upcoming: 0,
            logging_since: Timestamp::MIN,
            kept_since: Timestamp::MIN,
            dropped_at: HashMap::new(),
            ledger: Ledger::open("openai", options.ledger.as_deref())?,
            script_progress: ScriptProgress::default(),
            request_rngs: RequestRngs::new(options.seed),
            requests_in_minute: (0, 0),
        })
    }

    /// Changes the behaviours at the time `now`.
    pub(super) fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Behaviours)) {
        let was_on = self.behaviours.audit_logging.is_on();
        change(&mut self.behaviours);
        if !was_on && self.behaviours.audit_logging.is_on() {
            self.logging_since = now;
        }
    }

    /// Returns the number of events that are not visible yet.
    pub(super) fn pending(&self) -> usize {
        self.upcoming.len() - self.next_upcoming
    }

    pub(super) fn served(&self) -> Vec<ServedEvent> {
        let served = self.ledger.entries().iter().map(|entry| {
            let event = &self.events[entry.event_number];
            ServedEvent {
                log_type: entry.log_type,
                identity: event.identity().to_owned(),
                raw: event.raw.clone(),
                visible_at: entry.visible_at,
                visible_until: self.kept_until(entry.event_number),
            }
        });
        served.collect()
    }

    /// Returns the time from which the event with this index is no longer kept; `None` if it is kept for ever.
    fn kept_until(&self, index: usize) -> Option<Timestamp> {
        let kept_seconds = self.behaviours.kept_seconds.map(|seconds| {
            let last = self.events[index].effective_at.saturating_add(seconds);
            Timestamp::from_second(last.saturating_add(1)).unwrap_or(Timestamp::MAX)
        });
        self.dropped_at.get(&index).copied().into_iter().chain(kept_seconds).min()
    }

    /// Returns the first second whose events are kept at `now`, in seconds since 1970.
    fn kept_from(&self, now: Timestamp) -> i64 {
        let seconds = self.behaviours.kept_seconds.map_or(i64::MIN, |kept| now.as_second().saturating_sub(kept));
        seconds.max(self.behaviours.kept_since.as_second())
    }

    /// Makes all events visible whose `visible_at` is not after `now`, and records them in the ledger.
    fn advance(&mut self, now: Timestamp) {
        self.record_drops(now);
        if self.behaviours.audit_logging != AuditLogging::On {
            return;
        }
        let from = self.kept_from(now).max(self.logging_since.as_second());
        while let Some(index) = self.upcoming.get(self.next_upcoming).copied() {
            let event = &self.events[index];
            if event.visible_at > now {
                break;
            }
            self.next_upcoming += 1;
            if event.effective_at >= from {
                self.visible[index] = true;
                self.ledger
                    .record(Entry { log_type: LOG_TYPE, event_number: index, visible_at: now }, || event.raw.clone());
            }
        }
    }

    /// After a change of `kept_since`, records `now` as the time at which the visible events from before `kept_since`
    /// were dropped.
    fn record_drops(&mut self, now: Timestamp) {
        if self.kept_since == self.behaviours.kept_since {
            return;
        }
        self.kept_since = self.behaviours.kept_since;
        for entry in self.ledger.entries() {
            if self.events[entry.event_number].effective_at < self.kept_since.as_second() {
                self.dropped_at.entry(entry.event_number).or_insert(now);
            } else {
                self.dropped_at.remove(&entry.event_number);
            }
        }
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> Reply {
        self.advance(now);
        let mut rng = self.request_rngs.rng(&request.uri().to_string());
        let reply = match Outage::status(&self.behaviours.outages, now) {
            Some(status) => reply::with_status(status),
            None => match Gateway::answer(&self.behaviours.gateway, operation(request), now, &mut rng) {
                Some(page) => return page,
                None if happens(self.behaviours.edge_page, &mut rng) => return edge_page(&mut rng),
                None => self.answer_after_script(request, now, &mut rng),
            },
        };
        reply
            .with_header("x-request-id", format!("req_{}", rng.hex(32)))
            .with_header("openai-processing-ms", rng.between(20, 400).to_string())
            .with_header("openai-version", "2020-10-01")
            .with_header("openai-organization", "example-org")
    }

    fn answer_after_script(&mut self, request: &Request, now: Timestamp, rng: &mut SeededRng) -> Reply {
        let scripted = self.script_progress.faults_for(&self.behaviours.script, operation(request), request);
        if let Some(reply) = scripted.replacement(rng, reply::server_error, reply::throttled) {
            return reply;
        }
        let answer = self.answer_within_rate_limit(request, now, rng);
        let reply = faults::apply_transport_faults(answer, request.headers(), &self.behaviours.transport, rng);
        scripted.apply(reply, rng)
    }

    /// Counts the request. Returns a 429 answer if the requests of this minute exceed the limit, otherwise the answer
    /// of the API.
    fn answer_within_rate_limit(&mut self, request: &Request, now: Timestamp, rng: &mut SeededRng) -> Reply {
        let minute = now.as_second().div_euclid(60);
        self.requests_in_minute =
            (minute, if self.requests_in_minute.0 == minute { self.requests_in_minute.1.saturating_add(1) } else { 1 });
        let seconds_to_next_minute = 60 - now.as_second().rem_euclid(60);
        let Some(max) = self.behaviours.per_minute else {
            return self.early_failure(rng).unwrap_or_else(|| self.route(request, now, rng));
        };
        let reply = if self.requests_in_minute.1 > max {
            let wait = self.behaviours.retry_after_seconds.and_then(|_| u32::try_from(seconds_to_next_minute).ok());
            reply::throttled(wait)
        } else {
            self.early_failure(rng).unwrap_or_else(|| self.route(request, now, rng))
        };
        reply::with_remaining_requests(
            reply,
            max,
            max.saturating_sub(self.requests_in_minute.1),
            seconds_to_next_minute,
        )
    }

    /// Returns a random 429 or 5xx answer as often as the behaviours ask for it; `None` if the request is to be
    /// handled.
    fn early_failure(&self, rng: &mut SeededRng) -> Option<Reply> {
        let behaviours = &self.behaviours;
        if rng.chance(behaviours.throttled) {
            return Some(reply::throttled(behaviours.retry_after_seconds));
        }
        if rng.chance(behaviours.quota_exhausted) {
            return Some(reply::quota_exhausted(behaviours.quota_code));
        }
        rng.chance(behaviours.transport.server_error).then(|| faults::server_error(rng, reply::server_error))
    }

    fn route(&self, request: &Request, now: Timestamp, rng: &mut SeededRng) -> Reply {
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
                .with_header("allow", "GET");
        }
        if happens(behaviours.region_refused, rng) {
            return reply::region_refused();
        }
        let as_string = rng.chance(behaviours.error_as_string);
        if let Some(refusal) = auth::refusal(request.headers(), &behaviours.keys, now, as_string) {
            return refusal;
        }
        if behaviours.audit_logging.is_forbidden() {
            let message = "Audit logs are not available to this organization.";
            return reply::error(StatusCode::FORBIDDEN, message, "invalid_request_error", None, None);
        }
        match Query::parse(request.uri().query().unwrap_or_default(), behaviours) {
            Ok(query) => self.answer_list(query, now, rng),
            Err(refused) => reply::bad_request(&refused.param, &refused.message),
        }
    }

    fn answer_list(&self, mut query: Query, now: Timestamp, rng: &mut SeededRng) -> Reply {
        let behaviours = &self.behaviours;
        if let Some(status) = behaviours.tenant_only_refused.filter(|_| query.tenant_only) {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            let message = "Tenant-scoped audit logs are not available to this organization.";
            return reply::error(status, message, "invalid_request_error", Some("tenant_only"), None);
        }
        if let Some(span) = BrokenSpan::first_overlapping(&behaviours.broken_spans, query.tenant_only, &query.window())
        {
            let error = reply::with_status(span.status);
            return span
                .retry_after_seconds
                .into_iter()
                .fold(error, |reply, wait| reply.with_header("retry-after", wait.to_string()));
        }
        if query.limit > 1 && rng.chance(behaviours.short_pages) {
            query.limit = 1 + rng.below(query.limit - 1);
        }
        match self.page(&query, now, rng) {
            Ok(page) => envelopes(&page, &self.events, behaviours, rng),
            Err(UnknownId(param)) => match behaviours.unknown_cursor {
                UnknownCursor::BadRequest => reply::bad_request(param, &format!("Invalid '{param}': no such object.")),
                UnknownCursor::NotFound => {
                    let message = "No such object.";
                    reply::error(StatusCode::NOT_FOUND, message, "invalid_request_error", Some(param), None)
                }
                UnknownCursor::FirstPage => {
                    (query.after, query.before) = (None, None);
                    let page = self.list_at(now).page(&query).unwrap_or_default();
                    envelopes(&page, &self.events, behaviours, rng)
                }
            },
        }
    }

    /// Returns the requested page, or one that the behaviours choose in its place: an empty or repeated one, or one
    /// with a wrong `has_more`.
    ///
    /// # Errors
    /// The cursor names no known event, or the behaviours make a valid cursor unknown.
    fn page(&self, query: &Query, now: Timestamp, rng: &mut SeededRng) -> Result<Page, UnknownId> {
        let behaviours = &self.behaviours;
        let param = if query.after.is_some() { "after" } else { "before" };
        if (query.after.is_some() || query.before.is_some()) && rng.chance(behaviours.lost_cursors) {
            return Err(UnknownId(param));
        }
        let list = self.list_at(now);
        let is_repeated = query.after.is_some() && rng.chance(behaviours.repeated_pages);
        let page = if is_repeated { list.repeated_page(query)? } else { list.page(query)? };
        if page.has_more && rng.chance(behaviours.empty_pages) {
            return Ok(Page { events: Vec::new(), has_more: true });
        }
        let has_more = page.has_more || (!page.events.is_empty() && rng.chance(behaviours.false_has_more));
        Ok(Page { has_more, ..page })
    }

    fn list_at(&self, now: Timestamp) -> List<'_> {
        let is_on = self.behaviours.audit_logging == AuditLogging::On;
        List {
            events: &self.events,
            index_by_cursor: &self.index_by_cursor,
            visible: &self.visible,
            kept_from: if is_on { self.kept_from(now) } else { i64::MAX },
            behaviours: &self.behaviours,
        }
    }
}
