//! The token endpoint of the identity platform: client credentials, old form and new.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::assertion::{self, Bad, Expected};
use super::behaviours::{Behaviours, Cloud};
use crate::dice::Dice;
use crate::http::{self, Reply};

/// Tokens kept in mind; beyond that those that have expired are forgotten.
const MOST_TOKENS: usize = 4_096;

const BAD: StatusCode = StatusCode::BAD_REQUEST;

/// The two forms of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// A token is never revoked in its first requests: a client that renews it gets on.
const FIRST_REQUESTS: u32 = 5;

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) tenant: String,
    pub(super) audience: String,
    pub(super) roles: Vec<String>,
    pub(super) expires: Timestamp,
    /// Requests it was used for.
    requests: u32,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    grants: HashMap<String, Grant>,
    /// The ids of the assertions that were used.
    used: HashSet<String>,
}

impl Tokens {
    /// The grant behind the request's token, if it is (still) good.
    pub(super) fn grant(&self, headers: &HeaderMap, now: Timestamp) -> Option<&Grant> {
        self.grants.get(http::bearer(headers)?).filter(|grant| now < grant.expires)
    }

    /// Counts a request made with the request's token, and revokes it for good if `is_due`; false
    /// when it was revoked.
    pub(super) fn wear(&mut self, headers: &HeaderMap, is_due: bool) -> bool {
        let Some(token) = http::bearer(headers) else { return false };
        let Some(grant) = self.grants.get_mut(token) else { return false };
        grant.requests = grant.requests.saturating_add(1);
        let is_revoked = is_due && grant.requests > FIRST_REQUESTS;
        if is_revoked {
            self.grants.remove(token);
        }
        !is_revoked
    }

    /// Answers a request for a token. `origin` is what the client calls this server.
    pub(super) fn answer(
        &mut self,
        asked: &Asked<'_>,
        behaviours: &Behaviours,
        now: Timestamp,
        dice: &mut Dice,
    ) -> Reply {
        let checked = self.login(asked, behaviours, now).and_then(|()| target(asked));
        match checked {
            Ok(audience) => self.give(asked, audience, behaviours, now, dice),
            Err(refused) => refusal(&refused, now, dice),
        }
    }

    /// Who asks is who it says it is.
    fn login(&mut self, asked: &Asked<'_>, behaviours: &Behaviours, now: Timestamp) -> Result<(), Refused> {
        if !asked.tenant.eq_ignore_ascii_case(&behaviours.tenant_id) {
            let message = format!("Tenant '{}' not found. Check that it is the right one.", asked.tenant);
            return Err(refused(BAD, "invalid_request", 90_002, message));
        }
        if asked.needed("grant_type")? != "client_credentials" {
            return Err(refused(BAD, "unsupported_grant_type", 70_003, "The grant type is not supported."));
        }
        let client_id = asked.needed("client_id")?;
        if !client_id.eq_ignore_ascii_case(&behaviours.client_id) {
            let message = "The application was not found in the directory.";
            return Err(refused(BAD, "unauthorized_client", 700_016, message));
        }
        match (asked.field("client_assertion"), asked.field("client_secret")) {
            (Some(assertion), _) => self.assertion(asked, assertion, client_id, behaviours, now),
            (None, Some(secret)) if behaviours.client_secrets.iter().any(|known| known == secret) => Ok(()),
            (None, Some(_)) => {
                let message = "Invalid client secret provided. Make sure that the secret's value is sent, not its id.";
                Err(invalid_client(7_000_215, message))
            }
            (None, None) => {
                let message =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                Err(invalid_client(7_000_218, message))
            }
        }
    }

    fn assertion(
        &mut self,
        asked: &Asked<'_>,
        assertion: &str,
        client_id: &str,
        behaviours: &Behaviours,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if asked.needed("client_assertion_type")? != assertion::TYPE {
            return Err(refused(BAD, "invalid_request", 900_144, "The type of the client assertion is not supported."));
        }
        let audience = format!("{}{}", asked.origin, asked.path);
        let expected = Expected { client_id, audience: &audience, now: now.as_second() };
        let id = assertion::verify(assertion, &behaviours.certificates, &expected)
            .map_err(|Bad(code, message)| invalid_client(code, message))?;
        if self.used.len() >= MOST_TOKENS {
            self.used.clear();
        }
        if !self.used.insert(id) {
            return Err(invalid_client(50_013, "The client assertion was used before."));
        }
        Ok(())
    }

    fn give(
        &mut self,
        asked: &Asked<'_>,
        audience: String,
        behaviours: &Behaviours,
        now: Timestamp,
        dice: &mut Dice,
    ) -> Reply {
        if self.grants.len() >= MOST_TOKENS {
            self.grants.retain(|_, grant| now < grant.expires);
        }
        let (from, until) = (now.as_second(), now.as_second() + behaviours.token_seconds);
        let grant = Grant {
            tenant: asked.tenant.to_owned(),
            audience,
            roles: behaviours.roles.clone(),
            expires: Timestamp::from_second(until).unwrap_or(now),
            requests: 0,
        };
        let token = token(&grant, &behaviours.client_id, from, until, dice);
        let seconds = behaviours.token_seconds;
        let body = match asked.version {
            Version::V1 => json!({
                "token_type": "Bearer", "expires_in": seconds.to_string(), "ext_expires_in": seconds.to_string(),
                "expires_on": until.to_string(), "not_before": (from - 300).to_string(),
                "resource": grant.audience, "access_token": token,
            }),
            Version::V2 => json!({
                "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token,
            }),
        };
        self.grants.insert(token, grant);
        reply(StatusCode::OK, &body)
    }
}

/// A request for a token.
pub(super) struct Asked<'a> {
    pub(super) version: Version,
    pub(super) tenant: &'a str,
    pub(super) form: &'a [(String, String)],
    /// What the client calls this server.
    pub(super) origin: &'a str,
    /// The path that was asked.
    pub(super) path: &'a str,
}

impl Asked<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn needed(&self, name: &str) -> Result<&str, Refused> {
        self.field(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            refused(BAD, "invalid_request", 900_144, message)
        })
    }
}

/// Why no token is given.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

fn invalid_client(code: u32, message: &str) -> Refused {
    refused(StatusCode::UNAUTHORIZED, "invalid_client", code, message)
}

fn refused(status: StatusCode, error: &'static str, code: u32, message: impl Into<String>) -> Refused {
    Refused { status, error, code, message: message.into() }
}

/// The audience a token is to be given for.
fn target(asked: &Asked<'_>) -> Result<String, Refused> {
    let target = match asked.version {
        Version::V1 => asked.needed("resource")?,
        Version::V2 => asked.needed("scope")?.strip_suffix("/.default").ok_or_else(|| {
            let message = "The scope is not valid: client credential flows need one that ends in /.default.";
            refused(BAD, "invalid_scope", 1_002_012, message)
        })?,
    };
    audience(target, asked.origin).ok_or_else(|| {
        let message = format!("The resource principal named {target} was not found in the tenant.");
        refused(BAD, "invalid_resource", 500_011, message)
    })
}

/// A cloud's API, or this server under the name it is called by.
fn audience(target: &str, origin: &str) -> Option<String> {
    let target = target.trim_end_matches('/');
    let known = Cloud::ALL.into_iter().any(|cloud| cloud.audience() == target) || target == origin;
    known.then(|| target.to_owned())
}

/// A token has the form of a JWT so that what it says can be read; it is good because it is known.
fn token(grant: &Grant, client: &str, from: i64, until: i64, dice: &mut Dice) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({"typ": "JWT", "alg": "RS256", "kid": "simulated"});
    let claims = json!({
        "aud": grant.audience, "tid": grant.tenant, "appid": client, "roles": grant.roles,
        "iat": from, "nbf": from, "exp": until, "uti": dice.alphanumeric(22),
    });
    format!("{}.{}.{}", part(&head), part(&claims), dice.alphanumeric(86))
}

fn refusal(refused: &Refused, now: Timestamp, dice: &mut Dice) -> Reply {
    let (trace, correlation) = (dice.guid(), dice.guid());
    let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let body = json!({
        "error": refused.error,
        "error_description": format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            refused.code, refused.message
        ),
        "error_codes": [refused.code], "timestamp": timestamp, "trace_id": trace, "correlation_id": correlation,
    });
    reply(refused.status, &body)
}

fn reply(status: StatusCode, body: &Value) -> Reply {
    Reply::new(status, super::error::JSON, body.to_string()).with("cache-control", "no-store, no-cache")
}

#[cfg(test)]
mod tests {
    use super::super::behaviours::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};
    use super::*;

    fn ask(version: Version, tenant: &str, changed: &[(&str, &str)]) -> (StatusCode, Value) {
        let target = match version {
            Version::V1 => ("resource", "https://manage.office.com"),
            Version::V2 => ("scope", "https://manage.office.com/.default"),
        };
        let fields =
            [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET), target];
        let form: Vec<_> = fields
            .iter()
            .map(|(name, value)| {
                let changed = changed.iter().find(|(known, _)| known == name);
                ((*name).to_owned(), changed.map_or(*value, |(_, value)| value).to_owned())
            })
            .collect();
        let asked = Asked { version, tenant, form: &form, origin: "http://127.0.0.1:1", path: "/t" };
        let mut dice = Dice::new(1, "token", 0);
        let reply = Tokens::default().answer(&asked, &Behaviours::default(), Timestamp::UNIX_EPOCH, &mut dice);
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn the_old_form_has_strings_and_the_new_one_numbers() {
        let (status, body) = ask(Version::V1, TENANT_ID, &[]);
        assert_eq!((status, &body["expires_in"]), (StatusCode::OK, &json!("3599")));
        assert_eq!((&body["expires_on"], &body["resource"]), (&json!("3599"), &json!("https://manage.office.com")));
        let (status, body) = ask(Version::V2, TENANT_ID, &[]);
        assert_eq!((status, &body["expires_in"]), (StatusCode::OK, &json!(3599)));
        assert_eq!(body.get("expires_on"), None);
    }

    #[test]
    fn err_says_which_code() {
        let check = |tenant: &str, changed: &[(&str, &str)], status: u16, code: u32| {
            let (got, body) = ask(Version::V2, tenant, changed);
            assert_eq!((got.as_u16(), &body["error_codes"]), (status, &json!([code])), "{body}");
        };
        check("another", &[], 400, 90_002);
        check(TENANT_ID, &[("client_secret", "wrong")], 401, 7_000_215);
        check(TENANT_ID, &[("client_id", "another")], 400, 700_016);
        check(TENANT_ID, &[("grant_type", "password")], 400, 70_003);
        check(TENANT_ID, &[("scope", "https://manage.office.com")], 400, 1_002_012);
        check(TENANT_ID, &[("scope", "https://example.com/.default")], 400, 500_011);
    }
}
