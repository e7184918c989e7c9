//! One organization as a source of the collector: its audit log, page by page.

use std::cell::RefCell;
use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, Url, endpoint, wait_in_text};
use collector::{
    Clock, ListRequest, Listed, ListingId, NoBody, Page, PortError, Prepared, Recovery, Secrets, Source, Stream, Tries,
    UnixSeconds, Vendor, Window, read_again, retry,
};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, SourceSecret, TENANT};
use crate::cooldown::Cooldown;
use crate::policy::POLICY;
use crate::refusal::{Refusal, RefusedCall};
use crate::retry_policy::RETRY;
use crate::wire::{self, ApiError, BadPage, LOST_CURSOR};

/// Events per page, in the order of attempts: the vendor's maximum first, and fewer if the page is too long.
const PAGE_LIMITS: [&str; 3] = ["100", "10", "1"];
/// The longest page, and so the longest event. An event usually has one or two kilobytes.
pub(crate) const MAX_PAGE_BYTES: usize = 32 << 20;
/// The longest time that a call without retries waits for a cooldown to end.
const MAX_COOLDOWN_WAIT_OF_SINGLE_TRY: Duration = Duration::from_secs(5);
/// The header that names the organization of the key. Most answers have it.
pub(crate) const ORGANIZATION_HEADER: &str = "openai-organization";
/// The longest name of an organization that is accepted.
const MAX_ORGANIZATION_CHARS: usize = 128;
/// The longest part of an error's body that is read.
pub(crate) const MAX_ERROR_BYTES: usize = 64 << 10;

/// The audit logs API of one organization, which has one secret.
///
/// The key is sent to the configured base URL only. It is read once, and again after the vendor has refused it, so a
/// rotated key costs only one refused call.
#[derive(Debug)]
pub struct OpenAi<S, C> {
    http: HttpClient,
    secrets: S,
    clock: C,
    base_url: Url,
    reference: String,
    key: RefCell<SecretString>,
    cooldown: Cooldown,
}

impl<S: Secrets, C: Clock> OpenAi<S, C> {
    /// Reads the secret called `reference` and returns its source.
    ///
    /// Fails if the secret cannot be read or is invalid.
    pub async fn source(
        http: &HttpClient,
        secrets: S,
        clock: C,
        config: &Config,
        reference: &str,
    ) -> Result<Source<Self>, PortError> {
        let text = secrets.get(reference, false).await?;
        let secret = SourceSecret::parse_named(reference, secrets.name(reference).as_deref(), &text)?;
        let streams = secret.streams(&config.listings);
        let vendor = Self {
            http: http.clone(),
            secrets,
            clock,
            base_url: config.base_url.clone(),
            reference: reference.to_owned(),
            key: RefCell::new(secret.admin_key),
            cooldown: Cooldown::default(),
        };
        Ok(Source { vendor, streams, policy: POLICY })
    }

    /// Requests a page. After a refused key it requests the page once more with the key that the secret holds now.
    async fn request_page(&self, request: &ListRequest<'_>) -> Result<Listed, PortError> {
        let key = self.key.borrow().clone();
        match self.request_page_with(request, &key).await? {
            CallResult::Listed(listed) => Ok(listed),
            CallResult::KeyRefused(error) => {
                let Some(renewed) = self.renewed_key(&key, request.tries).await? else { return Err(error) };
                match self.request_page_with(request, &renewed).await? {
                    CallResult::Listed(listed) => Ok(listed),
                    CallResult::KeyRefused(error) => Err(error),
                }
            }
        }
    }

    /// Returns a key other than `refused`, or `None` if the secret still holds `refused`. The other listing may have
    /// read the new key already; otherwise the secret is read again.
    async fn renewed_key(&self, refused: &SecretString, tries: Tries) -> Result<Option<SecretString>, PortError> {
        let differs = |key: &SecretString| key.expose_secret() != refused.expose_secret();
        let known = self.key.borrow().clone();
        if differs(&known) {
            return Ok(Some(known));
        }
        let text = read_again(&self.secrets, &self.clock, &self.reference, tries).await?;
        let key = SourceSecret::parse(&self.reference, &text)?.admin_key;
        self.key.replace(key.clone());
        Ok(Some(key).filter(differs))
    }

    /// Requests a page with this key. If the page is too long, requests it again with fewer events.
    async fn request_page_with(&self, request: &ListRequest<'_>, key: &SecretString) -> Result<CallResult, PortError> {
        let mut place = String::new();
        for limit in PAGE_LIMITS {
            let answer = self.http.send(Request::get(self.url(request, limit)).bearer(key)).await?;
            if !(200..300).contains(&answer.status()) {
                return self.handle_refusal(request, answer, key).await;
            }
            place = format!("{} ({})", answer.place(), request.listing);
            let vendor_now = answer.date().map(|at| at.as_second());
            let owner = organization(answer.header(ORGANIZATION_HEADER));
            let Some(body) = answer.bytes_within(MAX_PAGE_BYTES).await? else { continue };
            return match wire::page(&body) {
                Ok(page) => Ok(CallResult::Listed(Listed::Page(Page { vendor_now, owner, ..page }))),
                Err(BadPage::NoCursor) => Ok(CallResult::Listed(Listed::CursorLost)),
                Err(error) => Err(PortError::again(format!("{place}: {error}"))),
            };
        }
        Err(PortError::person(format!(
            "{place}: an event is longer than {MAX_PAGE_BYTES} bytes, and nothing after it can be listed; report it"
        )))
    }

    /// Turns a refusal into the result of the call, and begins a cooldown if it asks for one.
    async fn handle_refusal(
        &self,
        request: &ListRequest<'_>,
        answer: Answer,
        key: &SecretString,
    ) -> Result<CallResult, PortError> {
        match read_refusal(request, answer, key).await {
            Refusal::Key(error) => Ok(CallResult::KeyRefused(error)),
            Refusal::CursorLost => Ok(CallResult::Listed(Listed::CursorLost)),
            Refusal::NotOffered => Ok(CallResult::Listed(Listed::NotOffered)),
            Refusal::Failed(error) => Err(error),
            Refusal::Cooldown(wait, error) => {
                self.cooldown.begin(&self.clock, wait, &error);
                Err(error)
            }
        }
    }

    /// Turns [`Recovery::Again`] into [`Recovery::NextTick`], for a call that is made only once.
    ///
    /// A wait that the vendor named becomes a cooldown, so that no later call of this tick is made too early.
    fn for_next_tick(&self, error: PortError) -> PortError {
        let Recovery::Again { after } = error.recovery else { return error };
        let error = error.for_next_tick();
        if let Some(wait) = after {
            self.cooldown.begin(&self.clock, wait, &error);
        }
        error
    }

    fn url(&self, request: &ListRequest<'_>, limit: &str) -> Url {
        let mut url = page_url(&self.base_url, request.listing, request.window, limit);
        url.query_pairs_mut().extend_pairs(request.cursor.map(|cursor| ("after", cursor)));
        url
    }
}

/// Returns the URL of the first page of a window, with at most `limit` events.
pub(crate) fn page_url(base_url: &Url, listing: ListingId, window: Window, limit: &str) -> Url {
    let mut url = endpoint(base_url, "/organization/audit_logs");
    url.query_pairs_mut()
        .append_pair("effective_at[gte]", &window.from.to_string())
        .append_pair("effective_at[lt]", &window.to.to_string())
        .append_pair("limit", limit)
        .append_pair("tenant_only", if listing == TENANT { "true" } else { "false" });
    url
}

/// The result of one call that did not fail.
enum CallResult {
    Listed(Listed),
    /// The vendor refused the key. The error applies if the secret holds no other key.
    KeyRefused(PortError),
}

/// Returns the organization that an answer names, if the name is plausible.
pub(crate) fn organization(header: Option<&str>) -> Option<String> {
    let name = header?.trim();
    let is_name = (1..=MAX_ORGANIZATION_CHARS).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| name.to_owned())
}

/// Reads a refusal from an answer.
async fn read_refusal(request: &ListRequest<'_>, answer: Answer, key: &SecretString) -> Refusal {
    let header = |name: &str| answer.header(name).map(str::to_owned);
    let (place, request_id) = (answer.place().to_owned(), header("x-request-id"));
    let should_retry = header("x-should-retry").and_then(|text| text.parse().ok());
    let (status, wait_in_header) = (answer.status(), answer.retry_after());
    // A body that cannot be read counts as that of a gateway, because it does not show an error of the API.
    let body = answer.bytes(MAX_ERROR_BYTES).await.unwrap_or_default();
    let error = ApiError::parse(status, &body);
    let wait_in_words = error.as_ref().filter(|_| status == 429).and_then(|error| wait_in_text(&error.message));
    let call = RefusedCall {
        place: &place,
        listing: request.listing,
        has_cursor: request.cursor.is_some(),
        status,
        request_id: request_id.as_deref(),
        retry_after: wait_in_header.or(wait_in_words),
        should_retry,
        error,
    };
    call.refusal(key.expose_secret())
}

impl<S: Secrets, C: Clock> Vendor for OpenAi<S, C> {
    type Body = NoBody;

    /// Prepares nothing: an owner of the organization turns audit logging on once. Returns "not yet" while a cooldown
    /// lasts.
    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        match self.cooldown.check(&self.clock) {
            Ok(()) => {}
            Err(error) if error.recovery == Recovery::Paused => return Ok(Prepared::NotYet),
            Err(error) => return Err(error),
        }
        Ok(Prepared::Ready { vendor_now: None, started: false })
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        if request.cursor == Some(LOST_CURSOR) {
            return Ok(Listed::CursorLost);
        }
        match request.tries {
            Tries::Patient => {
                self.cooldown.wait_out(&self.clock, RETRY.max_retry_after).await?;
                retry(&self.clock, &RETRY, || self.request_page(&request)).await
            }
            Tries::Once => {
                self.cooldown.wait_out(&self.clock, MAX_COOLDOWN_WAIT_OF_SINGLE_TRY).await?;
                self.request_page(&request).await.map_err(|error| self.for_next_tick(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
