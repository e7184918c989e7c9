//! The client over real HTTP, against a vendor that answers by a script.

use std::sync::atomic::Ordering;
use std::time::Duration;

use adapters::http::HttpClient;
use axum::http::Method;
use collector::{
    BlobRef, Body, Clock, Fetched, Item, ListRequest, Listed, Page, PortError, Prepared, Recovery, Stream, Tries,
    UnixSeconds, Vendor, Window,
};
use secrecy::ExposeSecret;

use crate::config::content_type::ContentType;
use crate::config::{Config, LISTING, SourceSecret};
use crate::feed::blob::Blob;
use crate::source::Microsoft365;
use fakes::*;

mod codes;
pub(crate) mod fakes;
mod fetch;
mod list;
mod login;
mod once;
mod prepare;
mod secrets;
mod throttle;

const WINDOW: Window = Window { from: 1_787_301_845, to: 1_787_305_445 };
const NOW: UnixSeconds = 1_787_302_800;

/// A fake vendor, the client for one of its content types, and the clock that both use.
struct World {
    vendor: FakeVendor,
    client: Microsoft365<ChangingSecret, JumpingClock>,
    clock: JumpingClock,
    secret: ChangingSecret,
    stream: Stream,
}

impl World {
    async fn of(content_type: ContentType, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let (clock, secret) = (JumpingClock::new(), ChangingSecret::new("canary-secret-1"));
        let vendor = FakeVendor::serve(&clock, script).await;
        let (client, stream) = (vendor.client(&clock, &secret), stream_of(&vendor.source_secret(), content_type));
        Self { vendor, client, clock, secret, stream }
    }

    async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(ContentType::Exchange, script).await
    }

    async fn prepare(&self, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        checked(self.client.prepare(&self.stream, last_start).await)
    }

    /// Lists [`WINDOW`]. If the subscription has a fault, checks that the fault names the time of a start, and returns
    /// it as an error.
    async fn list(&self, cursor: Option<&str>) -> Result<Listed, PortError> {
        self.list_with(Tries::Patient, cursor).await
    }

    async fn list_with(&self, tries: Tries, cursor: Option<&str>) -> Result<Listed, PortError> {
        let request = ListRequest { stream: &self.stream, listing: LISTING, window: WINDOW, cursor, tries };
        checked(match self.client.list(request).await {
            Ok(Listed::NotYet { started, fault: Some(fault), .. }) => {
                assert!(started.is_some(), "{fault}");
                Err(fault)
            }
            other => other,
        })
    }

    async fn list_window(&self, from: UnixSeconds, to: UnixSeconds) -> Result<Page, PortError> {
        let window = Window { from, to };
        let request =
            ListRequest { stream: &self.stream, listing: LISTING, window, cursor: None, tries: Tries::Patient };
        checked(self.client.list(request).await).map(page_of)
    }

    /// Returns the page without the vendor's clock and its owner.
    async fn page(&self, cursor: Option<&str>) -> Page {
        Page { vendor_now: None, owner: None, ..page_of(self.list(cursor).await.unwrap()) }
    }

    /// Checks that nothing can be listed yet because a subscription was just started.
    async fn check_not_yet(&self) {
        let listed = self.list(None).await.unwrap();
        assert!(matches!(listed, Listed::NotYet { started: Some(_), fault: None, .. }), "{listed:?}");
    }

    /// Returns what the vendor's clock shows.
    fn vendor_now(&self) -> UnixSeconds {
        self.clock.now().as_second() + self.vendor.ahead_seconds.load(Ordering::SeqCst)
    }

    /// Returns the result of a successful `prepare` at the present time of the vendor's clock.
    fn ready(&self, started: bool) -> Result<Prepared, PortError> {
        Ok(Prepared::Ready { vendor_now: Some(self.vendor_now()), started })
    }

    async fn fetch(&self, uri: &str) -> Result<Fetched<Blob>, PortError> {
        self.fetch_with(Tries::Patient, uri).await
    }

    async fn fetch_with(&self, tries: Tries, uri: &str) -> Result<Fetched<Blob>, PortError> {
        let blob = BlobRef { id: "b$1".to_owned(), uri: uri.to_owned(), created: WINDOW.from, expires: WINDOW.to };
        checked(self.client.fetch(&self.stream, &blob, tries).await)
    }

    fn check_counts(&self, expected: &[(&str, usize)]) {
        let expected = expected.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect();
        assert_eq!(self.vendor.counts(), expected);
    }
}

/// Returns a client whose secret has these fields besides the tenant and the client id.
fn client_with_fields(
    vendor: &FakeVendor,
    clock: &JumpingClock,
    mut fields: serde_json::Value,
) -> (Microsoft365<ChangingSecret, JumpingClock>, SourceSecret) {
    fields["tenant_id"] = TENANT.into();
    fields["client_id"] = "app".into();
    let config = Config::from_variables(|_| Some(format!("{}/m365", vendor.origin))).unwrap();
    let secret = SourceSecret::parse(&fields.to_string().into(), &config).unwrap();
    let http = HttpClient::new().unwrap();
    let client = Microsoft365::new(&secret, ChangingSecret::new(CANARY), "the-secret", http, clock.clone());
    (client, secret)
}

/// Checks that an error names the content type and holds no secret, token or word of the vendor.
fn checked<T>(result: Result<T, PortError>) -> Result<T, PortError> {
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        assert!(error.message.starts_with("Audit.") || error.message.starts_with("DLP."), "{error}");
        assert!(!matches!(error.recovery, Recovery::Again { .. }), "{error}");
    }
    result
}

/// Returns the script of a healthy vendor, except for the requests that `reply_to` answers.
fn healthy(reply_to: impl Fn(&Seen) -> Option<Reply> + Send + Sync) -> impl Fn(&Seen) -> Reply + Send + Sync {
    move |seen| {
        reply_to(seen).unwrap_or_else(|| match seen.operation.as_str() {
            "token" => token(&format!("canary-token-{}", seen.nth + 1)),
            "list" => reply(200, subscriptions(&["Audit.Exchange"])),
            "start" => reply(200, r#"{"contentType":"Audit.Exchange","status":"enabled","webhook":null}"#),
            "content" => reply(200, "[]"),
            _ => reply(200, "[{\"Id\":\"1\"}]"),
        })
    }
}

fn subscriptions(enabled: &[&str]) -> String {
    let entries = enabled.iter().map(|name| format!(r#"{{"contentType":"{name}","status":"enabled"}}"#));
    format!("[{}]", entries.collect::<Vec<_>>().join(","))
}

fn item(id: &str, uri: &str) -> String {
    format!(
        r#"{{"contentType":"Audit.Exchange","contentId":"{id}","contentUri":"{uri}",
            "contentCreated":"2026-08-21T08:50:00.700Z","contentExpiration":"2026-08-28T08:50:00.700Z"}}"#
    )
}

async fn whole(fetched: Fetched<Blob>) -> Result<Vec<u8>, PortError> {
    let Fetched::Body(mut blob) = fetched else { panic!("{fetched:?}") };
    let mut body = Vec::new();
    while let Some(bytes) = checked(blob.chunk().await)? {
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// Checks that a person has to act and that the message contains `says`.
#[track_caller]
fn check_person(error: &PortError, says: &str) {
    assert_eq!(error.recovery, Recovery::Person, "{error}");
    assert!(error.message.contains(says), "{error}");
}

/// Checks that the call was not made because of a cooldown, and that the message contains `says`.
#[track_caller]
fn check_paused(error: &PortError, says: &str) {
    assert_eq!(error.recovery, Recovery::Paused, "{error}");
    assert!(error.message.contains(says), "{error}");
}

/// Checks that the next tick tries again and that the message contains `says`.
#[track_caller]
fn check_later(error: &PortError, says: &str) {
    assert_eq!(error.recovery, Recovery::NextTick, "{error}");
    assert!(error.message.contains(says), "{error}");
}

fn page_of(listed: Listed) -> Page {
    match listed {
        Listed::Page(page) => page,
        other => panic!("{other:?}"),
    }
}
