//! The Office 365 Management Activity API and the token endpoint it needs.
//!
//! The API is served at `/api/v1.0/{tenant}/activity/feed/…`, the token endpoint at
//! `/{tenant}/oauth2/…` and `/login/{tenant}/oauth2/…`.

mod assertion;
mod behaviours;
mod blobs;
mod content_type;
mod error;
mod feed;
mod listing;
mod made_up;
mod records;
mod request;
mod subscriptions;
mod throttle;
mod token;
mod window;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};

pub use assertion::Certificate;
pub use behaviours::{AlreadyOn, Behaviours, CLIENT_ID, CLIENT_SECRET, Cloud, READ, READ_DLP, TENANT_ID, Throttle};
pub use content_type::ContentType;
pub use made_up::{made_up, mixed};

use crate::canonical::canonical;
use crate::dice::{Dice, Questions};
use crate::faults;
use crate::http::{self, Reply, Request};
use crate::ledger::Served;
use crate::options::{Clock, Options};
use crate::script::Play;
use crate::server::{Running, Simulation};
use feed::Feeds;
use records::Recipe;
use request::{Operation, Parameters};
use subscriptions::{Start, Subscriptions};
use throttle::Rates;
use token::{Asked, Tokens, Version};

/// The simulator; a handle, of which there may be many.
#[derive(Clone)]
pub struct Microsoft365Simulator(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    behaviours: Behaviours,
    feeds: Feeds,
    tokens: Tokens,
    subscriptions: Subscriptions,
    rates: Rates,
    play: Play,
    questions: Questions,
}

impl Microsoft365Simulator {
    /// A simulator with the behaviours that `options.faults` stands for.
    ///
    /// # Errors
    /// A given line is not a record with its content type, or the ledger's file cannot be opened.
    pub fn new(options: &Options, clock: Clock) -> io::Result<Self> {
        Self::with(options, Behaviours::new(options.faults, options.seed), clock)
    }

    /// A simulator with these behaviours.
    ///
    /// # Errors
    /// A given line is not a record with its content type, or the ledger's file cannot be opened.
    pub fn with(options: &Options, behaviours: Behaviours, clock: Clock) -> io::Result<Self> {
        let state = State {
            feeds: Feeds::new(options, &behaviours, Recipe::new(options, &behaviours))?,
            behaviours,
            tokens: Tokens::default(),
            subscriptions: Subscriptions::default(),
            rates: Rates::default(),
            play: Play::default(),
            questions: Questions::new(options.seed),
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

    /// Changes how it behaves from the next request on. What concerns content is settled by then.
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
        let now = (self.clock)();
        let mut state = self.state();
        let mut dice = state.questions.dice(&request.uri().to_string());
        state.answer(request, now, &mut dice)
    }

    fn operation(&self, request: &Request) -> &'static str {
        request::operation(request.uri().path()).map_or("other", |(_, operation)| operation.name())
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn date(&self) -> Timestamp {
        let off = SignedDuration::from_secs(self.state().behaviours.date_off_seconds);
        let now = (self.clock)();
        now.saturating_add(off).unwrap_or(now)
    }

    fn served(&self) -> Vec<Served> {
        let state = self.state();
        let until = state.feeds.until();
        let served = state.feeds.ledger.entries().iter().map(|entry| {
            let raw = state.feeds.raw(entry.event);
            let until = until.get(&(entry.log_type, entry.event)).copied();
            Served { log_type: entry.log_type, identity: canonical(&raw), raw, at: entry.at, until }
        });
        served.collect()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.state().feeds.ledger.counts()
    }

    fn pending(&self) -> usize {
        self.state().feeds.pending()
    }
}

/// One request on its way.
struct Call<'a> {
    tenant: &'a str,
    operation: Operation<'a>,
    request: &'a Request,
    parameters: Parameters,
    now: Timestamp,
}

impl State {
    fn answer(&mut self, request: &Request, now: Timestamp, dice: &mut Dice) -> Reply {
        self.feeds.advance(&self.subscriptions, self.behaviours.first_blob_seconds, now);
        let Some((tenant, operation)) = request::operation(request.uri().path()) else {
            return Reply::new(
                StatusCode::NOT_FOUND,
                "text/html",
                "<html><body>404 - File or directory not found.</body></html>",
            );
        };
        let cues = self.play.cues(&self.behaviours.script, operation.name(), request);
        let call = Call { tenant, operation, request, parameters: Parameters::of(request), now };
        let throttled = |retry_after| self.throttled(&call, retry_after);
        if let Some(reply) = cues.instead(dice, error::server_error, throttled) {
            return reply;
        }
        let answer = self.trouble(&call, dice).unwrap_or_else(|| self.dispatch(&call, dice));
        // Something may have been started just now.
        self.feeds.advance(&self.subscriptions, self.behaviours.first_blob_seconds, now);
        let reply = faults::on_the_wire(answer, request.headers(), &self.behaviours.transport, dice);
        cues.on_top(reply, dice)
    }

    fn throttled(&self, call: &Call<'_>, retry_after: Option<u32>) -> Reply {
        let publisher = call.parameters.get("PublisherIdentifier").unwrap_or("00000000-0000-0000-0000-000000000000");
        error::throttled(self.behaviours.throttle, call.operation.method(), publisher, retry_after)
    }

    /// The answer of a server that does not come round to the question.
    fn trouble(&mut self, call: &Call<'_>, dice: &mut Dice) -> Option<Reply> {
        let behaviours = &self.behaviours;
        let server_error = |dice: &mut Dice| faults::server_error(dice, error::server_error);
        if matches!(call.operation, Operation::TokenV1 | Operation::TokenV2) {
            return dice.chance(behaviours.token_error).then(|| server_error(dice));
        }
        let is_broken = behaviours.broken.is_some_and(|broken| self.concerns(call, broken));
        let publisher = call.parameters.get("PublisherIdentifier");
        let most = if publisher.is_some() { behaviours.per_minute } else { behaviours.per_minute_shared };
        if self.rates.count(publisher, call.now) > most || dice.chance(behaviours.throttled) {
            return Some(self.throttled(call, None));
        }
        if is_broken || dice.chance(behaviours.internal_error) {
            return Some(error::internal(dice));
        }
        dice.chance(behaviours.transport.server_error).then(|| server_error(dice))
    }

    fn concerns(&self, call: &Call<'_>, content_type: ContentType) -> bool {
        match call.operation {
            Operation::Blob(id) => {
                self.feeds.find(&http::decoded_path(id)).is_some_and(|(found, _)| found == content_type)
            }
            _ => call.parameters.get("contentType").and_then(ContentType::named) == Some(content_type),
        }
    }

    fn dispatch(&mut self, call: &Call<'_>, dice: &mut Dice) -> Reply {
        if call.request.method().as_str() != call.operation.verb() {
            let message = "The requested resource does not support this http method.";
            return Reply::new(StatusCode::METHOD_NOT_ALLOWED, error::JSON, format!("{{\"Message\":\"{message}\"}}"));
        }
        let version = match call.operation {
            Operation::TokenV1 => Version::V1,
            Operation::TokenV2 => Version::V2,
            _ => {
                return match self.api(call, dice) {
                    Ok(reply) | Err(reply) => as_in_production(reply),
                };
            }
        };
        let form = http::form(call.request.body());
        let origin = request::origin(call.request);
        let path = call.request.uri().path();
        let asked = Asked { version, tenant: call.tenant, form: &form, origin: &origin, path };
        self.tokens.answer(&asked, &self.behaviours, call.now, dice)
    }

    fn api(&mut self, call: &Call<'_>, dice: &mut Dice) -> Result<Reply, Reply> {
        self.admit(call, dice)?;
        match call.operation {
            Operation::Subscriptions => Ok(json(&self.subscriptions.list(self.behaviours.status_missing))),
            Operation::SensitiveTypes => Ok(json(&sensitive_types())),
            Operation::Blob(id) => self.feeds.blob(id, call, &self.behaviours, dice),
            Operation::Start | Operation::Stop | Operation::Content | Operation::Notifications => {
                let content_type = self.content_type(call)?;
                self.permit(call, content_type)?;
                match call.operation {
                    Operation::Start => self.start(call, content_type, dice),
                    Operation::Stop => self.stop(call, content_type),
                    Operation::Notifications => Ok(json(&serde_json::json!([]))),
                    _ => {
                        self.needs_subscription(content_type)?;
                        let subscription = self.subscriptions.get(content_type);
                        self.feeds.list(content_type, subscription, call, &self.behaviours, dice)
                    }
                }
            }
            Operation::TokenV1 | Operation::TokenV2 => Err(error::unauthorized()),
        }
    }

    /// Tenant, token and publisher are in order.
    fn admit(&mut self, call: &Call<'_>, dice: &mut Dice) -> Result<(), Reply> {
        let behaviours = &self.behaviours;
        if !request::is_guid(call.tenant) {
            return Err(error::refused(
                "AF20013",
                &format!("The tenant ID passed in the URL ({}) is not a valid GUID.", call.tenant),
            ));
        }
        if !self.tokens.wear(call.request.headers(), dice.chance(behaviours.token_refused)) {
            return Err(error::unauthorized());
        }
        let grant = self.tokens.grant(call.request.headers(), call.now).ok_or_else(error::unauthorized)?;
        let origin = request::origin(call.request);
        let is_for_us = grant.audience == behaviours.cloud.audience() || grant.audience == origin;
        if !is_for_us {
            return Err(error::unauthorized());
        }
        if !call.tenant.eq_ignore_ascii_case(&grant.tenant) {
            let message = format!(
                "The tenant ID passed in the URL ({}) does not match the tenant ID passed in the access token ({}).",
                call.tenant, grant.tenant
            );
            return Err(error::refused("AF20010", &message));
        }
        if !call.tenant.eq_ignore_ascii_case(&behaviours.tenant_id) {
            let message =
                format!("Specified tenant ID ({}) does not exist in the system or has been deleted.", call.tenant);
            return Err(error::refused("AF20011", &message));
        }
        match call.parameters.get("PublisherIdentifier") {
            Some(publisher) if !request::is_guid(publisher) => {
                Err(error::refused("AF20002", "Invalid parameter type: PublisherIdentifier. Expected type: guid"))
            }
            _ if grant.roles.is_empty() => Err(error::not_permitted(&grant.roles)),
            _ => Ok(()),
        }
    }

    fn content_type(&self, call: &Call<'_>) -> Result<ContentType, Reply> {
        let name = call.parameters.get("contentType");
        let name = name.ok_or_else(|| error::refused("AF20001", "Missing parameter: contentType."))?;
        ContentType::named(name).ok_or_else(|| error::refused("AF20020", "The specified content type is not valid."))
    }

    /// The token permits this content type.
    fn permit(&self, call: &Call<'_>, content_type: ContentType) -> Result<(), Reply> {
        let needed = if content_type == ContentType::Dlp { READ_DLP } else { READ };
        match self.tokens.grant(call.request.headers(), call.now) {
            Some(grant) if grant.roles.iter().any(|role| role == needed) => Ok(()),
            Some(grant) => Err(error::not_permitted(&grant.roles)),
            None => Err(error::unauthorized()),
        }
    }

    fn needs_subscription(&self, content_type: ContentType) -> Result<(), Reply> {
        match self.subscriptions.get(content_type) {
            Some(subscription) if subscription.is_on => Ok(()),
            Some(_) => Err(error::refused("AF20023", "The subscription was disabled.")),
            None => Err(error::refused("AF20022", "No subscription found for the specified content type.")),
        }
    }

    fn start(&mut self, call: &Call<'_>, content_type: ContentType, dice: &mut Dice) -> Result<Reply, Reply> {
        if self.behaviours.auditing_off {
            return Err(error::auditing_off(call.tenant, dice));
        }
        let body = call.request.body();
        if !body.is_empty() && serde_json::from_slice::<serde_json::Value>(body).is_err() {
            return Err(error::refused("AF20002", "Invalid parameter type: webhook. Expected type: object"));
        }
        let started = self.subscriptions.start(content_type, call.now, self.behaviours.start_throttled);
        match (started, self.behaviours.already_on) {
            (Start::Started, _) | (Start::AlreadyOn, AlreadyOn::Ok) => {
                Ok(json(&subscriptions::entry(content_type, true)))
            }
            (Start::AlreadyOn, AlreadyOn::Af20024) => {
                Err(error::refused("AF20024", "The subscription is already enabled. No property change."))
            }
            (Start::TooSoon, _) => Err(self.throttled(call, None)),
        }
    }

    fn stop(&mut self, call: &Call<'_>, content_type: ContentType) -> Result<Reply, Reply> {
        self.needs_subscription(content_type)?;
        self.subscriptions.stop(content_type, call.now);
        Ok(Reply::new(StatusCode::OK, "", ""))
    }
}

fn json(body: &serde_json::Value) -> Reply {
    Reply::new(StatusCode::OK, error::JSON, body.to_string())
}

fn sensitive_types() -> serde_json::Value {
    serde_json::json!([{"id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "name": "Credit Card Number"}])
}

fn as_in_production(reply: Reply) -> Reply {
    reply
        .with("cache-control", "no-cache")
        .with("pragma", "no-cache")
        .with("expires", "-1")
        .with("x-aspnet-version", "4.0.30319")
        .with("x-powered-by", "ASP.NET")
}
