//! Blobs: fetch what was not consumed yet, in pieces, and let none hold up the others for long.

use schema::ArraySplitter;
use sha2::{Digest, Sha256};

use crate::ahead::Ahead;
use crate::batch::Rejected;
use crate::error::{PortError, Recovery};
use crate::ledger::LedgerKind;
use crate::ports::{BlobRef, Body, Bucket, Clock, Fetched, State, Tries, Vendor};
use crate::pull::{Pull, Stop};
use crate::report::Gap;
use crate::window::UnixSeconds;

/// The longest event, in bytes; a longer one makes its blob unreadable.
const LONGEST_EVENT: usize = 64 << 20;
/// New blobs that may fail in a row before the rest is left to the next tick: then it is not the blobs. And so many
/// that gave trouble before are asked for in vain in one tick.
const MOST_FAILED_IN_A_ROW: u32 = 10;
/// The same of blobs that are refused for something that only a person cures.
const MOST_REFUSED_IN_A_ROW: u32 = 3;
/// A blob that is listed but not found, or not readable, is given up as lost when that was all the vendor said of it
/// for this long, in seconds.
const GIVE_UP_AFTER: UnixSeconds = 86_400;
/// A blob that gives trouble is given up as lost this long before it is listed no more, in seconds: ticks come more often.
const GIVE_UP_BEFORE: UnixSeconds = 900;
/// Of a blob that is given up unreadable so much is kept, in bytes.
const MOST_KEPT: usize = 4 << 20;

impl<S: State, B: Bucket, C: Clock, V: Vendor> Pull<'_, S, B, C, V> {
    /// Fetches and takes the blobs not yet consumed. The answer is when the oldest blob was created
    /// that still is not consumed, if any.
    ///
    /// New blobs that fail in a row say something of the vendor: that is an error. Those that gave trouble
    /// before are a row of their own, and say nothing but that they still do: the rest of them waits.
    pub(crate) async fn consume(&mut self, blobs: Vec<BlobRef>) -> Result<Option<UnixSeconds>, Stop> {
        let (wanted, troubled_from) = self.unconsumed(blobs).await.map_err(Stop::Delivery)?;
        let (vendor, stream) = (self.vendor, self.stream);
        let in_vain = self.known_in_vain >= MOST_FAILED_IN_A_ROW;
        let asked_for = &wanted[..if in_vain { troubled_from } else { wanted.len() }];
        let fetches = asked_for.iter().map(|blob| vendor.fetch(stream, blob, Tries::Patient));
        let mut ahead = Ahead::new(fetches, self.policy.fetches_ahead);
        let (mut left, mut failed_in_a_row) = (None, 0);
        for (index, blob) in wanted.iter().enumerate() {
            if index == troubled_from {
                failed_in_a_row = 0;
            }
            let outcome = match self.before_cutoff(ahead.next()).await {
                Ok(Some(fetched)) => ahead.alongside(self.consume_one(blob, fetched)).await,
                Ok(None) => return Ok(oldest(left, &wanted[index..])),
                Err(stop) => Err(stop),
            };
            match outcome {
                Ok(true) => {
                    failed_in_a_row = 0;
                    continue;
                }
                Ok(false) => {}
                // The next listing stops at once; until then this one has come that far.
                Err(Stop::Cutoff) => return Ok(oldest(left, &wanted[index..])),
                Err(Stop::Vendor(error)) => {
                    failed_in_a_row += 1;
                    let is_known = index >= troubled_from;
                    self.known_in_vain += u32::from(is_known);
                    let is_lost = self.fail(blob, &error).await.map_err(Stop::Delivery)?;
                    if failed_in_a_row >= most_in_a_row(&error) {
                        let from = index + usize::from(is_lost);
                        return if is_known { Ok(oldest(left, &wanted[from..])) } else { Err(Stop::Vendor(error)) };
                    }
                    if is_lost {
                        continue;
                    }
                }
                Err(stop) => return Err(stop),
            }
            left = oldest(left, std::slice::from_ref(blob));
        }
        Ok(left)
    }

    /// The blobs the ledger does not know, those that expire first first; and from where on they are those that
    /// gave trouble before. Of these the first is the one that was left alone for longest: more may give trouble
    /// than are asked for, and each has its turn.
    async fn unconsumed(&mut self, mut blobs: Vec<BlobRef>) -> Result<(Vec<BlobRef>, usize), PortError> {
        blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        blobs.dedup_by(|a, b| a.id == b.id);
        let mut wanted = Vec::new();
        for blob in blobs {
            if !self.delivery.knows(LedgerKind::Blobs, hour(&blob), entry(&blob)).await? {
                wanted.push(blob);
            }
        }
        let troubled = |blob: &BlobRef| self.delivery.head.missing.get(&blob.id).copied();
        wanted.sort_by(|a, b| {
            (troubled(a), a.expires, a.created, &a.id).cmp(&(troubled(b), b.expires, b.created, &b.id))
        });
        let troubled_from = wanted.partition_point(|blob| troubled(blob).is_none());
        Ok((wanted, troubled_from))
    }

    /// Whether the blob needs no further attention.
    async fn consume_one(
        &mut self,
        blob: &BlobRef,
        fetched: Result<Fetched<V::Body>, PortError>,
    ) -> Result<bool, Stop> {
        let is_last_try = self.is_last_try(blob);
        let trouble = match fetched.map_err(Stop::Vendor)? {
            Fetched::Body(body) => {
                let whole = self.take_body(body, is_last_try).await?;
                self.delivery.report.blobs += u64::from(whole);
                (!whole).then_some("is not a JSON array")
            }
            Fetched::Missing => Some("was listed but could not be found"),
            Fetched::Expired => {
                self.lose(blob, "expired before it was fetched");
                None
            }
        };
        if let Some(what) = trouble {
            if !is_last_try {
                self.missed(blob);
                let held = format!("{}: content {} {what}; it is asked for again", self.stream.name(), blob.id);
                self.delivery.report.held.get_or_insert(held);
                return Ok(false);
            }
            let so_long = if self.is_about_to_go(blob) {
                "until the vendor drops it".to_owned()
            } else {
                format!("for {} hours", GIVE_UP_AFTER / 3_600)
            };
            self.lose(blob, &format!("{what} {so_long}"));
        }
        self.done_with(blob).await.map_err(Stop::Delivery)?;
        Ok(true)
    }

    /// The blob needs no further attention.
    async fn done_with(&mut self, blob: &BlobRef) -> Result<(), PortError> {
        if self.delivery.head.missing.contains_key(&blob.id) {
            self.delivery.changes.missed(&blob.id, None);
        }
        self.delivery.keep_blob(hour(blob), entry(blob));
        self.deliver_if_full().await
    }

    /// Takes every event of the body; whether it was one whole JSON array. What is none and is not asked
    /// for again is rejected: its beginning is kept as it is, beside the lines of what could be read of it.
    async fn take_body(&mut self, body: V::Body, is_last_try: bool) -> Result<bool, Stop> {
        let mut beginning = Vec::new();
        let whole = self.take_events(body, is_last_try.then_some(&mut beginning)).await?;
        if !whole && is_last_try {
            self.reject(beginning).await.map_err(Stop::Delivery)?;
        }
        Ok(whole)
    }

    /// Rejects what is no array of events, be it an object: that would be an event anywhere else.
    async fn reject(&mut self, raw: Vec<u8>) -> Result<(), PortError> {
        let rejection = self.normalizer.reject(&raw, &self.context(), "not a JSON array");
        if self.delivery.has(&rejection.row_id).await? {
            return Ok(());
        }
        self.delivery.batch.keep_rejected(Rejected { rejection, raw });
        self.deliver_if_full().await
    }

    /// The same, the body's beginning put into `kept`, if any, also past where it is broken.
    async fn take_events(&mut self, mut body: V::Body, mut kept: Option<&mut Vec<u8>>) -> Result<bool, Stop> {
        let (mut splitter, mut broken) = (ArraySplitter::new(LONGEST_EVENT), false);
        let mut events: Vec<Vec<u8>> = Vec::new();
        loop {
            let bytes = match self.before_cutoff(body.chunk()).await? {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(_) if body.is_corrupt() => return Ok(false),
                Err(error) => return Err(Stop::Vendor(error)),
            };
            let room = kept.as_ref().map_or(0, |kept| MOST_KEPT - kept.len());
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            if !broken {
                broken = splitter.push(&bytes, |event| events.push(event.to_vec())).is_err();
                for event in events.drain(..) {
                    self.take(&event).await.map_err(Stop::Delivery)?;
                }
            }
            if broken && room <= bytes.len() {
                return Ok(false);
            }
        }
        Ok(!broken && splitter.finish().is_ok())
    }

    /// A blob never costs its stream: its failure is said, and the listing goes on. While the vendor
    /// fails, no blob comes nearer to being given up, until there is no more time: whether that is so.
    async fn fail(&mut self, blob: &BlobRef, error: &PortError) -> Result<bool, PortError> {
        self.say(error);
        if self.is_about_to_go(blob) {
            self.lose(blob, &format!("could not be fetched until the vendor drops it: {error}"));
            self.done_with(blob).await?;
            return Ok(true);
        }
        let now = self.now();
        self.delivery.changes.missed(&blob.id, Some(now));
        Ok(false)
    }

    /// Whether the blob gave trouble for so long that it is given up if it still does, or will not be listed again.
    fn is_last_try(&self, blob: &BlobRef) -> bool {
        let since = self.delivery.head.missing.get(&blob.id);
        since.is_some_and(|since| self.now() - since >= GIVE_UP_AFTER) || self.is_about_to_go(blob)
    }

    /// Whether the blob is listed for hardly any longer.
    fn is_about_to_go(&self, blob: &BlobRef) -> bool {
        let listed_for = self.policy.retention.map(|retention| retention.keeps - retention.margin);
        listed_for.is_some_and(|listed_for| self.now() >= blob.created + listed_for - GIVE_UP_BEFORE)
    }

    /// Remembers since when the blob gives trouble.
    fn missed(&mut self, blob: &BlobRef) {
        if !self.delivery.head.missing.contains_key(&blob.id) {
            let now = self.now();
            self.delivery.changes.missed(&blob.id, Some(now));
        }
    }

    /// The vendor's time where it is known, else ours.
    fn now(&self) -> UnixSeconds {
        self.seen(self.tick.clock.now().as_second())
    }

    fn lose(&mut self, blob: &BlobRef, what: &str) {
        let cause = format!("{}: content {} {what}", self.stream.name(), blob.id);
        self.delivery.report.gaps.push(Gap { from: blob.created, to: blob.created + 1, cause });
    }
}

/// So many blobs in a row may fail with this.
fn most_in_a_row(error: &PortError) -> u32 {
    if error.recovery == Recovery::Person { MOST_REFUSED_IN_A_ROW } else { MOST_FAILED_IN_A_ROW }
}

fn oldest(left: Option<UnixSeconds>, blobs: &[BlobRef]) -> Option<UnixSeconds> {
    blobs.iter().map(|blob| blob.created).chain(left).min()
}

/// The hour of the ledger a blob is remembered in.
fn hour(blob: &BlobRef) -> u32 {
    u32::try_from(blob.created / 3_600).unwrap_or(0)
}

/// What the ledger remembers of a blob.
fn entry(blob: &BlobRef) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = Sha256::digest(blob.id.as_bytes()).0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
