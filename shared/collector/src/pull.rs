//! One tick of one stream: list, fetch, normalise, deliver.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream;
use jiff::Timestamp;
use schema::{ArraySplitter, LineContext, Normalizer};

use crate::batch::Rejected;
use crate::delivery::Delivery;
use crate::error::PortError;
use crate::ledger::LedgerKind;
use crate::policy::VendorPolicy;
use crate::ports::{BlobRef, Body, Bucket, Clock, Fetched, Item, ListRequest, Listed, Prepared, State, Vendor};
use crate::report::{Failure, Gap};
use crate::stream::{ListingId, Stream};
use crate::tick::Tick;
use crate::window::{self, UnixSeconds, Window};

/// The longest event, in bytes; a longer one makes its blob unreadable.
const LONGEST_EVENT: usize = 64 << 20;
/// Pages of one window. A vendor that has more is going round in circles.
const MOST_PAGES: u32 = 20_000;
/// Times a window is begun anew because the vendor lost our place in it.
const MOST_RESTARTS: u32 = 3;
/// Blobs of one listing that may fail before the rest is left to the next tick.
const MOST_FAILED_BLOBS: u32 = 10;
/// Ticks in which a blob may be listed and not found, or not readable, before it is given up as lost.
const MOST_MISSES: u32 = 5;
/// A listing that is not offered is asked for again after this, in seconds.
const ASK_AGAIN_AFTER: UnixSeconds = 86_400;
/// Time kept for the last commit.
const COMMIT_RESERVE: Duration = Duration::from_secs(8);

/// Why a listing was left early.
pub(crate) enum Stop {
    /// The deadline is near: commit what is in hand.
    Cutoff,
    /// The vendor failed: commit what is in hand, say so.
    Vendor(PortError),
    /// State or bucket failed: there is nothing more this tick can do for the stream.
    Delivery(PortError),
}

/// What came of one window.
enum Pulled {
    /// All of it is delivered or in hand.
    Whole { pages: u32 },
    /// Listed, but for blobs that could not be consumed; the oldest of those was created then.
    Held { at: UnixSeconds },
    /// It takes too many pages; cut it smaller.
    TooLong,
    /// The vendor does not offer this listing to this source.
    NotOffered,
}

/// One tick of one stream.
pub(crate) struct Pull<'a, S, B, C, V> {
    pub(crate) tick: &'a Tick<'a, S, B, C>,
    pub(crate) vendor: &'a V,
    pub(crate) stream: &'a Stream,
    pub(crate) policy: &'a VendorPolicy,
    pub(crate) normalizer: &'a Normalizer,
    pub(crate) delivery: Delivery<'a, S, B, C>,
    /// How long the next window is cut, in seconds: it follows how full the last ones were.
    pub(crate) cut: UnixSeconds,
}

impl<S: State, B: Bucket, C: Clock, V: Vendor> Pull<'_, S, B, C, V> {
    /// Lists and delivers everything due. The report says how far it came.
    pub(crate) async fn run(&mut self) {
        let mut outcome = self.pull().await;
        if !matches!(outcome, Err(Stop::Delivery(_))) {
            let committed = self.finish().await;
            outcome = committed.map_err(Stop::Delivery).and(outcome);
        }
        let report = &mut self.delivery.report;
        match outcome {
            Ok(()) => report.drained = report.failure.is_none(),
            Err(Stop::Cutoff) => {}
            Err(Stop::Vendor(error) | Stop::Delivery(error)) => {
                report.failure = Some(Failure::new(&self.stream.name(), &error));
            }
        }
        let watermarks = self.delivery.head.listings.values().map(|listing| listing.watermark);
        let now = self.tick.clock.now().as_second();
        self.delivery.report.watermark_lag_seconds = watermarks.min().map(|oldest| (now - oldest).max(0));
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        self.delivery.deliver().await?;
        self.delivery.write_changes().await
    }

    async fn pull(&mut self) -> Result<(), Stop> {
        self.delivery.settle().await.map_err(Stop::Delivery)?;
        let Some(now) = self.prepare().await? else { return Ok(()) };
        let mut outcome = Ok(());
        for listing in &self.stream.listings {
            match self.pull_listing(listing, now).await {
                Ok(()) => {}
                // One listing's trouble is not the other's.
                Err(Stop::Vendor(error)) => outcome = Err(Stop::Vendor(error)),
                Err(stop) => return Err(stop),
            }
        }
        outcome
    }

    /// The vendor's now, or nothing when there is nothing to list yet.
    async fn prepare(&mut self) -> Result<Option<UnixSeconds>, Stop> {
        let prepared = self.vendor.prepare(self.stream, self.delivery.head.last_start);
        match self.before_cutoff(prepared).await?.map_err(Stop::Vendor)? {
            Prepared::NotYet => Ok(None),
            Prepared::Ready { vendor_now, started } => {
                let now = self.tick.clock.now().as_second();
                if started {
                    // Remembered before anything else: the vendor counts starts.
                    self.delivery.changes.started(now);
                    self.delivery.write_changes().await.map_err(Stop::Delivery)?;
                }
                Ok(Some(vendor_now.unwrap_or(now)))
            }
        }
    }

    async fn pull_listing(&mut self, listing: ListingId, now: UnixSeconds) -> Result<(), Stop> {
        let state = self.delivery.head.listings.get(listing).cloned().unwrap_or_default();
        if state.not_offered_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        let plan = window::plan(&state, self.delivery.head.floor, self.policy, now);
        if let Some(lost) = plan.lost {
            self.delivery.report.gaps.push(Gap {
                from: lost.from,
                to: lost.to,
                cause: format!("{}: the vendor no longer has what was not listed in time", self.stream.name()),
            });
        }
        let mut left = plan.span;
        let mut whole = true;
        while let Some(span) = left {
            let (window, rest) = span.split_first(self.cut);
            match self.pull_window(listing, window).await? {
                Pulled::NotOffered => {
                    self.delivery.changes.not_offered(listing, now + ASK_AGAIN_AFTER);
                    return Ok(());
                }
                Pulled::TooLong => {
                    self.cut = (window.span() / 2).max(1);
                    continue;
                }
                Pulled::Held { at } => {
                    if whole {
                        self.delivery.changes.raise(listing, at);
                    }
                    whole = false;
                }
                Pulled::Whole { pages } => {
                    if whole {
                        self.delivery.changes.raise(listing, window.to);
                    }
                    self.widen(pages);
                }
            }
            left = rest;
        }
        if whole {
            plan.sweeps.into_iter().for_each(|reach| self.delivery.changes.swept(listing, reach, now));
        }
        Ok(())
    }

    /// After a window with few pages the next may be longer.
    fn widen(&mut self, pages: u32) {
        if self.policy.split_after_pages.is_some_and(|most| pages * 3 <= most) {
            self.cut = self.cut.saturating_mul(2).min(self.policy.longest_window);
        }
    }

    async fn pull_window(&mut self, listing: ListingId, window: Window) -> Result<Pulled, Stop> {
        for _ in 0..MOST_RESTARTS {
            if let Some(pulled) = self.list_window(listing, window).await? {
                return Ok(pulled);
            }
        }
        Err(Stop::Vendor(PortError::next_tick(format!(
            "the vendor lost our place in the listing {listing} {MOST_RESTARTS} times; the next tick begins anew"
        ))))
    }

    /// Lists one window from its start; `None` when the vendor lost our place in it.
    async fn list_window(&mut self, listing: ListingId, window: Window) -> Result<Option<Pulled>, Stop> {
        let (mut blobs, mut cursors) = (Vec::new(), HashSet::new());
        let mut cursor: Option<String> = None;
        for page_number in 1..=MOST_PAGES {
            let request = ListRequest { stream: self.stream, listing, window, cursor: cursor.as_deref() };
            let listed = self.vendor.list(request);
            let page = match self.before_cutoff(listed).await?.map_err(Stop::Vendor)? {
                Listed::Page(page) => page,
                Listed::CursorLost => return Ok(None),
                Listed::NotOffered => return Ok(Some(Pulled::NotOffered)),
            };
            self.delivery.report.pages += 1;
            for item in page.items {
                match item {
                    Item::Event(raw) => self.take(&raw).await.map_err(Stop::Delivery)?,
                    Item::Blob(blob) => blobs.push(blob),
                }
            }
            let Some(next) = page.next else {
                let oldest_left = self.consume(blobs).await?;
                return Ok(Some(oldest_left.map_or(Pulled::Whole { pages: page_number }, |at| Pulled::Held { at })));
            };
            if !cursors.insert(next.clone()) {
                return Err(Stop::Vendor(going_round(listing)));
            }
            if self.policy.split_after_pages.is_some_and(|most| page_number >= most) && window.span() > 1 {
                return Ok(Some(Pulled::TooLong));
            }
            cursor = Some(next);
        }
        Err(Stop::Vendor(going_round(listing)))
    }

    /// Fetches and takes the blobs not yet consumed, those that expire first first. The answer is
    /// when the oldest blob was created that still is not consumed, if any.
    async fn consume(&mut self, mut blobs: Vec<BlobRef>) -> Result<Option<UnixSeconds>, Stop> {
        blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        blobs.dedup_by(|a, b| a.id == b.id);
        let mut wanted = Vec::new();
        for blob in blobs {
            let known = self.delivery.knows(LedgerKind::Blobs, blob_hour(&blob), blob_entry(&blob)).await;
            if !known.map_err(Stop::Delivery)? {
                wanted.push(blob);
            }
        }
        let (vendor, stream) = (self.vendor, self.stream);
        let mut fetches = pin!(
            stream::iter(&wanted).map(|blob| vendor.fetch(stream, blob)).buffered(self.policy.fetches_ahead.max(1))
        );
        let (mut oldest_left, mut failed, mut first_error) = (None, 0, None);
        for blob in &wanted {
            let outcome = match self.before_cutoff(fetches.next()).await {
                Ok(Some(fetched)) => self.consume_one(blob, fetched).await,
                Ok(None) => break,
                Err(stop) => Err(stop),
            };
            match outcome {
                Ok(true) => continue,
                Ok(false) => {}
                // The next listing stops at once; until then this one has come that far.
                Err(Stop::Cutoff) => return Ok(Some(oldest_left.unwrap_or(blob.created))),
                Err(Stop::Vendor(error)) => {
                    failed += 1;
                    if failed >= MOST_FAILED_BLOBS {
                        return Err(Stop::Vendor(error));
                    }
                    first_error.get_or_insert(error);
                }
                Err(stop) => return Err(stop),
            }
            oldest_left.get_or_insert(blob.created);
        }
        if let Some(error) = first_error {
            // Said, but the rest of the listing goes on: a blob never costs its stream.
            self.delivery.report.failure = Some(Failure::new(&stream.name(), &error));
        }
        Ok(oldest_left)
    }

    /// Whether the blob needs no further attention.
    async fn consume_one(
        &mut self,
        blob: &BlobRef,
        fetched: Result<Fetched<V::Body>, PortError>,
    ) -> Result<bool, Stop> {
        match fetched.map_err(Stop::Vendor)? {
            Fetched::Body(body) => {
                if !self.take_body(body).await? {
                    return Ok(self.missed(blob, "is not a JSON array"));
                }
                self.delivery.report.blobs += 1;
            }
            Fetched::Missing => return Ok(self.missed(blob, "was listed but could not be found")),
            Fetched::Expired => self.lose(blob, "expired before it was fetched"),
        }
        self.settle_blob(blob).await?;
        Ok(true)
    }

    /// Takes every event of the body; whether it was one whole JSON array.
    async fn take_body(&mut self, mut body: V::Body) -> Result<bool, Stop> {
        let mut splitter = ArraySplitter::new(LONGEST_EVENT);
        let mut events: Vec<Vec<u8>> = Vec::new();
        while let Some(bytes) = self.before_cutoff(body.chunk()).await?.map_err(Stop::Vendor)? {
            let split = splitter.push(&bytes, |event| events.push(event.to_vec()));
            for event in events.drain(..) {
                self.take(&event).await.map_err(Stop::Delivery)?;
            }
            if split.is_err() {
                return Ok(false);
            }
        }
        Ok(splitter.finish().is_ok())
    }

    /// Counts one more miss; whether the blob is given up.
    fn missed(&mut self, blob: &BlobRef, what: &str) -> bool {
        let times = self.delivery.head.missing.get(&blob.id).copied().unwrap_or(0) + 1;
        if times < MOST_MISSES {
            self.delivery.changes.missed(&blob.id, Some(times));
            return false;
        }
        self.lose(blob, &format!("{what} in {times} ticks"));
        self.delivery.changes.missed(&blob.id, None);
        self.delivery.keep_blob(blob_hour(blob), blob_entry(blob));
        true
    }

    fn lose(&mut self, blob: &BlobRef, what: &str) {
        let cause = format!("{}: content {} {what}", self.stream.name(), blob.id);
        self.delivery.report.gaps.push(Gap { from: blob.created, to: blob.created + 1, cause });
    }

    async fn settle_blob(&mut self, blob: &BlobRef) -> Result<(), Stop> {
        if self.delivery.head.missing.contains_key(&blob.id) {
            self.delivery.changes.missed(&blob.id, None);
        }
        self.delivery.keep_blob(blob_hour(blob), blob_entry(blob));
        self.deliver_if_full().await.map_err(Stop::Delivery)
    }

    /// Takes one event: a new one goes into the batch in hand.
    async fn take(&mut self, raw: &[u8]) -> Result<(), PortError> {
        self.delivery.report.events += 1;
        let context = LineContext {
            source_id: self.stream.source.as_str(),
            source_label: &self.stream.label,
            parse_time: self.tick.clock.now(),
        };
        let outcome = self.normalizer.normalize(raw, &context, &mut self.delivery.batch.lines);
        let row_id = outcome.as_ref().map_or_else(|rejection| rejection.row_id, |line| line.row_id);
        if self.delivery.has(&row_id).await? {
            self.delivery.batch.drop_unfinished_line();
            self.delivery.report.duplicates += 1;
            return Ok(());
        }
        match outcome {
            Ok(line) => {
                self.delivery.report.nonconforming += u64::from(line.nonconforming);
                self.delivery.report.undeclared += u64::from(line.undeclared);
                self.delivery.batch.keep_line(&line);
            }
            Err(rejection) => self.delivery.batch.keep_rejected(Rejected { rejection, raw: raw.to_vec() }),
        }
        self.deliver_if_full().await
    }

    async fn deliver_if_full(&mut self) -> Result<(), PortError> {
        if self.delivery.batch.is_full(&self.tick.settings.batch) { self.delivery.deliver().await } else { Ok(()) }
    }

    /// Waits for `work`, but not past the moment at which what is in hand must be committed.
    async fn before_cutoff<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let left = until(self.tick.clock.now(), self.tick.deadline).saturating_sub(COMMIT_RESERVE);
        if left.is_zero() {
            return Err(Stop::Cutoff);
        }
        match select(pin!(work), pin!(self.tick.clock.sleep(left))).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(((), _)) => Err(Stop::Cutoff),
        }
    }
}

/// The time from `now` to `deadline`, or none.
fn until(now: Timestamp, deadline: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn going_round(listing: ListingId) -> PortError {
    PortError::next_tick(format!(
        "the listing {listing} does not advance: the vendor named the same next page twice, or more than \
         {MOST_PAGES} pages for one window; the watermark stays and the next tick tries again"
    ))
}

fn blob_hour(blob: &BlobRef) -> u32 {
    u32::try_from(blob.created / 3_600).unwrap_or(0)
}

/// What the ledger remembers of a blob.
fn blob_entry(blob: &BlobRef) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(blob.id.as_bytes()).as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
