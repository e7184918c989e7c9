//! A vendor in memory.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::clock::TestClock;
use super::values::{blob, event};
use crate::base::error::PortError;
use crate::base::ports::{BlobRef, Body, Clock, Fetched, Item, ListRequest, Listed, Page, Prepared, Tries, Vendor};
use crate::base::stream::{ListingId, Stream};
use crate::base::time::{UnixSeconds, Window};

/// The vendor's answer to the fetch of a blob.
#[derive(Clone)]
pub(crate) enum Content {
    /// A body that arrives in these chunks, each after its wait.
    Chunks(Vec<(Duration, Vec<u8>)>),
    /// A body that breaks off with this error after these bytes.
    Broken(Vec<u8>, PortError),
    /// A body that cannot be decompressed.
    Corrupt,
    /// An error instead of a body.
    Fails(PortError),
    /// The fetch never answers.
    Hangs,
    Missing,
    Expired,
}

impl Content {
    /// Returns a body with an array of these events, which arrives at once in one chunk.
    pub(crate) fn of(events: &[String]) -> Self {
        Self::bytes(&format!("[{}]", events.join(",")))
    }

    pub(crate) fn bytes(bytes: &str) -> Self {
        Self::Chunks(vec![(Duration::ZERO, bytes.as_bytes().to_vec())])
    }

    /// Returns an empty array as a body of which one byte arrives per `wait`.
    pub(crate) fn trickle(wait: Duration, bytes: usize) -> Self {
        let chunk = |byte: &str| (wait, byte.as_bytes().to_vec());
        Self::Chunks([vec![chunk("[")], vec![chunk(" "); bytes], vec![chunk("]")]].concat())
    }
}

pub(crate) struct TestBody {
    clock: TestClock,
    chunks: VecDeque<(Duration, Result<Vec<u8>, PortError>)>,
    is_corrupt: bool,
}

impl Body for TestBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let Some((wait, chunk)) = self.chunks.pop_front() else { return Ok(None) };
        self.clock.sleep(wait).await;
        chunk.map(Some)
    }

    fn is_corrupt(&self) -> bool {
        self.is_corrupt
    }
}

/// The answer that a test gives to a list call; `None` for the vendor's usual answer.
type Answer = Box<dyn Fn(&ListRequest<'_>) -> Option<Result<Listed, PortError>>>;

/// A vendor in memory, with events, blobs, or both.
pub(crate) struct TestVendor {
    clock: TestClock,
    /// The listed items, each with the second at which it is listed.
    pub(crate) items: Vec<(UnixSeconds, Item)>,
    pub(crate) page_size: usize,
    /// The time that a list call takes.
    pub(crate) page_time: Duration,
    /// The vendor's time, which its answers contain.
    pub(crate) vendor_now: Option<UnixSeconds>,
    /// The owner of the events, which its answers contain.
    pub(crate) owner: Option<String>,
    /// Every list call for a window that overlaps one of these spans fails with `error`.
    pub(crate) broken: Vec<Window>,
    /// A list call for a window that overlaps one of these spans never answers.
    pub(crate) hanging: Vec<Window>,
    /// List calls for this listing never answer.
    pub(crate) hanging_listing: Option<ListingId>,
    /// The error of list calls for windows that overlap a broken span.
    pub(crate) error: PortError,
    pub(crate) answer: Answer,
    /// The answers to fetches, by the id of the blob.
    pub(crate) contents: BTreeMap<String, Content>,
    pub(crate) prepared: Result<Prepared, PortError>,
    listed: RefCell<Vec<Window>>,
    fetched: RefCell<Vec<String>>,
}

impl TestVendor {
    pub(super) fn new(clock: &TestClock) -> Self {
        Self {
            clock: clock.clone(),
            items: Vec::new(),
            page_size: 10,
            page_time: Duration::ZERO,
            vendor_now: None,
            owner: None,
            broken: Vec::new(),
            hanging: Vec::new(),
            hanging_listing: None,
            error: PortError::next_tick("status 500"),
            answer: Box::new(|_| None),
            contents: BTreeMap::new(),
            prepared: Ok(Prepared::Ready { vendor_now: None, started: false }),
            listed: RefCell::default(),
            fetched: RefCell::default(),
        }
    }

    /// Adds an event at each of these seconds, whose id is the second.
    pub(crate) fn add_events(&mut self, seconds: impl IntoIterator<Item = UnixSeconds>) {
        let events = seconds.into_iter().map(|second| (second, Item::Event(event(second).into_bytes())));
        self.items.extend(events);
    }

    /// Adds a blob that is listed at this second.
    pub(crate) fn add_blob(&mut self, id: &str, created: UnixSeconds, content: Content) {
        self.items.push((created, Item::Blob(blob(id, created))));
        self.contents.insert(id.to_owned(), content);
    }

    /// Returns the windows of all list calls since the last call of this method, one per page.
    pub(crate) fn take_listed(&self) -> Vec<Window> {
        self.listed.take()
    }

    /// Returns the ids of all fetched blobs since the last call of this method.
    pub(crate) fn take_fetched(&self) -> Vec<String> {
        self.fetched.take()
    }

    /// Returns the page of `window` at `cursor`. A cursor is the number of items on the pages before it.
    fn page(&self, window: Window, cursor: Option<&str>) -> Page {
        let begin: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let shown = self.items.iter().filter(|(second, _)| (window.from..window.to).contains(second));
        let rest: Vec<Item> = shown.skip(begin).map(|(_, item)| item.clone()).collect();
        let next = (rest.len() > self.page_size).then(|| (begin + self.page_size).to_string());
        Page {
            items: rest.into_iter().take(self.page_size).collect(),
            next,
            vendor_now: self.vendor_now,
            owner: self.owner.clone(),
        }
    }
}

impl Vendor for TestVendor {
    type Body = TestBody;

    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.prepared.clone()
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        self.listed.borrow_mut().push(request.window);
        self.clock.sleep(self.page_time).await;
        if let Some(answer) = (self.answer)(&request) {
            return answer;
        }
        let is_window = |hanging: &Window| hanging.overlaps(&request.window);
        if self.hanging_listing == Some(request.listing) || self.hanging.iter().any(is_window) {
            std::future::pending::<()>().await;
        }
        if self.broken.iter().any(|broken| broken.overlaps(&request.window)) {
            return Err(self.error.clone());
        }
        Ok(Listed::Page(self.page(request.window, request.cursor)))
    }

    async fn fetch(&self, _: &Stream, blob: &BlobRef, _: Tries) -> Result<Fetched<TestBody>, PortError> {
        self.fetched.borrow_mut().push(blob.id.clone());
        let at_once = |chunk| (Duration::ZERO, chunk);
        let (chunks, is_corrupt) = match self.contents[&blob.id].clone() {
            Content::Chunks(chunks) => (chunks.into_iter().map(|(wait, chunk)| (wait, Ok(chunk))).collect(), false),
            Content::Broken(bytes, error) => ([Ok(bytes), Err(error)].map(at_once).into(), false),
            Content::Corrupt => ([Err(PortError::next_tick("not gzip"))].map(at_once).into(), true),
            Content::Fails(error) => return Err(error),
            Content::Hangs => std::future::pending().await,
            Content::Missing => return Ok(Fetched::Missing),
            Content::Expired => return Ok(Fetched::Expired),
        };
        Ok(Fetched::Body(TestBody { clock: self.clock.clone(), chunks, is_corrupt }))
    }
}
