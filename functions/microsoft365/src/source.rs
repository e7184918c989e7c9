//! One tenant as a source of the collector: its subscriptions, listings and blobs.

use std::cell::RefCell;

use adapters::http::{Answer, HttpClient, Url};
use collector::{
    BlobRef, Clock, Fetched, Item, ListRequest, Listed, Page, PortError, Prepared, Secrets, Source, Stream, Tries,
    UnixSeconds, Vendor, Window,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::byte_order_mark::without_byte_order_mark;
use crate::config::content_type::ContentType;
use crate::config::{Config, SourceSecret};
use crate::errors::af_codes;
use crate::errors::refusal::{Reason, Refusal, Task};
use crate::feed::api::{Api, Call, CallKind, Outcome};
use crate::feed::blob::{Blob, Opened};
use crate::feed::subscription::{NotRecorded, Subscriptions};
use crate::feed::wire::ContentItem;
use crate::policy::POLICY;
use crate::throttle::clamp::{Clamped, clamp};

/// The longest page of a listing that is read.
const MAX_PAGE_BYTES: usize = 32 << 20;
/// The header with the link to the next page; the documentation has two names for it.
const NEXT_PAGE_HEADERS: [&str; 2] = ["NextPageUri", "NextPageUrl"];

/// The Management Activity API of one tenant.
#[derive(Debug)]
pub struct Microsoft365<S, C> {
    api: Api<S, C>,
    subscriptions: Subscriptions,
    /// The tenant's id. Every page names it as its owner.
    tenant: Uuid,
}

/// One request for a page of a listing.
#[derive(Clone, Copy)]
struct PageRequest<'a> {
    content_type: ContentType,
    window: Window,
    task: Task<'a>,
    tries: Tries,
}

impl<S: Secrets, C: Clock> Microsoft365<S, C> {
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
        let secret = SourceSecret::parse(&text, config)
            .map_err(|error| PortError::person(format!("Microsoft 365 secret {reference}: {error}")))?;
        let vendor = Self::new(&secret, secrets, reference, http.clone(), clock);
        Ok(Source { vendor, streams: secret.streams(), policy: POLICY })
    }

    /// Returns the client of a secret that `secrets` holds under `reference`. The client reads the secret again if the
    /// login refuses its credential.
    ///
    /// All clients of one tenant in a process share its request limits.
    pub fn new(secret: &SourceSecret, secrets: S, reference: impl Into<String>, http: HttpClient, clock: C) -> Self {
        let api = Api::new(secret, secrets, reference.into(), http, clock);
        Self { api, subscriptions: Subscriptions::default(), tenant: secret.tenant_id }
    }

    /// Requests the page at `url`.
    async fn list_page(&self, url: &Url, request: PageRequest<'_>) -> Result<Outcome<Page>, PortError> {
        let next_page = |link: &str| {
            let next = self.api.urls.next_page(link, request.content_type, request.window).map(String::from);
            next.ok_or_else(|| PortError::next_tick("the link to the next page is not the API's, and holds no place"))
        };
        let read = async |answer: Answer| {
            let link = NEXT_PAGE_HEADERS.iter().find_map(|name| answer.header(name)).map(str::trim);
            let next = link.filter(|link| !link.is_empty()).map(next_page).transpose()?;
            let answer_time = answer.date().map(|date| date.as_second());
            let vendor_now = answer_time.or_else(|| self.api.vendor_now());
            let page = Page { items: Vec::new(), next, vendor_now, owner: Some(self.tenant.to_string()) };
            Ok(read_items(answer).await?.and_then(|items| self.page(items, page, request.window.from)))
        };
        self.api.call(Call { kind: CallKind::Get, url, task: request.task, tries: request.tries }, read).await
    }

    /// Adds to a page the blobs that its items name.
    fn page(&self, items: Vec<ContentItem>, page: Page, window_from: UnixSeconds) -> Outcome<Page> {
        let blob = |item: ContentItem| {
            let blob = item.blob(window_from)?;
            Some(Item::Blob(BlobRef { uri: self.api.urls.blob(&blob.uri, &blob.id).into(), ..blob }))
        };
        let items: Option<_> = items.into_iter().map(blob).collect();
        // A page with an item that names no blob is refused, because the blob would be lost silently.
        let nameless = Refusal { status: 200, reason: Reason::Foreign, retry_after: None };
        items.map(|items| Page { items, ..page }).ok_or(nameless)
    }

    /// Handles a refusal of the first page of a listing.
    async fn handle_refusal(&self, refusal: Refusal, request: PageRequest<'_>) -> Result<Listed, PortError> {
        if refusal.has_af_code(&[af_codes::NOT_SUBSCRIBED, af_codes::DISABLED]) {
            let PageRequest { content_type, window, task, tries } = request;
            let restored = self.subscriptions.restore(&self.api, content_type, refusal, window, task, tries).await;
            return Ok(self.not_yet(content_type, restored.err()));
        }
        if refusal.has_af_code(&af_codes::TIME_RULES) {
            return self.list_clamped(refusal, request).await.map(Listed::Page);
        }
        Err(refusal.into_error(request.task))
    }

    /// Returns the result for a listing that is not possible yet, with the fault that causes it, if any.
    fn not_yet(&self, content_type: ContentType, cause: Option<NotRecorded>) -> Listed {
        let started = self.subscriptions.last_start(content_type);
        let (fault, lost) = cause.map_or((None, None), |cause| (Some(cause.fault), cause.lost));
        Listed::NotYet { started, fault, lost }
    }

    /// Handles a refusal by the API's time rules: the window was planned by a clock that differs from the vendor's.
    ///
    /// Lists once the part of the window that [`Api::trusted_now`] allows. Before the first well-formed answer that time is
    /// not known, and the refusal is an error.
    async fn list_clamped(&self, refusal: Refusal, request: PageRequest<'_>) -> Result<Page, PortError> {
        let clamped = self.api.trusted_now().map(|now| (clamp(request.window, now), now));
        match clamped {
            Some((Clamped::Nothing, now)) => Ok(Page { vendor_now: Some(now), ..Page::default() }),
            Some((Clamped::Part(window), _)) => {
                let url = self.api.urls.content(request.content_type, window);
                let request = PageRequest { window, ..request };
                self.list_page(&url, request).await?.map_err(|refusal| refusal.into_error(request.task))
            }
            Some((Clamped::TooOld { kept_from }, _)) => Err(too_old_error(refusal, request, kept_from)),
            Some((Clamped::Whole, _)) | None => Err(refusal.into_error(request.task)),
        }
    }

    /// Fetches the blob at `url`.
    ///
    /// If the last attempt answered with neither an array nor an error, its body is returned as the blob: the collector
    /// decides whether to fetch it again, and which part of it to keep.
    async fn fetch_from(&self, url: &Url, task: Task<'_>, tries: Tries) -> Result<Outcome<Blob>, PortError> {
        let last = RefCell::new(None);
        let read = async |answer: Answer| match Blob::open(answer, task.to_string()).await? {
            Opened::Array(blob) => Ok(Ok(blob)),
            Opened::Other(refusal, blob) => {
                last.replace(Some(blob));
                Ok(Err(refusal))
            }
        };
        let outcome = self.api.call(Call { kind: CallKind::Fetch, url, task, tries }, read).await?;
        Ok(outcome.or_else(|refusal| {
            let blob = if refusal.is_unexplained() { last.take() } else { None };
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
        let task = Task { content_type: Some(content_type), activity: "listing content" };
        let page_request = PageRequest { content_type, window, task, tries: request.tries };
        let Some(cursor) = request.cursor else {
            if let Err(cause) = self.subscriptions.report_restart(content_type, window, task) {
                return Ok(self.not_yet(content_type, Some(cause)));
            }
            return match self.list_page(&self.api.urls.content(content_type, window), page_request).await? {
                Ok(page) => Ok(Listed::Page(page)),
                Err(refusal) => self.handle_refusal(refusal, page_request).await,
            };
        };
        let Ok(url) = Url::parse(cursor) else { return Ok(Listed::CursorLost) };
        match self.list_page(&url, page_request).await? {
            Ok(page) => Ok(Listed::Page(page)),
            Err(refusal) if is_lost_cursor(&refusal) => Ok(Listed::CursorLost),
            Err(refusal) => Err(refusal.into_error(task)),
        }
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef, tries: Tries) -> Result<Fetched<Blob>, PortError> {
        let activity = format!("fetching content {}", blob.id);
        let task = Task { content_type: Some(content_type(stream)?), activity: &activity };
        let url = self.api.urls.blob(&blob.uri, &blob.id);
        let by_id = self.api.urls.blob_by_id(&blob.id);
        let mut outcome = self.fetch_from(&url, task, tries).await?;
        if url != by_id && matches!(&outcome, Err(refusal) if refusal.has_af_code(&[af_codes::BAD_CONTENT_ID])) {
            outcome = self.fetch_from(&by_id, task, tries).await?;
        }
        match outcome {
            Ok(blob) => Ok(Fetched::Body(blob)),
            Err(refusal) if refusal.has_af_code(&[af_codes::CONTENT_EXPIRED]) => Ok(Fetched::Expired),
            Err(refusal) if refusal.is_missing() => Ok(Fetched::Missing),
            Err(refusal) => Err(refusal.into_error(task)),
        }
    }
}

/// Returns `true` if the refusal means that the next-page link is no longer valid. A link contains its window, so it
/// may also be refused because the window is too old by now. Such a link still counts as a lost cursor, because the
/// rest of the window is not listed.
fn is_lost_cursor(refusal: &Refusal) -> bool {
    refusal.has_af_code(&af_codes::TIME_RULES)
        || refusal.has_af_code(&[af_codes::BAD_NEXT_PAGE, af_codes::NOT_SUBSCRIBED, af_codes::DISABLED])
}

/// Returns the content type of a stream.
fn content_type(stream: &Stream) -> Result<ContentType, PortError> {
    ContentType::from_log_type(stream.log_type)
        .ok_or_else(|| PortError::person(format!("{} is not a stream of Microsoft 365", stream.name())))
}

/// Turns the refusal of a window that begins too early into an error that names the first second the vendor still has.
fn too_old_error(refusal: Refusal, request: PageRequest<'_>, kept_from: UnixSeconds) -> PortError {
    let time = |second| Timestamp::from_second(second).unwrap_or_default();
    let error = refusal.into_error(request.task);
    let message = format!(
        "{}; the vendor keeps nothing from before {}, and {} was asked for; the next tick begins where there is \
         something and reports what is lost",
        error.message,
        time(kept_from),
        time(request.window.from)
    );
    PortError { message, ..error }
}

/// Reads the items of a page, or the refusal that the body holds.
pub(crate) async fn read_items(answer: Answer) -> Result<Outcome<Vec<ContentItem>>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(MAX_PAGE_BYTES).await?;
    Ok(serde_json::from_slice(without_byte_order_mark(&body)).map_err(|_| Refusal::read(status, &body, retry_after)))
}
