//! The API's refusals: what an answer that is not what was asked for means, and who cures it.
//!
//! The body is read before the status: the vendor sends throttling as 403 in something that only
//! looks like JSON, missing permissions as 401, and errors as 200. Of the vendor's words only its
//! codes are repeated in messages.

use std::time::Duration;

use collector::{PortError, Recovery};
use serde::Deserialize;
use serde_json::Value;

use crate::af;
use crate::content_type::ContentType;
use crate::wire::unmarked;

/// What is being done, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Task<'a> {
    /// None where it concerns all of them.
    pub(crate) content_type: Option<ContentType>,
    pub(crate) doing: &'a str,
}

impl std::fmt::Display for Task<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content_type = self.content_type.map_or("all content types", ContentType::name);
        write!(f, "{content_type}: {}", self.doing)
    }
}

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<Duration>,
}

/// What the answer's body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Too many requests, in any of its disguises.
    Throttled,
    /// One of the API's own codes: `AF` and this number.
    Af(u32),
    /// The tenant keeps no audit log: a .NET error instead of a code.
    AuditingOff,
    /// JSON that says it is an error, without a code we know.
    Error,
    /// Other JSON.
    Other,
    /// No JSON: HTML, nothing at all, or cut short. Not the API, but something in front of it.
    Unreadable,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: Option<Value>,
}

impl Refusal {
    /// Reads a refusal from an answer's status and the beginning of its body.
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        Self { status, reason: reason(status, &String::from_utf8_lossy(unmarked(body))), retry_after }
    }

    /// A throttled call, which concerns every call of the tenant.
    pub(crate) fn is_throttled(&self) -> bool {
        self.reason == Reason::Throttled
    }

    /// A 401 that names no other cause: the token is too old, and a new one may do.
    pub(crate) fn is_stale_token(&self) -> bool {
        self.status == 401 && matches!(self.reason, Reason::Error | Reason::Other | Reason::Unreadable)
    }

    /// Whether it is a success by its status, and nothing we know, nor an error, by what it holds.
    pub(crate) fn says_nothing(&self) -> bool {
        (200..=299).contains(&self.status) && matches!(self.reason, Reason::Other | Reason::Unreadable)
    }

    /// One of these codes of the API.
    pub(crate) fn is_af(&self, codes: &[u32]) -> bool {
        matches!(self.reason, Reason::Af(code) if codes.contains(&code))
    }

    /// Whether a blob was asked for that is not there, or not yet. A 404 without a code means the same.
    pub(crate) fn is_missing(&self) -> bool {
        match self.reason {
            Reason::Af(code) => code == af::NO_SUCH_CONTENT || code == af::BAD_CONTENT_ID,
            Reason::Error | Reason::Other | Reason::Unreadable => self.status == 404,
            Reason::Throttled | Reason::AuditingOff => false,
        }
    }

    /// Whether asking again now may cure it.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.verdict(None).0, Recovery::Again { .. })
    }

    /// The refusal as an error of that task.
    pub(crate) fn into_error(self, task: Task<'_>) -> PortError {
        let (recovery, advice) = self.verdict(task.content_type);
        let Self { status, reason, .. } = self;
        let code = match reason {
            Reason::Af(code) => format!(" AF{code}"),
            Reason::Throttled => " (AF429)".to_owned(),
            _ => String::new(),
        };
        PortError { recovery, message: format!("{task}: HTTP {status}{code}: {advice}") }
    }

    fn verdict(&self, content_type: Option<ContentType>) -> (Recovery, String) {
        match self.reason {
            // How long everybody stays away, the tenant's limits say.
            Reason::Throttled => (self.again(), "too many requests for this tenant".to_owned()),
            Reason::Af(af::NO_PERMISSION) => {
                let permissions = content_type.map_or("ActivityFeed.Read", ContentType::permissions);
                let advice = format!(
                    "the app registration lacks a permission; give it {permissions} of Office 365 Management APIs \
                     (application permission) and grant admin consent"
                );
                (Recovery::Person, advice)
            }
            Reason::Af(code) => {
                let (recovery, advice) = af::verdict(code);
                let again = matches!(recovery, Recovery::Again { .. });
                (if again { self.again() } else { recovery }, advice.to_owned())
            }
            Reason::AuditingOff => (Recovery::Person, AUDITING_OFF.to_owned()),
            Reason::Error | Reason::Other | Reason::Unreadable => {
                let (recovery, advice) = self.by_status();
                (recovery, advice.to_owned())
            }
        }
    }

    fn again(&self) -> Recovery {
        Recovery::Again { after: self.retry_after }
    }

    fn by_status(&self) -> (Recovery, &'static str) {
        let again = self.again();
        match (self.status, self.reason) {
            (401, _) => (
                Recovery::Person,
                "a token just issued is refused; check that cloud and tenant_id in the source's secret are the tenant's own",
            ),
            (300..=399, _) => {
                (Recovery::Person, "the answer is a redirect, which is not followed; check MICROSOFT365_API_URL")
            }
            (408 | 500.., _) => (again, "the vendor's service is not available"),
            (404, Reason::Error | Reason::Other) => (Recovery::NextTick, NOT_THERE),
            (404, _) => (again, NOT_THERE),
            (_, Reason::Unreadable) => (again, "the answer is not the API's but a gateway's"),
            (200..=299, _) => (again, "the answer is not what was asked for"),
            (403, _) => (
                Recovery::Person,
                "access is denied; check the app registration's permissions and the tenant's access policies",
            ),
            _ => (Recovery::NextTick, "the request is refused without a known code"),
        }
    }
}

const AUDITING_OFF: &str = "the tenant records no audit log; turn on unified audit logging in Microsoft Purview \
     (Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true) and allow it an hour";

const NOT_THERE: &str = "there is no such thing; check MICROSOFT365_API_URL if it is set";

fn reason(status: u16, body: &str) -> Reason {
    let lower = body.to_ascii_lowercase();
    // Before anything else: it comes as 403, too, which means something else otherwise.
    if status == 429 || af::all(body).any(|code| code == af::THROTTLED) || lower.contains("too many request") {
        return Reason::Throttled;
    }
    let Ok(parsed) = serde_json::from_str::<ErrorBody>(body) else {
        return af::first(body).map_or(Reason::Unreadable, Reason::Af);
    };
    let is_error = parsed.error.is_some();
    let code = parsed.error.and_then(|error| error.code).and_then(|code| af::first(code.as_str()?));
    match code {
        Some(code) => Reason::Af(code),
        None if lower.contains("startsubscription [corrid") || tenant_does_not_exist(&lower) => Reason::AuditingOff,
        None if is_error => Reason::Error,
        None => Reason::Other,
    }
}

fn tenant_does_not_exist(lower: &str) -> bool {
    lower.split_once("tenant ").is_some_and(|(_, rest)| rest.contains("does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Recovery = Recovery::Again { after: None };

    #[track_caller]
    fn check(status: u16, body: &str, recovery: Recovery, says: &str) {
        let task = Task { content_type: Some(ContentType::Dlp), doing: "listing content" };
        let error = Refusal::read(status, body.as_bytes(), None).into_error(task);
        assert_eq!(error.recovery, recovery, "{error}");
        assert!(error.message.starts_with(&format!("DLP.All: listing content: HTTP {status}")), "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }

    fn af(code: &str) -> String {
        format!(r#"{{"error":{{"code":"{code}","message":"canary of Af12 kind"}}}}"#)
    }

    #[test]
    fn throttling_in_all_its_forms() {
        let quoted = "{'error':{'code':'AF429','message':'Too many requests. Method=GetBlob, PublisherId=00000000'}}";
        check(403, quoted, AGAIN, "HTTP 403 (AF429): too many requests");
        check(429, "", AGAIN, "too many");
        check(400, "Too Many Requests", AGAIN, "too many");
        check(200, &af("AF429"), AGAIN, "too many");
        check(403, "<html>AF10001, or rather AF429</html>", AGAIN, "too many");
        let named = Refusal::read(429, b"", Some(Duration::from_secs(7)));
        assert_eq!(named.verdict(None).0, Recovery::Again { after: Some(Duration::from_secs(7)) });
    }

    #[test]
    fn codes() {
        check(401, &af("AF10001"), Recovery::Person, "HTTP 401 AF10001: the app registration lacks");
        check(401, &af("AF10001"), Recovery::Person, "ActivityFeed.ReadDlp");
        check(400, &af("AF20010"), Recovery::Person, "AF20010");
        check(400, &af("AF20020"), Recovery::Person, "content_types");
        check(400, &af("AF20055"), Recovery::NextTick, "clock");
        check(400, &af("AF20999"), Recovery::NextTick, "AF20999");
        check(500, &af("AF50000"), AGAIN, "AF50000");
        check(500, &af("AF50006"), AGAIN, "AF50006");
        check(200, &af("AF50000"), AGAIN, "AF50000");
        check(400, "{'error':{'code':'AF20022','message':'No subscription'}}", Recovery::NextTick, "AF20022");
    }

    #[test]
    fn auditing_off() {
        let body = r#"{"error":{"code":"StartSubscription [CorrId=9af4291c] Exception: canary","message":"at X() Tenant 0f3c does not exist."}}"#;
        check(400, body, Recovery::Person, "unified audit logging");
        check(400, r#"{"error":{"message":"Tenant 0f3c does not exist."}}"#, Recovery::Person, "unified audit");
        check(400, &af("AF20011").replace("canary", "tenant canary does not exist"), Recovery::Person, "AF20011");
    }

    #[test]
    fn statuses() {
        check(401, r#"{"Message":"Authorization has been denied for this request."}"#, Recovery::Person, "cloud");
        check(403, r#"{"error":{"code":"canary"}}"#, Recovery::Person, "access is denied");
        check(403, "<html>canary</html>", AGAIN, "gateway");
        check(503, "<html>canary</html>", AGAIN, "not available");
        check(500, "", AGAIN, "not available");
        check(408, "", AGAIN, "not available");
        check(404, "", AGAIN, "no such thing");
        check(404, "{}", Recovery::NextTick, "no such thing");
        check(302, "", Recovery::Person, "redirect");
        check(200, r#"{"canary":1}"#, AGAIN, "not what was asked for");
        check(200, "", AGAIN, "gateway");
        check(400, r#"{"error":"canary"}"#, AGAIN, "gateway");
        check(400, r#"{"error":{"code":7}}"#, Recovery::NextTick, "refused");
    }

    #[test]
    fn missing() {
        let is_missing = |status, body: &str| Refusal::read(status, body.as_bytes(), None).is_missing();
        for body in ["", "{}", "<html>", r#"{"error":{"code":"AF20050"}}"#, r#"{"error":{"code":"AF20052"}}"#] {
            assert!(is_missing(404, body), "{body}");
        }
        assert!(is_missing(400, "{'error':{'code':'AF20050'}}"));
        assert!(!is_missing(404, "too many requests"));
        assert!(!is_missing(404, r#"{"error":{"code":"AF20011"}}"#));
        assert!(!is_missing(400, "") && !is_missing(503, "<html>"));
    }

    #[test]
    fn stale_token() {
        assert!(Refusal::read(401, b"{\"Message\":\"denied\"}", None).is_stale_token());
        assert!(Refusal::read(401, b"", None).is_stale_token());
        assert!(!Refusal::read(401, af("AF10001").as_bytes(), None).is_stale_token());
        assert!(!Refusal::read(401, b"too many requests", None).is_stale_token());
        assert!(!Refusal::read(403, b"", None).is_stale_token());
    }
}
