//! An answer that is not a page, and what cures it.

use std::time::Duration;

use collector::PortError;

use crate::config::TENANT;
use crate::retry_policy::RETRY;
use crate::wire::ApiError;

/// The longest part of the vendor's own words that goes into a message, in characters.
const LONGEST_QUOTE: usize = 300;
/// Codes of a 429 that no waiting cures.
const UNPAID: [&str; 3] = ["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"];
/// The cooldown after a 429 that no waiting cures, unless the vendor names a wait itself.
const UNPAID_COOLDOWN: Duration = Duration::from_secs(600);
/// The code of an error for calls from a country that OpenAI does not serve.
const UNSUPPORTED_REGION: &str = "unsupported_country_region_territory";
/// The words of that error, in lower case, which also come without the code.
const UNSUPPORTED_REGION_WORDS: [&str; 2] = ["country, region, or territory", "not supported"];
/// The query parameter that asks for the tenant listing.
const TENANT_ONLY: &str = "tenant_only";
const SCOPE: &str = "api.audit_logs.read";

/// What a refused list call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key is not good, or not good enough. The error is for when the secret holds no other one.
    Key(PortError),
    /// The object that `after` names is not there.
    CursorLost,
    /// The tenant listing is not for this organization.
    NotOffered,
    /// A failure.
    Failed(PortError),
    /// A failure that begins a cooldown of this length.
    Cooldown(Duration, PortError),
}

/// A refused list call.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    /// Host and path of the call.
    pub(crate) place: &'a str,
    /// The listing asked for.
    pub(crate) listing: &'a str,
    /// Whether a cursor was sent.
    pub(crate) with_cursor: bool,
    /// The answer's status.
    pub(crate) status: u16,
    /// Its `x-request-id`.
    pub(crate) request_id: Option<&'a str>,
    /// The wait it asks for.
    pub(crate) retry_after: Option<Duration>,
    /// Its `x-should-retry`, where it says anything.
    pub(crate) should_retry: Option<bool>,
    /// The API's own error; `None` if a gateway or proxy in front of the API answered.
    pub(crate) error: Option<ApiError>,
}

impl Refused<'_> {
    /// What it comes to. `key` is the key it was sent with, so that no message repeats it.
    ///
    /// Only the API's own error can blame the key, the cursor, the listing or a person's settings. What a gateway or
    /// proxy answers is a failure that may pass, whatever its status.
    pub(crate) fn refusal(&self, key: &str) -> Refusal {
        let person = |advice: &str| PortError::person(self.message(advice, key));
        let persistent = |advice: &str| PortError::person_if_persistent(self.message(advice, key));
        let Some(error) = &self.error else { return self.again(key) };
        match self.status {
            // The edge says this for a while, too, of an address that it has just learned about.
            400..=404 | 451 if refuses_region(error) => Refusal::Failed(persistent(
                "OpenAI does not support the country or region that the calls come from; run the collector in a \
                 supported one, or send its calls out through one",
            )),
            401 | 403 if lacks_permission(error) || refuses_address(error) => {
                Refusal::Key(person(&unauthorized(error)))
            }
            // A key that was just made may not be known everywhere yet.
            401 => Refusal::Key(persistent(&unauthorized(error))),
            400 | 404 if self.with_cursor && matches!(error.param.as_str(), "" | "after") => Refusal::CursorLost,
            // An organization without a tenant is refused with an error that blames the parameter: a bad parameter is a
            // 400 whose `param`, or at least whose message, names it, and a feature that is absent a 403 of the same
            // form. The vendor documents no other sign, so an error that blames nothing says nothing about the tenant.
            400 | 403 if self.listing == TENANT && blames_tenant_only(error) => Refusal::NotOffered,
            // The vendor's edge and its permissions have refused good calls for a while.
            403 => Refusal::Failed(persistent(
                "if this lasts, check that audit logging is on (Organization settings, Data controls, Data retention) \
                 and that the organization may use the API from here",
            )),
            404 => Refusal::Failed(persistent("if this lasts, check OPENAI_BASE_URL")),
            429 if UNPAID.contains(&error.code.as_str()) => {
                let error = person("settle the organization's billing; collection goes on by itself then");
                Refusal::Cooldown(self.retry_after.unwrap_or(UNPAID_COOLDOWN), error)
            }
            408 | 409 | 421 | 425 | 429 | 500.. => self.again(key),
            300..400 => Refusal::Failed(persistent("redirects are not followed; if this lasts, check OPENAI_BASE_URL")),
            _ => Refusal::Failed(persistent(
                "the request was not understood; if this lasts, look for a newer version of this collector",
            )),
        }
    }

    /// Worth another try: now, after a short wait, or after one that is too long for a tick.
    fn again(&self, key: &str) -> Refusal {
        let what = match (self.status, &self.error) {
            (429, _) => "too many requests",
            (_, Some(_)) => "a failure on the vendor's side",
            (_, None) => {
                "the answer is not the API's but that of a gateway or proxy; if this lasts, check OPENAI_BASE_URL and \
                 the network in between"
            }
        };
        let message = self.message(what, key);
        match (self.should_retry, self.retry_after) {
            (_, Some(after)) if after > RETRY.max_retry_after => {
                Refusal::Cooldown(after, PortError::next_tick(format!("{message}; it asks for {} s", after.as_secs())))
            }
            (Some(false), _) => Refusal::Failed(PortError::next_tick(message)),
            (_, Some(after)) => Refusal::Failed(PortError::again_after(after, message)),
            (_, None) => Refusal::Failed(PortError::again(message)),
        }
    }

    /// Place, listing, status, the vendor's code, words and request id, and what to do. What a 401
    /// says is not quoted: it repeats parts of the key.
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

/// The key is good, and may not do this.
fn lacks_permission(error: &ApiError) -> bool {
    !error.missing_scopes().is_empty() || error.message.contains("insufficient permission")
}

/// The organization's IP allowlist refuses the address that the call came from.
fn refuses_address(error: &ApiError) -> bool {
    error.code.starts_with("ip_")
}

/// The calls come from a country or region that is not served, by the error's code or by its words.
fn refuses_region(error: &ApiError) -> bool {
    let lower = error.message.to_lowercase();
    error.code == UNSUPPORTED_REGION || UNSUPPORTED_REGION_WORDS.iter().all(|words| lower.contains(words))
}

/// The error is about the tenant listing itself, by its parameter or by its message.
fn blames_tenant_only(error: &ApiError) -> bool {
    error.param == TENANT_ONLY || error.message.contains(TENANT_ONLY)
}

fn unauthorized(error: &ApiError) -> String {
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

/// One bounded line of foreign text.
fn quote(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_QUOTE).collect()
}

/// `text` without `key`, and without any other word that begins like a key.
fn without_keys(text: &str, key: &str) -> String {
    let text = if key.is_empty() { text.to_owned() } else { text.replace(key, "[key]") };
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find("sk-") {
        let (before, from) = rest.split_at(start);
        clean.push_str(before);
        let in_word = before.chars().next_back().is_some_and(char::is_alphanumeric);
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';')).unwrap_or(from.len());
        clean.push_str(if in_word { &from[..end] } else { "[key]" });
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

    fn refused(status: u16, body: &str) -> Refused<'static> {
        Refused {
            place: "api.example.com/v1/organization/audit_logs",
            listing: ORGANIZATION,
            with_cursor: false,
            status,
            request_id: Some("req_1"),
            retry_after: None,
            should_retry: None,
            error: ApiError::parse(status, body.as_bytes()),
        }
    }

    fn check(refused: &Refused<'_>, recovery: Recovery, says: &str) {
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
    fn key() {
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
    fn a2_what_is_not_the_apis_own_error_may_pass_whatever_its_status() {
        for status in [300, 301, 302, 307, 400, 401, 403, 404, 405, 407, 413, 418, 421, 425, 451] {
            for (body, listing) in FOREIGN.into_iter().flat_map(|body| [(body, ORGANIZATION), (body, TENANT)]) {
                for with_cursor in [false, true] {
                    let refused = Refused { listing, with_cursor, ..refused(status, body) };
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
    fn again() {
        for status in [408, 409, 421, 425, 429, 500, 502, 503, 504, 529] {
            check(&refused(status, "<html>canary</html>"), AGAIN, ": ");
            check(&refused(status, &error("wait", "", "")), AGAIN, ": ");
            check(&Refused { should_retry: Some(false), ..refused(status, "") }, Recovery::NextTick, ": ");
        }
        check(&refused(503, &error("wait", "", "")), AGAIN, "on the vendor's side");
        check(&refused(503, "<html>canary</html>"), AGAIN, "gateway");
        check(&refused(429, "<html>canary</html>"), AGAIN, "too many requests");
        let after = Some(Duration::from_secs(7));
        let waiting = Refused { retry_after: after, ..refused(429, &error("slow down", "", "rate_limit_exceeded")) };
        check(&waiting, Recovery::Again { after }, "rate_limit_exceeded slow down");
    }

    #[test]
    fn cooldown() {
        let wait = |refused: &Refused<'_>| match refused.refusal(KEY) {
            Refusal::Cooldown(wait, _) => Some(wait.as_secs()),
            _ => None,
        };
        let asking = |seconds| Refused { retry_after: Some(Duration::from_secs(seconds)), ..refused(429, "") };
        assert_eq!([30, 31].map(|seconds| wait(&asking(seconds))), [None, Some(31)]);
        check(&asking(31), Recovery::NextTick, "it asks for 31 s");
        let unpaid = refused(429, &error("pay", "", UNPAID[0]));
        assert_eq!(wait(&unpaid), Some(600));
        assert_eq!(wait(&Refused { retry_after: Some(Duration::from_secs(9)), ..unpaid }), Some(9));
    }

    #[test]
    fn person() {
        for code in UNPAID {
            let unpaid = Refused { retry_after: Some(Duration::from_secs(1)), ..refused(429, &error("pay", "", code)) };
            check(&unpaid, Recovery::Person, "billing");
        }
        let scopes = error("Missing scopes: api.audit_logs.read. See platform.openai.com/docs.", "", "");
        check(&refused(403, &scopes), Recovery::Person, "lacks the permission api.audit_logs.read: an owner");
        assert!(matches!(Refused { listing: TENANT, ..refused(403, &scopes) }.refusal(KEY), Refusal::Key(_)));
    }

    #[test]
    fn e3_a_refusal_that_may_pass_needs_a_person_only_if_it_persists() {
        for listing in [ORGANIZATION, TENANT] {
            let check = |status, body: &str, says| {
                let refused = Refused { listing, ..refused(status, body) };
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
    fn cursor() {
        for (status, param) in [(400, "after"), (400, ""), (404, "")] {
            let lost = Refused { with_cursor: true, ..refused(status, &error("gone", param, "")) };
            assert_eq!(lost.refusal(KEY), Refusal::CursorLost, "{status} {param}");
            assert_eq!(Refused { listing: TENANT, ..lost }.refusal(KEY), Refusal::CursorLost, "{status} {param}");
        }
        let other = Refused { with_cursor: true, ..refused(400, &error("bad limit", "limit", "")) };
        check(&other, Recovery::PersonIfPersistent, "bad limit");
    }

    #[test]
    fn tenant_not_offered() {
        let is_offered = |listing, status, body: &str| {
            Refused { listing, ..refused(status, body) }.refusal(KEY) != Refusal::NotOffered
        };
        let by_param = error("no", "tenant_only", "");
        let by_message = error("Unknown parameter: 'tenant_only'.", "", "");
        for status in [400, 403] {
            assert!(!is_offered(TENANT, status, &by_param) && !is_offered(TENANT, status, &by_message), "{status}");
            assert!(is_offered(ORGANIZATION, status, &by_param), "{status}");
            // The error is about something else.
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
            let refused = Refused { listing, ..refused(403, body) };
            let Refusal::Failed(error) = refused.refusal(KEY) else { panic!("{refused:?}") };
            assert_eq!(error.recovery, Recovery::PersonIfPersistent);
            assert!(error.message.contains("does not support the country or region"), "{error}");
            assert!(error.message.contains("run the collector in a supported one"), "{error}");
        }
        for status in [400, 403] {
            let refused = Refused { listing: TENANT, ..refused(status, &error("Bad request", "", "")) };
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
