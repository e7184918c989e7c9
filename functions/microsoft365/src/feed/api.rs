//! One call of the API: within the tenant's limits, with a token, repeated as its refusal allows.

use std::cell::Cell;
use std::sync::Arc;

use adapters::http::{Answer, HttpClient, Request, Url};
use collector::{Body, Clock, PortError, Secrets, Tries, UnixSeconds, retry};

use crate::config::Config;
use crate::content_type::ContentType;
use crate::limits::Limits;
use crate::refusal::{Refusal, Task};
use crate::retry_policy::{RETRY, for_next_tick};
use crate::token::{Asker, Token, Tokens};
use crate::urls::Urls;
use crate::vendor_clock::VendorClock;

/// As much of a refusal's body is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// What was asked for, or the API's refusal where it means something to the caller.
pub(crate) type Outcome<T> = Result<T, Refusal>;

/// A tenant's API.
#[derive(Debug)]
pub(crate) struct Api<S, C> {
    pub(crate) urls: Urls,
    pub(crate) clock: C,
    http: HttpClient,
    tokens: Tokens<S>,
    limits: Arc<Limits>,
    vendor_clock: VendorClock,
}

/// What a call is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb<'a> {
    /// Reads something small.
    Get,
    /// Reads a blob: so many at a time as the vendor bears.
    Fetch,
    /// Starts a subscription, once: the vendor counts starts, and throttles them without meaning
    /// other calls. What it holds is set when the request goes out.
    Start(&'a Cell<bool>),
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) verb: Verb<'a>,
    pub(crate) url: &'a Url,
    pub(crate) task: Task<'a>,
    /// Whether the call is repeated, and waits while the tenant pauses.
    pub(crate) tries: Tries,
}

impl<S: Secrets, C: Clock> Api<S, C> {
    pub(crate) fn new(config: &Config, secrets: S, reference: String, http: HttpClient, clock: C) -> Self {
        let tokens = Tokens::new(config, secrets, reference);
        let limits = Limits::of(&config.endpoints.api, config.tenant);
        Self { urls: Urls::new(config), clock, http, tokens, limits, vendor_clock: VendorClock::default() }
    }

    /// The vendor's clock now, once an answer has told it.
    pub(crate) fn vendor_now(&self) -> Option<UnixSeconds> {
        self.vendor_clock.at(self.clock.now())
    }

    /// The time to judge windows by, once an answer has told the vendor's: see [`VendorClock::trusted_at`].
    pub(crate) fn trusted_now(&self) -> Option<UnixSeconds> {
        self.vendor_clock.trusted_at(self.clock.now())
    }

    /// Notes that a tick of the content type begins.
    pub(crate) async fn begin_tick(&self, content_type: ContentType) {
        self.tokens.begin_tick(content_type).await;
    }

    /// Makes the call until `read` has read its answer, the refusal is one that another try does
    /// not cure, or the tries are spent. `read` gets successful answers only, and may find a refusal in one.
    ///
    /// [`Tries::Once`] and [`Verb::Start`] are made once; what may pass is left to the next tick.
    pub(crate) async fn ask<T>(
        &self,
        call: Call<'_>,
        read: impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        if call.tries == Tries::Once || matches!(call.verb, Verb::Start(_)) {
            return self.attempt(call, &read, true).await.map_err(for_next_tick);
        }
        let attempts = Cell::new(0);
        let attempt = || {
            attempts.set(attempts.get() + 1);
            self.attempt(call, &read, attempts.get() == RETRY.attempts)
        };
        retry(&self.clock, &RETRY, attempt).await
    }

    async fn attempt<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
        is_last: bool,
    ) -> Result<Outcome<T>, PortError> {
        let outcome = self
            .with_token(call, read)
            .await
            .map_err(|error| PortError { message: format!("{}: {}", call.task, error.message), ..error })?;
        match (outcome, call.verb) {
            // The caller knows what becomes of a blob that is not there, or in the end is none.
            (Err(refusal), Verb::Fetch) if refusal.is_missing() || is_last && refusal.says_nothing() => {
                Ok(Err(refusal))
            }
            (Err(refusal), Verb::Get | Verb::Fetch) if refusal.is_transient() => Err(refusal.into_error(call.task)),
            (settled, _) => Ok(settled),
        }
    }

    /// A token may have been revoked or have expired on the way: one renewal, then the refusal stands.
    async fn with_token<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        let asker = Asker { content_type: call.task.content_type, tries: call.tries };
        let token = self.tokens.get(&self.http, &self.clock, asker).await?;
        let outcome = self.send(call, &token, read).await?;
        if !matches!(&outcome, Err(refusal) if refusal.is_stale_token()) {
            return Ok(outcome);
        }
        match self.tokens.another(&self.http, &self.clock, asker, &token).await? {
            Some(renewed) => self.send(call, &renewed, read).await,
            None => Ok(outcome),
        }
    }

    async fn send<T>(
        &self,
        call: Call<'_>,
        token: &Token,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        if !self.urls.owns(call.url) {
            return Err(PortError::person("a URL outside of the tenant's feed is not followed"));
        }
        let turn = self.limits.turn(&self.clock, matches!(call.verb, Verb::Fetch), call.tries).await?;
        let mut answer = self.http.send(request(call).bearer(&token.text)).await?;
        let (answered, date) = (self.clock.now(), answer.date());
        let outcome = if (200..=299).contains(&answer.status()) {
            read(answer).await?
        } else {
            let body = beginning(&mut answer, Vec::new()).await;
            Err(Refusal::read(answer.status(), &body, answer.retry_after()))
        };
        match &outcome {
            Ok(_) => {
                turn.answered(answered);
                self.tokens.accepted(token);
                // A blob that was opened has still to prove that it is one.
                if !matches!(call.verb, Verb::Fetch) {
                    self.vendor_clock.note(date, answered);
                }
            }
            Err(refusal) if refusal.is_throttled() && !matches!(call.verb, Verb::Start(_)) => {
                turn.throttled(refusal.retry_after, &self.clock);
            }
            Err(_) => {}
        }
        Ok(outcome)
    }
}

fn request<'a>(call: Call<'_>) -> Request<'a> {
    match call.verb {
        Verb::Get | Verb::Fetch => Request::get(call.url.clone()),
        Verb::Start(sent) => {
            sent.set(true);
            // The vendor's gateway insists on a length, also of nothing.
            Request::post(call.url.clone()).header("content-length", "0")
        }
    }
}

/// The body's beginning after what was read of it already. A refusal cut short is still one.
pub(crate) async fn beginning(answer: &mut Answer, mut body: Vec<u8>) -> Vec<u8> {
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(bytes)) = answer.chunk().await
    {
        body.extend_from_slice(&bytes);
    }
    body
}
