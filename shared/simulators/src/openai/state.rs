//! The state of the simulated organization, and its answers.

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
use crate::dice::{Dice, Questions, happens};
use crate::faults;
use crate::gateway::{Gateway, edge_page};
use crate::http::{Reply, Request};
use crate::ledger::{Entry, Ledger, Served};
use crate::options::Options;
use crate::outage::Outage;
use crate::script::ScriptProgress;

pub(super) struct State {
    pub(super) behaviours: Behaviours,
    /// All events, in the order of the list.
    events: Vec<Event>,
    /// The place in `events` per cursor.
    places: HashMap<String, usize>,
    /// The places of all events in the order in which they become visible. Those before `next` are visible.
    upcoming: Vec<usize>,
    next: usize,
    /// The visible events, by place.
    visible: Vec<bool>,
    /// The time since which audit logging is on.
    logging_since: Timestamp,
    /// The `kept_since` of the last request, and the times when events were found to be dropped.
    kept_since: Timestamp,
    dropped: HashMap<usize, Timestamp>,
    pub(super) ledger: Ledger,
    script_progress: ScriptProgress,
    questions: Questions,
    /// The minute of the last request, and the requests in it.
    minute: (i64, u32),
}

impl State {
    pub(super) fn new(options: &Options, behaviours: Behaviours) -> io::Result<Self> {
        let events = events::events(options, &behaviours)?;
        let mut upcoming: Vec<_> = (0..events.len()).collect();
        upcoming.sort_by_key(|place| (events[*place].visible_at, events[*place].effective_at, *place));
        Ok(Self {
            behaviours,
            places: events.iter().enumerate().map(|(place, event)| (event.cursor.clone(), place)).collect(),
            visible: vec![false; events.len()],
            events,
            upcoming,
            next: 0,
            logging_since: Timestamp::MIN,
            kept_since: Timestamp::MIN,
            dropped: HashMap::new(),
            ledger: Ledger::open("openai", options.ledger.as_deref())?,
            script_progress: ScriptProgress::default(),
            questions: Questions::new(options.seed),
            minute: (0, 0),
        })
    }

    /// Changes the behaviours from `now` on.
    pub(super) fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Behaviours)) {
        let was_on = self.behaviours.audit_logging.is_on();
        change(&mut self.behaviours);
        if !was_on && self.behaviours.audit_logging.is_on() {
            self.logging_since = now;
        }
    }

    /// Returns the number of events that are not visible yet.
    pub(super) fn pending(&self) -> usize {
        self.upcoming.len() - self.next
    }

    pub(super) fn served(&self) -> Vec<Served> {
        let served = self.ledger.entries().iter().map(|entry| {
            let event = &self.events[entry.event];
            Served {
                log_type: entry.log_type,
                identity: event.identity().to_owned(),
                raw: event.raw.clone(),
                at: entry.at,
                until: self.until(entry.event),
            }
        });
        served.collect()
    }

    /// Returns when the event is dropped, if it is.
    fn until(&self, place: usize) -> Option<Timestamp> {
        let kept_seconds = self.behaviours.kept_seconds.map(|seconds| {
            let last = self.events[place].effective_at.saturating_add(seconds);
            Timestamp::from_second(last.saturating_add(1)).unwrap_or(Timestamp::MAX)
        });
        self.dropped.get(&place).copied().into_iter().chain(kept_seconds).min()
    }

    /// Returns the second before which events are not kept.
    fn kept_from(&self, now: Timestamp) -> i64 {
        let seconds = self.behaviours.kept_seconds.map_or(i64::MIN, |kept| now.as_second().saturating_sub(kept));
        seconds.max(self.behaviours.kept_since.as_second())
    }

    /// Records in the ledger all that became visible until `now`.
    fn advance(&mut self, now: Timestamp) {
        self.record_drops(now);
        if self.behaviours.audit_logging != AuditLogging::On {
            return;
        }
        let from = self.kept_from(now).max(self.logging_since.as_second());
        while let Some(place) = self.upcoming.get(self.next).copied() {
            let event = &self.events[place];
            if event.visible_at > now {
                break;
            }
            self.next += 1;
            if event.effective_at >= from {
                self.visible[place] = true;
                self.ledger.record(Entry { log_type: LOG_TYPE, event: place, at: now }, || event.raw.clone());
            }
        }
    }

    /// Records the time at which events were dropped, after `kept_since` was changed.
    fn record_drops(&mut self, now: Timestamp) {
        if self.kept_since == self.behaviours.kept_since {
            return;
        }
        self.kept_since = self.behaviours.kept_since;
        for entry in self.ledger.entries() {
            if self.events[entry.event].effective_at < self.kept_since.as_second() {
                self.dropped.entry(entry.event).or_insert(now);
            } else {
                self.dropped.remove(&entry.event);
            }
        }
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> Reply {
        self.advance(now);
        let mut dice = self.questions.dice(&request.uri().to_string());
        let reply = match Outage::status(&self.behaviours.down, now) {
            Some(status) => reply::of_status(status),
            None => match Gateway::answer(&self.behaviours.gateway, operation(request), now, &mut dice) {
                Some(page) => return page,
                None if happens(self.behaviours.edge_page, &mut dice) => return edge_page(&mut dice),
                None => self.scripted(request, now, &mut dice),
            },
        };
        reply
            .with("x-request-id", format!("req_{}", dice.hex(32)))
            .with("openai-processing-ms", dice.between(20, 400).to_string())
            .with("openai-version", "2020-10-01")
            .with("openai-organization", "example-org")
    }

    fn scripted(&mut self, request: &Request, now: Timestamp, dice: &mut Dice) -> Reply {
        let scripted = self.script_progress.faults_for(&self.behaviours.script, operation(request), request);
        if let Some(reply) = scripted.replacement(dice, reply::server_error, reply::throttled) {
            return reply;
        }
        let answer = self.rate_limited(request, now, dice);
        let reply = faults::on_the_wire(answer, request.headers(), &self.behaviours.transport, dice);
        scripted.apply(reply, dice)
    }

    /// Counts the request, and answers it with 429 or as usual.
    fn rate_limited(&mut self, request: &Request, now: Timestamp, dice: &mut Dice) -> Reply {
        let minute = now.as_second().div_euclid(60);
        self.minute = (minute, if self.minute.0 == minute { self.minute.1.saturating_add(1) } else { 1 });
        let reset = 60 - now.as_second().rem_euclid(60);
        let Some(max) = self.behaviours.per_minute else {
            return self.early_failure(dice).unwrap_or_else(|| self.route(request, now, dice));
        };
        let reply = if self.minute.1 > max {
            let wait = self.behaviours.retry_after_seconds.and_then(|_| u32::try_from(reset).ok());
            reply::throttled(wait)
        } else {
            self.early_failure(dice).unwrap_or_else(|| self.route(request, now, dice))
        };
        reply::with_remaining_requests(reply, max, max.saturating_sub(self.minute.1), reset)
    }

    /// Returns the reply of a server that fails before it handles the request, if it does.
    fn early_failure(&self, dice: &mut Dice) -> Option<Reply> {
        let behaviours = &self.behaviours;
        if dice.chance(behaviours.throttled) {
            return Some(reply::throttled(behaviours.retry_after_seconds));
        }
        if dice.chance(behaviours.quota_exhausted) {
            return Some(reply::quota_exhausted(behaviours.quota_code));
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
        if happens(behaviours.region_refused, dice) {
            return reply::region_refused();
        }
        let as_string = dice.chance(behaviours.error_as_string);
        if let Some(refusal) = auth::refusal(request.headers(), &behaviours.keys, now, as_string) {
            return refusal;
        }
        if behaviours.audit_logging.is_forbidden() {
            let message = "Audit logs are not available to this organization.";
            return reply::error(StatusCode::FORBIDDEN, message, "invalid_request_error", None, None);
        }
        match Query::parse(request.uri().query().unwrap_or_default(), behaviours) {
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
        if let Some(span) = BrokenSpan::first_overlapping(&behaviours.broken_spans, query.tenant_only, &query.window())
        {
            let error = reply::of_status(span.status);
            return span
                .retry_after_seconds
                .into_iter()
                .fold(error, |it, wait| it.with("retry-after", wait.to_string()));
        }
        if query.limit > 1 && dice.chance(behaviours.short_pages) {
            query.limit = 1 + dice.below(query.limit - 1);
        }
        match self.page(&query, now, dice) {
            Ok(page) => envelopes(&page, &self.events, behaviours, dice),
            Err(UnknownId(param)) => match behaviours.unknown_cursor {
                UnknownCursor::BadRequest => reply::bad_request(param, &format!("Invalid '{param}': no such object.")),
                UnknownCursor::NotFound => {
                    let message = "No such object.";
                    reply::error(StatusCode::NOT_FOUND, message, "invalid_request_error", Some(param), None)
                }
                UnknownCursor::FirstPage => {
                    (query.after, query.before) = (None, None);
                    let page = self.listed(now).page(&query).unwrap_or_default();
                    envelopes(&page, &self.events, behaviours, dice)
                }
            },
        }
    }

    /// Returns the requested page, or the API's reply to a query that it refuses.
    fn page(&self, query: &Query, now: Timestamp, dice: &mut Dice) -> Result<Page, UnknownId> {
        let behaviours = &self.behaviours;
        let param = if query.after.is_some() { "after" } else { "before" };
        if (query.after.is_some() || query.before.is_some()) && dice.chance(behaviours.cursor_lost) {
            return Err(UnknownId(param));
        }
        let list = self.listed(now);
        let is_repeated = query.after.is_some() && dice.chance(behaviours.page_repeated);
        let page = if is_repeated { list.page_again(query)? } else { list.page(query)? };
        if page.has_more && dice.chance(behaviours.empty_pages) {
            return Ok(Page { events: Vec::new(), has_more: true });
        }
        let has_more = page.has_more || (!page.events.is_empty() && dice.chance(behaviours.false_more));
        Ok(Page { has_more, ..page })
    }

    fn listed(&self, now: Timestamp) -> List<'_> {
        let is_on = self.behaviours.audit_logging == AuditLogging::On;
        List {
            events: &self.events,
            places: &self.places,
            visible: &self.visible,
            kept_from: if is_on { self.kept_from(now) } else { i64::MAX },
            behaviours: &self.behaviours,
        }
    }
}
