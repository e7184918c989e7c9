//! The tenant's access token: OAuth 2.0 client credentials, kept until shortly before it expires.
//!
//! The credential goes to the login host only, the token to the API host only.

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

use crate::aadsts;
use crate::config::{Client, Config, Credential, Endpoints, Overrides};
use crate::content_type::ContentType;
use crate::retry_policy::{RETRY, for_next_tick};
use crate::wire::TokenAnswer;

/// A token is renewed when it has less than this left, or half its life if that is shorter.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// A token whose answer does not say lives this long to us.
const LIVES_SECONDS: u64 = 600;
/// A refused credential is not tried again for this long: many tries lock an app registration out.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// After a login that failed as often as it is tried in a tick there is no other one in that tick. A tick that does not
/// come to its end is forgotten after this.
const TICK_HOLD: Duration = Duration::from_secs(300);
/// After a login that was tried only once, and that another one may cure, there is no other one for this long.
const SINGLE_HOLD: Duration = Duration::from_millis(500);
/// A time the login names is kept up to this.
const LONGEST_NAMED_HOLD: Duration = Duration::from_secs(900);
/// The longest answer of the login, in bytes.
const LONGEST_ANSWER: usize = 256 << 10;

/// A token. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: SecretString,
    issued: Timestamp,
    expires: Timestamp,
    renew_from: Timestamp,
    /// Counts the tenant's tokens: whoever saw this one refused does not renew its successor.
    number: u64,
    /// It was logged in for because the API had refused the one before.
    is_replacement: bool,
}

/// The tenant's token, logged in for when there is need of it.
#[derive(Debug)]
pub(crate) struct Tokens<S> {
    secrets: S,
    reference: String,
    tenant: Uuid,
    url: Url,
    /// Whom tokens are for: a field of the form, and its value.
    target: (&'static str, String),
    state: Mutex<State>,
    /// The number of the last token that the API took.
    accepted: AtomicU64,
}

#[derive(Debug)]
struct State {
    client: Client,
    token: Option<Token>,
    held: Option<Held>,
    /// The ticks in which each content type was prepared, and how many ticks there were.
    prepared: BTreeMap<ContentType, u64>,
    ticks: u64,
    issued: u64,
}

/// The caller that needs a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    /// The content type whose report will show a failure; `None` if none will.
    pub(crate) content_type: Option<ContentType>,
    pub(crate) tries: Tries,
}

/// There is no login until then: the last one failed.
#[derive(Debug, Clone)]
struct Held {
    until: Timestamp,
    /// It ends with the tick, too.
    is_of_tick: bool,
    error: PortError,
    /// The content type that reports the error in full; the others refer to it.
    reporter: Option<ContentType>,
}

impl<S: Secrets> Tokens<S> {
    pub(crate) fn new(config: &Config, secrets: S, reference: String) -> Self {
        let client = config.client.clone();
        let state = State { client, token: None, held: None, prepared: BTreeMap::new(), ticks: 0, issued: 0 };
        let Endpoints { login, audience, token, .. } = &config.endpoints;
        Self {
            secrets,
            reference,
            tenant: config.tenant,
            url: endpoint(login, &token.path(config.tenant)),
            target: token.target(audience),
            state: Mutex::new(state),
            accepted: AtomicU64::new(0),
        }
    }

    /// Notes that a tick of the content type begins. The first one of the tenant in a tick ends what was held for the
    /// tick before.
    pub(crate) async fn begin_tick(&self, content_type: ContentType) {
        self.state.lock().await.begin_tick(content_type);
    }

    /// The token to use now. One login at a time, and one in a tick, repeated as the retry policy allows: the tenant's
    /// streams wait for it together, and share its failure.
    pub(crate) async fn get(&self, http: &HttpClient, clock: &impl Clock, asker: Asker) -> Result<Token, PortError> {
        let mut state = self.state.lock().await;
        self.current(http, clock, &mut state, asker, false).await
    }

    /// Another token than `refused`, which the API has just refused. `None` when that was one of
    /// these already, and was never taken: it is not the token.
    pub(crate) async fn another(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        asker: Asker,
        refused: &Token,
    ) -> Result<Option<Token>, PortError> {
        let mut state = self.state.lock().await;
        let is_current = state.token.as_ref().is_some_and(|token| token.number == refused.number);
        if is_current {
            let lately = refused.issued.saturating_add(REFUSED_FOR).unwrap_or(refused.issued) > clock.now();
            if refused.is_replacement && lately && self.accepted.load(Ordering::Relaxed) < refused.number {
                return Ok(None);
            }
            state.token = None;
        }
        self.current(http, clock, &mut state, asker, true).await.map(Some)
    }

    /// The API took that token.
    pub(crate) fn accepted(&self, token: &Token) {
        self.accepted.fetch_max(token.number, Ordering::Relaxed);
    }

    async fn current(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        state: &mut State,
        asker: Asker,
        is_replacement: bool,
    ) -> Result<Token, PortError> {
        let known = state.token.clone();
        if let Some(token) = known.clone().filter(|token| clock.now() < token.renew_from) {
            return Ok(token);
        }
        let error = match state.held(clock.now(), asker) {
            Some(error) => error,
            None => match self.log_in(http, clock, state, asker.tries).await {
                Ok(answer) => return Ok(state.keep(answer, clock.now(), is_replacement)),
                Err((error, named)) => state.hold(error, named, clock.now(), asker),
            },
        };
        // Not renewed in time is no harm while the old one lives, unless it never will be.
        let lives = |token: &Token| !error.is_refusal() && clock.now() < token.expires;
        known.filter(lives).ok_or(error)
    }

    /// Logs in, as often as `tries` allows. An error comes with the wait that the login named last.
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
            Tries::Once => attempt().await.map_err(for_next_tick),
        };
        state.client = client.into_inner();
        outcome.map_err(|error| (error, named.get()))
    }

    /// Logs in; if the credential is refused, once more with the secret as it is now, if it has changed.
    async fn log_in_once(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        client: &RefCell<Client>,
        tries: Tries,
    ) -> Result<TokenAnswer, PortError> {
        let known = client.borrow().clone();
        match self.ask(http, clock, &known).await {
            Err(error) if error.is_refusal() => {
                let fresh = self.reread(clock, tries).await.map_err(|second| PortError {
                    message: format!("{}; {}", error.message, second.message),
                    ..second
                })?;
                if fresh.is_same(&known) {
                    return Err(error);
                }
                client.replace(fresh.clone());
                self.ask(http, clock, &fresh).await
            }
            other => other,
        }
    }

    async fn ask(&self, http: &HttpClient, clock: &impl Clock, client: &Client) -> Result<TokenAnswer, PortError> {
        let proof = self.proof(clock, client)?;
        let (field, target) = &self.target;
        let mut fields =
            vec![("grant_type", "client_credentials"), ("client_id", client.id.as_str()), (*field, target.as_str())];
        match &client.credential {
            Credential::Secret(_) => fields.push(("client_secret", proof.expose_secret())),
            Credential::Certificate(_) => {
                fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                fields.push(("client_assertion", proof.expose_secret()));
            }
        }
        match http.try_send(Request::post(self.url.clone()).form(&fields)).await {
            Ok(answer) => read(answer).await,
            Err(SendError::Failed(error)) => Err(unanswered(error)),
            // Each further try would cost as long, and is hardly of use.
            Err(SendError::Unreachable(error)) => Err(for_next_tick(unanswered(error))),
        }
    }

    fn proof(&self, clock: &impl Clock, client: &Client) -> Result<SecretString, PortError> {
        match &client.credential {
            Credential::Secret(secret) => Ok(secret.clone()),
            Credential::Certificate(certificate) => {
                let random = (u128::from(clock.random()) << 64) | u128::from(clock.random());
                let id = Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
                certificate.assertion(&client.id, self.url.as_str(), clock.now(), id).ok_or_else(|| {
                    PortError::person("logging in: private_key_pem in the source's secret cannot sign; replace the key")
                })
            }
        }
    }

    /// The app registration as the secret has it now: it may have been rotated since we read it.
    async fn reread(&self, clock: &impl Clock, tries: Tries) -> Result<Client, PortError> {
        let secret = read_again(&self.secrets, clock, &self.reference, tries).await?;
        let config = Config::parse(&secret, &Overrides::default())
            .map_err(|error| PortError::person(format!("the source's secret, read again, {error}")))?;
        if config.tenant != self.tenant {
            return Err(PortError::person(
                "the source's secret now names another tenant; give that tenant a secret of its own",
            ));
        }
        Ok(config.client)
    }
}

impl State {
    fn keep(&mut self, answer: TokenAnswer, now: Timestamp, is_replacement: bool) -> Token {
        self.issued += 1;
        self.held = None;
        let lives = answer.lives_seconds.unwrap_or(LIVES_SECONDS);
        let lives = SignedDuration::from_secs(i64::try_from(lives).unwrap_or(i64::MAX));
        let after = |wait: SignedDuration| now.saturating_add(wait).unwrap_or(now);
        let token = Token {
            text: answer.access_token,
            issued: now,
            expires: after(lives),
            renew_from: after(lives - RENEW_BEFORE.min(lives / 2)),
            number: self.issued,
            is_replacement,
        };
        self.token.insert(token).clone()
    }

    /// Notes a tick of the content type.
    fn begin_tick(&mut self, content_type: ContentType) {
        let count = self.prepared.entry(content_type).or_default();
        *count += 1;
        if *count > self.ticks {
            self.ticks = *count;
            self.held.take_if(|held| held.is_of_tick);
        }
    }

    /// Remembers a failed login for a while, and hands it back.
    fn hold(&mut self, error: PortError, named: Option<Duration>, now: Timestamp, asker: Asker) -> PortError {
        let (wait, is_of_tick) = match (named, asker.tries) {
            _ if error.is_refusal() => (REFUSED_FOR, false),
            (Some(named), _) => (named.min(LONGEST_NAMED_HOLD), false),
            (None, Tries::Patient) => (TICK_HOLD, true),
            (None, Tries::Once) => (SINGLE_HOLD, false),
        };
        let until = now.saturating_add(wait).unwrap_or(now);
        self.held = Some(Held { until, is_of_tick, error: error.clone(), reporter: asker.content_type });
        error
    }

    /// Why there is to be no login now. An error that needs no person is told in full by one content type only.
    fn held(&mut self, now: Timestamp, asker: Asker) -> Option<PortError> {
        let held = self.held.as_mut().filter(|held| now < held.until)?;
        let Some(content_type) = asker.content_type else { return Some(held.error.clone()) };
        let reporter = *held.reporter.get_or_insert(content_type);
        if reporter == content_type || held.error.is_refusal() {
            return Some(held.error.clone());
        }
        let message =
            format!("{}; one login serves all content types: see what {reporter} reports", brief(&held.error));
        Some(PortError { message, ..held.error.clone() })
    }
}

/// Shortens a message to the part that names the failure, without its reason and cure.
fn brief(error: &PortError) -> String {
    let status = error.message.strip_prefix(STATUS).and_then(|rest| rest.split_once(':'));
    status.map_or_else(|| "logging in: no answer".to_owned(), |(status, _)| format!("{STATUS}{status}"))
}

/// The beginning of the message on an answer without a token.
const STATUS: &str = "logging in: HTTP ";

async fn read(answer: Answer) -> Result<TokenAnswer, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await.map_err(unanswered)?;
    let token = if status == 200 { TokenAnswer::read(&body) } else { None };
    token.ok_or_else(|| aadsts::into_error(status, &body, retry_after))
}

fn unanswered(error: PortError) -> PortError {
    PortError { message: format!("logging in: {}", error.message), ..error }
}
