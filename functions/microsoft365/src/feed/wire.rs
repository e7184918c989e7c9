//! What the API's answers look like: the envelopes only, never the records.

use collector::{BlobRef, UnixSeconds};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::content_type::ContentType;

/// How long the vendor keeps a blob, where it does not say.
const KEEPS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A body without the mark some gateways put before it.
pub(crate) fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How a content type is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is recorded.
    Enabled,
    /// It was started once, and is not recorded.
    Disabled,
}

/// An entry of the list of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    content_type: Option<String>,
    status: Option<String>,
}

impl Subscription {
    /// The content type, if it is one of ours, and how it is subscribed to. An entry without a status
    /// is recorded: the vendor leaves it out at times, and listing tells if that was wrong.
    pub(crate) fn standing(&self) -> Option<(ContentType, Standing)> {
        let enabled = self.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("enabled"));
        let standing = if enabled { Standing::Enabled } else { Standing::Disabled };
        Some((ContentType::from_name(self.content_type.as_deref()?)?, standing))
    }
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContentItem {
    content_id: Option<String>,
    content_uri: Option<String>,
    content_created: Option<String>,
    content_expiration: Option<String>,
}

impl ContentItem {
    /// The blob it names, its URI still as the vendor sent it; `None` when it names none. Without a
    /// readable creation time it counts as old as the window, so that no watermark passes it.
    pub(crate) fn blob(self, window_from: UnixSeconds) -> Option<BlobRef> {
        let uri = self.content_uri.unwrap_or_default();
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        let in_uri = || path.rsplit_once('/').map(|(_, id)| id.to_owned());
        let id = self.content_id.or_else(in_uri).filter(|id| !id.is_empty())?;
        let created = self.content_created.as_deref().and_then(seconds).unwrap_or(window_from);
        let expires = self.content_expiration.as_deref().and_then(seconds).unwrap_or(created + KEEPS.as_secs());
        Some(BlobRef { id, uri, created, expires })
    }
}

/// A time of the vendor's: with or without fraction, with or without zone, which is UTC.
fn seconds(text: &str) -> Option<UnixSeconds> {
    let zoned = || text.parse::<Timestamp>().ok();
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let time = zoned().or_else(civil)?;
    Some(time.as_millisecond().div_euclid(1_000))
}

/// A token, as the login hands it out. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: SecretString,
    /// How long it lives, if the answer says so.
    pub(crate) lives_seconds: Option<u64>,
}

impl TokenAnswer {
    /// Reads it from an answer's body; `None` where there is no token in it.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(unmarked(body)).ok()?;
        let token = answer.get("access_token")?.as_str()?.trim();
        let lives_seconds = answer.get("expires_in").and_then(whole).filter(|seconds| *seconds > 0);
        (!token.is_empty()).then(|| Self { access_token: token.into(), lives_seconds })
    }
}

/// A number, which the older endpoint writes as a string.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A refusal of the login.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginRefusal {
    /// The name OAuth 2.0 has for it.
    pub(crate) error: String,
    /// The numbers after `AADSTS`, the first first: the precise cause.
    pub(crate) codes: Vec<u32>,
}

impl LoginRefusal {
    /// Reads it from an answer's body; `None` where it is not the login's but that of a gateway or proxy in between.
    ///
    /// The login's `error` is one of OAuth's names, or its answer has a description or codes besides. So
    /// `{"error":"Forbidden"}` is not the login's.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(unmarked(body)).ok()?;
        let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default();
        let (error, description) = (text("error").to_owned(), text("error_description"));
        let listed = answer.get("error_codes").and_then(Value::as_array);
        let mut codes: Vec<u32> =
            listed.into_iter().flatten().filter_map(|code| whole(code)?.try_into().ok()).collect();
        codes.extend(described_codes(description));
        let is_named = OAUTH_ERRORS.contains(&error.as_str());
        let is_described = !error.is_empty() && (!description.is_empty() || listed.is_some());
        (is_named || is_described || !codes.is_empty()).then_some(Self { error, codes })
    }
}

/// The names that OAuth 2.0 and Microsoft's login have for errors of a login with client credentials.
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
    fn times() {
        let check = |text: &str, expected: Option<UnixSeconds>| assert_eq!(seconds(text), expected, "{text}");
        check("2026-08-21T08:44:05.999Z", Some(1_787_301_845));
        check("2026-08-21T08:44:05Z", Some(1_787_301_845));
        check("2026-08-21T08:44:05.1", Some(1_787_301_845));
        check("2026-08-21T08:44:05", Some(1_787_301_845));
        check("2026-08-21T10:44:05+02:00", Some(1_787_301_845));
        check("yesterday", None);
    }

    fn blob(json: &str) -> Option<BlobRef> {
        serde_json::from_str::<ContentItem>(json).unwrap().blob(7)
    }

    #[test]
    fn ok_item() {
        let json = r#"{"contentType":"Audit.Exchange","contentId":"a$1","contentUri":"https://h/audit/a$1",
            "contentCreated":"2026-08-21T08:44:05.900Z","contentExpiration":"2026-08-28T08:44:05.900Z","new":1}"#;
        let expected = BlobRef {
            id: "a$1".into(),
            uri: "https://h/audit/a$1".into(),
            created: 1_787_301_845,
            expires: 1_787_906_645,
        };
        assert_eq!(blob(json), Some(expected));
    }

    #[test]
    fn ok_item_with_gaps() {
        let by_uri = blob(r#"{"contentUri":"https://h/audit/a$1?x=/","contentCreated":"?"}"#).unwrap();
        assert_eq!((by_uri.id.as_str(), by_uri.created, by_uri.expires), ("a$1", 7, 604_807));
        assert_eq!(blob(r#"{"contentId":"a"}"#).unwrap().uri, "");
        assert_eq!(blob("{}"), None);
        assert_eq!(blob(r#"{"contentId":""}"#), None);
    }

    #[test]
    fn subscriptions() {
        let check = |json: &str, expected: Option<Standing>| {
            let standing = serde_json::from_str::<Subscription>(json).unwrap().standing();
            assert_eq!(standing, expected.map(|standing| (ContentType::Exchange, standing)), "{json}");
        };
        check(r#"{"contentType":"Audit.Exchange","status":"enabled","webhook":null}"#, Some(Standing::Enabled));
        check(r#"{"contentType":"audit.exchange","status":"Enabled"}"#, Some(Standing::Enabled));
        check(r#"{"contentType":"Audit.Exchange"}"#, Some(Standing::Enabled));
        check(r#"{"contentType":"Audit.Exchange","status":"disabled"}"#, Some(Standing::Disabled));
        check(r#"{"contentType":"Audit.Other","status":"enabled"}"#, None);
        check("{}", None);
    }

    #[test]
    fn token_answers() {
        let check = |json: &str, expected: Option<Option<u64>>| {
            let answer = TokenAnswer::read(json.as_bytes());
            assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
            assert_eq!(answer.map(|answer| answer.lives_seconds), expected, "{json}");
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
    fn login_refusals() {
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
