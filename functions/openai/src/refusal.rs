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
    /// What its body says.
    pub(crate) error: ApiError,
}

impl Refused<'_> {
    /// What it comes to. `key` is the key it was sent with, so that no message repeats it.
    pub(crate) fn refusal(&self, key: &str) -> Refusal {
        let person = |advice: &str| PortError::person(self.message(advice, key));
        match self.status {
            401 => Refusal::Key(person(&self.unauthorized())),
            403 if self.lacks_permission() => Refusal::Key(person(&self.unauthorized())),
            403 if self.listing == TENANT => Refusal::NotOffered,
            403 => Refusal::Failed(person(
                "check that audit logging is on (Organization settings, Data controls, Data retention) \
                 and that the organization may use the API from here",
            )),
            400 | 404 if self.with_cursor && self.blames_cursor() => Refusal::CursorLost,
            400 if self.listing == TENANT && matches!(self.error.param.as_str(), "" | "tenant_only") => {
                Refusal::NotOffered
            }
            404 => Refusal::Failed(person("check OPENAI_BASE_URL")),
            429 if UNPAID.contains(&self.error.code.as_str()) => {
                let error = person("settle the organization's billing; collection goes on by itself then");
                Refusal::Cooldown(self.retry_after.unwrap_or(UNPAID_COOLDOWN), error)
            }
            408 | 409 | 429 | 500.. => self.again(key),
            300..400 => Refusal::Failed(person("redirects are not followed; check OPENAI_BASE_URL")),
            _ => Refusal::Failed(person("the request was not understood; look for a newer version of this collector")),
        }
    }

    /// The parameter named is the cursor, or none is.
    fn blames_cursor(&self) -> bool {
        matches!(self.error.param.as_str(), "" | "after")
    }

    /// The key is good, and may not do this.
    fn lacks_permission(&self) -> bool {
        !self.error.missing_scopes().is_empty() || self.error.message.contains("insufficient permission")
    }

    fn unauthorized(&self) -> String {
        let error = &self.error;
        let scopes = error.missing_scopes();
        if !scopes.is_empty() {
            return format!("the admin key lacks the permission {}: an owner must grant it", scopes.join(", "));
        }
        if self.lacks_permission() {
            return format!("the admin key lacks a permission: an owner must grant it {SCOPE}");
        }
        if error.code.starts_with("ip_") {
            return "the organization's IP allowlist does not hold this collector's address: add it".to_owned();
        }
        format!("the admin key is not accepted: put a valid key that has {SCOPE} into the secret")
    }

    /// Worth another try: now, after a short wait, or after one that is too long for a tick.
    fn again(&self, key: &str) -> Refusal {
        let what = if self.status == 429 { "too many requests" } else { "a failure on the vendor's side" };
        let message = self.message(what, key);
        match (self.should_retry, self.retry_after) {
            (_, Some(after)) if after > RETRY.longest_named_wait => {
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
        let words = if (400..500).contains(&self.status) && self.status != 401 && !self.lacks_permission() {
            &self.error.message
        } else {
            ""
        };
        for part in [&self.error.code, words] {
            if !part.is_empty() {
                message.push_str(&format!(" {}", quote(part)));
            }
        }
        if let Some(id) = self.request_id {
            message.push_str(&format!(" (x-request-id {})", quote(id)));
        }
        without_keys(&format!("{message}: {advice}"), key)
    }
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

    fn refused(status: u16, body: &str) -> Refused<'static> {
        Refused {
            place: "api.example.com/v1/organization/audit_logs",
            listing: ORGANIZATION,
            with_cursor: false,
            status,
            request_id: Some("req_1"),
            retry_after: None,
            should_retry: None,
            error: ApiError::parse(body.as_bytes()),
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
        check(&wrong, Recovery::Person, "put a valid key");
        let echo = refused(401, &format!(r#"{{"error":"no such key {KEY}"}}"#));
        check(&echo, Recovery::Person, "put a valid key");
        let live = "You have insufficient permissions for this operation. Missing scopes: api.audit_logs.read.";
        check(&refused(401, &error(live, "", "")), Recovery::Person, "lacks the permission api.audit_logs.read:");
        check(&refused(401, ""), Recovery::Person, "put a valid key");
        check(&refused(401, &error("no", "", "ip_not_authorized")), Recovery::Person, "allowlist");
    }

    #[test]
    fn again() {
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            check(&refused(status, "<html>canary</html>"), AGAIN, ": ");
            check(&Refused { should_retry: Some(false), ..refused(status, "") }, Recovery::NextTick, ": ");
        }
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
        check(&refused(400, &error("bad limit", "limit", "")), Recovery::Person, "bad limit");
        check(&refused(403, "{}"), Recovery::Person, "audit logging is on");
        let scopes = error("Missing scopes: api.audit_logs.read. See platform.openai.com/docs.", "", "");
        check(&refused(403, &scopes), Recovery::Person, "lacks the permission api.audit_logs.read: an owner");
        assert!(matches!(Refused { listing: TENANT, ..refused(403, &scopes) }.refusal(KEY), Refusal::Key(_)));
        check(&refused(404, ""), Recovery::Person, "OPENAI_BASE_URL");
        check(&refused(302, ""), Recovery::Person, "OPENAI_BASE_URL");
        check(
            &refused(418, &error(&format!("saw {KEY}, and sk-other-canary\n"), "", "")),
            Recovery::Person,
            "[key], and",
        );
    }

    #[test]
    fn cursor() {
        for (status, param) in [(400, "after"), (400, ""), (404, "")] {
            let lost = Refused { with_cursor: true, ..refused(status, &error("gone", param, "")) };
            assert_eq!(lost.refusal(KEY), Refusal::CursorLost, "{status} {param}");
            assert_eq!(Refused { listing: TENANT, ..lost }.refusal(KEY), Refusal::CursorLost, "{status} {param}");
        }
        let other = Refused { with_cursor: true, ..refused(400, &error("bad limit", "limit", "")) };
        check(&other, Recovery::Person, "bad limit");
    }

    #[test]
    fn tenant_not_offered() {
        for status in [400, 403] {
            let tenant = Refused { listing: TENANT, ..refused(status, &error("no", "tenant_only", "")) };
            assert_eq!(tenant.refusal(KEY), Refusal::NotOffered);
            let limit = Refused { listing: TENANT, ..refused(status, &error("no", "limit", "")) };
            assert_eq!(limit.refusal(KEY) == Refusal::NotOffered, status == 403, "{status}");
        }
        assert!(matches!(Refused { listing: TENANT, ..refused(500, "") }.refusal(KEY), Refusal::Failed(_)));
        assert!(matches!(Refused { listing: TENANT, ..refused(401, "") }.refusal(KEY), Refusal::Key(_)));
    }

    #[test]
    fn words_that_only_look_like_keys_stay() {
        assert_eq!(without_keys("risk-based: sk-proj-x, \"sk-y\" k", "k2"), "risk-based: [key], \"[key]\" k");
    }
}
