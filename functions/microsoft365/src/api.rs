//! One call of the API: within the budget, with a token, repeated as its refusal allows.

use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, Url};
use collector::{Body, Clock, PortError, RetryPolicy, Secrets, retry};

use crate::budget::Budget;
use crate::config::Config;
use crate::refusal::{Refusal, THROTTLE_WAIT, Task};
use crate::token::{Token, Tokens};
use crate::urls::Urls;

/// How patiently a call is repeated within a tick.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_secs(1),
    longest_wait: Duration::from_secs(15),
    longest_named_wait: Duration::from_secs(60),
};

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
    budget: Budget,
}

/// What a call does to the vendor's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads.
    Get,
    /// Starts a subscription: not to be repeated when throttled, which says nothing of other calls.
    Start,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) verb: Verb,
    pub(crate) url: &'a Url,
    pub(crate) task: Task<'a>,
}

impl<S: Secrets, C: Clock> Api<S, C> {
    pub(crate) fn new(config: &Config, secrets: S, reference: String, http: HttpClient, clock: C) -> Self {
        let tokens = Tokens::new(config, secrets, reference);
        Self { urls: Urls::new(config), clock, http, tokens, budget: Budget::default() }
    }

    /// Makes the call until `read` has read its answer, the refusal is one that another try does
    /// not cure, or the tries are spent. `read` gets successful answers only, and may find a refusal in one.
    pub(crate) async fn ask<T>(
        &self,
        call: Call<'_>,
        read: impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        retry(&self.clock, &RETRY, || self.attempt(call, &read)).await
    }

    async fn attempt<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        let outcome = self
            .with_token(call, read)
            .await
            .map_err(|error| PortError { message: format!("{}: {}", call.task, error.message), ..error })?;
        match outcome {
            Err(refusal) if refusal.is_throttled() && call.verb == Verb::Start => Ok(Err(refusal)),
            Err(refusal) if refusal.is_transient() => {
                if refusal.is_throttled() {
                    self.budget.pause(&self.clock, refusal.retry_after.unwrap_or(THROTTLE_WAIT));
                }
                Err(refusal.into_error(call.task))
            }
            settled => Ok(settled),
        }
    }

    /// A token may have been revoked or have expired on the way: one renewal, then the refusal stands.
    async fn with_token<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        let token = self.tokens.get(&self.http, &self.clock, None).await?;
        match self.send(call, &token, read).await? {
            Err(refusal) if refusal.is_stale_token() => {
                let renewed = self.tokens.get(&self.http, &self.clock, Some(&token)).await?;
                self.send(call, &renewed, read).await
            }
            settled => Ok(settled),
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
        self.budget.take(&self.clock).await;
        let request = match call.verb {
            Verb::Get => Request::get(call.url.clone()),
            // The vendor's gateway insists on a length, also of nothing.
            Verb::Start => Request::post(call.url.clone()).header("content-length", "0"),
        };
        let mut answer = self.http.send(request.bearer(&token.text)).await?;
        if (200..=299).contains(&answer.status()) {
            return read(answer).await;
        }
        let body = beginning(&mut answer, Vec::new()).await;
        Ok(Err(Refusal::read(answer.status(), &body, answer.retry_after())))
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
