//! Refusals of the API: the cause of an answer without the requested content, and its recovery.
//!
//! The body matters more than the status: the vendor sends throttling as 403 with a body that only resembles JSON,
//! missing permissions as 401, and errors as 200. Messages repeat the vendor's codes but none of its text.
//!
//! A body that is not the API's own error comes from a gateway or proxy in between. Such a failure may pass, whatever
//! its status: it never blames a permission, the credential, a blob or a setting.

use std::time::Duration;

use adapters::http::wait_in_text;
use collector::{PortError, Recovery};
use serde_json::Value;

use crate::byte_order_mark::without_byte_order_mark;
use crate::config::content_type::ContentType;
use crate::errors::af_codes;

/// The status of a throttled call. The vendor also throttles with others.
const TOO_MANY_REQUESTS: u16 = 429;

/// The purpose of a call, for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Task<'a> {
    /// The content type that the call is made for; `None` if it is made for all.
    pub(crate) content_type: Option<ContentType>,
    /// The activity in words, such as "listing content".
    pub(crate) activity: &'a str,
}

impl std::fmt::Display for Task<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content_type = self.content_type.map_or("all content types", ContentType::name);
        write!(f, "{content_type}: {}", self.activity)
    }
}

/// An answer without the requested content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<Duration>,
}

/// The reason that the answer's body gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The tenant makes too many requests. The vendor says so in several forms.
    Throttled,
    /// One of the API's own codes, which is `AF` and this number.
    Af(u32),
    /// The tenant records no audit log. The vendor sends a .NET error instead of a code.
    AuditingOff,
    /// The API's own error object, without an `AF` code.
    Error,
    /// The API's own error of the form `{"Message":…}`, which has no code.
    Message,
    /// Any other body, such as HTML, an empty body or other JSON. With an error status it comes from a gateway or proxy.
    Foreign,
}

impl Refusal {
    /// Reads a refusal from an answer's status and the beginning of its body.
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let text = String::from_utf8_lossy(without_byte_order_mark(body));
        let reason = reason(status, &text);
        let wait_in_words = || wait_in_text(&text).filter(|_| reason == Reason::Throttled);
        Self { status, reason, retry_after: retry_after.or_else(wait_in_words) }
    }

    /// Returns `true` if the call was throttled, which concerns every call of the tenant.
    pub(crate) fn is_throttled(&self) -> bool {
        self.reason == Reason::Throttled
    }

    /// Returns `true` if the call was throttled with a status other than 429, so the HTTP client has not counted it.
    pub(crate) fn is_uncounted_throttle(&self) -> bool {
        self.is_throttled() && self.status != TOO_MANY_REQUESTS
    }

    /// Returns `true` for a 401 that names no other cause than the token, so a new token may cure it.
    ///
    /// A 401 whose body is not the API's own error counts, too: the API may send no body, and a new token costs little.
    pub(crate) fn is_stale_token(&self) -> bool {
        self.status == 401 && matches!(self.reason, Reason::Error | Reason::Message | Reason::Foreign)
    }

    /// Returns `true` for an answer with a successful status that is neither the requested content nor a known error.
    pub(crate) fn is_unexplained(&self) -> bool {
        (200..=299).contains(&self.status) && matches!(self.reason, Reason::Message | Reason::Foreign)
    }

    /// Returns `true` if the reason is one of these `AF` codes.
    pub(crate) fn has_af_code(&self, codes: &[u32]) -> bool {
        matches!(self.reason, Reason::Af(code) if codes.contains(&code))
    }

    /// Returns `true` if the requested blob does not exist, or does not exist yet. The API's own 404 without a code
    /// means the same.
    pub(crate) fn is_missing(&self) -> bool {
        match self.reason {
            Reason::Af(code) => code == af_codes::NO_SUCH_CONTENT || code == af_codes::BAD_CONTENT_ID,
            Reason::Error | Reason::Message => self.status == 404,
            Reason::Throttled | Reason::AuditingOff | Reason::Foreign => false,
        }
    }

    /// Returns `true` if a retry within this tick may cure the refusal.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.recovery_and_advice(None).0, Recovery::Again { .. })
    }

    /// Turns the refusal into an error whose message begins with the call's purpose.
    pub(crate) fn into_error(self, task: Task<'_>) -> PortError {
        let (recovery, advice) = self.recovery_and_advice(task.content_type);
        let Self { status, reason, .. } = self;
        let code = match reason {
            Reason::Af(code) => format!(" AF{code}"),
            Reason::Throttled => " (AF429)".to_owned(),
            _ => String::new(),
        };
        PortError { recovery, message: format!("{task}: HTTP {status}{code}: {advice}") }
    }

    fn recovery_and_advice(&self, content_type: Option<ContentType>) -> (Recovery, String) {
        match self.reason {
            // If the answer has no `Retry-After`, the tenant's cooldown decides how long its calls wait.
            Reason::Throttled => {
                let wait = self.retry_after.map(|wait| format!("; it asks for a pause of {} s", wait.as_secs()));
                (self.again(), format!("too many requests for this tenant{}", wait.unwrap_or_default()))
            }
            Reason::Af(af_codes::NO_PERMISSION) => {
                let permissions = content_type.map_or("ActivityFeed.Read", ContentType::permissions);
                let advice = format!(
                    "the app registration lacks a permission; give it {permissions} of Office 365 Management APIs \
                     (application permission) and grant admin consent"
                );
                (Recovery::Person, advice)
            }
            Reason::Af(code) => {
                let (recovery, advice) = af_codes::recovery_and_advice(code);
                let is_again = matches!(recovery, Recovery::Again { .. });
                (if is_again { self.again() } else { recovery }, advice.to_owned())
            }
            Reason::AuditingOff => (Recovery::Person, AUDITING_OFF.to_owned()),
            Reason::Error | Reason::Message => {
                let (recovery, advice) = self.recovery_and_advice_for_status();
                (recovery, advice.to_owned())
            }
            Reason::Foreign => (self.again(), self.gateway_advice().to_owned()),
        }
    }

    fn again(&self) -> Recovery {
        Recovery::Again { after: self.retry_after }
    }

    /// Returns the recovery and the advice for an error of the API without an `AF` code.
    fn recovery_and_advice_for_status(&self) -> (Recovery, &'static str) {
        match self.status {
            200..=299 => (self.again(), "the answer is not what was asked for"),
            300..=399 => (
                Recovery::PersonIfPersistent,
                "the answer is a redirect, which is not followed; if this lasts, check MICROSOFT365_API_URL if it is set",
            ),
            // The API may not know a new token yet, and has also refused valid tokens for a while.
            401 => (
                Recovery::PersonIfPersistent,
                "a token just issued is refused; if this lasts, check that cloud and tenant_id in the source's secret \
                 are the tenant's own",
            ),
            403 => (
                Recovery::PersonIfPersistent,
                "access is denied; if this lasts, check the app registration's permissions and the tenant's access policies",
            ),
            404 => (Recovery::NextTick, "there is no such thing; check MICROSOFT365_API_URL if it is set"),
            408 | 421 | 425 | 500.. => (self.again(), "the vendor's service is not available"),
            _ => (Recovery::NextTick, "the request is refused without a known code"),
        }
    }

    fn gateway_advice(&self) -> &'static str {
        match self.status {
            200..=299 => "the answer is not what was asked for, and may be a gateway's",
            300..=399 => "the answer is a redirect, which is not followed; check MICROSOFT365_API_URL if it is set",
            408 | 500.. => "the vendor's service is not available",
            _ => {
                "the answer is not the API's but that of a gateway or proxy; if this lasts, check MICROSOFT365_API_URL \
                 if it is set, and the network in between"
            }
        }
    }
}

/// At most this many characters lie between "too many" and "request" in a sentence such as "Too many frequent
/// subscription start requests".
const MAX_PHRASE_CHARS: usize = 60;
/// Codes other than `AF429` that mean too many requests, in lower case and without punctuation.
const THROTTLED_CODES: [&str; 2] = ["429", "toomanyrequests"];
/// Parts of further codes that mean too many requests, such as `RequestsThrottled`, `ThrottlingException` and
/// `RateLimitExceeded`.
const THROTTLED_PARTS: [&str; 2] = ["throttl", "ratelimit"];
/// The longest code that is compared, in characters.
const MAX_CODE_CHARS: usize = 60;

const AUDITING_OFF: &str = "the tenant records no audit log; turn on unified audit logging in Microsoft Purview \
     (Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true) and allow it an hour";

/// Returns the reason that an answer's body gives.
fn reason(status: u16, body: &str) -> Reason {
    let lower = body.to_ascii_lowercase();
    // Throttling is checked first, because the vendor also sends it with status 403, which has another meaning
    // otherwise.
    if status == 429 || af_codes::codes(body).any(|code| code == af_codes::THROTTLED) || reports_throttling(&lower) {
        return Reason::Throttled;
    }
    let Ok(parsed) = serde_json::from_str::<Value>(body) else {
        // The vendor writes some errors with single quotes and cuts others short. So the code is searched for in the
        // text, which need not be valid JSON.
        let code = if body.trim_start().starts_with('{') { af_codes::first_code(body) } else { None };
        return code.map_or(Reason::Foreign, Reason::Af);
    };
    let has_detail =
        |error: &&Value| ["code", "message"].iter().any(|name| error.get(name).is_some_and(|it| !it.is_null()));
    let error = parsed.get("error").filter(has_detail);
    let is_message = parsed.get("Message").is_some_and(Value::is_string);
    if error.is_none() && !is_message {
        return Reason::Foreign;
    }
    let code = error.and_then(|error| af_codes::first_code(error.get("code")?.as_str()?));
    match code {
        Some(code) => Reason::Af(code),
        None if lower.contains("startsubscription [corrid") || tenant_does_not_exist(&lower) => Reason::AuditingOff,
        None if error.is_some() => Reason::Error,
        None => Reason::Message,
    }
}

/// Returns `true` if the text, in lower case, mentions too many requests or is an object with a code for it.
fn reports_throttling(lower: &str) -> bool {
    let mut phrases = lower.match_indices("too many").filter_map(|(at, _)| lower.get(at..));
    let in_words = phrases.any(|text| text.chars().take(MAX_PHRASE_CHARS).collect::<String>().contains("request"));
    in_words || starts_like_object(lower) && code_values(lower).any(|code| is_throttled_code(&code))
}

/// Returns `true` if the text begins like a JSON object, or like a JSON string that holds one.
fn starts_like_object(text: &str) -> bool {
    text.trim_start().trim_start_matches('"').trim_start().starts_with('{')
}

fn is_throttled_code(code: &str) -> bool {
    THROTTLED_CODES.contains(&code) || THROTTLED_PARTS.iter().any(|part| code.contains(part))
}

/// Returns the value of each field `code`, reduced to its letters and digits. The text need not be valid JSON, and a value
/// may be a number or a string. A field whose name only ends in `code`, such as a record's `errorCode`, does not count.
fn code_values(lower: &str) -> impl Iterator<Item = String> {
    let is_quote = |c: char| c.is_whitespace() || "\"'\\".contains(c);
    lower.match_indices("code").filter_map(move |(at, name)| {
        let is_inside = lower[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let value =
            lower.get(at + name.len()..).filter(|_| !is_inside)?.trim_start_matches(is_quote).strip_prefix(':')?;
        let value = value.trim_start_matches(is_quote).split(|c: char| "\"'\\,{}[]".contains(c)).next()?;
        Some(value.chars().take(MAX_CODE_CHARS).filter(char::is_ascii_alphanumeric).collect())
    })
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
        let task = Task { content_type: Some(ContentType::Dlp), activity: "listing content" };
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
    fn throttling_is_recognised_in_all_its_forms() {
        let quoted = "{'error':{'code':'AF429','message':'Too many requests. Method=GetBlob, PublisherId=00000000'}}";
        check(403, quoted, AGAIN, "HTTP 403 (AF429): too many requests");
        check(429, "", AGAIN, "too many");
        check(400, "Too Many Requests", AGAIN, "too many");
        check(200, &af("AF429"), AGAIN, "too many");
        check(403, "<html>AF10001, or rather AF429</html>", AGAIN, "too many");
        check(403, "<html>Too Many Requests</html>", AGAIN, "too many");
        let named = Refusal::read(429, b"", Some(Duration::from_secs(7)));
        assert_eq!(named.recovery_and_advice(None).0, Recovery::Again { after: Some(Duration::from_secs(7)) });
    }

    #[test]
    fn a5_throttling_by_code_and_with_a_wait_in_words() {
        let start = "Too many frequent subscription start requests. Please retry again after 8m 46s.";
        let bodies = [
            format!(r#"{{"error":{{"code":"429","message":"{start}"}}}}"#),
            format!(r#"{{"error":{{"code":429,"message":"{start}"}}}}"#),
            format!(r#"{{"error":{{"code":"TooManyRequests","message":"{start}"}}}}"#),
            format!("{{'error':{{'code':'429','message':'{start}'}}}}"),
            format!(r#"{{"code": "429", "message":"{start}"}}"#),
            format!(r#"{{"error":{{"code":"canary","message":"{start}"}}}}"#),
            r#"{"error":{"code":"429","message":"Slow down; retry in 526 seconds"#.to_owned(),
        ];
        for body in bodies {
            for status in [200, 400, 403, 429, 503] {
                let refusal = Refusal::read(status, body.as_bytes(), None);
                assert_eq!(refusal.retry_after, Some(Duration::from_secs(526)), "{body}");
                assert!(refusal.is_throttled(), "{body}");
                assert_eq!(refusal.is_uncounted_throttle(), status != 429, "{status} {body}");
                let named = Refusal::read(status, body.as_bytes(), Some(Duration::from_secs(7)));
                assert_eq!(named.retry_after, Some(Duration::from_secs(7)), "{body}");
            }
        }
        check(403, r#"{"error":{"code":"429"}}"#, AGAIN, "too many requests");
        let codes = [
            "\"429\"",
            "429",
            "\"RequestsThrottled\"",
            "\"requeststhrottled\"",
            "\"TOOMANYREQUESTS\"",
            "\"Throttled\"",
            "\"too_many_requests\"",
            "\"Rate-Limit-Exceeded\"",
            " \"THROTTLED\" ",
        ];
        for code in codes {
            let inner = format!(r#"{{"code":{code},"message":"canary"}}"#);
            let bodies = [
                inner.clone(),
                format!(r#"{{"error":{inner}}}"#),
                format!(r#"{{"Error":{{"Code":{code}}}}}"#),
                format!(r#"{{"error":{{"message":"canary","innererror":{inner}}}}}"#),
                format!(r#"{{"error":{{"message":"canary","code" : {code}}}"#),
                serde_json::Value::from(format!(r#"{{"error":{inner}}}"#)).to_string(),
            ];
            for (body, status) in
                bodies.iter().flat_map(|body| [200, 400, 401, 403, 404, 500].map(|status| (body, status)))
            {
                check(status, body, AGAIN, "(AF429): too many requests");
            }
        }
        for body in [r#"{"Id":"1","ErrorCode":"429","error_code":429}"#, r#"{"message":"code 429 or code Throttled"}"#]
        {
            assert!(!Refusal::read(200, body.as_bytes(), None).is_throttled(), "{body}");
        }
        // Only a JSON object whose field `code` is exactly 429 means throttling.
        for body in [r#"{"error":{"code":"4290","message":"429 canary"}}"#, "<html>code: 429</html>"] {
            assert!(!Refusal::read(403, body.as_bytes(), None).is_throttled(), "{body}");
        }
        assert_eq!(Refusal::read(503, b"<html>retry after 5 minutes</html>", None).retry_after, None);
    }

    #[test]
    fn each_code_has_its_recovery_and_advice() {
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
        check(401, "{\"error\":{\"code\":\"AF10001\",\"message\":\"cut sho", Recovery::Person, "AF10001");
        // A code counts only in the API's own error.
        check(403, "<html>canary AF10001</html>", AGAIN, "gateway");
    }

    #[test]
    fn an_error_without_a_code_that_means_auditing_is_off() {
        let body = r#"{"error":{"code":"StartSubscription [CorrId=9af4291c] Exception: canary","message":"at X() Tenant 0f3c does not exist."}}"#;
        check(400, body, Recovery::Person, "unified audit logging");
        check(400, r#"{"error":{"message":"Tenant 0f3c does not exist."}}"#, Recovery::Person, "unified audit");
        check(400, r#"{"canary":"Tenant 0f3c does not exist."}"#, AGAIN, "gateway");
        check(400, &af("AF20011").replace("canary", "tenant canary does not exist"), Recovery::Person, "AF20011");
    }

    #[test]
    fn each_status_without_a_known_code() {
        let denied = r#"{"Message":"Authorization has been denied for this request."}"#;
        check(401, denied, Recovery::PersonIfPersistent, "cloud");
        check(403, r#"{"error":{"code":"canary"}}"#, Recovery::PersonIfPersistent, "access is denied");
        check(403, r#"{"Message":"canary"}"#, Recovery::PersonIfPersistent, "access is denied");
        check(503, "<html>canary</html>", AGAIN, "not available");
        check(500, "", AGAIN, "not available");
        check(408, "", AGAIN, "not available");
        check(404, r#"{"Message":"No HTTP resource was found, canary"}"#, Recovery::NextTick, "no such thing");
        check(302, r#"{"Message":"canary"}"#, Recovery::PersonIfPersistent, "redirect");
        check(200, r#"{"canary":1}"#, AGAIN, "not what was asked for");
        check(200, "", AGAIN, "gateway");
        check(200, r#"{"Message":"canary"}"#, AGAIN, "not what was asked for");
        check(400, r#"{"error":{"code":7}}"#, Recovery::NextTick, "refused");
        check(425, r#"{"Message":"canary"}"#, AGAIN, "not available");
    }

    #[test]
    fn a_body_that_is_not_the_apis_own_error_may_pass_whatever_its_status() {
        let bodies = [
            "",
            " ",
            "canary",
            "<html>canary</html>",
            "{}",
            "[]",
            "null",
            r#"{"message":"canary"}"#,
            r#"{"error":"canary"}"#,
            r#"{"error":{}}"#,
            r#"{"error":{"code":null}}"#,
        ];
        for body in bodies {
            for status in [400, 401, 403, 404, 405, 407, 413, 418, 421, 425, 451] {
                check(status, body, AGAIN, "that of a gateway or proxy");
            }
            for status in [301, 302, 307] {
                check(status, body, AGAIN, "check MICROSOFT365_API_URL");
            }
            let refusal = Refusal::read(404, body.as_bytes(), None);
            assert!(!refusal.is_missing() && !refusal.has_af_code(&[af_codes::NO_PERMISSION]), "{body}");
        }
    }

    #[test]
    fn a_blob_is_missing_only_by_the_apis_own_error() {
        let is_missing = |status, body: &str| Refusal::read(status, body.as_bytes(), None).is_missing();
        for body in [
            r#"{"Message":"No HTTP resource was found that matches the request URI"}"#,
            r#"{"error":{"code":"NotFound"}}"#,
            r#"{"error":{"code":"AF20050"}}"#,
            r#"{"error":{"code":"AF20052"}}"#,
        ] {
            assert!(is_missing(404, body), "{body}");
        }
        assert!(is_missing(400, "{'error':{'code':'AF20050'}}"));
        assert!(!is_missing(404, "too many requests"));
        assert!(!is_missing(404, r#"{"error":{"code":"AF20011"}}"#));
        assert!(!is_missing(400, "") && !is_missing(503, "<html>"));
    }

    #[test]
    fn a_401_without_another_cause_means_a_stale_token() {
        assert!(Refusal::read(401, b"{\"Message\":\"denied\"}", None).is_stale_token());
        assert!(Refusal::read(401, b"", None).is_stale_token());
        assert!(!Refusal::read(401, af("AF10001").as_bytes(), None).is_stale_token());
        assert!(!Refusal::read(401, b"too many requests", None).is_stale_token());
        assert!(!Refusal::read(403, b"", None).is_stale_token());
    }
}
