//! Refusals of the login: Microsoft Entra's error numbers (AADSTS…), their causes and cures.

use std::time::Duration;

use collector::{PortError, Recovery};

use super::login_answer::LoginRefusal;

/// Turns an answer of the login without a token into an error. The message repeats the answer's error number but none
/// of its text, which may contain secrets.
pub(crate) fn into_error(status: u16, body: &[u8], retry_after: Option<Duration>) -> PortError {
    let again = Recovery::Again { after: retry_after };
    let refusal = LoginRefusal::read(body);
    let code = refusal.as_ref().and_then(precise_code);
    let (recovery, advice) = match (status, refusal) {
        (429, _) => (again, "too many logins"),
        (408 | 500.., _) => (again, "the login service is not available"),
        (_, Some(refusal)) => {
            code.and_then(advice_by_code).unwrap_or_else(|| advice_by_oauth_error(&refusal.error, again))
        }
        (200..=299, None) => (again, "the answer holds no token; a gateway may have answered"),
        (300..=399, None) => {
            (again, "the answer is a redirect, which is not followed; check MICROSOFT365_LOGIN_URL if it is set")
        }
        (404, None) => (again, "there is no login service; check MICROSOFT365_LOGIN_URL if it is set"),
        (_, None) => (again, "the answer is not the login service's but a gateway's"),
    };
    let note = if recovery == Recovery::PersonIfPersistent { PROPAGATION_NOTE } else { "" };
    let code = code.map(|code| format!(" AADSTS{code}")).unwrap_or_default();
    PortError { recovery, message: format!("logging in: HTTP {status}{code}: {advice}{note}") }
}

/// Returns the number in a message of [`into_error`]; `None` if it has none.
pub(crate) fn code_in(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("AADSTS")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
}

/// Returns the first number with a known cure, or else the first number. The vendor sends a general number before the
/// precise one.
fn precise_code(refusal: &LoginRefusal) -> Option<u32> {
    let known = refusal.codes.iter().find(|code| advice_by_code(**code).is_some());
    known.or(refusal.codes.first()).copied()
}

/// Text that is added to the advice for a refusal that may pass by itself.
const PROPAGATION_NOTE: &str = " (what was changed a moment ago may take some minutes until it is known everywhere)";

/// Numbers that the login also sends while a new app registration, credential, permission or consent propagates. Such a
/// failure needs a person only if it persists.
const PROPAGATION_CODES: [u32; 9] =
    [65_001, 70_011, 500_011, 650_057, 700_016, 700_027, 1_002_012, 7_000_215, 7_000_229];

/// Returns the recovery and the advice for a number; `None` for an unknown number.
fn advice_by_code(code: u32) -> Option<(Recovery, &'static str)> {
    let advice = match code {
        7_000_215 => {
            "the client secret is wrong; put the secret's value, not its id, into client_secret of the source's secret"
        }
        7_000_222 => "the client secret has expired; create a new one and put it into the source's secret",
        7_000_216 => {
            "the login got no usable credential; check client_secret or the certificate in the source's secret"
        }
        7_000_218 => "the app registration is a public client; make it a confidential one",
        7_000_112 => "the app registration is disabled; enable it",
        7_000_229 => "the app registration is not installed in this tenant; grant admin consent there",
        700_016 => {
            "no such app registration in this tenant; check client_id, tenant_id and cloud in the source's secret"
        }
        700_024 => "the signed assertion is outside of its time; correct this machine's clock",
        700_021 | 700_023 => {
            "the signed assertion is not for this login; check client_id, cloud and token_endpoint in the source's secret"
        }
        50_012 | 50_013 | 50_027 | 700_027 | 700_030 => {
            "the certificate is not the app registration's, or has expired; upload it there or correct the source's secret"
        }
        90_002 | 900_023 => "no such tenant; check tenant_id and cloud in the source's secret",
        90_038 | 900_382 | 900_439 => "the tenant lives in another cloud; correct cloud in the source's secret",
        70_011 | 500_011 | 650_057 | 1_002_012 => {
            "the tenant does not know the Office 365 Management APIs under this cloud's address; check cloud in the \
             source's secret and give the app registration that API's permissions"
        }
        500_014 => "the Office 365 Management APIs are disabled in the tenant; enable that enterprise application",
        65_001 => "an administrator has not consented to the app registration's permissions; grant admin consent",
        53_003 | 530_035 => "a conditional access policy blocks the app registration; exempt it or this address",
        50_196 => return Some((Recovery::NextTick, "the login service takes our logins for a loop")),
        90_033 => return Some((Recovery::Again { after: None }, "the login service has a transient fault")),
        _ => return None,
    };
    let may_pass = PROPAGATION_CODES.contains(&code);
    Some((if may_pass { Recovery::PersonIfPersistent } else { Recovery::Person }, advice))
}

/// Returns the recovery and the advice for an OAuth 2.0 error, for an answer without a known number.
fn advice_by_oauth_error(error: &str, again: Recovery) -> (Recovery, &'static str) {
    match error {
        "temporarily_unavailable" | "server_error" => (again, "the login service is not available"),
        "invalid_client" | "unauthorized_client" => (
            Recovery::PersonIfPersistent,
            "the app registration is refused; check client_id and its credential in the source's secret",
        ),
        "invalid_scope" | "invalid_resource" | "invalid_target" => (
            Recovery::PersonIfPersistent,
            "the API's address is not known to the login; check cloud in the source's secret",
        ),
        _ => (
            Recovery::PersonIfPersistent,
            "the login is refused; if this lasts, check tenant_id, client_id, its credential and cloud in the source's secret",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Recovery = Recovery::Again { after: None };

    #[track_caller]
    fn check(status: u16, body: &str, recovery: Recovery, says: &str) {
        let error = into_error(status, body.as_bytes(), None);
        assert_eq!(error.recovery, recovery, "{error}");
        assert!(error.message.starts_with(&format!("logging in: HTTP {status}")), "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    fn refusal(error: &str, code: u32) -> String {
        format!(r#"{{"error":"{error}","error_description":"AADSTS{code}: canary","error_codes":[{code}]}}"#)
    }

    /// Every known number, and a part of its advice.
    const KNOWN: [(u32, &str); 28] = [
        (7_000_215, "put the secret's value, not its id"),
        (7_000_222, "has expired; create a new one"),
        (7_000_216, "check client_secret or the certificate"),
        (7_000_218, "make it a confidential one"),
        (7_000_112, "enable it"),
        (7_000_229, "grant admin consent there"),
        (700_016, "check client_id, tenant_id and cloud"),
        (700_024, "correct this machine's clock"),
        (700_021, "check client_id, cloud and token_endpoint"),
        (700_023, "check client_id, cloud and token_endpoint"),
        (50_012, "upload it there"),
        (50_013, "upload it there"),
        (50_027, "upload it there"),
        (700_027, "upload it there"),
        (700_030, "upload it there"),
        (90_002, "check tenant_id"),
        (900_023, "check tenant_id"),
        (90_038, "correct cloud"),
        (900_382, "correct cloud"),
        (900_439, "correct cloud"),
        (70_011, "check cloud"),
        (500_011, "check cloud"),
        (650_057, "check cloud"),
        (1_002_012, "check cloud"),
        (500_014, "enable that enterprise application"),
        (65_001, "grant admin consent"),
        (53_003, "exempt it"),
        (530_035, "exempt it"),
    ];

    #[test]
    fn every_known_number_names_its_cure() {
        for (code, cure) in KNOWN {
            let may_pass = PROPAGATION_CODES.contains(&code);
            let recovery = if may_pass { Recovery::PersonIfPersistent } else { Recovery::Person };
            check(401, &refusal("invalid_client", code), recovery, &format!("AADSTS{code}: "));
            check(400, &refusal("canary", code), recovery, cure);
            // A refusal with status 200 has the same cure.
            check(200, &refusal("canary", code), recovery, cure);
        }
        check(400, &refusal("invalid_request", 50_196), Recovery::NextTick, "loop");
        check(400, &refusal("invalid_request", 90_033), AGAIN, "transient");
    }

    #[test]
    fn e3_a_refusal_that_propagation_ends_needs_a_person_only_if_it_persists() {
        for code in [7_000_215, 700_016, 65_001, 500_011, 700_027, 7_000_229] {
            check(400, &refusal("invalid_client", code), Recovery::PersonIfPersistent, &format!("AADSTS{code}: "));
        }
        // These need a person at once, because waiting does not cure them.
        for code in [7_000_222, 7_000_112, 90_002, 700_024, 53_003] {
            check(400, &refusal("invalid_client", code), Recovery::Person, &format!("AADSTS{code}: "));
        }
    }

    #[test]
    fn a_known_number_is_preferred_to_the_general_one_before_it() {
        let body =
            r#"{"error":"invalid_client","error_codes":[70002,50012],"error_description":"AADSTS70002: canary"}"#;
        check(401, body, Recovery::Person, "AADSTS50012: the certificate");
    }

    #[test]
    fn a_message_shows_its_number() {
        let error = into_error(401, refusal("invalid_client", 7_000_222).as_bytes(), None);
        assert_eq!(code_in(&error.message), Some(7_000_222));
        assert_eq!(code_in(&into_error(503, b"", None).message), None);
    }

    #[test]
    fn an_unknown_number_is_judged_by_the_oauth_error() {
        let doubtful = Recovery::PersonIfPersistent;
        check(401, &refusal("invalid_client", 1), doubtful, "AADSTS1: the app registration is refused");
        check(400, &refusal("invalid_scope", 1), doubtful, "cloud");
        check(400, r#"{"error":"temporarily_unavailable"}"#, AGAIN, "not available");
        let unknown = r#"{"error":"canary","error_description":"canary"}"#;
        check(400, unknown, Recovery::PersonIfPersistent, "refused");
    }

    #[test]
    fn each_status_without_a_known_number() {
        check(429, &refusal("canary", 1), AGAIN, "too many");
        check(503, "<html>canary</html>", AGAIN, "not available");
        check(503, &refusal("canary", 90_002), AGAIN, "not available");
        for status in [400, 401, 403, 407, 421, 425] {
            for body in ["", "<html>canary</html>", "{}", r#"{"error":"canary"}"#, r#"{"error":{"code":"canary"}}"#] {
                check(status, body, AGAIN, "gateway");
            }
        }
        check(404, "<html>canary</html>", AGAIN, "MICROSOFT365_LOGIN_URL");
        check(302, "", AGAIN, "redirect");
        check(302, &refusal("canary", 90_002), Recovery::Person, "check tenant_id");
        check(200, r#"{"token_type":"canary"}"#, AGAIN, "no token");
        check(200, "", AGAIN, "no token");
        let named = into_error(429, b"", Some(Duration::from_secs(7)));
        assert_eq!(named.recovery, Recovery::Again { after: Some(Duration::from_secs(7)) });
    }
}
