//! Refusals of the API: the cause of an answer without a page, and its recovery.

use std::time::Duration;

use collector::PortError;

use crate::config::TENANT;
use crate::retry_policy::RETRY;
use crate::wire::ApiError;

/// An error repeats at most this much of the vendor's message.
const MAX_QUOTE_CHARS: usize = 300;
/// Codes of a 429 that waiting does not cure, because the organization must pay.
pub(crate) const UNPAID_CODES: [&str; 3] =
    ["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"];
/// The cooldown after a 429 with one of [`UNPAID_CODES`], unless the vendor names a wait.
const UNPAID_COOLDOWN: Duration = Duration::from_secs(600);
/// The code of an error about a country that OpenAI does not serve.
const UNSUPPORTED_REGION: &str = "unsupported_country_region_territory";
/// Parts, in lower case, of the message that comes with [`UNSUPPORTED_REGION`]. The vendor also sends the message
/// without the code.
const UNSUPPORTED_REGION_WORDS: [&str; 2] = ["country, region, or territory", "not supported"];
/// The query parameter that asks for the tenant listing.
const TENANT_ONLY: &str = "tenant_only";
/// The permission that the admin key needs.
const SCOPE: &str = "api.audit_logs.read";

/// The meaning of a refused list call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key is invalid or lacks a permission. The error applies if the secret holds no other key.
    Key(PortError),
    /// The cursor, sent as `after`, names an object that does not exist.
    CursorLost,
    /// The vendor does not offer the tenant listing to this organization.
    NotOffered,
    /// Any other failure.
    Failed(PortError),
    /// A failure that begins a cooldown of this length.
    Cooldown(Duration, PortError),
}

/// A refused list call: what was requested, and the parts of the answer that show the cause.
#[derive(Debug)]
pub(crate) struct RefusedCall<'a> {
    /// Host and path of the request's URL.
    pub(crate) place: &'a str,
    /// The requested listing.
    pub(crate) listing: &'a str,
    /// The request has a cursor.
    pub(crate) has_cursor: bool,
    /// The answer's status.
    pub(crate) status: u16,
    /// The answer's `x-request-id`.
    pub(crate) request_id: Option<&'a str>,
    /// The wait that the answer asks for.
    pub(crate) retry_after: Option<Duration>,
    /// The answer's `x-should-retry`, if it has one.
    pub(crate) should_retry: Option<bool>,
    /// The API's own error; `None` if a gateway or proxy in front of the API answered.
    pub(crate) error: Option<ApiError>,
}

impl RefusedCall<'_> {
    /// Returns the meaning of the refusal. `key` is the key of the call, which is removed from every message.
    ///
    /// Only the API's own error can blame the key, the cursor, the listing or a setting. An answer of a gateway or proxy is
    /// a failure that may pass, whatever its status.
    pub(crate) fn refusal(&self, key: &str) -> Refusal {
        let person = |advice: &str| PortError::person(self.message(advice, key));
        let persistent = |advice: &str| PortError::person_if_persistent(self.message(advice, key));
        let Some(error) = &self.error else { return self.retryable_failure(key) };
        match self.status {
            // The vendor also refuses a new IP address in this way for a while, so this needs a person only if it
            // persists.
            400..=404 | 451 if refuses_region(error) => Refusal::Failed(persistent(
                "OpenAI does not support the country or region that the calls come from; run the collector in a \
                 supported one, or send its calls out through one",
            )),
            401 | 403 if lacks_permission(error) || refuses_address(error) => {
                Refusal::Key(person(&unauthorized_advice(error)))
            }
            // Not all of the vendor's servers may know a new key yet, so this needs a person only if it persists.
            401 => Refusal::Key(persistent(&unauthorized_advice(error))),
            400 | 404 if self.has_cursor && matches!(error.param.as_str(), "" | "after") => Refusal::CursorLost,
            // The error for an organization without a tenant names the parameter, in `param` or in the message: a 400 for
            // a bad parameter, a 403 for a missing feature. The vendor documents no other sign, so an error that does not
            // name the parameter has another cause.
            400 | 403 if self.listing == TENANT && blames_tenant_only(error) => Refusal::NotOffered,
            // The vendor has refused valid calls for a while, so this needs a person only if it persists.
            403 => Refusal::Failed(persistent(
                "if this lasts, check that audit logging is on (Organization settings, Data controls, Data retention) \
                 and that the organization may use the API from here",
            )),
            404 => Refusal::Failed(persistent("if this lasts, check OPENAI_BASE_URL")),
            429 if UNPAID_CODES.contains(&error.code.as_str()) => {
                let error = person("settle the organization's billing; collection goes on by itself then");
                Refusal::Cooldown(self.retry_after.unwrap_or(UNPAID_COOLDOWN), error)
            }
            408 | 409 | 421 | 425 | 429 | 500.. => self.retryable_failure(key),
            300..400 => Refusal::Failed(persistent("redirects are not followed; if this lasts, check OPENAI_BASE_URL")),
            _ => Refusal::Failed(persistent(
                "the request was not understood; if this lasts, look for a newer version of this collector",
            )),
        }
    }

    /// Returns a failure that another attempt may cure: in this tick, in the next one, or after a cooldown if the wait is
    /// too long for a tick.
    fn retryable_failure(&self, key: &str) -> Refusal {
        let cause = match (self.status, &self.error) {
            (429, _) => "too many requests",
            (_, Some(_)) => "a failure on the vendor's side",
            (_, None) => {
                "the answer is not the API's but that of a gateway or proxy; if this lasts, check OPENAI_BASE_URL and \
                 the network in between"
            }
        };
        let message = self.message(cause, key);
        match (self.should_retry, self.retry_after) {
            (_, Some(after)) if after > RETRY.max_retry_after => {
                Refusal::Cooldown(after, PortError::next_tick(format!("{message}; it asks for {} s", after.as_secs())))
            }
            (Some(false), _) => Refusal::Failed(PortError::next_tick(message)),
            (_, Some(after)) => Refusal::Failed(PortError::again_after(after, message)),
            (_, None) => Refusal::Failed(PortError::again(message)),
        }
    }

    /// Returns a message with the place, the listing, the status, the vendor's code, words and request id, and the advice.
    ///
    /// The words of a 401 are left out, because they repeat parts of the key.
    fn message(&self, advice: &str, key: &str) -> String {
        let mut message = format!("{} ({}): HTTP {}", self.place, self.listing, self.status);
        if let Some(error) = &self.error {
            let is_quoted = (400..500).contains(&self.status) && self.status != 401 && !lacks_permission(error);
            for part in [error.code.as_str(), if is_quoted { &error.message } else { "" }] {
                if !part.is_empty() {
                    message.push_str(&format!(" {}", quote(part)));
                }
            }
        }
        if let Some(id) = self.request_id {
            message.push_str(&format!(" (x-request-id {})", quote(id)));
        }
        without_keys(&format!("{message}: {advice}"), key)
    }
}

/// Returns `true` if the key is valid but lacks a permission.
pub(crate) fn lacks_permission(error: &ApiError) -> bool {
    !error.missing_scopes().is_empty() || error.message.contains("insufficient permission")
}

/// Returns `true` if the organization's IP allowlist refuses the address of the caller.
pub(crate) fn refuses_address(error: &ApiError) -> bool {
    error.code.starts_with("ip_")
}

/// Returns `true` if the vendor does not serve the country or region of the caller, by the error's code or words.
pub(crate) fn refuses_region(error: &ApiError) -> bool {
    let lower = error.message.to_lowercase();
    error.code == UNSUPPORTED_REGION || UNSUPPORTED_REGION_WORDS.iter().all(|words| lower.contains(words))
}

/// Returns `true` if the error is about the tenant listing, by its parameter or message.
fn blames_tenant_only(error: &ApiError) -> bool {
    error.param == TENANT_ONLY || error.message.contains(TENANT_ONLY)
}

/// Returns the advice on a key that is refused.
fn unauthorized_advice(error: &ApiError) -> String {
    let scopes = error.missing_scopes();
    if !scopes.is_empty() {
        return format!("the admin key lacks the permission {}: an owner must grant it", scopes.join(", "));
    }
    if lacks_permission(error) {
        return format!("the admin key lacks a permission: an owner must grant it {SCOPE}");
    }
    if refuses_address(error) {
        return "the organization's IP allowlist does not hold this collector's address: add it".to_owned();
    }
    format!("the admin key is not accepted; if this lasts, put a valid key that has {SCOPE} into the secret")
}

/// Returns the beginning of a vendor's text as one line.
fn quote(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_QUOTE_CHARS).collect()
}

/// Replaces `key`, and every other word that begins like a key, by a placeholder.
fn without_keys(text: &str, key: &str) -> String {
    let text = if key.is_empty() { text.to_owned() } else { text.replace(key, "[key]") };
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("sk-") {
        let (before, from) = rest.split_at(start);
        clean.push_str(before);
        let is_in_word = before.chars().next_back().is_some_and(char::is_alphanumeric);
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';')).unwrap_or(from.len());
        clean.push_str(if is_in_word { &from[..end] } else { "[key]" });
        rest = &from[end..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;
    use crate::config::ORGANIZATION;

    const KEY: &str = "sk-admin-canary";
    const AGAIN: Recovery = Recovery::Again { after: None };
    /// Bodies that are not the API's own error.
    const FOREIGN: [&str; 8] = [
        "",
        "<html>canary</html>",
        "canary",
        "{}",
        r#"{"message":"Missing scopes: api.audit_logs.read canary"}"#,
        r#"{"error":"Forbidden canary"}"#,
        r#"{"error":{"message":"tenant_only canary"}}"#,
        r#"{"error":{"code":403,"message":"canary"}}"#,
    ];

    fn refused(status: u16, body: &str) -> RefusedCall<'static> {
        RefusedCall {
            place: "api.example.com/v1/organization/audit_logs",
            listing: ORGANIZATION,
            has_cursor: false,
            status,
            request_id: Some("req_1"),
            retry_after: None,
            should_retry: None,
            error: ApiError::parse(status, body.as_bytes()),
        }
    }

    fn check(refused: &RefusedCall<'_>, recovery: Recovery, says: &str) {
        let refusal = refused.refusal(KEY);
        let (Refusal::Failed(error) | Refusal::Key(error) | Refusal::Cooldown(_, error)) = refusal else {
            panic!("{refused:?}")
        };
        assert_eq!(error.recovery, recovery, "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(error.message.contains(&format!("HTTP {}", refused.status)), "{error}");
        assert!(error.message.contains("req_1") && error.message.contains("audit_logs (organization)"), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    fn error(message: &str, param: &str, code: &str) -> String {
        serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}})
            .to_string()
    }

    #[test]
    fn a_refused_key_is_reported_with_its_cause() {
        let wrong = refused(401, &error("Incorrect API key provided: sk-admi****nary.", "", "invalid_api_key"));
        assert!(matches!(wrong.refusal(KEY), Refusal::Key(_)));
        check(&wrong, Recovery::PersonIfPersistent, "put a valid key");
        let echo = refused(401, &format!(r#"{{"error":"no such API key {KEY}"}}"#));
        check(&echo, Recovery::PersonIfPersistent, "put a valid key");
        let live = "You have insufficient permissions for this operation. Missing scopes: api.audit_logs.read.";
        check(&refused(401, &error(live, "", "")), Recovery::Person, "lacks the permission api.audit_logs.read:");
        for status in [401, 403] {
            check(&refused(status, &error("no", "", "ip_not_authorized")), Recovery::Person, "allowlist");
        }
    }

    #[test]
    fn a2_a_body_that_is_not_the_apis_own_error_may_pass_whatever_its_status() {
        for status in [300, 301, 302, 307, 400, 401, 403, 404, 405, 407, 413, 418, 421, 425, 451] {
            for (body, listing) in FOREIGN.into_iter().flat_map(|body| [(body, ORGANIZATION), (body, TENANT)]) {
                for has_cursor in [false, true] {
                    let refused = RefusedCall { listing, has_cursor, ..refused(status, body) };
                    let Refusal::Failed(error) = refused.refusal(KEY) else { panic!("{refused:?}") };
                    assert_eq!(error.recovery, AGAIN, "{error}");
                    assert!(error.message.contains("that of a gateway or proxy"), "{error}");
                    assert!(error.message.contains("check OPENAI_BASE_URL"), "{error}");
                    assert!(!error.message.contains("canary"), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_failure_that_may_pass_is_retried() {
        for status in [408, 409, 421, 425, 429, 500, 502, 503, 504, 529] {
            check(&refused(status, "<html>canary</html>"), AGAIN, ": ");
            check(&refused(status, &error("wait", "", "")), AGAIN, ": ");
            check(&RefusedCall { should_retry: Some(false), ..refused(status, "") }, Recovery::NextTick, ": ");
        }
        check(&refused(503, &error("wait", "", "")), AGAIN, "on the vendor's side");
        check(&refused(503, "<html>canary</html>"), AGAIN, "gateway");
        check(&refused(429, "<html>canary</html>"), AGAIN, "too many requests");
        let after = Some(Duration::from_secs(7));
        let waiting =
            RefusedCall { retry_after: after, ..refused(429, &error("slow down", "", "rate_limit_exceeded")) };
        check(&waiting, Recovery::Again { after }, "rate_limit_exceeded slow down");
    }

    #[test]
    fn a_long_wait_or_an_unpaid_bill_begins_a_cooldown() {
        let wait = |refused: &RefusedCall<'_>| match refused.refusal(KEY) {
            Refusal::Cooldown(wait, _) => Some(wait.as_secs()),
            _ => None,
        };
        let asking = |seconds| RefusedCall { retry_after: Some(Duration::from_secs(seconds)), ..refused(429, "") };
        assert_eq!([30, 31].map(|seconds| wait(&asking(seconds))), [None, Some(31)]);
        check(&asking(31), Recovery::NextTick, "it asks for 31 s");
        let unpaid = refused(429, &error("pay", "", UNPAID_CODES[0]));
        assert_eq!(wait(&unpaid), Some(600));
        assert_eq!(wait(&RefusedCall { retry_after: Some(Duration::from_secs(9)), ..unpaid }), Some(9));
    }

    #[test]
    fn some_refusals_need_a_person() {
        for code in UNPAID_CODES {
            let unpaid =
                RefusedCall { retry_after: Some(Duration::from_secs(1)), ..refused(429, &error("pay", "", code)) };
            check(&unpaid, Recovery::Person, "billing");
        }
        let scopes = error("Missing scopes: api.audit_logs.read. See platform.openai.com/docs.", "", "");
        check(&refused(403, &scopes), Recovery::Person, "lacks the permission api.audit_logs.read: an owner");
        assert!(matches!(RefusedCall { listing: TENANT, ..refused(403, &scopes) }.refusal(KEY), Refusal::Key(_)));
    }

    #[test]
    fn e3_a_refusal_that_may_pass_needs_a_person_only_if_it_persists() {
        for listing in [ORGANIZATION, TENANT] {
            let check = |status, body: &str, says| {
                let refused = RefusedCall { listing, ..refused(status, body) };
                let (Refusal::Failed(error) | Refusal::Key(error)) = refused.refusal(KEY) else {
                    panic!("{refused:?}")
                };
                assert_eq!(error.recovery, Recovery::PersonIfPersistent, "{error}");
                assert!(error.message.contains(says) && !error.message.contains("canary"), "{error}");
            };
            check(
                401,
                &error("Incorrect API key provided: sk-admi****nary.", "", "invalid_api_key"),
                "put a valid key",
            );
            check(403, &error("no", "", ""), "audit logging is on");
            check(404, &error("no", "", "unknown_url"), "OPENAI_BASE_URL");
            for status in [301, 302, 307] {
                check(status, &error("no", "", ""), "redirects are not followed; if this lasts, check OPENAI_BASE_URL");
            }
        }
    }

    #[test]
    fn e3_a_request_that_is_not_understood_needs_a_person_only_if_that_persists() {
        for body in [error("bad limit", "limit", ""), error("bad limit", "", "")] {
            check(&refused(400, &body), Recovery::PersonIfPersistent, "bad limit");
        }
        let echo = refused(418, &error(&format!("saw {KEY}, and sk-other-canary\n"), "", ""));
        check(&echo, Recovery::PersonIfPersistent, "[key], and");
    }

    #[test]
    fn an_unknown_cursor_is_lost() {
        for (status, param) in [(400, "after"), (400, ""), (404, "")] {
            let lost = RefusedCall { has_cursor: true, ..refused(status, &error("gone", param, "")) };
            assert_eq!(lost.refusal(KEY), Refusal::CursorLost, "{status} {param}");
            assert_eq!(RefusedCall { listing: TENANT, ..lost }.refusal(KEY), Refusal::CursorLost, "{status} {param}");
        }
        let other = RefusedCall { has_cursor: true, ..refused(400, &error("bad limit", "limit", "")) };
        check(&other, Recovery::PersonIfPersistent, "bad limit");
    }

    #[test]
    fn a_refusal_that_blames_tenant_only_means_a_listing_that_is_not_offered() {
        let is_offered = |listing, status, body: &str| {
            RefusedCall { listing, ..refused(status, body) }.refusal(KEY) != Refusal::NotOffered
        };
        let by_param = error("no", "tenant_only", "");
        let by_message = error("Unknown parameter: 'tenant_only'.", "", "");
        for status in [400, 403] {
            assert!(!is_offered(TENANT, status, &by_param) && !is_offered(TENANT, status, &by_message), "{status}");
            assert!(is_offered(ORGANIZATION, status, &by_param), "{status}");
            // An error that names another parameter has another cause.
            assert!(is_offered(TENANT, status, &error("no", "limit", "")), "{status}");
            assert!(is_offered(TENANT, status, &error("no", "", "")), "{status}");
            assert!(is_offered(TENANT, status, r#"{"error":"tenant_only"}"#), "{status}");
        }
        assert!(is_offered(TENANT, 401, &by_param) && is_offered(TENANT, 404, &by_param));
        assert!(is_offered(TENANT, 500, &by_param));
    }

    #[test]
    fn a3_an_unsupported_region_and_an_error_that_blames_nothing_are_no_missing_listing() {
        let words = "Country, region, or territory not supported";
        let without_code = format!(r#"{{"error":{{"message":"{words}","type":"request_forbidden","code":null}}}}"#);
        let bodies = [error(words, "", UNSUPPORTED_REGION), error("no", "", UNSUPPORTED_REGION), without_code];
        for (listing, body) in bodies.iter().flat_map(|body| [(ORGANIZATION, body), (TENANT, body)]) {
            let refused = RefusedCall { listing, ..refused(403, body) };
            let Refusal::Failed(error) = refused.refusal(KEY) else { panic!("{refused:?}") };
            assert_eq!(error.recovery, Recovery::PersonIfPersistent);
            assert!(error.message.contains("does not support the country or region"), "{error}");
            assert!(error.message.contains("run the collector in a supported one"), "{error}");
        }
        for status in [400, 403] {
            let refused = RefusedCall { listing: TENANT, ..refused(status, &error("Bad request", "", "")) };
            let Refusal::Failed(error) = refused.refusal(KEY) else { panic!("{refused:?}") };
            assert_eq!(error.recovery, Recovery::PersonIfPersistent);
            let named = format!("(tenant): HTTP {status}");
            assert!(error.message.contains(&named) && error.message.contains("Bad request"), "{error}");
        }
    }

    #[test]
    fn words_that_only_look_like_keys_stay() {
        assert_eq!(without_keys("risk-based: sk-proj-x, \"sk-y\" k", "k2"), "risk-based: [key], \"[key]\" k");
    }
}
