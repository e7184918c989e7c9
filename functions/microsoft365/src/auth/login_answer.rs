//! Parses the login's answers.

use secrecy::SecretString;
use serde_json::Value;

use crate::byte_order_mark::without_byte_order_mark;

/// An access token from the login's answer. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: SecretString,
    /// Lifetime of the token, if the answer names it.
    pub(crate) lifetime_seconds: Option<u64>,
}

impl TokenAnswer {
    /// Reads the token from an answer's body; `None` if the body holds no token.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(without_byte_order_mark(body)).ok()?;
        let token = answer.get("access_token")?.as_str()?.trim();
        let lifetime_seconds = answer.get("expires_in").and_then(whole_number).filter(|seconds| *seconds > 0);
        (!token.is_empty()).then(|| Self { access_token: token.into(), lifetime_seconds })
    }
}

/// Reads a whole number, which the older endpoint writes as a string.
fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The error codes in a login's answer that holds no token.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginRefusal {
    /// The OAuth 2.0 error code, such as `invalid_client`.
    pub(crate) error: String,
    /// Microsoft's error numbers, which follow `AADSTS` in messages, in the order of the answer. They name the precise
    /// cause.
    pub(crate) codes: Vec<u32>,
}

impl LoginRefusal {
    /// Reads the error codes from an answer's body; `None` if the body comes from a gateway or proxy in between.
    ///
    /// A body comes from the login if its `error` is one of [`OAUTH_ERRORS`], or if it also has a description or
    /// numbers. So `{"error":"Forbidden"}` does not come from the login.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(without_byte_order_mark(body)).ok()?;
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default();
        let (error, description) = (text("error").to_owned(), text("error_description"));
        let listed = answer.get("error_codes").and_then(Value::as_array);
        let mut codes: Vec<u32> =
            listed.into_iter().flatten().filter_map(|code| whole_number(code)?.try_into().ok()).collect();
        codes.extend(described_codes(description));
        let is_named = OAUTH_ERRORS.contains(&error.as_str());
        let is_described = !error.is_empty() && (!description.is_empty() || listed.is_some());
        (is_named || is_described || !codes.is_empty()).then_some(Self { error, codes })
    }
}

/// OAuth 2.0 error codes, standard ones and Microsoft's, that a login with client credentials may return.
const OAUTH_ERRORS: [&str; 12] = [
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Returns the numbers after `AADSTS` in an error's description.
fn described_codes(text: &str) -> impl Iterator<Item = u32> {
    text.split("AADSTS").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_answers_of_both_endpoints() {
        let check = |json: &str, expected: Option<Option<u64>>| {
            let answer = TokenAnswer::read(json.as_bytes());
            assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
            assert_eq!(answer.map(|answer| answer.lifetime_seconds), expected, "{json}");
        };
        check(r#"{"access_token":"canary","expires_in":3599,"token_type":"Bearer"}"#, Some(Some(3_599)));
        let old = r#"{"access_token":"canary","expires_in":"3599","ext_expires_in":"3599","expires_on":"1787305445",
            "not_before":"1787301845","resource":"https://manage.office.com","token_type":"Bearer"}"#;
        check(old, Some(Some(3_599)));
        check("\u{feff}{\"access_token\":\"canary\"}", Some(None));
        for odd in ["null", "\"soon\"", "-1", "0", "{}", "1e3"] {
            check(&format!(r#"{{"access_token":"canary","expires_in":{odd}}}"#), Some(None));
        }
        for none in ["", "{}", "[]", "null", "<html>", r#"{"access_token":null}"#, r#"{"access_token":" "}"#] {
            check(none, None);
        }
    }

    #[test]
    fn refusals_of_the_login_and_of_others() {
        let check = |json: &str, expected: Option<(&str, &[u32])>| {
            let refusal = LoginRefusal::read(json.as_bytes());
            let expected = expected.map(|(error, codes)| LoginRefusal { error: error.into(), codes: codes.into() });
            assert_eq!(refusal, expected, "{json}");
        };
        check(r#"{"error":"invalid_client","error_codes":[7000215]}"#, Some(("invalid_client", &[7_000_215])));
        check(r#"{"error":"x","error_description":"AADSTS70002: y. AADSTS50012: z"}"#, Some(("x", &[70_002, 50_012])));
        check(r#"{"error":"x","error_codes":["90002"],"error_description":null}"#, Some(("x", &[90_002])));
        check(r#"{"error":"x","error_codes":7,"error_description":"AADSTSx"}"#, Some(("x", &[])));
        check(r#"{"error":"invalid_client"}"#, Some(("invalid_client", &[])));
        check(r#"{"error":"x","error_description":"y"}"#, Some(("x", &[])));
        for foreign in [r#"{"error":{"code":"x"}}"#, r#"{"error":"Forbidden"}"#, "<html>", "", "{}", "[]"] {
            check(foreign, None);
        }
    }
}
