//! The tenant's access token: OAuth 2.0 client credentials, kept until shortly before it expires.
//!
//! The credential goes to the login host only, the token to the API host only.

use adapters::http::{Answer, HttpClient, Request, Url, endpoint};
use collector::{Clock, PortError, Recovery, Secrets};
use futures_util::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uuid::{Builder, Uuid};

use crate::aadsts;
use crate::config::{Client, Config, Credential, Overrides};
use crate::wire::TokenAnswer;

/// A token is renewed when it has less than this left, or half its life if that is shorter.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// A token whose answer does not say lives this long to us.
const LIVES_SECONDS: u64 = 600;
/// A refused credential is not tried again for this long: many tries lock an app registration out.
const REFUSED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// The longest answer of the login, in bytes.
const LONGEST_ANSWER: usize = 256 << 10;

/// A token. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: SecretString,
    expires: Timestamp,
    renew_from: Timestamp,
    /// Counts the tenant's tokens: whoever saw this one refused does not renew its successor.
    number: u64,
}

/// The tenant's token, logged in for when there is need of it.
#[derive(Debug)]
pub(crate) struct Tokens<S> {
    secrets: S,
    reference: String,
    tenant: Uuid,
    url: Url,
    scope: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client: Client,
    token: Option<Token>,
    refused: Option<(Timestamp, PortError)>,
    issued: u64,
}

impl<S: Secrets> Tokens<S> {
    pub(crate) fn new(config: &Config, secrets: S, reference: String) -> Self {
        let state = State { client: config.client.clone(), token: None, refused: None, issued: 0 };
        Self {
            secrets,
            reference,
            tenant: config.tenant,
            url: endpoint(&config.endpoints.login, &format!("/{}/oauth2/v2.0/token", config.tenant)),
            scope: format!("{}/.default", config.endpoints.audience),
            state: Mutex::new(state),
        }
    }

    /// The token to use now. `refused` is one the API has just refused: not that one again.
    ///
    /// One login at a time: the tenant's streams wait for it together.
    pub(crate) async fn get(
        &self,
        http: &HttpClient,
        clock: &impl Clock,
        refused: Option<&Token>,
    ) -> Result<Token, PortError> {
        let mut state = self.state.lock().await;
        let usable = state.token.clone().filter(|token| refused.is_none_or(|refused| refused.number != token.number));
        if let Some(token) = usable.clone().filter(|token| clock.now() < token.renew_from) {
            return Ok(token);
        }
        if let Some((_, error)) = state.refused.clone().filter(|(until, _)| clock.now() < *until) {
            return Err(error);
        }
        match self.log_in(http, clock, &mut state).await {
            Ok(token) => Ok(token),
            // Not renewed in time is no harm while the old one lives.
            Err(error) if error.recovery != Recovery::Person => {
                usable.filter(|token| clock.now() < token.expires).ok_or(error)
            }
            Err(error) => {
                state.refused = Some((clock.now().saturating_add(REFUSED_FOR).unwrap_or_default(), error.clone()));
                Err(error)
            }
        }
    }

    /// Logs in; if the credential is refused, once more with the secret as it is now, if it has changed.
    async fn log_in(&self, http: &HttpClient, clock: &impl Clock, state: &mut State) -> Result<Token, PortError> {
        let answer = match self.ask(http, clock, &state.client).await {
            Err(error) if error.recovery == Recovery::Person => {
                let fresh = self.reread().await?;
                if fresh.is_same(&state.client) {
                    return Err(error);
                }
                state.client = fresh;
                self.ask(http, clock, &state.client).await?
            }
            other => other?,
        };
        state.issued += 1;
        let token = token(answer, clock.now(), state.issued);
        state.token = Some(token.clone());
        state.refused = None;
        Ok(token)
    }

    async fn ask(&self, http: &HttpClient, clock: &impl Clock, client: &Client) -> Result<TokenAnswer, PortError> {
        let proof = self.proof(clock, client)?;
        let mut fields =
            vec![("grant_type", "client_credentials"), ("client_id", client.id.as_str()), ("scope", &self.scope)];
        match &client.credential {
            Credential::Secret(_) => fields.push(("client_secret", proof.expose_secret())),
            Credential::Certificate(_) => {
                fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                fields.push(("client_assertion", proof.expose_secret()));
            }
        }
        read(http.send(Request::post(self.url.clone()).form(&fields)).await?).await
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
            .map_err(|error| PortError::person(format!("logging in: the source's secret {error}")))?;
        if config.tenant != self.tenant {
            return Err(PortError::person(
                "logging in: the source's secret now names another tenant; give that tenant a secret of its own",
            ));
        }
        Ok(config.client)
    }
}

async fn read(answer: Answer) -> Result<TokenAnswer, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await?;
    if status == 200 {
        return serde_json::from_slice(&body)
            .map_err(|_| PortError::again("logging in: the answer holds no token; a gateway may have answered"));
    }
    Err(aadsts::into_error(status, &body, retry_after))
}

fn token(answer: TokenAnswer, now: Timestamp, number: u64) -> Token {
    let lives = answer.lives_seconds().unwrap_or(LIVES_SECONDS);
    let lives = SignedDuration::from_secs(i64::try_from(lives).unwrap_or(i64::MAX));
    let after = |wait: SignedDuration| now.saturating_add(wait).unwrap_or(now);
    let renew_from = after(lives - RENEW_BEFORE.min(lives / 2));
    Token { text: answer.access_token.into(), expires: after(lives), renew_from, number }
}
