//! One organization's audit log, page by page.

use std::cell::RefCell;
use std::time::Duration;

use adapters::http::{Answer, HttpClient, Request, Url, endpoint, wait_in_text};
use collector::{
    BlobRef, Body, Clock, Fetched, ListRequest, Listed, Page, PortError, Prepared, Recovery, Secrets, Source, Stream,
    Tries, UnixSeconds, Vendor, read_again, retry,
};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, POLICY, SourceSecret, TENANT};
use crate::cooldown::Cooldown;
use crate::refusal::{Refusal, Refused};
use crate::retry_policy::RETRY;
use crate::wire::{self, ApiError, BadPage, LOST_PLACE};

/// How many events are asked for: as many as the vendor puts on a page, and fewer where those are too long for us.
const PAGE_LIMITS: [&str; 3] = ["100", "10", "1"];
/// The longest page, and so the longest event. A kilobyte or two is usual for one.
const MAX_PAGE_BYTES: usize = 32 << 20;
/// A call that is made only once waits no longer than this for the end of a cooldown.
const MAX_WAIT_OF_SINGLE_TRY: Duration = Duration::from_secs(5);
/// Names the organization that the key belongs to, in most answers.
const ORGANIZATION_HEADER: &str = "openai-organization";
/// The longest name of an organization that is believed, in characters.
const MAX_ORGANIZATION_CHARS: usize = 128;
/// As much of an error's body is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// The API for one organization, which is one secret.
///
/// The key goes to the configured base URL only. It is read once, and again when the vendor does not
/// accept it: a rotated key costs one call.
#[derive(Debug)]
pub struct OpenAi<'a, S, C> {
    http: HttpClient,
    secrets: &'a S,
    clock: &'a C,
    base_url: Url,
    reference: String,
    key: RefCell<SecretString>,
    cooldown: Cooldown,
}

impl<'a, S: Secrets, C: Clock> OpenAi<'a, S, C> {
    /// The source whose secret is called `reference`. An error is for a person, or the secret store's own.
    pub async fn source(
        http: &HttpClient,
        secrets: &'a S,
        clock: &'a C,
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

    /// One page, with the key at hand or, if that is refused, with the one the secret holds now.
    async fn page(&self, request: &ListRequest<'_>) -> Result<Listed, PortError> {
        let key = self.key.borrow().clone();
        match self.ask(request, &key).await? {
            Answered::Listed(listed) => Ok(listed),
            Answered::KeyRefused(error) => {
                let Some(renewed) = self.renewed(&key, request.tries).await? else { return Err(error) };
                match self.ask(request, &renewed).await? {
                    Answered::Listed(listed) => Ok(listed),
                    Answered::KeyRefused(error) => Err(error),
                }
            }
        }
    }

    /// Another key than the `refused` one: put here by the other listing meanwhile, or in the secret by now.
    async fn renewed(&self, refused: &SecretString, tries: Tries) -> Result<Option<SecretString>, PortError> {
        let differs = |key: &SecretString| key.expose_secret() != refused.expose_secret();
        let at_hand = self.key.borrow().clone();
        if differs(&at_hand) {
            return Ok(Some(at_hand));
        }
        let text = read_again(self.secrets, self.clock, &self.reference, tries).await?;
        let key = SourceSecret::parse(&self.reference, &text)?.admin_key;
        self.key.replace(key.clone());
        Ok(Some(key).filter(differs))
    }

    /// Asks for a page, and for a shorter one where it is too long.
    async fn ask(&self, request: &ListRequest<'_>, key: &SecretString) -> Result<Answered, PortError> {
        let mut place = String::new();
        for limit in PAGE_LIMITS {
            let answer = self.http.send(Request::get(self.url(request, limit)).bearer(key)).await?;
            if !(200..300).contains(&answer.status()) {
                return self.refused(request, answer, key).await;
            }
            place = format!("{} ({})", answer.place(), request.listing);
            let vendor_now = answer.date().map(|at| at.as_second());
            let owner = organization(answer.header(ORGANIZATION_HEADER));
            let Some(body) = answer.bytes_within(MAX_PAGE_BYTES).await? else { continue };
            return match wire::page(&body) {
                Ok(page) => Ok(Answered::Listed(Listed::Page(Page { vendor_now, owner, ..page }))),
                Err(BadPage::NoCursor) => Ok(Answered::Listed(Listed::CursorLost)),
                Err(error) => Err(PortError::again(format!("{place}: {error}"))),
            };
        }
        Err(PortError::person(format!(
            "{place}: an event is longer than {MAX_PAGE_BYTES} bytes, and nothing after it can be listed; report it"
        )))
    }

    async fn refused(
        &self,
        request: &ListRequest<'_>,
        answer: Answer,
        key: &SecretString,
    ) -> Result<Answered, PortError> {
        match refusal(request, answer, key).await {
            Refusal::Key(error) => Ok(Answered::KeyRefused(error)),
            Refusal::CursorLost => Ok(Answered::Listed(Listed::CursorLost)),
            Refusal::NotOffered => Ok(Answered::Listed(Listed::NotOffered)),
            Refusal::Failed(error) => Err(error),
            Refusal::Cooldown(wait, error) => {
                self.cooldown.begin(self.clock, wait, &error);
                Err(error)
            }
        }
    }

    /// Leaves to the next tick what may pass. A wait that the vendor named is not slept through, so it becomes a
    /// cooldown: no later call of this tick is sooner than the vendor asked.
    fn for_next_tick(&self, error: PortError) -> PortError {
        let Recovery::Again { after } = error.recovery else { return error };
        let error = PortError { recovery: Recovery::NextTick, ..error };
        if let Some(wait) = after {
            self.cooldown.begin(self.clock, wait, &error);
        }
        error
    }

    fn url(&self, request: &ListRequest<'_>, limit: &str) -> Url {
        let mut url = endpoint(&self.base_url, "/organization/audit_logs");
        url.query_pairs_mut()
            .append_pair("effective_at[gte]", &request.window.from.to_string())
            .append_pair("effective_at[lt]", &request.window.to.to_string())
            .append_pair("limit", limit)
            .append_pair("tenant_only", if request.listing == TENANT { "true" } else { "false" })
            .extend_pairs(request.cursor.map(|cursor| ("after", cursor)));
        url
    }
}

/// What one call came to, where it did not fail.
enum Answered {
    Listed(Listed),
    KeyRefused(PortError),
}

/// The organization that an answer names, where the name can be one.
fn organization(header: Option<&str>) -> Option<String> {
    let name = header?.trim();
    let is_name = (1..=MAX_ORGANIZATION_CHARS).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| name.to_owned())
}

async fn refusal(request: &ListRequest<'_>, answer: Answer, key: &SecretString) -> Refusal {
    let header = |name: &str| answer.header(name).map(str::to_owned);
    let (place, request_id) = (answer.place().to_owned(), header("x-request-id"));
    let should_retry = header("x-should-retry").and_then(|text| text.parse().ok());
    let (status, named) = (answer.status(), answer.retry_after());
    // Without a readable body nothing proves that the API itself answered.
    let body = answer.bytes(MAX_ERROR_BYTES).await.unwrap_or_default();
    let error = ApiError::parse(status, &body);
    let in_words = error.as_ref().filter(|_| status == 429).and_then(|error| wait_in_text(&error.message));
    let refused = Refused {
        place: &place,
        listing: request.listing,
        with_cursor: request.cursor.is_some(),
        status,
        request_id: request_id.as_deref(),
        retry_after: named.or(in_words),
        should_retry,
        error,
    };
    refused.refusal(key.expose_secret())
}

impl<S: Secrets, C: Clock> Vendor for OpenAi<'_, S, C> {
    type Body = NoBlobs;

    /// Nothing to prepare: an owner turns audit logging on, once. But the vendor may want to be left alone.
    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        match self.cooldown.check(self.clock) {
            Ok(()) => {}
            // Nobody has anything to do but wait.
            Err(error) if error.recovery == Recovery::Paused => return Ok(Prepared::NotYet),
            Err(error) => return Err(error),
        }
        Ok(Prepared::Ready { vendor_now: None, started: false })
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        if request.cursor == Some(LOST_PLACE) {
            return Ok(Listed::CursorLost);
        }
        match request.tries {
            Tries::Patient => {
                self.cooldown.wait_out(self.clock, RETRY.max_retry_after).await?;
                retry(self.clock, &RETRY, || self.page(&request)).await
            }
            Tries::Once => {
                self.cooldown.wait_out(self.clock, MAX_WAIT_OF_SINGLE_TRY).await?;
                self.page(&request).await.map_err(|error| self.for_next_tick(error))
            }
        }
    }

    async fn fetch(&self, _: &Stream, _: &BlobRef, _: Tries) -> Result<Fetched<NoBlobs>, PortError> {
        Err(PortError::person("OpenAI lists events, not blobs: the stream's state belongs to another vendor"))
    }
}

/// The blobs of a vendor that has none.
#[derive(Debug)]
pub enum NoBlobs {}

impl Body for NoBlobs {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests;
