//! Parses the API's answers. Only the envelopes are parsed, never the records.

use collector::{BlobRef, UnixSeconds};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::config::content_type::ContentType;

/// Time for which the vendor keeps a blob, if the listing names no expiry.
const DEFAULT_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The status of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscriptionStatus {
    /// The vendor records the content type.
    Enabled,
    /// The subscription was started once, but the vendor does not record it now.
    Disabled,
}

/// An entry of the vendor's list of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    content_type: Option<String>,
    status: Option<String>,
}

impl Subscription {
    /// Returns the content type and its status; `None` for a content type that this version does not know.
    ///
    /// An entry without a status counts as enabled: the vendor leaves the status out at times, and listing the content
    /// shows if that was wrong.
    pub(crate) fn known_status(&self) -> Option<(ContentType, SubscriptionStatus)> {
        let is_enabled = self.status.as_deref().is_none_or(|status| status.eq_ignore_ascii_case("enabled"));
        let status = if is_enabled { SubscriptionStatus::Enabled } else { SubscriptionStatus::Disabled };
        Some((ContentType::from_name(self.content_type.as_deref()?)?, status))
    }
}

/// An entry of a page of a listing. It names a blob.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContentItem {
    content_id: Option<String>,
    content_uri: Option<String>,
    content_created: Option<String>,
    content_expiration: Option<String>,
}

impl ContentItem {
    /// Returns the blob that the entry names, with the vendor's URI unchanged; `None` if it names none.
    ///
    /// If its creation time is missing or unreadable, the start of the window is used, so that no watermark passes the
    /// blob.
    pub(crate) fn blob(self, window_from: UnixSeconds) -> Option<BlobRef> {
        let uri = self.content_uri.unwrap_or_default();
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        let in_uri = || path.rsplit_once('/').map(|(_, id)| id.to_owned());
        let id = self.content_id.or_else(in_uri).filter(|id| !id.is_empty())?;
        let created = self.content_created.as_deref().and_then(seconds).unwrap_or(window_from);
        let expires =
            self.content_expiration.as_deref().and_then(seconds).unwrap_or(created + DEFAULT_RETENTION.as_secs());
        Some(BlobRef { id, uri, created, expires })
    }
}

/// Parses a time with or without a fraction and a zone. A time without a zone is UTC.
fn seconds(text: &str) -> Option<UnixSeconds> {
    let zoned = || text.parse::<Timestamp>().ok();
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let time = zoned().or_else(civil)?;
    Some(time.as_millisecond().div_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_a_fraction_and_a_zone() {
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
    fn ok_a_complete_item() {
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
    fn ok_an_item_with_missing_fields() {
        let by_uri = blob(r#"{"contentUri":"https://h/audit/a$1?x=/","contentCreated":"?"}"#).unwrap();
        assert_eq!((by_uri.id.as_str(), by_uri.created, by_uri.expires), ("a$1", 7, 604_807));
        assert_eq!(blob(r#"{"contentId":"a"}"#).unwrap().uri, "");
        assert_eq!(blob("{}"), None);
        assert_eq!(blob(r#"{"contentId":""}"#), None);
    }

    #[test]
    fn the_status_of_a_subscription() {
        let check = |json: &str, expected: Option<SubscriptionStatus>| {
            let status = serde_json::from_str::<Subscription>(json).unwrap().known_status();
            assert_eq!(status, expected.map(|status| (ContentType::Exchange, status)), "{json}");
        };
        check(
            r#"{"contentType":"Audit.Exchange","status":"enabled","webhook":null}"#,
            Some(SubscriptionStatus::Enabled),
        );
        check(r#"{"contentType":"audit.exchange","status":"Enabled"}"#, Some(SubscriptionStatus::Enabled));
        check(r#"{"contentType":"Audit.Exchange"}"#, Some(SubscriptionStatus::Enabled));
        check(r#"{"contentType":"Audit.Exchange","status":"disabled"}"#, Some(SubscriptionStatus::Disabled));
        check(r#"{"contentType":"Audit.Other","status":"enabled"}"#, None);
        check("{}", None);
    }
}
