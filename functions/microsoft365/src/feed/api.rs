//! Makes the calls of the API: within the tenant's limits, with a token, and with retries if the refusal allows them.

use std::cell::Cell;
use std::sync::Arc;

use adapters::http::{Answer, HttpClient, Request, Url, count_throttle};
use collector::{Body, Clock, PortError, Secrets, Tries, UnixSeconds, retry};

use crate::auth::token::{Requester, Token, Tokens};
use crate::config::SourceSecret;
use crate::config::content_type::ContentType;
use crate::errors::refusal::{Refusal, Task};
use crate::feed::urls::Urls;
use crate::throttle::limits::Limits;
use crate::throttle::retry_policy::RETRY;
use crate::throttle::vendor_clock::VendorClock;

/// The longest part of a refusal's body that is read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// The requested content, or a refusal that the caller handles.
pub(crate) type Outcome<T> = Result<T, Refusal>;

/// The API of one tenant.
#[derive(Debug)]
pub(crate) struct Api<S, C> {
    pub(crate) urls: Urls,
    pub(crate) clock: C,
    http: HttpClient,
    tokens: Tokens<S>,
    limits: Arc<Limits>,
    vendor_clock: VendorClock,
}

/// The kind of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallKind<'a> {
    /// Reads an answer that is not a blob, such as a page of a listing.
    Get,
    /// Reads a blob, within the limit of concurrent fetches.
    Fetch,
    /// Starts a subscription, and sets the flag when the request goes out. The call is made only once, because the
    /// vendor counts starts. The vendor throttles starts separately, so a throttled start begins no cooldown.
    Start(&'a Cell<bool>),
    /// Reads an answer for a connection check. The call is made only once, and every refusal goes to the caller.
    Check,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) kind: CallKind<'a>,
    pub(crate) url: &'a Url,
    pub(crate) task: Task<'a>,
    /// Decides how often the call is retried, and how long it waits for the end of a cooldown.
    pub(crate) tries: Tries,
}

impl<S: Secrets, C: Clock> Api<S, C> {
    pub(crate) fn new(secret: &SourceSecret, secrets: S, reference: String, http: HttpClient, clock: C) -> Self {
        let tokens = Tokens::new(secret, secrets, reference);
        let limits = Limits::shared(&secret.endpoints.api_url, secret.tenant_id);
        Self { urls: Urls::new(secret), clock, http, tokens, limits, vendor_clock: VendorClock::default() }
    }

    /// Returns what the vendor's clock shows now; `None` before the first answer.
    pub(crate) fn vendor_now(&self) -> Option<UnixSeconds> {
        self.vendor_clock.at(self.clock.now())
    }

    /// Returns the time by which windows are planned; `None` before the first answer. See [`VendorClock::trusted_at`].
    pub(crate) fn trusted_now(&self) -> Option<UnixSeconds> {
        self.vendor_clock.trusted_at(self.clock.now())
    }

    /// Returns the token of the calls, and logs in if there is none.
    pub(crate) async fn token(&self, requester: Requester) -> Result<Token, PortError> {
        self.tokens.get(&self.http, &self.clock, requester).await
    }

    /// Records that a tick of the content type begins.
    pub(crate) async fn begin_tick(&self, content_type: ContentType) {
        self.tokens.begin_tick(content_type).await;
    }

    /// Makes the call, and retries it until `read` succeeds. Fails early if a retry cannot cure the refusal or no retry
    /// is left.
    ///
    /// `read` gets answers with a successful status only, and may still find a refusal in the body. A call with
    /// [`Tries::Once`], of [`CallKind::Start`] or of [`CallKind::Check`] is made only once. If it fails in a way that may
    /// pass, its error is for the next tick.
    pub(crate) async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        if call.tries == Tries::Once || matches!(call.kind, CallKind::Start(_) | CallKind::Check) {
            return self.attempt(call, &read, true).await.map_err(PortError::for_next_tick);
        }
        let attempts = Cell::new(0);
        let attempt = || {
            attempts.set(attempts.get() + 1);
            self.attempt(call, &read, attempts.get() == RETRY.attempts)
        };
        retry(&self.clock, &RETRY, attempt).await
    }

    /// Makes one attempt. A refusal that a retry may cure becomes an error; other refusals go to the caller.
    async fn attempt<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
        is_last: bool,
    ) -> Result<Outcome<T>, PortError> {
        let outcome = self.send_with_token(call, read).await.map_err(|error| error.with_context(call.task))?;
        match (outcome, call.kind) {
            // The caller handles a missing blob. It also handles the answer of the last attempt if that is not a blob.
            (Err(refusal), CallKind::Fetch) if refusal.is_missing() || is_last && refusal.is_unexplained() => {
                Ok(Err(refusal))
            }
            (Err(refusal), CallKind::Get | CallKind::Fetch) if refusal.is_transient() => {
                Err(refusal.into_error(call.task))
            }
            (settled, _) => Ok(settled),
        }
    }

    /// Sends the call, and once more with a new token if the API refused the token: it may have been revoked, or have
    /// expired on the way.
    async fn send_with_token<T>(
        &self,
        call: Call<'_>,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        let requester = Requester { content_type: call.task.content_type, tries: call.tries };
        let token = self.tokens.get(&self.http, &self.clock, requester).await?;
        let outcome = self.send(call, &token, read).await?;
        if !matches!(&outcome, Err(refusal) if refusal.is_stale_token()) {
            return Ok(outcome);
        }
        match self.tokens.replace(&self.http, &self.clock, requester, &token).await? {
            Some(renewed) => self.send(call, &renewed, read).await,
            None => Ok(outcome),
        }
    }

    /// Sends one request, and updates the tenant's limits and the vendor's clock by its answer.
    async fn send<T>(
        &self,
        call: Call<'_>,
        token: &Token,
        read: &impl AsyncFn(Answer) -> Result<Outcome<T>, PortError>,
    ) -> Result<Outcome<T>, PortError> {
        if !self.urls.contains(call.url) {
            return Err(PortError::person("a URL outside of the tenant's feed is not followed"));
        }
        let admission = self.limits.admit(&self.clock, matches!(call.kind, CallKind::Fetch), call.tries).await?;
        let mut answer = self.http.send(request(call).bearer(&token.text)).await?;
        let (answered_at, date) = (self.clock.now(), answer.date());
        let outcome = if (200..=299).contains(&answer.status()) {
            read(answer).await?
        } else {
            let body = read_refusal_body(&mut answer, Vec::new()).await;
            Err(Refusal::read(answer.status(), &body, answer.retry_after()))
        };
        if outcome.as_ref().err().is_some_and(Refusal::is_uncounted_throttle) {
            count_throttle();
        }
        match &outcome {
            Ok(_) => {
                admission.record_answer(answered_at);
                self.tokens.record_acceptance(token);
                // The body of a blob is not read yet and may turn out not to be a blob, so this answer does not set the
                // clock.
                if !matches!(call.kind, CallKind::Fetch) {
                    self.vendor_clock.learn(date, answered_at);
                }
            }
            Err(refusal) if refusal.is_throttled() && !matches!(call.kind, CallKind::Start(_)) => {
                admission.record_throttling(refusal.retry_after, &self.clock);
            }
            Err(_) => {}
        }
        Ok(outcome)
    }
}

fn request<'a>(call: Call<'_>) -> Request<'a> {
    match call.kind {
        CallKind::Get | CallKind::Fetch | CallKind::Check => Request::get(call.url.clone()),
        CallKind::Start(sent) => {
            sent.set(true);
            // The vendor's gateway requires a length, also for an empty body.
            Request::post(call.url.clone()).header("content-length", "0")
        }
    }
}

/// Reads the rest of a refusal's body after the part in `body`, up to [`MAX_REFUSAL_BYTES`] in all. If the body breaks
/// off, returns the part that was received.
pub(crate) async fn read_refusal_body(answer: &mut Answer, mut body: Vec<u8>) -> Vec<u8> {
    while body.len() < MAX_REFUSAL_BYTES
        && let Ok(Some(bytes)) = answer.chunk().await
    {
        body.extend_from_slice(&bytes);
    }
    body
}
