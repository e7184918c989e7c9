//! The whole world: it takes the calls of ticks and returns the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use collector::{
    Head, LedgerHour, LedgerItem, Listed, Page, PortError, Prepared, Put, StreamReport, UnixSeconds, Window, Written,
};
use jiff::Timestamp;

use super::call::{Answer, BlobAnswer, Request, TickId};
use super::intern::fingerprint;
use super::invariants::{Facts, InvariantChecker};
use super::mutant::Mutant;
use super::object::{Body, Object, canonical_content, partition, parts_of_key};
use super::permanent_faults::{BrokenBlob, PermanentFaults, TRICKLE_SECONDS};
use super::rng::SeededRng;
use super::scenario::{Content, Entry, Scenario};
use super::store::{HeadRow, ItemPlace, Store};

/// The time at which the store shows the ledger items of a commit. It shows the head at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tearing {
    /// Items become visible with the head.
    Never,
    /// Each item becomes visible by a call of [`Simulation::reveal`].
    UntilRevealed,
    /// Each item becomes visible after its own delay of at most `max_seconds`; most delays are short.
    Delays {
        /// The seed of the delays.
        seed: u64,
        /// The upper bound of the delays.
        max_seconds: i64,
    },
}

/// The world at one moment. A clone is cheap; the `Debug` text shows all that changes.
#[derive(Clone)]
pub struct Simulation {
    /// The vendor's data.
    pub scenario: Arc<Scenario>,
    /// The deliberate fault, if any.
    pub mutant: Option<Mutant>,
    /// The rule by which ledger items become visible.
    pub tearing: Tearing,
    /// The true time. The vendor's clock shows it, unless that clock is wrong.
    pub clock: UnixSeconds,
    /// State and bucket.
    pub store: Store,
    /// Secrets by reference.
    pub secrets: BTreeMap<String, String>,
    /// The checker of the invariants.
    pub checker: InvariantChecker,
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.clock, self.store, self.checker)
    }
}

impl Simulation {
    /// Creates a world with an empty state and an empty bucket.
    pub fn new(scenario: Arc<Scenario>, clock: UnixSeconds) -> Self {
        let (store, secrets) = (Store::default(), BTreeMap::new());
        Self {
            scenario,
            mutant: None,
            tearing: Tearing::Never,
            clock,
            store,
            secrets,
            checker: InvariantChecker::default(),
        }
    }

    /// Returns the world's clock as a timestamp.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock).unwrap_or_default()
    }

    /// Passes the current world to `look`, which runs one check of the checker.
    fn check(&mut self, look: impl FnOnce(&mut InvariantChecker, Facts<'_>)) {
        let mut checker = std::mem::take(&mut self.checker);
        look(&mut checker, Facts { scenario: &self.scenario, store: &self.store, now: self.clock });
        self.checker = checker;
    }

    /// Checks the reports of a tick that has ended.
    pub fn tick_ended(&mut self, tick: TickId, reports: &[StreamReport]) {
        self.check(|checker, facts| checker.check_ended_tick(facts, tick, reports));
    }

    /// Checks a world in which all is visible, the faults have ended and a single worker has nothing left to do.
    ///
    /// # Errors
    /// Names the violated invariant.
    pub fn settled(&self) -> Result<(), String> {
        self.checker.check_settled(Facts { scenario: &self.scenario, store: &self.store, now: self.clock })
    }

    /// Ends all permanent faults.
    pub fn end_permanent_faults(&mut self) {
        self.scenario =
            Arc::new(Scenario { permanent_faults: PermanentFaults::default(), ..Scenario::clone(&self.scenario) });
    }

    /// Answers a call whose tick began just now.
    pub fn answer(&mut self, request: &Request) -> Answer {
        self.perform(TickId { number: 0, began: self.clock }, request)
    }

    /// Performs a call of a tick, checks the invariants and returns the answer.
    pub fn perform(&mut self, tick: TickId, request: &Request) -> Answer {
        if request.is_for_vendor() {
            return self.ask_vendor(tick, request);
        }
        match request {
            Request::Head { stream } => Answer::Head(self.shown_head(stream)),
            Request::Write { .. } => Answer::Written(self.write(tick, request)),
            Request::Ledger { stream, kind, hour, after_seq } => {
                let place = LedgerHour { kind: *kind, hour: *hour };
                let mut items = self.store.items(stream, place, *after_seq, self.clock);
                self.make_stale(stream, &mut items);
                Answer::Ledger(items)
            }
            Request::VisibleHours { stream, seq, hours } => {
                Answer::VisibleHours(self.store.visible_hours(stream, *seq, hours, self.clock))
            }
            Request::Put { key, body, content_type } => {
                let key = self.stored_key(key);
                Answer::Put(self.put(tick, &key, body, content_type))
            }
            Request::Get { key } => {
                let object = self.store.objects.get(&self.stored_key(key));
                Answer::Object(object.map(|object| object.body.clone()))
            }
            Request::Replace { key, expected, body, content_type } => {
                Answer::Replaced(self.replace(key, expected, body, content_type))
            }
            Request::Sleep { .. } => Answer::Slept,
            Request::Secret { reference } => match self.secrets.get(reference) {
                Some(secret) => Answer::Secret(secret.clone()),
                None => Answer::Failed(PortError::person(format!("there is no secret {reference}; create it"))),
            },
            Request::Prepare { .. } | Request::List { .. } | Request::Fetch { .. } | Request::Chunk { .. } => {
                unreachable!("these go to the vendor")
            }
        }
    }

    fn ask_vendor(&mut self, tick: TickId, request: &Request) -> Answer {
        if self.scenario.permanent_faults.is_down(self.clock)
            && (self.scenario.has_clock_in_prepare || !request.is_prepare())
        {
            return Answer::Failed(PortError::next_tick("the vendor does not answer"));
        }
        match request {
            Request::Prepare { last_start, .. } => Answer::Prepared(Prepared::Ready {
                vendor_now: self.scenario.has_clock_in_prepare.then(|| self.vendor_clock(tick)),
                started: self.scenario.has_clock_in_prepare && last_start.is_none(),
            }),
            Request::List { .. } => self.list(tick, request),
            Request::Fetch { stream, blob } => match self.blob_entry(stream, &blob.id) {
                Some((_, Some(BrokenBlob::Fails))) => Answer::Failed(PortError::next_tick("500 for this blob")),
                Some(_) if blob.expires <= self.clock => Answer::Fetched(BlobAnswer::Expired),
                None | Some((_, Some(BrokenBlob::Missing))) => Answer::Fetched(BlobAnswer::Missing),
                Some(_) => Answer::Fetched(BlobAnswer::Body),
            },
            Request::Chunk { stream, blob, chunk } => Answer::Chunk(self.chunk(stream, blob, *chunk)),
            _ => Answer::Failed(PortError::person("the vendor does not serve this call")),
        }
    }

    /// Returns the true time that decides what the vendor shows to a tick: the world's clock, or the tick's start if
    /// that is later.
    fn shown(&self, tick: TickId) -> UnixSeconds {
        self.clock.max(tick.began)
    }

    /// Returns the time on the vendor's clock, which may be wrong.
    fn vendor_clock(&self, tick: TickId) -> UnixSeconds {
        self.scenario.permanent_faults.clock.at(self.shown(tick))
    }

    /// Returns the entry of a blob and its permanent fault.
    fn blob_entry(&self, stream: &str, id: &str) -> Option<(&Entry, Option<BrokenBlob>)> {
        let is_blob = |entry: &&Entry| matches!(&entry.content, Content::Blob { id: blob_id, .. } if blob_id == id);
        let entry = self.scenario.stream(stream)?.entries.iter().find(is_blob)?;
        Some((entry, self.scenario.broken_blob(entry)))
    }

    /// Returns `true` if the request asks for a chunk of a blob that trickles.
    pub fn trickles(&self, request: &Request) -> bool {
        let Request::Chunk { stream, blob, .. } = request else { return false };
        self.blob_entry(stream, blob).is_some_and(|(_, broken)| broken == Some(BrokenBlob::Trickles))
    }

    fn chunk(&mut self, stream: &str, id: &str, chunk: usize) -> Option<Vec<u8>> {
        let mut bytes = self.scenario.stream(stream)?.blob(id)?;
        match self.blob_entry(stream, id)?.1 {
            Some(BrokenBlob::Trickles) => {
                self.clock += TRICKLE_SECONDS;
                return Some(vec![if chunk == 0 { b'[' } else { b' ' }]);
            }
            // The last event is cut off.
            Some(BrokenBlob::Unreadable) => bytes.truncate(bytes.len().saturating_sub(2)),
            _ => {}
        }
        bytes.chunks(self.scenario.chunk_bytes).nth(chunk).map(<[u8]>::to_vec)
    }

    fn list(&mut self, tick: TickId, request: &Request) -> Answer {
        let Request::List { stream, listing, window, cursor } = request else {
            return Answer::Listed(Listed::NotOffered);
        };
        self.clock += self.scenario.page_seconds;
        let (scenario, now) = (Arc::clone(&self.scenario), self.shown(tick));
        let Some(scenario_stream) = scenario.stream(stream) else { return Answer::Listed(Listed::NotOffered) };
        if scenario.permanent_faults.breaks(listing, *window) {
            return Answer::Failed(PortError::next_tick("500 for this window"));
        }
        let kept = Window { from: window.from.max(scenario.kept_from(now)), ..*window };
        let Some(page) = scenario_stream.page(listing, kept, cursor.as_deref(), (scenario.page_size, now)) else {
            return Answer::Listed(Listed::CursorLost);
        };
        if self.mutant == Some(Mutant::WatermarkEarly)
            && page.next.is_none()
            && let Some(row) = self.store.heads.get_mut(stream)
            && let Some(state) = row.head.listings.get_mut(*listing)
        {
            state.watermark = state.watermark.max(window.to);
        }
        Answer::Listed(Listed::Page(Page { vendor_now: Some(self.vendor_clock(tick)), ..page }))
    }

    fn put(&mut self, tick: TickId, key: &str, body: &Body, content_type: &str) -> Put {
        let there = self.store.objects.contains_key(key);
        if there && self.mutant != Some(Mutant::PutOverwrites) {
            return Put::AlreadyThere;
        }
        if self.mutant == Some(Mutant::HeadLost) && key.contains("_state/") {
            return Put::Created;
        }
        match Object::read(key, body, content_type) {
            Ok(object) => {
                self.check(|checker, facts| checker.check_object_put(facts, tick, key, &object));
                self.store.objects.insert(key.to_owned(), Arc::new(object));
            }
            Err(why) => self.checker.record(Err(format!("the object {key} cannot be read: {why}"))),
        }
        Put::Created
    }

    /// Replaces an object whose content is `expected`.
    ///
    /// Compares contents by their [`canonical_content`]: workers whose histories differ only in the times of writing
    /// count as one, and only one of them is run.
    fn replace(&mut self, key: &str, expected: &Body, body: &Body, content_type: &str) -> bool {
        let current = self.store.objects.get(key);
        if current.is_none_or(|object| object.canonical_content != canonical_content(&expected.0)) {
            return false;
        }
        self.check(|checker, facts| checker.check_replacement(facts, key));
        match Object::read(key, body, content_type) {
            Ok(object) => drop(self.store.objects.insert(key.to_owned(), Arc::new(object))),
            Err(why) => self.checker.record(Err(format!("the object {key} cannot be read: {why}"))),
        }
        true
    }

    fn write(&mut self, tick: TickId, request: &Request) -> Written {
        let Request::Write { stream, expected, head, items } = request else { return Written::Refused };
        let current = self.store.heads.get(stream);
        let as_expected = current.map(|row| row.head.version) == *expected;
        if !as_expected && !self.mutant_accepts(request) {
            return Written::Refused;
        }
        let mut head = Head::clone(head);
        self.keep_raised(stream, &mut head);
        self.apply_mutant(tick, stream, &mut head);
        self.check(|checker, facts| checker.check_head_write(facts, tick, (stream, *expected), &head, items));
        let current = self.store.heads.get(stream);
        let is_intent_changed = current.is_none_or(|row| (row.head.seq, &row.head.intent) != (head.seq, &head.intent));
        let intent_changed_at =
            current.filter(|_| !is_intent_changed).map_or(head.version, |row| row.intent_changed_at);
        self.store.heads.insert(stream.clone(), HeadRow { head, intent_changed_at });
        for item in items {
            let place = (stream.clone(), item.kind, item.hour, item.seq);
            self.hide(&place);
            self.store.ledger.insert(place, item.clone());
        }
        Written::Applied
    }

    /// Hides the item at this place for as long as the store's [`Tearing`] demands.
    fn hide(&mut self, place: &ItemPlace) {
        let visible_at = match self.tearing {
            Tearing::Never => return,
            Tearing::UntilRevealed => UnixSeconds::MAX,
            Tearing::Delays { seed, max_seconds } => {
                let place = u64::try_from(fingerprint(place) >> 64).unwrap_or(0);
                let mut rng = SeededRng::new(seed ^ place);
                let longest = rng.pick(&[0, 2, 2, 60, max_seconds]).min(max_seconds);
                self.clock + rng.between(0, longest)
            }
        };
        self.store.hidden.insert(place.clone(), visible_at);
    }

    /// Makes a hidden item visible.
    pub fn reveal(&mut self, place: &ItemPlace) {
        self.store.hidden.remove(place);
    }

    /// Makes all items visible, and also all that are written from now on.
    pub fn reveal_all(&mut self) {
        self.tearing = Tearing::Never;
        self.store.hidden.clear();
    }

    /// Returns the head as the store shows it.
    fn shown_head(&self, stream: &str) -> Option<Head> {
        let mut head = self.store.heads.get(stream)?.head.clone();
        match self.mutant {
            Some(Mutant::VerificationSkipped) => head.last_commit = Default::default(),
            Some(Mutant::StaleIntentReused) => head.intent = head.intent.map(|key| self.redated(&key)),
            _ => {}
        }
        Some(head)
    }

    /// Returns the key moved to the partition of the current hour.
    fn redated(&self, key: &str) -> String {
        parts_of_key(key)
            .map_or(key.to_owned(), |(folder, _, name)| format!("{folder}{}/{name}", partition(self.clock)))
    }

    /// Returns the original key of an intent that was moved by [`Self::redated`].
    fn stored_key(&self, key: &str) -> String {
        let Some((folder, _, name)) = parts_of_key(key).filter(|_| self.mutant == Some(Mutant::StaleIntentReused))
        else {
            return key.to_owned();
        };
        let mut intents = self.store.heads.values().filter_map(|row| row.head.intent.as_ref());
        let is_same = |intent: &&String| parts_of_key(intent).is_some_and(|parts| (parts.0, parts.2) == (folder, name));
        intents.find(is_same).map_or(key.to_owned(), Clone::clone)
    }

    /// Changes a head that is being written as the mutant demands.
    fn apply_mutant(&self, tick: TickId, stream: &str, head: &mut Head) {
        let current = self.store.heads.get(stream).map(|row| &row.head);
        head.intent = head.intent.take().map(|key| self.stored_key(&key));
        for (listing, state) in &mut head.listings {
            let before = current.and_then(|head| head.listings.get(listing));
            match self.mutant {
                Some(Mutant::PendingNotRecorded) => state.pending.spans.retain(|span| {
                    let known = before.into_iter().flat_map(|before| &before.pending.spans);
                    known.into_iter().any(|known| known.from <= span.from && span.to <= known.to)
                }),
                Some(Mutant::PendingDropped) => {
                    state.pending.spans.truncate(1);
                    state.pending.blobs.truncate(1);
                }
                Some(Mutant::SweptByVendorClock) => {
                    let vendor_clock = self.vendor_clock(tick);
                    for (reach, at) in &mut state.swept {
                        let is_new = before.and_then(|before| before.swept.get(reach)) != Some(at);
                        *at = if is_new { vendor_clock.max(*at) } else { *at };
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns `true` if the mutant applies a write whose condition does not hold.
    fn mutant_accepts(&self, request: &Request) -> bool {
        let Request::Write { stream, expected, head, items } = request else { return false };
        let intends = head.intent.is_some();
        let commits = !intends && !items.is_empty();
        match self.mutant {
            Some(Mutant::CommitUnconditional) => commits,
            Some(Mutant::IntendUnconditional) => intends,
            Some(Mutant::CommitOverWatermark) => {
                let current = self.store.heads.get(stream);
                commits && current.is_some_and(|row| expected.is_some_and(|expected| expected >= row.intent_changed_at))
            }
            _ => false,
        }
    }

    /// With [`Mutant::WatermarkEarly`], keeps a watermark that was raised too early, as if the collector had raised it.
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

    /// Deletes the state, and the birth records that would stop the stream; keeps the other objects.
    pub fn lose_state(&mut self) {
        self.store.heads.clear();
        self.store.ledger.clear();
        self.store.hidden.clear();
        self.store.objects.retain(|key, _| !key.contains("_state/"));
    }
}
