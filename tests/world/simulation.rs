//! The world together: a call in, an answer out.

use std::collections::BTreeMap;
use std::sync::Arc;

use collector::{Head, LedgerItem, Listed, PortError, Prepared, Put, UnixSeconds, Written};
use jiff::Timestamp;

use super::call::{Answer, BlobAnswer, Body, Request};
use super::judge;
use super::mutant::Mutant;
use super::scene::Scene;
use super::store::{HeadRow, Object, Store, essence};

/// The world at one moment. Cloning it is cheap; its `Debug` text is all of it that changes.
#[derive(Clone)]
pub struct Simulation {
    /// What the vendor holds.
    pub scene: Arc<Scene>,
    /// The fault built in, if any.
    pub mutant: Option<Mutant>,
    /// The vendor's clock.
    pub clock: UnixSeconds,
    /// State and bucket.
    pub store: Store,
    /// Secrets by reference.
    pub secrets: BTreeMap<String, String>,
    /// Whether heads and ledgers are judged too; if not, only what a reader of the bucket sees.
    pub judges_state: bool,
    /// The first promise that was broken.
    pub violation: Option<String>,
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.clock, self.store, self.violation)
    }
}

impl Simulation {
    /// A world with nothing in its state and bucket.
    pub fn new(scene: Arc<Scene>, clock: UnixSeconds) -> Self {
        let (store, secrets) = (Store::default(), BTreeMap::new());
        Self { scene, mutant: None, clock, store, secrets, judges_state: true, violation: None }
    }

    /// The vendor's clock as a timestamp.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock).unwrap_or_default()
    }

    /// Remembers the first promise that was broken.
    pub fn blame(&mut self, broken: Result<(), String>) {
        if let (None, Err(broken)) = (&self.violation, broken) {
            self.violation = Some(broken);
        }
    }

    /// Answers a call whose tick began just now.
    pub fn answer(&mut self, request: &Request) -> Answer {
        self.perform(self.clock, request)
    }

    /// Performs a call of a tick that began at `began`, and judges it.
    pub fn perform(&mut self, began: UnixSeconds, request: &Request) -> Answer {
        match request {
            Request::Head { stream } => Answer::Head(self.store.heads.get(stream).map(|row| row.head.clone())),
            Request::Write { .. } => Answer::Written(self.write(began, request)),
            Request::Ledger { stream, kind, hour, after_seq } => {
                let mut items = self.store.items(stream, *kind, *hour, *after_seq);
                self.make_stale(stream, &mut items);
                Answer::Ledger(items)
            }
            Request::VisibleHours { stream, seq, hours } => {
                Answer::VisibleHours(self.store.visible_hours(stream, *seq, hours))
            }
            Request::Put { key, body, content_type } => Answer::Put(self.put(key, body, content_type)),
            Request::Get { key } => Answer::Object(self.store.objects.get(key).map(|object| object.body.clone())),
            Request::Replace { key, expected, body, content_type } => {
                Answer::Replaced(self.replace(key, expected, body, content_type))
            }
            Request::Prepare { last_start, .. } => Answer::Prepared(Prepared::Ready {
                vendor_now: self.scene.tells_time.then_some(self.shown(began)),
                started: self.scene.tells_time && last_start.is_none(),
            }),
            Request::List { .. } => Answer::Listed(self.list(self.shown(began), request)),
            Request::Fetch { stream, blob } => Answer::Fetched(match self.blob(stream, &blob.id) {
                Some(_) if blob.expires <= self.clock => BlobAnswer::Expired,
                Some(_) => BlobAnswer::Body,
                None => BlobAnswer::Missing,
            }),
            Request::Chunk { stream, blob, chunk } => {
                let bytes = self.blob(stream, blob).unwrap_or_default();
                Answer::Chunk(bytes.chunks(self.scene.chunk_bytes).nth(*chunk).map(<[u8]>::to_vec))
            }
            Request::Sleep { .. } => Answer::Slept,
            Request::Secret { reference } => match self.secrets.get(reference) {
                Some(secret) => Answer::Secret(secret.clone()),
                None => Answer::Failed(PortError::person(format!("there is no secret {reference}; create it"))),
            },
        }
    }

    /// The vendor's clock as a tick that began at `began` sees it.
    fn shown(&self, began: UnixSeconds) -> UnixSeconds {
        self.clock.max(began)
    }

    fn blob(&self, stream: &str, id: &str) -> Option<Vec<u8>> {
        self.scene.stream(stream)?.blob(id)
    }

    fn list(&mut self, now: UnixSeconds, request: &Request) -> Listed {
        let Request::List { stream, listing, window, cursor } = request else { return Listed::NotOffered };
        let scene = Arc::clone(&self.scene);
        let Some(of) = scene.stream(stream) else { return Listed::NotOffered };
        let Some(page) = of.page(listing, *window, cursor.as_deref(), scene.page_size, now) else {
            return Listed::CursorLost;
        };
        if self.mutant == Some(Mutant::WatermarkEarly)
            && page.next.is_none()
            && let Some(row) = self.store.heads.get_mut(stream)
            && let Some(state) = row.head.listings.get_mut(*listing)
        {
            state.watermark = state.watermark.max(window.to);
        }
        Listed::Page(page)
    }

    fn put(&mut self, key: &str, body: &Body, content_type: &str) -> Put {
        let there = self.store.objects.contains_key(key);
        if there && self.mutant != Some(Mutant::PutOverwrites) {
            return Put::AlreadyThere;
        }
        if self.mutant == Some(Mutant::HeadLost) && key.contains("_state/") {
            return Put::Created;
        }
        match Object::read(key, body, content_type) {
            Ok(object) => {
                self.blame(judge::put(self, key, &object));
                self.store.objects.insert(key.to_owned(), Arc::new(object));
            }
            Err(why) => self.blame(Err(format!("the object {key} cannot be read: {why}"))),
        }
        Put::Created
    }

    /// Replaces an object whose content is `expected`.
    ///
    /// Contents are compared by their [`essence`]: workers whose histories differ only in what it leaves
    /// out count as one, and only one of them is run.
    fn replace(&mut self, key: &str, expected: &Body, body: &Body, content_type: &str) -> bool {
        let current = self.store.objects.get(key);
        if current.is_none_or(|object| object.essence != essence(&expected.0)) {
            return false;
        }
        self.blame(judge::replace(self, key));
        match Object::read(key, body, content_type) {
            Ok(object) => drop(self.store.objects.insert(key.to_owned(), Arc::new(object))),
            Err(why) => self.blame(Err(format!("the object {key} cannot be read: {why}"))),
        }
        true
    }

    fn write(&mut self, began: UnixSeconds, request: &Request) -> Written {
        let Request::Write { stream, expected, head, items } = request else { return Written::Refused };
        let current = self.store.heads.get(stream);
        let as_expected = current.map(|row| row.head.version) == *expected;
        if !as_expected && !self.lets_pass(request) {
            return Written::Refused;
        }
        let mut head = head.clone();
        self.keep_raised(stream, &mut head);
        if self.judges_state {
            self.blame(judge::write(self, began, (stream, *expected), &head, items));
        }
        let current = self.store.heads.get(stream);
        let reshaped = current.is_none_or(|row| (row.head.seq, &row.head.intent) != (head.seq, &head.intent));
        let shaped_at = current.filter(|_| !reshaped).map_or(head.version, |row| row.shaped_at);
        self.store.heads.insert(stream.clone(), HeadRow { head, shaped_at });
        for item in items {
            self.store.ledger.insert((stream.clone(), item.kind, item.hour, item.seq), item.clone());
        }
        Written::Applied
    }

    /// Whether a mutant applies a write whose condition does not hold.
    fn lets_pass(&self, request: &Request) -> bool {
        let Request::Write { stream, expected, head, items } = request else { return false };
        let intends = head.intent.is_some();
        let commits = !intends && !items.is_empty();
        match self.mutant {
            Some(Mutant::CommitUnconditional) => commits,
            Some(Mutant::IntendUnconditional) => intends,
            Some(Mutant::CommitOverWatermark) => {
                let current = self.store.heads.get(stream);
                commits && current.is_some_and(|row| expected.is_some_and(|expected| expected >= row.shaped_at))
            }
            _ => false,
        }
    }

    /// A watermark raised too early stays raised, as if the collector had raised it.
    fn keep_raised(&self, stream: &str, head: &mut Head) {
        if self.mutant != Some(Mutant::WatermarkEarly) {
            return;
        }
        let Some(row) = self.store.heads.get(stream) else { return };
        for (listing, state) in &mut head.listings {
            let raised = row.head.listings.get(listing).map_or(0, |state| state.watermark);
            state.watermark = state.watermark.max(raised);
        }
    }

    fn make_stale(&self, stream: &str, items: &mut Vec<LedgerItem>) {
        if self.mutant == Some(Mutant::LedgerStale)
            && let Some(row) = self.store.heads.get(stream)
        {
            items.retain(|item| item.seq + 1 < row.head.seq);
        }
    }

    /// Loses the state, and the birth records that would stop the stream; the other objects stay.
    pub fn lose_state(&mut self) {
        self.store.heads.clear();
        self.store.ledger.clear();
        self.store.objects.retain(|key, _| !key.contains("_state/"));
    }
}
