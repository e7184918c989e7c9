//! One tenant as the collector sees it: prepare, list, fetch.

use adapters::http::{Answer, HttpClient, Url};
use collector::{
    BlobRef, Clock, Fetched, Item, ListRequest, Listed, Page, PortError, Prepared, Secrets, Stream, UnixSeconds, Vendor,
};

use crate::api::{Api, Call, Outcome, Verb};
use crate::blob::Blob;
use crate::config::Config;
use crate::content_type::ContentType;
use crate::refusal::{Reason, Refusal, Task};
use crate::subscription::{DISABLED, NOT_SUBSCRIBED, Subscriptions};
use crate::wire::ContentItem;

/// The longest page of a listing, in bytes.
const LONGEST_PAGE: usize = 32 << 20;
/// The documentation's two names of the header that leads on.
const NEXT_PAGE_HEADERS: [&str; 2] = ["NextPageUri", "NextPageUrl"];

const TIME_RULES: [u32; 2] = [20_030, 20_055];
const BAD_NEXT_PAGE: u32 = 20_031;
const NO_SUCH_CONTENT: u32 = 20_050;
const CONTENT_EXPIRED: u32 = 20_051;
const BAD_CONTENT_ID: u32 = 20_052;

/// The Management Activity API of one tenant.
#[derive(Debug)]
pub struct Microsoft365<S, C> {
    api: Api<S, C>,
    subscriptions: Subscriptions,
}

impl<S: Secrets, C: Clock> Microsoft365<S, C> {
    /// The tenant of `config`, which was parsed from the secret that `secrets` has under
    /// `reference`; it is read there again when the login refuses the credential.
    pub fn new(config: &Config, secrets: S, reference: impl Into<String>, http: HttpClient, clock: C) -> Self {
        let api = Api::new(config, secrets, reference.into(), http, clock);
        Self { api, subscriptions: Subscriptions::default() }
    }

    async fn list_page(&self, url: &Url, task: Task<'_>, request: ListRequest<'_>) -> Result<Outcome<Page>, PortError> {
        let content_type = content_type(request.stream)?;
        let next_page = |link: &str| {
            let next = self.api.urls.next_page(link, content_type, request.window).map(String::from);
            next.ok_or_else(|| PortError::next_tick("the link to the next page is not the API's, and holds no place"))
        };
        let read = async |answer: Answer| {
            let link = NEXT_PAGE_HEADERS.iter().find_map(|name| answer.header(name)).map(str::trim);
            let next = link.filter(|link| !link.is_empty()).map(next_page).transpose()?;
            let vendor_now = answer.date().map(|at| at.as_second());
            let page = Page { items: Vec::new(), next, vendor_now };
            Ok(read_items(answer).await?.and_then(|items| self.page(items, page, request.window.from)))
        };
        self.api.ask(Call { verb: Verb::Get, url, task }, read).await
    }

    fn page(&self, items: Vec<ContentItem>, page: Page, window_from: UnixSeconds) -> Outcome<Page> {
        let blob = |item: ContentItem| {
            let blob = item.blob(window_from)?;
            Some(Item::Blob(BlobRef { uri: self.api.urls.blob(&blob.uri, &blob.id).into(), ..blob }))
        };
        let items: Option<_> = items.into_iter().map(blob).collect();
        // An item that names no blob would be lost in silence.
        let nameless = Refusal { status: 200, reason: Reason::Other, retry_after: None };
        items.map(|items| Page { items, ..page }).ok_or(nameless)
    }

    async fn fetch_from(&self, url: &Url, task: Task<'_>) -> Result<Outcome<Blob>, PortError> {
        let read = async |answer: Answer| Blob::open(answer, task.to_string()).await;
        self.api.ask(Call { verb: Verb::Get, url, task }, read).await
    }
}

impl<S: Secrets, C: Clock> Vendor for Microsoft365<S, C> {
    type Body = Blob;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.subscriptions.ensure(&self.api, content_type(stream)?, last_start).await
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let content_type = content_type(request.stream)?;
        let task = Task { content_type: Some(content_type), doing: "listing content" };
        let url = match request.cursor {
            None => self.api.urls.content(content_type, request.window),
            Some(cursor) => match Url::parse(cursor) {
                Ok(url) => url,
                Err(_) => return Ok(Listed::CursorLost),
            },
        };
        let refusal = match self.list_page(&url, task, request).await? {
            Ok(page) => return Ok(Listed::Page(page)),
            Err(refusal) => refusal,
        };
        if request.cursor.is_some() && (refusal.is_af(&TIME_RULES) || refusal.is_af(&[BAD_NEXT_PAGE])) {
            return Ok(Listed::CursorLost);
        }
        if refusal.is_af(&[NOT_SUBSCRIBED, DISABLED]) {
            self.subscriptions.heal(&self.api, content_type, refusal, task).await?;
            return Ok(Listed::Page(Page::default()));
        }
        Err(refusal.into_error(task))
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef) -> Result<Fetched<Blob>, PortError> {
        let doing = format!("fetching content {}", blob.id);
        let task = Task { content_type: Some(content_type(stream)?), doing: &doing };
        let url = self.api.urls.blob(&blob.uri, &blob.id);
        let by_id = self.api.urls.blob_by_id(&blob.id);
        let mut outcome = self.fetch_from(&url, task).await?;
        if url != by_id && matches!(&outcome, Err(refusal) if refusal.is_af(&[BAD_CONTENT_ID])) {
            outcome = self.fetch_from(&by_id, task).await?;
        }
        match outcome {
            Ok(blob) => Ok(Fetched::Body(blob)),
            Err(refusal) if refusal.is_af(&[CONTENT_EXPIRED]) => Ok(Fetched::Expired),
            Err(refusal) if is_missing(&refusal) => Ok(Fetched::Missing),
            Err(refusal) => Err(refusal.into_error(task)),
        }
    }
}

fn is_missing(refusal: &Refusal) -> bool {
    refusal.is_af(&[NO_SUCH_CONTENT, BAD_CONTENT_ID]) || (refusal.status == 404 && !refusal.names_a_code())
}

fn content_type(stream: &Stream) -> Result<ContentType, PortError> {
    ContentType::from_log_type(stream.log_type)
        .ok_or_else(|| PortError::person(format!("{} is no stream of Microsoft 365", stream.name())))
}

async fn read_items(answer: Answer) -> Result<Outcome<Vec<ContentItem>>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_PAGE).await?;
    let json = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body);
    Ok(serde_json::from_slice(json).map_err(|_| Refusal::read(status, json, retry_after)))
}
