//! One tenant as the collector sees it: prepare, list, fetch.

use std::cell::RefCell;

use adapters::http::{Answer, HttpClient, Url};
use collector::{
    BlobRef, Clock, Fetched, Item, ListRequest, Listed, Page, PortError, Prepared, Secrets, Stream, Tries, UnixSeconds,
    Vendor, Window,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::af;
use crate::api::{Api, Call, Outcome, Verb};
use crate::blob::{Blob, Opened};
use crate::clamp::{Clamped, clamp};
use crate::config::Config;
use crate::content_type::ContentType;
use crate::refusal::{Reason, Refusal, Task};
use crate::subscription::{NotRecorded, Subscriptions};
use crate::wire::{ContentItem, unmarked};

/// The longest page of a listing, in bytes.
const LONGEST_PAGE: usize = 32 << 20;
/// The documentation's two names of the header that leads on.
const NEXT_PAGE_HEADERS: [&str; 2] = ["NextPageUri", "NextPageUrl"];

/// The Management Activity API of one tenant.
#[derive(Debug)]
pub struct Microsoft365<S, C> {
    api: Api<S, C>,
    subscriptions: Subscriptions,
    /// Whose feed is asked for: the API answers for no other tenant.
    tenant: Uuid,
}

/// What a listing is asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    content_type: ContentType,
    window: Window,
    task: Task<'a>,
    tries: Tries,
}

impl<S: Secrets, C: Clock> Microsoft365<S, C> {
    /// The tenant of `config`, which was parsed from the secret that `secrets` has under
    /// `reference`; it is read there again when the login refuses the credential.
    ///
    /// All of one tenant in a process keep to one request budget.
    pub fn new(config: &Config, secrets: S, reference: impl Into<String>, http: HttpClient, clock: C) -> Self {
        let api = Api::new(config, secrets, reference.into(), http, clock);
        Self { api, subscriptions: Subscriptions::default(), tenant: config.tenant }
    }

    async fn list_page(&self, url: &Url, asked: Asked<'_>) -> Result<Outcome<Page>, PortError> {
        let next_page = |link: &str| {
            let next = self.api.urls.next_page(link, asked.content_type, asked.window).map(String::from);
            next.ok_or_else(|| PortError::next_tick("the link to the next page is not the API's, and holds no place"))
        };
        let read = async |answer: Answer| {
            let link = NEXT_PAGE_HEADERS.iter().find_map(|name| answer.header(name)).map(str::trim);
            let next = link.filter(|link| !link.is_empty()).map(next_page).transpose()?;
            let answer_time = answer.date().map(|date| date.as_second());
            let vendor_now = answer_time.or_else(|| self.api.vendor_now());
            let page = Page { items: Vec::new(), next, vendor_now, owner: Some(self.tenant.to_string()) };
            Ok(read_items(answer).await?.and_then(|items| self.page(items, page, asked.window.from)))
        };
        self.api.ask(Call { verb: Verb::Get, url, task: asked.task, tries: asked.tries }, read).await
    }

    fn page(&self, items: Vec<ContentItem>, page: Page, window_from: UnixSeconds) -> Outcome<Page> {
        let blob = |item: ContentItem| {
            let blob = item.blob(window_from)?;
            Some(Item::Blob(BlobRef { uri: self.api.urls.blob(&blob.uri, &blob.id).into(), ..blob }))
        };
        let items: Option<_> = items.into_iter().map(blob).collect();
        // An item that names no blob would be lost in silence.
        let nameless = Refusal { status: 200, reason: Reason::Foreign, retry_after: None };
        items.map(|items| Page { items, ..page }).ok_or(nameless)
    }

    /// What becomes of a listing that was refused at its first page.
    async fn refused(&self, refusal: Refusal, asked: Asked<'_>) -> Result<Listed, PortError> {
        if refusal.is_af(&[af::NOT_SUBSCRIBED, af::DISABLED]) {
            let Asked { content_type, window, task, tries } = asked;
            let healed = self.subscriptions.heal(&self.api, content_type, refusal, window, task, tries).await;
            return Ok(self.not_yet(content_type, healed.err()));
        }
        if refusal.is_af(&af::TIME_RULES) {
            return self.list_clamped(refusal, asked).await.map(Listed::Page);
        }
        Err(refusal.into_error(asked.task))
    }

    /// There is nothing to list yet, be it because of a fault.
    fn not_yet(&self, content_type: ContentType, why: Option<NotRecorded>) -> Listed {
        let started = self.subscriptions.last_start(content_type);
        let (fault, lost) = why.map_or((None, None), |why| (Some(why.fault), why.lost));
        Listed::NotYet { started, fault, lost }
    }

    /// Handles a refusal by the API's time rules: the window was planned by a clock that is not the vendor's.
    ///
    /// Asks once for what is left of the window by [`Api::trusted_now`]. Without a well-formed answer so far, that
    /// time is not known and the refusal stands.
    async fn list_clamped(&self, refusal: Refusal, asked: Asked<'_>) -> Result<Page, PortError> {
        let clamped = self.api.trusted_now().map(|now| (clamp(asked.window, now), now));
        match clamped {
            Some((Clamped::Nothing, now)) => Ok(Page { vendor_now: Some(now), ..Page::default() }),
            Some((Clamped::Part(window), _)) => {
                let url = self.api.urls.content(asked.content_type, window);
                let asked = Asked { window, ..asked };
                self.list_page(&url, asked).await?.map_err(|refusal| refusal.into_error(asked.task))
            }
            Some((Clamped::TooOld { kept_from }, _)) => Err(too_old(refusal, asked, kept_from)),
            Some((Clamped::Whole, _)) | None => Err(refusal.into_error(asked.task)),
        }
    }

    /// What the last try brought is handed out as a blob also where it is none and says nothing else: whether to
    /// ask for it once more, and what of it to keep, is not decided here.
    async fn fetch_from(&self, url: &Url, task: Task<'_>, tries: Tries) -> Result<Outcome<Blob>, PortError> {
        let last = RefCell::new(None);
        let read = async |answer: Answer| match Blob::open(answer, task.to_string()).await? {
            Opened::Array(blob) => Ok(Ok(blob)),
            Opened::Other(refusal, blob) => {
                last.replace(Some(blob));
                Ok(Err(refusal))
            }
        };
        let outcome = self.api.ask(Call { verb: Verb::Fetch, url, task, tries }, read).await?;
        Ok(outcome.or_else(|refusal| {
            let blob = if refusal.says_nothing() { last.take() } else { None };
            blob.ok_or(refusal)
        }))
    }
}

impl<S: Secrets, C: Clock> Vendor for Microsoft365<S, C> {
    type Body = Blob;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.subscriptions.ensure(&self.api, content_type(stream)?, last_start).await
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let (content_type, window) = (content_type(request.stream)?, request.window);
        let task = Task { content_type: Some(content_type), doing: "listing content" };
        let asked = Asked { content_type, window, task, tries: request.tries };
        let Some(cursor) = request.cursor else {
            if let Err(why) = self.subscriptions.tell_restart(content_type, window, task) {
                return Ok(self.not_yet(content_type, Some(why)));
            }
            return match self.list_page(&self.api.urls.content(content_type, window), asked).await? {
                Ok(page) => Ok(Listed::Page(page)),
                Err(refusal) => self.refused(refusal, asked).await,
            };
        };
        let Ok(url) = Url::parse(cursor) else { return Ok(Listed::CursorLost) };
        match self.list_page(&url, asked).await? {
            Ok(page) => Ok(Listed::Page(page)),
            Err(refusal) if loses_place(&refusal) => Ok(Listed::CursorLost),
            Err(refusal) => Err(refusal.into_error(task)),
        }
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef, tries: Tries) -> Result<Fetched<Blob>, PortError> {
        let doing = format!("fetching content {}", blob.id);
        let task = Task { content_type: Some(content_type(stream)?), doing: &doing };
        let url = self.api.urls.blob(&blob.uri, &blob.id);
        let by_id = self.api.urls.blob_by_id(&blob.id);
        let mut outcome = self.fetch_from(&url, task, tries).await?;
        if url != by_id && matches!(&outcome, Err(refusal) if refusal.is_af(&[af::BAD_CONTENT_ID])) {
            outcome = self.fetch_from(&by_id, task, tries).await?;
        }
        match outcome {
            Ok(blob) => Ok(Fetched::Body(blob)),
            Err(refusal) if refusal.is_af(&[af::CONTENT_EXPIRED]) => Ok(Fetched::Expired),
            Err(refusal) if refusal.is_missing() => Ok(Fetched::Missing),
            Err(refusal) => Err(refusal.into_error(task)),
        }
    }
}

/// Whether a next-page link is of no more use: it holds its window and ages with it, and what ends
/// in its middle must not count as listed.
fn loses_place(refusal: &Refusal) -> bool {
    refusal.is_af(&af::TIME_RULES) || refusal.is_af(&[af::BAD_NEXT_PAGE, af::NOT_SUBSCRIBED, af::DISABLED])
}

fn content_type(stream: &Stream) -> Result<ContentType, PortError> {
    ContentType::from_log_type(stream.log_type)
        .ok_or_else(|| PortError::person(format!("{} is no stream of Microsoft 365", stream.name())))
}

fn too_old(refusal: Refusal, asked: Asked<'_>, kept_from: UnixSeconds) -> PortError {
    let time = |second| Timestamp::from_second(second).unwrap_or_default();
    let error = refusal.into_error(asked.task);
    let message = format!(
        "{}; the vendor keeps nothing from before {}, and {} was asked for; the next tick begins where there is \
         something and reports what is lost",
        error.message,
        time(kept_from),
        time(asked.window.from)
    );
    PortError { message, ..error }
}

async fn read_items(answer: Answer) -> Result<Outcome<Vec<ContentItem>>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_PAGE).await?;
    Ok(serde_json::from_slice(unmarked(&body)).map_err(|_| Refusal::read(status, &body, retry_after)))
}
