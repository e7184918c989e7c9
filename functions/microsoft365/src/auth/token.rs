//! The tenant's access token, from OAuth 2.0 client credentials. It is cached until shortly before it expires.
//!
//! The credential is sent to the login host only, the token to the API host only.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, SendError, Url, endpoint};
use collector::{Clock, PortError, Recovery, Secrets, Tries, read_again, retry};
use futures_util::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::{Builder, Uuid};

use super::aadsts;
use super::assertion::assertion;
use super::login_answer::TokenAnswer;
use crate::config::content_type::ContentType;
use crate::config::{Client, Config, Credential, Endpoints, SourceSecret};
use crate::throttle::retry_policy::RETRY;

/// A token is renewed this long before it expires, or after half its lifetime if that is later.
const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// Assumed lifetime of a token whose answer names none.
const DEFAULT_LIFETIME_SECONDS: u64 = 600;
/// Time without a login after a refused credential. Too many attempts would lock the app registration.
const HOLD_AFTER_REFUSAL: Duration = Duration::from_secs(60);
/// Time without a login after a login and all its retries failed. The start of the next tick ends it early, so this
/// bound matters only if no tick starts.
const HOLD_AFTER_ALL_RETRIES: Duration = Duration::from_secs(300);
/// Time without a login after a single attempt failed for a reason that a retry may cure.
const HOLD_AFTER_SINGLE_TRY: Duration = Duration::from_millis(500);
/// The longest time without a login if the login itself asks for a wait.
const MAX_NAMED_HOLD: Duration = Duration::from_secs(900);
/// The longest answer of the login that is read.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// An access token. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: SecretString,
    issued: Timestamp,
    expires: Timestamp,
    renew_from: Timestamp,
    /// Number of the token, counted per tenant. A caller whose token was refused renews it only if no other caller has
    /// done so.
    number: u64,
    /// The token was issued because the API had refused the one before.
    is_replacement: bool,
}

/// Holds the tenant's token, and logs in when one is needed.
#[derive(Debug)]
pub(crate) struct Tokens<S> {
    secrets: S,
    reference: String,
    tenant: Uuid,
    url: Url,
    /// The form field that names the audience, and its value.
    audience: (&'static str, String),
    state: Mutex<State>,
    /// The number of the last token that the API accepted.
    accepted: AtomicU64,
}

#[derive(Debug)]
struct State {
    client: Client,
    token: Option<Token>,
    hold: Option<Hold>,
    /// Number of ticks that each content type has begun.
    begun_ticks: BTreeMap<ContentType, u64>,
    /// Number of ticks that the tenant has begun: the highest number in `begun_ticks`.
    ticks: u64,
    /// Tokens issued so far.
    issued: u64,
}

/// The caller that needs a token, and its number of retries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requester {
    /// The content type whose report will show a failure; `None` if no report will.
    pub(crate) content_type: Option<ContentType>,
    pub(crate) tries: Tries,
}

/// A time without a login, after the last one failed.
#[derive(Debug, Clone)]
struct Hold {
    until: Timestamp,
    /// The beginning of the next tick ends the hold.
    ends_with_tick: bool,
    error: PortError,
    /// The content type whose report has the whole error; the reports of the others refer to it.
    reporter: Option<ContentType>,
}

impl<S: Secrets> Tokens<S> {
    pub(crate) fn new(secret: &SourceSecret, secrets: S, reference: String) -> Self {
        let client = secret.client.clone();
        let state = State { client, token: None, hold: None, begun_ticks: BTreeMap::new(), ticks: 0, issued: 0 };
        let Endpoints { login_url, audience, token_endpoint, .. } = &secret.endpoints;
        Self {
            secrets,
            reference,
            tenant: secret.tenant_id,
            url: endpoint(login_url, &token_endpoint.path(secret.tenant_id)),
            audience: token_endpoint.audience_field(audience),
            state: Mutex::new(state),
            accepted: AtomicU64::new(0),
        }
    }

    /// Records that a tick of the content type begins. The first content type in a tick ends the hold of the tick
    /// before.
    pub(crate) async fn begin_tick(&self, content_type: ContentType) {
        self.state.lock().await.begin_tick(content_type);
    }

    /// Returns the token to use now, and logs in if there is none.
    ///
    /// At most one login runs at a time. The tenant's streams wait for it together and share its failure. After a login
    /// and all its retries failed, no other login is made in the same tick.
    pub(crate) async fn get(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        requester: Requester,
    ) -> Result<Token, PortError> {
        let mut state = self.state.lock().await;
        self.current(http, clock, &mut state, requester, false).await
    }

    /// Returns a token other than `refused`, which the API has just refused.
    ///
    /// `None` if `refused` is itself a recent replacement that the API has never accepted: then a new token would not
    /// help.
    pub(crate) async fn replace(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        requester: Requester,
        refused: &Token,
    ) -> Result<Option<Token>, PortError> {
        let mut state = self.state.lock().await;
        let is_current = state.token.as_ref().is_some_and(|token| token.number == refused.number);
        if is_current {
            let is_new = refused.issued.saturating_add(HOLD_AFTER_REFUSAL).unwrap_or(refused.issued) > clock.now();
            if refused.is_replacement && is_new && self.accepted.load(Ordering::Relaxed) < refused.number {
                return Ok(None);
            }
            state.token = None;
        }
        self.current(http, clock, &mut state, requester, true).await.map(Some)
    }

    /// Records that the API accepted that token.
    pub(crate) fn record_acceptance(&self, token: &Token) {
        self.accepted.fetch_max(token.number, Ordering::Relaxed);
    }

    /// Returns the cached token until it must be renewed, and then the token of a new login.
    ///
    /// If the login fails, the old token is returned until it expires, unless the login was refused.
    async fn current(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        state: &mut State,
        requester: Requester,
        is_replacement: bool,
    ) -> Result<Token, PortError> {
        let known = state.token.clone();
        if let Some(token) = known.clone().filter(|token| clock.now() < token.renew_from) {
            return Ok(token);
        }
        let error = match state.held_error(clock.now(), requester) {
            Some(error) => error,
            None => match self.log_in(http, clock, state, requester.tries).await {
                Ok(answer) => return Ok(state.keep(answer, clock.now(), is_replacement)),
                Err((error, named)) => state.begin_hold(error, named, clock.now(), requester),
            },
        };
        let is_usable = |token: &Token| !error.is_refusal() && clock.now() < token.expires;
        known.filter(is_usable).ok_or(error)
    }

    /// Logs in, with retries if `tries` allows them. On failure, it also returns the last wait that the login asked
    /// for, if any.
    async fn log_in(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        state: &mut State,
        tries: Tries,
    ) -> Result<TokenAnswer, (PortError, Option<Duration>)> {
        let (client, named) = (RefCell::new(state.client.clone()), Cell::new(None));
        let attempt = async || {
            let answer = self.log_in_once(http, clock, &client, tries).await;
            named.set(match &answer {
                Err(PortError { recovery: Recovery::Again { after }, .. }) => *after,
                _ => None,
            });
            answer
        };
        let outcome = match tries {
            Tries::Patient => retry(clock, &RETRY, attempt).await,
            Tries::Once => attempt().await.map_err(PortError::for_next_tick),
        };
        state.client = client.into_inner();
        outcome.map_err(|error| (error, named.get()))
    }

    /// Logs in. After a refusal it reads the secret again, and logs in once more if the credential has changed.
    async fn log_in_once(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        client: &RefCell<Client>,
        tries: Tries,
    ) -> Result<TokenAnswer, PortError> {
        let known = client.borrow().clone();
        match self.request(http, clock, &known).await {
            Err(error) if error.is_refusal() => {
                let fresh = self.read_client_again(clock, tries).await.map_err(|second| PortError {
                    message: format!("{}; {}", error.message, second.message),
                    ..second
                })?;
                if fresh.has_same_credential(&known) {
                    return Err(error);
                }
                client.replace(fresh.clone());
                self.request(http, clock, &fresh).await
            }
            other => other,
        }
    }

    /// Sends one login request.
    async fn request(&self, http: &HttpClient, clock: &impl Clock, client: &Client) -> Result<TokenAnswer, PortError> {
        let proof = self.proof(clock, client)?;
        let (field, audience) = &self.audience;
        let mut fields =
            vec![("grant_type", "client_credentials"), ("client_id", client.id.as_str()), (*field, audience.as_str())];
        match &client.credential {
            Credential::Secret(_) => fields.push(("client_secret", proof.expose_secret())),
            Credential::Certificate(_) => {
                fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                fields.push(("client_assertion", proof.expose_secret()));
            }
        }
        match http.try_send(Request::post(self.url.clone()).form(&fields)).await {
            Ok(answer) => read_token(answer).await,
            Err(SendError::Failed(error)) => Err(name_login(error)),
            // Another attempt in this tick would take as long, and would hardly succeed.
            Err(SendError::Unreachable(error)) => Err(name_login(error).for_next_tick()),
        }
    }

    /// Returns the client secret or a new signed assertion.
    fn proof(&self, clock: &impl Clock, client: &Client) -> Result<SecretString, PortError> {
        match &client.credential {
            Credential::Secret(secret) => Ok(secret.clone()),
            Credential::Certificate(certificate) => {
                let random = (u128::from(clock.random()) << 64) | u128::from(clock.random());
                let id = Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
                assertion(certificate, &client.id, self.url.as_str(), clock.now(), id).ok_or_else(|| {
                    PortError::person("logging in: private_key_pem in the source's secret cannot sign; replace the key")
                })
            }
        }
    }

    /// Reads the app registration from the secret again: it may have been rotated since the last read.
    async fn read_client_again(&self, clock: &impl Clock, tries: Tries) -> Result<Client, PortError> {
        let text = read_again(&self.secrets, clock, &self.reference, tries).await?;
        let secret = SourceSecret::parse(&text, &Config::default())
            .map_err(|error| PortError::person(format!("the source's secret, read again, {error}")))?;
        if secret.tenant_id != self.tenant {
            return Err(PortError::person(
                "the source's secret now names another tenant; give that tenant a secret of its own",
            ));
        }
        Ok(secret.client)
    }
}

impl State {
    /// Stores the token of an answer that arrived at `now`, and ends any hold.
    fn keep(&mut self, answer: TokenAnswer, now: Timestamp, is_replacement: bool) -> Token {
        self.issued += 1;
        self.hold = None;
        let lifetime = answer.lifetime_seconds.unwrap_or(DEFAULT_LIFETIME_SECONDS);
        let lifetime = SignedDuration::from_secs(i64::try_from(lifetime).unwrap_or(i64::MAX));
        let after = |wait: SignedDuration| now.saturating_add(wait).unwrap_or(now);
        let token = Token {
            text: answer.access_token,
            issued: now,
            expires: after(lifetime),
            renew_from: after(lifetime - RENEWAL_MARGIN.min(lifetime / 2)),
            number: self.issued,
            is_replacement,
        };
        self.token.insert(token).clone()
    }

    /// Records that a tick of the content type begins.
    fn begin_tick(&mut self, content_type: ContentType) {
        let count = self.begun_ticks.entry(content_type).or_default();
        *count += 1;
        if *count > self.ticks {
            self.ticks = *count;
            self.hold.take_if(|hold| hold.ends_with_tick);
        }
    }

    /// Begins a hold after a failed login, and returns the error.
    fn begin_hold(
        &mut self,
        error: PortError,
        named: Option<Duration>,
        now: Timestamp,
        requester: Requester,
    ) -> PortError {
        let (wait, ends_with_tick) = match (named, requester.tries) {
            _ if error.is_refusal() => (HOLD_AFTER_REFUSAL, false),
            (Some(named), _) => (named.min(MAX_NAMED_HOLD), false),
            (None, Tries::Patient) => (HOLD_AFTER_ALL_RETRIES, true),
            (None, Tries::Once) => (HOLD_AFTER_SINGLE_TRY, false),
        };
        let until = now.saturating_add(wait).unwrap_or(now);
        self.hold = Some(Hold { until, ends_with_tick, error: error.clone(), reporter: requester.content_type });
        error
    }

    /// Returns the error of the last login while its hold lasts. An error that needs no person is returned in full for
    /// one content type only; the others get a short form that refers to it.
    fn held_error(&mut self, now: Timestamp, requester: Requester) -> Option<PortError> {
        let hold = self.hold.as_mut().filter(|hold| now < hold.until)?;
        let Some(content_type) = requester.content_type else { return Some(hold.error.clone()) };
        let reporter = *hold.reporter.get_or_insert(content_type);
        if reporter == content_type || hold.error.is_refusal() {
            return Some(hold.error.clone());
        }
        let message =
            format!("{}; one login serves all content types: see what {reporter} reports", short_message(&hold.error));
        Some(PortError { message, ..hold.error.clone() })
    }
}

/// Shortens a message to the part that names the failure, without its cause and cure.
fn short_message(error: &PortError) -> String {
    let status = error.message.strip_prefix(STATUS_PREFIX).and_then(|rest| rest.split_once(':'));
    status.map_or_else(|| "logging in: no answer".to_owned(), |(status, _)| format!("{STATUS_PREFIX}{status}"))
}

/// The beginning of the message about an answer without a token.
const STATUS_PREFIX: &str = "logging in: HTTP ";

/// Reads the token from an answer. An answer without a token becomes an error.
async fn read_token(answer: Answer) -> Result<TokenAnswer, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(MAX_ANSWER_BYTES).await.map_err(name_login)?;
    let token = if status == 200 { TokenAnswer::read(&body) } else { None };
    token.ok_or_else(|| aadsts::into_error(status, &body, retry_after))
}

/// Adds to an error that it occurred while logging in.
fn name_login(error: PortError) -> PortError {
    error.with_context("logging in")
}
