//! A backfill: a span of vendor time that is listed outside the schedule.
//!
//! A backfill runs in steps. A step is a tick whose floor and listings are the backfill's own and stay in memory: the
//! listings begin at the start of the span and end at its end. All else is the stream's, so a step delivers by the same
//! intents, commits and ledger as a tick. In each write of the head, the schedule's own fields are put back: its
//! watermarks, sweeps, pending work and floor never change, and the write is refused if another tick has changed them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use schema::RowId;

use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes, ListingState};
use crate::base::ledger::{LedgerHour, LedgerItem, LedgerKind};
use crate::base::policy::VendorPolicy;
use crate::base::stream::{ListingId, Stream};
use crate::base::time::{UnixSeconds, Window};

/// A ledger item that expires within this time counts as expired, so that a backfill may run for so long.
const EXPIRY_MARGIN_SECONDS: UnixSeconds = 3 * 86_400;
/// An object may have been put this long before the time of its newest event, because clocks differ.
const MAX_CLOCK_SKEW_SECONDS: UnixSeconds = 86_400;
/// Row ids below this hour have a hash instead of an hour, because the event's time is unreadable.
const FIRST_HOUR_OF_TIME: u32 = 256;
/// The maximum number of row ids that a backfill keeps in memory, for all streams together.
const MAX_RESTORED_ROWS: usize = 5_000_000;

/// A span of vendor time that is listed outside the schedule, with its progress in each stream. It is kept in memory
/// only: a backfill that is run again lists the span again, and the ledger drops what was delivered.
#[derive(Debug)]
pub struct Backfill {
    span: Window,
    lost: Option<Window>,
    horizon_seconds: UnixSeconds,
    streams: RefCell<HashMap<String, StreamBackfill>>,
}

/// The progress in one stream.
#[derive(Debug)]
struct StreamBackfill {
    listings: Vec<ListingId>,
    own: BTreeMap<String, ListingState>,
    restored: Rc<RestoredRows>,
    is_finished: bool,
}

/// A part of the span that a backfill has not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The name of the stream.
    pub stream: String,
    /// The listing.
    pub listing: String,
    /// The part of the span.
    pub window: Window,
    /// The reason for its last failure; `None` if it was not listed yet.
    pub reason: Option<String>,
    /// The time of the next attempt; `None` if it was not listed yet.
    pub next_attempt: Option<UnixSeconds>,
}

/// Row ids that the bucket has and whose ledger items may have expired, by their hour.
#[derive(Debug, Default)]
struct RestoredRows {
    hours: HashMap<u32, HashSet<u64>>,
}

impl Backfill {
    /// Plans a backfill of `span` for these streams at `now`. The part of the span that lies in the future is left
    /// out, and so is the part that the vendor no longer keeps ([`Backfill::lost`]).
    ///
    /// # Errors
    /// Nothing of the span is left.
    pub fn new(span: Window, streams: &[Stream], policy: &VendorPolicy, now: UnixSeconds) -> Result<Self, PortError> {
        let kept = policy.retention.map(|retention| now - retention.keep_seconds + retention.margin_seconds);
        let from = kept.map_or(span.from, |kept| span.from.max(kept));
        let kept_span = Window { from, to: span.to.min(now) };
        if kept_span.from >= kept_span.to {
            return Err(PortError::person(match policy.retention {
                Some(retention) if span.from < span.to && span.from < now => format!(
                    "nothing of the span is left at the vendor, which keeps {} days; give a later span",
                    retention.keep_seconds / 86_400
                ),
                _ => "the span is empty or lies in the future; it must begin before it ends, and before now".to_owned(),
            }));
        }
        let lost = (span.from < from).then_some(Window { from: span.from, to: from });
        let stream = |stream: &Stream| {
            let listings = stream.listings.clone();
            let own = BTreeMap::new();
            (stream.name(), StreamBackfill { listings, own, restored: Rc::default(), is_finished: false })
        };
        let streams = RefCell::new(streams.iter().map(stream).collect());
        Ok(Self { span: kept_span, lost, horizon_seconds: policy.dedup_horizon_seconds, streams })
    }

    /// Returns the part of the span that the vendor no longer keeps; `None` if it keeps the whole span.
    pub fn lost(&self) -> Option<Window> {
        self.lost
    }

    /// Returns the time in which the objects were put whose row ids must be restored before the first step at `now`,
    /// because their ledger items may have expired; `None` if none have.
    ///
    /// An event is collected after it happened, so an item of the span is at least as old as the span. The items of
    /// later objects have not expired, because an item is kept for the whole horizon after its commit.
    pub fn expired(&self, now: UnixSeconds) -> Option<Window> {
        let from = self.span.from - MAX_CLOCK_SKEW_SECONDS;
        let to = now - self.horizon_seconds + EXPIRY_MARGIN_SECONDS;
        (from < to).then_some(Window { from, to })
    }

    /// Adds row ids of an object of the stream to the known ones. Only those of the span are kept.
    ///
    /// # Errors
    /// There are too many of them for the memory.
    pub(crate) fn restore(&self, stream: &Stream, rows: impl IntoIterator<Item = RowId>) -> Result<(), PortError> {
        let mut streams = self.streams.borrow_mut();
        let hour = |second: UnixSeconds| u32::try_from(second.max(0) / 3_600).unwrap_or(u32::MAX);
        let hours = hour(self.span.from)..=hour(self.span.to);
        if let Some(rows_of_stream) = streams.get_mut(&stream.name()).and_then(|one| Rc::get_mut(&mut one.restored)) {
            for row in rows {
                if hours.contains(&row.hour) || row.hour < FIRST_HOUR_OF_TIME {
                    rows_of_stream.hours.entry(row.hour).or_default().insert(row.ledger_entry());
                }
            }
        }
        let count: usize = streams.values().map(|one| one.restored.count()).sum();
        if count <= MAX_RESTORED_ROWS {
            return Ok(());
        }
        Err(PortError::person(format!(
            "{}: the bucket has more than {MAX_RESTORED_ROWS} rows of this span, whose ledger has expired; give a \
             shorter span, and the rest afterwards",
            stream.name()
        )))
    }

    /// Returns `true` if a part of the stream is still to be listed or retried.
    pub fn is_open(&self, stream: &Stream) -> bool {
        self.streams.borrow().get(&stream.name()).is_some_and(|one| !one.is_finished)
    }

    /// Returns the parts of the span that are not delivered, by stream, listing and time.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let streams = self.streams.borrow();
        let open = streams.iter().filter(|(_, one)| !one.is_finished);
        let mut parts: Vec<Unfinished> = open.flat_map(|(stream, one)| one.unfinished(stream, self.span)).collect();
        parts.sort_by(|one, two| (&one.stream, &one.listing, one.window).cmp(&(&two.stream, &two.listing, two.window)));
        parts
    }

    /// Gives the head of a step the backfill's own floor and listings. Returns the schedule's; `None` if the stream
    /// takes no part.
    pub(crate) fn begin(&self, stream: &Stream, head: &mut Head) -> Option<OwnProgress> {
        let streams = self.streams.borrow();
        let one = streams.get(&stream.name())?;
        let schedule = ScheduleFields::of(head);
        (head.floor, head.listings) = (self.span.from, one.own.clone());
        Some(OwnProgress { until: self.span.to, restored: Rc::clone(&one.restored), schedule })
    }

    /// Keeps the backfill's own listings for the next step.
    pub(crate) fn keep(&self, stream: &Stream, head: &Head, is_finished: bool) {
        if let Some(one) = self.streams.borrow_mut().get_mut(&stream.name()) {
            one.own.clone_from(&head.listings);
            one.is_finished = is_finished;
        }
    }
}

impl StreamBackfill {
    fn unfinished(&self, stream: &str, span: Window) -> Vec<Unfinished> {
        let new = ListingState { watermark: span.from, ..ListingState::default() };
        let mut parts = Vec::new();
        for listing in &self.listings {
            let state = self.own.get(*listing).unwrap_or(&new);
            if state.not_offered.is_some_and(|refused| refused.until.is_some()) {
                continue;
            }
            let part = |window, failed: Option<(&str, UnixSeconds)>| Unfinished {
                stream: stream.to_owned(),
                listing: (*listing).to_owned(),
                window,
                reason: failed.map(|(reason, _)| reason.to_owned()),
                next_attempt: failed.map(|(_, next)| next),
            };
            parts.extend(pending_parts(state).map(|(window, reason, next)| part(window, Some((reason, next)))));
            if state.watermark < span.to {
                parts.push(part(Window { from: state.watermark, ..span }, None));
            }
        }
        parts
    }
}

/// A pending span or blob: its window, the reason for its last failure, and the time of its next attempt.
type PendingPart<'a> = (Window, &'a str, UnixSeconds);

fn pending_parts(state: &ListingState) -> impl Iterator<Item = PendingPart<'_>> {
    let spans = state.pending.spans.iter();
    let spans = spans.map(|span| (span.window(), span.reason.as_str(), span.schedule.next_attempt));
    let blobs = state.pending.blobs.iter().map(|blob| {
        let window = Window { from: blob.created, to: blob.created + 1 };
        (window, blob.reason.as_str(), blob.schedule.next_attempt)
    });
    spans.chain(blobs)
}

impl RestoredRows {
    fn count(&self) -> usize {
        self.hours.values().map(HashSet::len).sum()
    }
}

/// The fields of a head that a backfill never changes.
#[derive(Debug, Clone)]
struct ScheduleFields {
    floor: UnixSeconds,
    listings: BTreeMap<String, ListingState>,
    times: HeadTimes,
}

impl ScheduleFields {
    fn of(head: &Head) -> Self {
        Self { floor: head.floor, listings: head.listings.clone(), times: head.times }
    }
}

/// The schedule's part of a head, while a step of a backfill uses that head with a floor and listings of its own.
#[derive(Debug)]
pub(crate) struct OwnProgress {
    /// The end of the span.
    pub(crate) until: UnixSeconds,
    restored: Rc<RestoredRows>,
    schedule: ScheduleFields,
}

impl OwnProgress {
    /// Takes the schedule's fields from a head that was just read, and gives it the floor and listings of `own`.
    pub(crate) fn hide_schedule(&mut self, read: &mut Head, own: &Head) {
        self.schedule = ScheduleFields::of(read);
        read.floor = own.floor;
        read.listings.clone_from(&own.listings);
    }

    /// Returns the head to write for `next`: with the floor, the listings and the silence of the schedule. The time of
    /// the last delivery stays too, because old events do not end a silence.
    pub(crate) fn stored(&self, next: &Head) -> Head {
        let ScheduleFields { floor, listings, times } = self.schedule.clone();
        let times = HeadTimes { last_delivery: times.last_delivery, silence: times.silence, ..next.times };
        Head { floor, listings, times, ..next.clone() }
    }

    /// Returns `true` if `next` differs from `head` only in the backfill's own progress, which is not stored.
    pub(crate) fn is_only_own(head: &Head, next: &Head, items: &[LedgerItem]) -> bool {
        let times = HeadTimes { written_at: head.times.written_at, ..next.times };
        let same = Head { version: head.version, listings: head.listings.clone(), times, ..next.clone() };
        items.is_empty() && same == *head
    }

    /// Returns `true` if the bucket has the row, although the ledger may not.
    pub(crate) fn is_restored(&self, ledger_hour: LedgerHour, entry: u64) -> bool {
        ledger_hour.kind == LedgerKind::Rows
            && self.restored.hours.get(&ledger_hour.hour).is_some_and(|entries| entries.contains(&entry))
    }
}
