//! The API and the token endpoint: turns each request into a reply.

use std::io;

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::behaviours::{Behaviours, READ_DLP};
use super::call::{Call, Clocks};
use super::content_type::ContentType;
use super::feeds::Feeds;
use super::kinds::AlreadyOn;
use super::ledger::{AvailableBlob, Ledger};
use super::records::RecordForm;
use super::request::{self, Operation, Parameters};
use super::subscriptions::{self, StartResult, Subscriptions};
use super::throttle::{NO_PUBLISHER, RequestRates};
use super::token::{Grant, Tokens};
use super::token_request::{TokenRequest, Version};
use super::{admission, error};
use crate::faults;
use crate::gateway::{Gateway, edge_page};
use crate::http::{self, Reply, Request};
use crate::moment::after_seconds;
use crate::options::Options;
use crate::outage::Outage;
use crate::script::ScriptProgress;
use crate::seeded_rng::{RequestRngs, SeededRng, happens};

/// The simulated tenant: its behaviours, and all state that requests change.
pub(super) struct State {
    pub(super) behaviours: Behaviours,
    pub(super) tokens: Tokens,
    feeds: Feeds,
    subscriptions: Subscriptions,
    rates: RequestRates,
    script_progress: ScriptProgress,
    request_rngs: RequestRngs,
}

impl State {
    pub(super) fn new(options: &Options, behaviours: Behaviours) -> io::Result<Self> {
        Ok(Self {
            feeds: Feeds::new(options, &behaviours)?,
            behaviours,
            tokens: Tokens::default(),
            subscriptions: Subscriptions::default(),
            rates: RequestRates::default(),
            script_progress: ScriptProgress::default(),
            request_rngs: RequestRngs::new(options.seed),
        })
    }

    pub(super) fn clocks(&self, now: Timestamp) -> Clocks {
        Clocks { login: now, api: after_seconds(now, self.behaviours.date_off_seconds) }
    }

    pub(super) fn is_broken(&self, blob: &AvailableBlob, now: Timestamp) -> bool {
        let Some(key) = self.feeds.key(&blob.id) else { return false };
        let behaviours = &self.behaviours;
        behaviours.broken_spans.iter().any(|span| span.contains(blob.content_type, blob.created))
            || behaviours.broken_blobs.iter().any(|broken| broken.includes(key, now))
            || behaviours.trickling_blobs.iter().any(|trickling| trickling.includes(key))
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.feeds.ledger()
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.feeds.counts()
    }

    pub(super) fn pending(&self) -> usize {
        self.feeds.pending()
    }

    pub(super) fn disable(&mut self, content_type: ContentType, now: Timestamp) -> bool {
        self.advance(now);
        self.subscriptions.stop(content_type, now)
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> Reply {
        let mut rng = self.request_rngs.rng(&request.uri().to_string());
        let clocks = self.clocks(now);
        self.advance(clocks.api);
        if let Some(status) = Outage::status(&self.behaviours.outages, now) {
            return as_in_production(error::with_status(status, None));
        }
        let operation = request::operation(request.uri().path());
        let name = operation.map_or("other", |(_, operation)| operation.name());
        if let Some(page) = Gateway::answer(&self.behaviours.gateway, name, now, &mut rng) {
            return page;
        }
        if happens(self.behaviours.edge_page, &mut rng) {
            return edge_page(&mut rng);
        }
        let Some((tenant, operation)) = operation else {
            let page = "<html><body>404 - File or directory not found.</body></html>";
            return Reply::new(StatusCode::NOT_FOUND, "text/html", page);
        };
        let scripted = self.script_progress.faults_for(&self.behaviours.script, operation.name(), request);
        let call = Call { tenant, operation, request, parameters: Parameters::of(request), clocks, now: clocks.api };
        let throttled_reply = |retry_after| self.throttled_reply(&call, retry_after);
        if let Some(reply) = scripted.replacement(&mut rng, error::server_error, throttled_reply) {
            return reply;
        }
        let answer = self.early_failure(&call, &mut rng).unwrap_or_else(|| self.dispatch(&call, &mut rng));
        // If the request started a subscription, content that is available by now becomes visible.
        self.advance(clocks.api);
        let reply = faults::apply_transport_faults(answer, request.headers(), &self.behaviours.transport, &mut rng);
        scripted.apply(reply, &mut rng)
    }

    fn advance(&mut self, now: Timestamp) {
        self.feeds.advance(&self.subscriptions, &self.behaviours, now);
    }

    fn throttled_reply(&self, call: &Call<'_>, retry_after: Option<u32>) -> Reply {
        let publisher = call.parameters.get("PublisherIdentifier").unwrap_or(NO_PUBLISHER);
        as_in_production(error::throttled(
            self.behaviours.throttle,
            call.operation.vendor_method(),
            publisher,
            retry_after,
        ))
    }

    /// Returns the error that answers the request in place of the API: a random error, as often as the behaviours ask
    /// for it, or the answer to a client that exceeds its request rate. `None` if the API is to handle the request.
    fn early_failure(&mut self, call: &Call<'_>, rng: &mut SeededRng) -> Option<Reply> {
        let behaviours = &self.behaviours;
        let server_error = |rng: &mut SeededRng| faults::server_error(rng, error::server_error);
        if matches!(call.operation, Operation::TokenV1 | Operation::TokenV2) {
            if happens(behaviours.login_page, rng) {
                return Some(Reply::new(
                    StatusCode::OK,
                    "text/html",
                    "<html><body>Sign in to your account</body></html>",
                ));
            }
            if happens(behaviours.token_missing, rng) {
                return Some(json_reply(&json!({"token_type": "Bearer", "expires_in": 3_599})));
            }
            return rng.chance(behaviours.token_error).then(|| server_error(rng));
        }
        if happens(behaviours.no_resource, rng) {
            return Some(as_in_production(error::no_resource(call.request.uri().path())));
        }
        let is_broken = behaviours.broken_content_type.is_some_and(|broken| self.concerns_content_type(call, broken));
        let publisher = call.parameters.get("PublisherIdentifier").filter(|publisher| request::is_guid(publisher));
        let max = if publisher.is_some() { behaviours.per_minute } else { behaviours.per_minute_shared };
        if self.rates.count(publisher, call.now) > max || rng.chance(behaviours.throttled) {
            return Some(self.throttled_reply(call, None));
        }
        if is_broken || rng.chance(behaviours.internal_error) {
            return Some(as_in_production(error::internal_error(rng)));
        }
        rng.chance(behaviours.transport.server_error).then(|| server_error(rng))
    }

    fn concerns_content_type(&self, call: &Call<'_>, content_type: ContentType) -> bool {
        let requested = match call.operation {
            Operation::Blob(id) => self.feeds.content_type(&http::decoded_path(id)),
            _ => call.parameters.get("contentType").and_then(ContentType::named),
        };
        requested == Some(content_type)
    }

    fn dispatch(&mut self, call: &Call<'_>, rng: &mut SeededRng) -> Reply {
        if call.request.method().as_str() != call.operation.http_method() {
            let message = "The requested resource does not support this http method.";
            return Reply::new(StatusCode::METHOD_NOT_ALLOWED, error::JSON, json!({"Message": message}).to_string());
        }
        let version = match call.operation {
            Operation::TokenV1 => Version::V1,
            Operation::TokenV2 => Version::V2,
            _ => {
                return match self.answer_api_request(call, rng) {
                    Ok(reply) | Err(reply) => as_in_production(reply),
                };
            }
        };
        let form = http::decode_parameters(call.request.body());
        let origin = request::origin(call.request);
        let path = call.request.uri().path();
        let token_request = TokenRequest { version, tenant: call.tenant, form: &form, origin: &origin, path };
        self.tokens.answer(&token_request, &self.behaviours, call.clocks.login, rng)
    }

    fn answer_api_request(&mut self, call: &Call<'_>, rng: &mut SeededRng) -> Result<Reply, Reply> {
        let grant = admission::admit(call, &mut self.tokens, &self.behaviours, rng)?;
        match call.operation {
            Operation::Subscriptions if rng.chance(self.behaviours.error_in_ok) => {
                Ok(error::server_error(StatusCode::OK))
            }
            Operation::Subscriptions => Ok(json_reply(&self.subscriptions.list(&self.behaviours))),
            Operation::SensitiveTypes => Ok(json_reply(&sensitive_types_json())),
            Operation::Blob(id) => {
                let index = self.feeds.find(id)?;
                admission::permit(&grant, index.0, &self.behaviours)?;
                self.feeds.blob(index, permitted_form(&grant), call, &self.behaviours, rng)
            }
            Operation::Start | Operation::Stop | Operation::Content | Operation::Notifications => {
                self.answer_for_content_type(call, &grant, rng)
            }
            Operation::TokenV1 | Operation::TokenV2 => Err(error::unauthorized(self.behaviours.unauthorized)),
        }
    }

    fn answer_for_content_type(&mut self, call: &Call<'_>, grant: &Grant, rng: &mut SeededRng) -> Result<Reply, Reply> {
        let name = call.parameters.get("contentType");
        let name = name.ok_or_else(|| error::bad_request("AF20001", "Missing parameter: contentType."))?;
        let content_type = ContentType::named(name)
            .ok_or_else(|| error::bad_request("AF20020", "The specified content type is not valid."))?;
        admission::permit(grant, content_type, &self.behaviours)?;
        match call.operation {
            Operation::Start => self.start_subscription(call, content_type, rng),
            Operation::Stop => {
                self.require_subscription(content_type)?;
                self.subscriptions.stop(content_type, call.now);
                Ok(Reply::new(StatusCode::OK, "", ""))
            }
            Operation::Content => {
                self.require_subscription(content_type)?;
                self.feeds.list(content_type, call, &self.behaviours, rng)
            }
            _ => Ok(json_reply(&json!([]))),
        }
    }

    fn require_subscription(&self, content_type: ContentType) -> Result<(), Reply> {
        match self.subscriptions.get(content_type) {
            Some(subscription) if subscription.is_on => Ok(()),
            Some(_) if !self.behaviours.stopped_is_gone => {
                Err(error::bad_request("AF20023", "The subscription was disabled."))
            }
            _ => Err(error::bad_request("AF20022", "No subscription found for the specified content type.")),
        }
    }

    fn start_subscription(
        &mut self,
        call: &Call<'_>,
        content_type: ContentType,
        rng: &mut SeededRng,
    ) -> Result<Reply, Reply> {
        if self.behaviours.auditing_off {
            return Err(error::auditing_off(call.tenant, content_type.name(), rng));
        }
        let body = call.request.body();
        if !body.is_empty() && serde_json::from_slice::<Value>(body).is_err() {
            return Err(error::bad_request("AF20002", "Invalid parameter type: webhook. Expected type: object"));
        }
        if self.behaviours.start_broken == Some(content_type) {
            return Err(error::server_error(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let wait_seconds = self.behaviours.start_waits_seconds;
        if let Some(seconds_left) =
            wait_seconds.and_then(|seconds| self.subscriptions.remaining_wait_seconds(content_type, call.now, seconds))
        {
            return Err(error::start_throttled(seconds_left));
        }
        let started = self.subscriptions.start(content_type, call.now, self.behaviours.start_throttled);
        match (started, self.behaviours.already_on) {
            (StartResult::Started, _) | (StartResult::AlreadyOn, AlreadyOn::Ok) => {
                Ok(json_reply(&subscriptions::entry(content_type, true)))
            }
            (StartResult::AlreadyOn, AlreadyOn::Af20024) => {
                Err(error::bad_request("AF20024", "The subscription is already enabled. No property change."))
            }
            (StartResult::TooSoon, _) => Err(self.throttled_reply(call, None)),
        }
    }
}

/// Returns the form in which records are sent to a client with this token.
fn permitted_form(grant: &Grant) -> RecordForm {
    RecordForm::of(grant.permits(READ_DLP))
}

fn json_reply(body: &Value) -> Reply {
    Reply::new(StatusCode::OK, error::JSON, body.to_string())
}

fn sensitive_types_json() -> Value {
    json!([{"id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "name": "Credit Card Number"}])
}

/// Adds the headers that all answers have in production. A reply that has them already stays unchanged.
fn as_in_production(reply: Reply) -> Reply {
    if reply.headers.iter().any(|(name, _)| name == "pragma") {
        return reply;
    }
    reply
        .with_header("cache-control", "no-cache")
        .with_header("pragma", "no-cache")
        .with_header("expires", "-1")
        .with_header("x-aspnet-version", "4.0.30319")
        .with_header("x-powered-by", "ASP.NET")
}
