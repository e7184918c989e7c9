//! The tenant's access token: OAuth 2.0 client credentials, kept until shortly before it expires.
//!
//! The credential goes to the login host only, the token to the API host only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, Url, endpoint};
use collector::{Clock, PortError, Recovery, Secrets};
use futures_util::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::{Builder, Uuid};

use crate::aadsts;
use crate::config::{Client, Config, Credential, Endpoints, Overrides};
use crate::retry_policy::RETRY;
use crate::wire::TokenAnswer;

/// A token is renewed when it has less than this left, or half its life if that is shorter.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// A token whose answer does not say lives this long to us.
const LIVES_SECONDS: u64 = 600;
/// A refused credential is not tried again for this long: many tries lock an app registration out.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// After a login that another one may cure, no other for half of what a call waits before it is
/// repeated: those who wait together log in once.
const FIRST_HOLD: Duration = Duration::from_millis(RETRY.first_wait.as_millis() as u64 / 2);
/// No such hold is longer, unless the login names a time.
const LONGEST_HOLD: Duration = Duration::from_secs(8);
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
    /// Logins that failed since the last one that did not.
    failed_in_a_row: u32,
    issued: u64,
}

/// No login until then: the last one failed.
#[derive(Debug, Clone)]
struct Held {
    until: Timestamp,
    error: PortError,
}

impl<S: Secrets> Tokens<S> {
    pub(crate) fn new(config: &Config, secrets: S, reference: String) -> Self {
        let client = config.client.clone();
        let state = State { client, token: None, held: None, failed_in_a_row: 0, issued: 0 };
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

    /// The token to use now. One login at a time: the tenant's streams wait for it together, and
    /// share its failure.
    pub(crate) async fn get(&self, http: &HttpClient, clock: &impl Clock) -> Result<Token, PortError> {
        let mut state = self.state.lock().await;
        self.current(http, clock, &mut state, false).await
    }

    /// Another token than `refused`, which the API has just refused. `None` when that was one of
    /// these already, and was never taken: it is not the token.
    pub(crate) async fn another(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
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
        self.current(http, clock, &mut state, true).await.map(Some)
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
        is_replacement: bool,
    ) -> Result<Token, PortError> {
        let known = state.token.clone();
        if let Some(token) = known.clone().filter(|token| clock.now() < token.renew_from) {
            return Ok(token);
        }
        let error = match state.held(clock.now()) {
            Some(error) => error,
            None => match self.log_in(http, clock, state).await {
                Ok(answer) => return Ok(state.keep(answer, clock.now(), is_replacement)),
                Err(error) => state.hold(error, clock.now()),
            },
        };
        // Not renewed in time is no harm while the old one lives, unless it never will be.
        let lives = |token: &Token| error.recovery != Recovery::Person && clock.now() < token.expires;
        known.filter(lives).ok_or(error)
    }

    /// Logs in; if the credential is refused, once more with the secret as it is now, if it has changed.
    async fn log_in(&self, http: &HttpClient, clock: &impl Clock, state: &mut State) -> Result<TokenAnswer, PortError> {
        match self.ask(http, clock, &state.client).await {
            Err(error) if error.recovery == Recovery::Person => {
                let fresh = self.reread().await.map_err(|second| PortError {
                    message: format!("{}; {}", error.message, second.message),
                    ..second
                })?;
                if fresh.is_same(&state.client) {
                    return Err(error);
                }
                state.client = fresh;
                self.ask(http, clock, &state.client).await
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
        let answer = http.send(Request::post(self.url.clone()).form(&fields)).await.map_err(unanswered)?;
        read(answer).await
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
    async fn reread(&self) -> Result<Client, PortError> {
        let secret = self.secrets.get(&self.reference, true).await?;
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
        (self.held, self.failed_in_a_row) = (None, 0);
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

    /// Remembers a failed login for a while, and hands it back.
    fn hold(&mut self, error: PortError, now: Timestamp) -> PortError {
        let own = FIRST_HOLD.saturating_mul(1 << self.failed_in_a_row.min(8)).min(LONGEST_HOLD);
        let wait = match error.recovery {
            Recovery::Again { after } => after.map_or(own, |named| named.min(LONGEST_NAMED_HOLD)),
            Recovery::NextTick | Recovery::Paused => own,
            Recovery::Person => REFUSED_FOR,
        };
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
        self.held = Some(Held { until: now.saturating_add(wait).unwrap_or(now), error: error.clone() });
        error
    }

    /// Why there is to be no login now, and for how long.
    fn held(&self, now: Timestamp) -> Option<PortError> {
        let Held { until, error } = self.held.as_ref().filter(|held| now < held.until)?;
        let left = Duration::try_from(until.duration_since(now)).ok();
        let recovery = match error.recovery {
            Recovery::Again { .. } => Recovery::Again { after: left },
            other => other,
        };
        Some(PortError { recovery, ..error.clone() })
    }
}

async fn read(answer: Answer) -> Result<TokenAnswer, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await.map_err(unanswered)?;
    let token = if status == 200 { TokenAnswer::read(&body) } else { None };
    token.ok_or_else(|| aadsts::into_error(status, &body, retry_after))
}

fn unanswered(error: PortError) -> PortError {
    PortError { message: format!("logging in: {}", error.message), ..error }
}
