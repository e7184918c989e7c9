//! The token endpoint of Microsoft's identity platform (client credentials flow, versions 1 and 2).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::behaviours::Behaviours;
use super::error;
use super::kinds::Cloud;
use super::login::Logins;
use super::token_request::{BAD_REQUEST, Refused, TokenRequest, Version, refused};
use crate::http::{self, Reply};
use crate::seeded_rng::SeededRng;

/// Number of tokens that are remembered. Beyond it, the expired ones are forgotten, or the one that expires first if
/// none is expired. A forgotten token is invalid.
const MAX_TOKENS: usize = 4_096;

/// A token is not revoked during its first requests, so that a client that asks for a new token each time makes
/// progress.
const MIN_REQUESTS_BEFORE_REVOCATION: u32 = 5;

/// The rights of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) tenant: String,
    pub(super) audience: String,
    pub(super) roles: Vec<String>,
    /// The delegated permissions, which only the claim `scp` shows.
    scopes: Vec<String>,
    pub(super) expires: Timestamp,
    /// The number of requests that were made with the token.
    requests: u32,
}

impl Grant {
    /// Returns `true` if the token has the permission `role`.
    pub(super) fn permits(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }
}

/// The issued tokens with their rights.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    grants: HashMap<String, Grant>,
    logins: Logins,
}

impl Tokens {
    /// Returns the rights of the request's token; `None` if the request has no valid token.
    pub(super) fn grant(&self, headers: &HeaderMap, now: Timestamp) -> Option<&Grant> {
        self.grants.get(http::bearer(headers)?).filter(|grant| now < grant.expires)
    }

    /// Counts a use of the request's token. If `is_revocation_due`, also revokes the token unless few requests were
    /// made with it. Returns `false` if the request has no known token, or if its token was revoked now.
    pub(super) fn count_use(&mut self, headers: &HeaderMap, is_revocation_due: bool) -> bool {
        let Some(token) = http::bearer(headers) else { return false };
        let Some(grant) = self.grants.get_mut(token) else { return false };
        grant.requests = grant.requests.saturating_add(1);
        let is_revoked = is_revocation_due && grant.requests > MIN_REQUESTS_BEFORE_REVOCATION;
        if is_revoked {
            self.grants.remove(token);
        }
        !is_revoked
    }

    /// Answers a token request: with a new token, or with an error.
    pub(super) fn answer(
        &mut self,
        request: &TokenRequest<'_>,
        behaviours: &Behaviours,
        now: Timestamp,
        rng: &mut SeededRng,
    ) -> Reply {
        let checked = self.logins.check(request, behaviours, now).and_then(|()| requested_audience(request));
        match checked {
            Ok(audience) => self.issue(request, audience, behaviours, now, rng),
            Err(refused) => refusal_reply(&refused, now, rng),
        }
    }

    fn issue(
        &mut self,
        request: &TokenRequest<'_>,
        audience: String,
        behaviours: &Behaviours,
        now: Timestamp,
        rng: &mut SeededRng,
    ) -> Reply {
        if self.grants.len() >= MAX_TOKENS {
            self.forget_tokens(now);
        }
        let (from, until) = (now.as_second(), now.as_second() + behaviours.token_seconds);
        let grant = Grant {
            tenant: request.tenant.to_owned(),
            audience,
            roles: behaviours.roles.clone(),
            scopes: behaviours.scopes.clone(),
            expires: Timestamp::from_second(until).unwrap_or(now),
            requests: 0,
        };
        let token = token_text(&grant, &behaviours.client_id, from, until, rng);
        let seconds = behaviours.token_seconds;
        let body = match request.version {
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
        json_reply(StatusCode::OK, &body)
    }

    fn forget_tokens(&mut self, now: Timestamp) {
        self.grants.retain(|_, grant| now < grant.expires);
        if self.grants.len() >= MAX_TOKENS {
            let next_to_expire =
                self.grants.iter().min_by_key(|(_, grant)| grant.expires).map(|(token, _)| token.clone());
            next_to_expire.and_then(|token| self.grants.remove(&token));
        }
    }
}

/// Returns the API for which a token is requested: its audience.
///
/// # Errors
/// The request names no API, or one that is not known.
fn requested_audience(request: &TokenRequest<'_>) -> Result<String, Refused> {
    let target = match request.version {
        Version::V1 => request.required("resource")?,
        Version::V2 => request.required("scope")?.strip_suffix("/.default").ok_or_else(|| {
            let message = "The scope is not valid: client credential flows need one that ends in /.default.";
            refused(BAD_REQUEST, "invalid_scope", 1_002_012, message)
        })?,
    };
    audience(target, request.origin).ok_or_else(|| {
        let message = format!("The resource principal named {target} was not found in the tenant.");
        refused(BAD_REQUEST, "invalid_resource", 500_011, message)
    })
}

/// Returns the audience of tokens for the API `target`; `None` if it is neither the API of a Microsoft cloud nor
/// `origin`, the address of this server.
fn audience(target: &str, origin: &str) -> Option<String> {
    let target = target.trim_end_matches('/');
    let known = Cloud::ALL.into_iter().any(|cloud| cloud.audience() == target) || target == origin;
    known.then(|| target.to_owned())
}

/// Returns a token in the form of a JWT, so that a client can read its claims. Its signature is random text: the
/// simulator recognises its tokens by their whole text.
fn token_text(grant: &Grant, client: &str, from: i64, until: i64, rng: &mut SeededRng) -> String {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({"typ": "JWT", "alg": "RS256", "kid": "simulated"});
    let mut claims = json!({
        "aud": grant.audience, "tid": grant.tenant, "appid": client,
        "iat": from, "nbf": from, "exp": until, "uti": rng.alphanumeric(22),
    });
    // If no permission was granted to the application, the endpoint still issues a token, but without the claim
    // `roles`.
    if !grant.roles.is_empty() {
        claims["roles"] = json!(grant.roles);
    }
    if !grant.scopes.is_empty() {
        claims["scp"] = json!(grant.scopes.join(" "));
    }
    format!("{}.{}.{}", encoded(&head), encoded(&claims), rng.alphanumeric(86))
}

fn refusal_reply(refused: &Refused, now: Timestamp, rng: &mut SeededRng) -> Reply {
    let (trace, correlation) = (rng.guid(), rng.guid());
    let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let body = json!({
        "error": refused.error,
        "error_description": format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            refused.code, refused.message
        ),
        "error_codes": [refused.code], "timestamp": timestamp, "trace_id": trace, "correlation_id": correlation,
    });
    json_reply(refused.status, &body)
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    Reply::new(status, error::JSON, body.to_string()).with_header("cache-control", "no-store, no-cache")
}

#[cfg(test)]
mod tests {
    use super::super::behaviours::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};
    use super::*;

    const OTHER_TENANT: &str = "9d0c4a6e-0b57-4f63-8f0a-5c1d7e2b3a49";

    fn behaviours() -> Behaviours {
        Behaviours {
            expired_secrets: vec!["last year's".to_owned()],
            other_tenants: vec![OTHER_TENANT.to_owned()],
            ..Behaviours::default()
        }
    }

    fn request_token(version: Version, tenant: &str, changed: &[(&str, &str)]) -> (StatusCode, Value) {
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
        let request = TokenRequest { version, tenant, form: &form, origin: "http://127.0.0.1:1", path: "/t" };
        let mut rng = SeededRng::new(1, "token", 0);
        let reply = Tokens::default().answer(&request, &behaviours(), Timestamp::UNIX_EPOCH, &mut rng);
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn b33_version_1_sends_numbers_as_strings_and_version_2_as_numbers() {
        let (status, body) = request_token(Version::V1, TENANT_ID, &[]);
        assert_eq!((status, &body["expires_in"]), (StatusCode::OK, &json!("3599")));
        assert_eq!((&body["expires_on"], &body["resource"]), (&json!("3599"), &json!("https://manage.office.com")));
        assert_eq!((&body["not_before"], &body["token_type"]), (&json!("-300"), &json!("Bearer")));
        let (status, body) = request_token(Version::V2, TENANT_ID, &[]);
        assert_eq!((status, &body["expires_in"]), (StatusCode::OK, &json!(3599)));
        assert_eq!((&body["ext_expires_in"], body.get("expires_on")), (&json!(3599), None));
    }

    #[test]
    fn b35_err_each_refusal_has_its_code() {
        let check = |tenant: &str, changed: &[(&str, &str)], status: u16, code: u32| {
            let (actual_status, body) = request_token(Version::V2, tenant, changed);
            assert_eq!((actual_status.as_u16(), &body["error_codes"]), (status, &json!([code])), "{body}");
            assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")), "{body}");
            for name in ["error", "timestamp", "trace_id", "correlation_id"] {
                assert!(body[name].is_string(), "{name} of {body}");
            }
        };
        check("another", &[], 400, 90_002);
        check(TENANT_ID, &[("client_secret", "wrong")], 401, 7_000_215);
        check(TENANT_ID, &[("client_secret", "last year's")], 401, 7_000_222);
        check(TENANT_ID, &[("client_id", "another")], 400, 700_016);
        check(TENANT_ID, &[("grant_type", "password")], 400, 70_003);
        check(TENANT_ID, &[("scope", "https://manage.office.com")], 400, 1_002_012);
        check(TENANT_ID, &[("scope", "https://example.com/.default")], 400, 500_011);
    }

    #[test]
    fn b36_another_tenant_that_is_known_gets_a_token_of_its_own() {
        let (status, body) = request_token(Version::V2, OTHER_TENANT, &[]);
        let token = body["access_token"].as_str().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((status, &claims["tid"]), (StatusCode::OK, &json!(OTHER_TENANT)));
    }

    #[test]
    fn b38_without_consent_a_token_has_no_roles() {
        let claims = |roles: &[&str]| {
            let grant = Grant {
                tenant: TENANT_ID.to_owned(),
                audience: "a".to_owned(),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                scopes: Vec::new(),
                expires: Timestamp::UNIX_EPOCH,
                requests: 0,
            };
            let token = token_text(&grant, CLIENT_ID, 0, 1, &mut SeededRng::new(1, "token", 0));
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice::<Value>(&claims).unwrap()["roles"].clone()
        };
        assert_eq!((claims(&["r"]), claims(&[])), (json!(["r"]), Value::Null));
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let mut tokens = Tokens::default();
        let grant = |expires| Grant {
            tenant: String::new(),
            audience: String::new(),
            roles: Vec::new(),
            scopes: Vec::new(),
            expires: Timestamp::from_second(expires).unwrap(),
            requests: 0,
        };
        tokens.grants.extend((0..5_000).map(|number| (number.to_string(), grant(number))));
        tokens.forget_tokens(Timestamp::from_second(99).unwrap());
        assert_eq!((tokens.grants.len(), tokens.grants.contains_key("100")), (4_899, false));
        tokens.forget_tokens(Timestamp::from_second(2_000).unwrap());
        assert_eq!((tokens.grants.len(), tokens.grants.contains_key("2001")), (2_999, true));
    }
}
