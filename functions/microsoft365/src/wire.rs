//! What the API's answers look like: the envelopes only, never the records.

use collector::{BlobRef, UnixSeconds};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::content_type::ContentType;

/// How long the vendor keeps a blob, where it does not say.
const KEEPS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An entry of the list of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    content_type: Option<String>,
    status: Option<String>,
}

impl Subscription {
    /// The content type, if it is one of ours and recorded. An entry without a status is: the
    /// vendor leaves it out at times, and listing tells if that was wrong.
    pub(crate) fn enabled(&self) -> Option<ContentType> {
        let enabled = self.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("enabled"));
        self.content_type.as_deref().filter(|_| enabled).and_then(ContentType::from_name)
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
        let in_uri = || uri.rsplit_once('/').map(|(_, id)| id.to_owned());
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

/// A token, as the login hands it out.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// The older endpoint writes numbers as strings.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl TokenAnswer {
    /// How long the token lives, if the answer says so.
    pub(crate) fn lives_seconds(&self) -> Option<u64> {
        match self.expires_in.as_ref()? {
            Seconds::Number(seconds) => Some(*seconds),
            Seconds::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// A refusal of the login.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct LoginRefusal {
    #[serde(default)]
    pub(crate) error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    #[serde(default)]
    error_description: String,
}

impl LoginRefusal {
    /// The number after `AADSTS`: the precise cause.
    pub(crate) fn code(&self) -> Option<u32> {
        let described = || {
            let (_, rest) = self.error_description.split_once("AADSTS")?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        };
        self.error_codes.first().copied().or_else(described)
    }
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
        let by_uri = blob(r#"{"contentUri":"https://h/audit/a$1","contentCreated":"?"}"#).unwrap();
        assert_eq!((by_uri.id.as_str(), by_uri.created, by_uri.expires), ("a$1", 7, 604_807));
        assert_eq!(blob(r#"{"contentId":"a"}"#).unwrap().uri, "");
        assert_eq!(blob("{}"), None);
        assert_eq!(blob(r#"{"contentId":""}"#), None);
    }

    #[test]
    fn subscriptions() {
        let check = |json: &str, expected| {
            assert_eq!(serde_json::from_str::<Subscription>(json).unwrap().enabled(), expected, "{json}");
        };
        let exchange = Some(ContentType::Exchange);
        check(r#"{"contentType":"Audit.Exchange","status":"enabled","webhook":null}"#, exchange);
        check(r#"{"contentType":"audit.exchange","status":"Enabled"}"#, exchange);
        check(r#"{"contentType":"Audit.Exchange"}"#, exchange);
        check(r#"{"contentType":"Audit.Exchange","status":"disabled"}"#, None);
        check(r#"{"contentType":"Audit.Other","status":"enabled"}"#, None);
    }

    #[test]
    fn token_lives() {
        let check = |json: &str, expected| {
            assert_eq!(serde_json::from_str::<TokenAnswer>(json).unwrap().lives_seconds(), expected, "{json}");
        };
        check(r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#, Some(3_599));
        check(r#"{"access_token":"t","expires_in":"3599","expires_on":"1"}"#, Some(3_599));
        check(r#"{"access_token":"t"}"#, None);
    }

    #[test]
    fn login_refusals() {
        let check = |json: &str, expected| {
            assert_eq!(serde_json::from_str::<LoginRefusal>(json).unwrap().code(), expected, "{json}");
        };
        check(r#"{"error":"invalid_client","error_codes":[7000215]}"#, Some(7_000_215));
        check(r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#, Some(7_000_222));
        check(r#"{"error":"x"}"#, None);
    }
}
