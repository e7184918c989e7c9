//! The login: checks that the client knows a secret of the application, or has a valid assertion.

use std::collections::HashMap;

use hyper::StatusCode;
use jiff::Timestamp;

use super::assertion::{self, ExpectedClaims, InvalidAssertion};
use super::behaviours::Behaviours;
use super::token_request::{BAD_REQUEST, Refused, TokenRequest, refused};

/// Number of used assertions that are remembered. Beyond it, the expired ones are forgotten, or the one that expires
/// first if none is expired.
const MAX_ASSERTIONS: usize = 65_536;

/// The logins so far. They are needed to refuse an assertion that is used a second time.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// The ids of the used assertions, each with its expiry in seconds since 1970.
    used_assertions: HashMap<String, i64>,
}

impl Logins {
    /// Checks the tenant, the application and the application's secret or assertion of a token request.
    pub(super) fn check(
        &mut self,
        request: &TokenRequest<'_>,
        behaviours: &Behaviours,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let mut known = behaviours.other_tenants.iter().chain([&behaviours.tenant_id]);
        if !known.any(|known| known.eq_ignore_ascii_case(request.tenant)) {
            let message = format!("Tenant '{}' not found. Check that it is the right one.", request.tenant);
            return Err(refused(BAD_REQUEST, "invalid_request", 90_002, message));
        }
        if request.required("grant_type")? != "client_credentials" {
            return Err(refused(BAD_REQUEST, "unsupported_grant_type", 70_003, "The grant type is not supported."));
        }
        let client_id = request.required("client_id")?;
        if !client_id.eq_ignore_ascii_case(&behaviours.client_id) {
            let message = "The application was not found in the directory.";
            return Err(refused(BAD_REQUEST, "unauthorized_client", 700_016, message));
        }
        match (request.field("client_assertion"), request.field("client_secret")) {
            (Some(assertion), _) => self.check_assertion(request, assertion, client_id, behaviours, now),
            (None, Some(secret)) => check_secret(secret, behaviours),
            (None, None) => {
                let message =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                Err(invalid_client(7_000_218, message))
            }
        }
    }

    fn check_assertion(
        &mut self,
        request: &TokenRequest<'_>,
        assertion: &str,
        client_id: &str,
        behaviours: &Behaviours,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if request.required("client_assertion_type")? != assertion::ASSERTION_TYPE {
            return Err(refused(
                BAD_REQUEST,
                "invalid_request",
                900_144,
                "The type of the client assertion is not supported.",
            ));
        }
        let audience = format!("{}{}", request.origin, request.path);
        let expected = ExpectedClaims { client_id, audience: &audience, now: now.as_second() };
        let verified = assertion::verify(assertion, &behaviours.certificates, &expected)
            .map_err(|InvalidAssertion(code, message)| invalid_client(code, message))?;
        if self.used_assertions.contains_key(&verified.id) {
            return Err(invalid_client(50_013, "The client assertion was used before."));
        }
        if self.used_assertions.len() >= MAX_ASSERTIONS {
            self.forget_assertions(now.as_second());
        }
        self.used_assertions.insert(verified.id, verified.expires);
        Ok(())
    }

    fn forget_assertions(&mut self, now: i64) {
        self.used_assertions.retain(|_, expires| now < *expires);
        if self.used_assertions.len() >= MAX_ASSERTIONS {
            let next_to_expire =
                self.used_assertions.iter().min_by_key(|(_, expires)| **expires).map(|(id, _)| id.clone());
            next_to_expire.and_then(|id| self.used_assertions.remove(&id));
        }
    }
}

fn check_secret(secret: &str, behaviours: &Behaviours) -> Result<(), Refused> {
    let is_one_of = |known: &[String]| known.iter().any(|known| known == secret);
    if is_one_of(&behaviours.client_secrets) {
        return Ok(());
    }
    if is_one_of(&behaviours.expired_secrets) {
        return Err(invalid_client(7_000_222, "The provided client secret keys are expired."));
    }
    let message = "Invalid client secret provided. Make sure that the secret's value is sent, not its id.";
    Err(invalid_client(7_000_215, message))
}

fn invalid_client(code: u32, message: &str) -> Refused {
    refused(StatusCode::UNAUTHORIZED, "invalid_client", code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b34_expired_assertions_are_dropped_first_and_then_the_next_to_expire() {
        let max = MAX_ASSERTIONS as i64;
        let mut logins = Logins { used_assertions: (0..max).map(|number| (number.to_string(), number)).collect() };
        logins.forget_assertions(100);
        assert_eq!(
            (logins.used_assertions.len(), logins.used_assertions.contains_key("100")),
            (MAX_ASSERTIONS - 101, false)
        );
        let mut logins =
            Logins { used_assertions: (0..max).map(|number| (number.to_string(), number + 100)).collect() };
        logins.forget_assertions(0);
        assert_eq!(
            (logins.used_assertions.len(), logins.used_assertions.contains_key("0")),
            (MAX_ASSERTIONS - 1, false)
        );
    }
}
