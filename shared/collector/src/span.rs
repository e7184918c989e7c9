//! One span of a listing: window by window, page by page.

use std::collections::HashSet;
use std::future::ready;

use jiff::Timestamp;

use crate::error::{PortError, Recovery};
use crate::head::Sweeping;
use crate::ports::{BlobRef, Bucket, Clock, Item, ListRequest, Listed, State, Tries, Vendor};
use crate::pull::{Pull, Stop, until};
use crate::report::Gap;
use crate::stream::ListingId;
use crate::window::{UnixSeconds, Window};

/// Pages of one window. A vendor that has more is going round in circles.
const MOST_PAGES: u32 = 20_000;
/// Times a window is begun anew because our place in it was lost.
const MOST_RESTARTS: u32 = 3;

/// What listing a span moves, window by window. `now` is the vendor's time at which the tick began.
#[derive(Clone, Copy)]
pub(crate) enum Mark<'a> {
    /// The watermark; and these sweeps, where the span begins as early as they would.
    Watermark { now: UnixSeconds, sweeps: &'a [u32] },
    /// The sweep of this reach, which began then; without one the span is only looked at.
    Sweep { began: UnixSeconds, reach: Option<u32> },
}

/// What came of a span of one listing.
#[derive(PartialEq, Eq)]
pub(crate) enum Spanned {
    /// All of it is delivered or in hand.
    Whole,
    /// Listed, but for blobs that could not be consumed.
    Held,
    /// Listed, but for one window that failed, which is said.
    Troubled,
    /// The vendor does not offer this listing to this source.
    NotOffered,
    /// The stream is not recorded yet.
    NotYet,
}

/// What came of one window.
enum Pulled {
    /// All of it is delivered or in hand.
    Whole { pages: u32 },
    /// Listed, but for blobs that could not be consumed; the oldest of those was created then.
    Held { at: UnixSeconds, pages: u32 },
    /// It takes too many pages, or cannot be paged through; cut it smaller.
    TooLong,
    /// The vendor does not offer this listing to this source.
    NotOffered,
    /// The stream is not recorded yet.
    NotYet,
    /// Our place in it was lost: it has to be listed from its start.
    LostPlace,
    /// It failed, or blob after blob of it did, at last with this.
    Failed(PortError),
}

impl<S: State, B: Bucket, C: Clock, V: Vendor> Pull<'_, S, B, C, V> {
    /// Lists a span window by window, oldest first, moving the mark behind it.
    ///
    /// A window that fails is left to the next tick, which cuts it smaller, and costs the ones after it
    /// nothing but their mark. When two fail it is not the windows.
    pub(crate) async fn pull_span(
        &mut self,
        listing: ListingId,
        span: Window,
        mark: Mark<'_>,
    ) -> Result<Spanned, Stop> {
        let (mut left, mut whole, mut trouble) = (Some(span), true, None);
        while let Some(span) = left {
            let (window, rest) = span.split_first(self.cut);
            let began = self.tick.clock.now();
            let came_to = match self.pull_window(listing, window).await {
                Ok(Pulled::NotOffered) => return Ok(Spanned::NotOffered),
                Ok(Pulled::NotYet) => return Ok(Spanned::NotYet),
                Ok(Pulled::TooLong | Pulled::LostPlace) => {
                    self.halve(listing, window);
                    continue;
                }
                Ok(came_to @ (Pulled::Held { pages, .. } | Pulled::Whole { pages })) => {
                    if rest.is_some() {
                        // What is written after trouble is how short the window has to be that failed.
                        let cut = self.wider(pages, began);
                        if trouble.is_none() { self.cut_windows(listing, cut) } else { self.cut = cut }
                    }
                    if let Pulled::Held { at, .. } = came_to { at.min(window.to) } else { window.to }
                }
                Ok(Pulled::Failed(error)) => {
                    self.say(&error);
                    leave(error, rest.is_some(), &mut trouble)?;
                    window.from
                }
                Err(stop) => return Err(stop),
            };
            if whole && came_to > window.from {
                self.moved(listing, mark, came_to);
            }
            whole &= came_to == window.to;
            left = rest;
        }
        match trouble {
            Some(_) => Ok(Spanned::Troubled),
            None if whole => Ok(Spanned::Whole),
            // The end of the tick's time holds blobs, too.
            None => self.before_cutoff(ready(Spanned::Held)).await,
        }
    }

    /// Everything from the span's start to `to` is delivered, or in the batch in hand.
    fn moved(&mut self, listing: ListingId, mark: Mark<'_>, to: UnixSeconds) {
        match mark {
            Mark::Watermark { now, sweeps } => {
                self.delivery.changes.raise(listing, self.seen(to));
                if let Some(Window { from, to }) = self.lost.take() {
                    let cause = format!("{}: the vendor no longer has what was not listed in time", self.stream.name());
                    self.delivery.untold.push(Gap { from, to, cause });
                }
                for reach in sweeps {
                    let at = self.seen_since(now).min(to + UnixSeconds::from(*reach));
                    self.delivery.changes.swept(listing, *reach, at);
                }
            }
            Mark::Sweep { began, reach: Some(reach) } => {
                self.delivery.changes.sweeping(listing, Sweeping { reach, began, at: to });
            }
            Mark::Sweep { reach: None, .. } => {}
        }
    }

    /// Whether windows are cut, and this one can be: vendors list whole seconds.
    fn can_halve(&self, window: Window) -> bool {
        self.policy.split_after_pages.is_some() && window.span() > 1
    }

    fn halve(&mut self, listing: ListingId, window: Window) {
        self.cut_windows(listing, (window.span() / 2).max(1));
    }

    /// After a window with few pages the next may be longer, if one twice as long is likely to end in this tick.
    fn wider(&self, pages: u32, began: Timestamp) -> UnixSeconds {
        let few = self.policy.split_after_pages.is_some_and(|most| pages * 3 <= most);
        let in_time = until(began, self.tick.clock.now()) * 2 <= self.time_left();
        if few && in_time { self.cut.saturating_mul(2).min(self.policy.longest_window) } else { self.cut }
    }

    fn cut_windows(&mut self, listing: ListingId, cut: UnixSeconds) {
        if self.cut != cut {
            self.cut = cut;
            self.delivery.changes.cut(listing, cut);
        }
    }

    /// Lists one window, from its start again where our place in it was lost. Where that goes on, or it
    /// fails, it is cut: a window of one page has no places to lose. So it is where a tick ends before it
    /// does: what is more than a tick can list would be begun anew for ever.
    async fn pull_window(&mut self, listing: ListingId, window: Window) -> Result<Pulled, Stop> {
        let pages_before = self.delivery.report.pages;
        for restarts in 1..=MOST_RESTARTS {
            match self.list_window(listing, window, restarts == MOST_RESTARTS).await {
                Ok(Pulled::LostPlace) => {}
                Err(Stop::Vendor(error)) => {
                    if error.recovery != Recovery::Person && self.can_halve(window) {
                        self.halve(listing, window);
                    }
                    return Ok(Pulled::Failed(error));
                }
                Err(Stop::Cutoff) => {
                    let pages = self.delivery.report.pages - pages_before;
                    if pages > 0 && self.can_halve(window) {
                        self.halve(listing, window);
                    } else if pages > 1 && self.policy.split_after_pages.is_some() {
                        return Ok(Pulled::Failed(crowded(listing, window, pages)));
                    }
                    return Err(Stop::Cutoff);
                }
                ended => return ended,
            }
        }
        Ok(if self.can_halve(window) { Pulled::TooLong } else { Pulled::Failed(going_round(listing)) })
    }

    /// Lists one window from its start.
    async fn list_window(&mut self, listing: ListingId, window: Window, last_try: bool) -> Result<Pulled, Stop> {
        let (mut blobs, mut cursors, mut seen) = (Vec::new(), HashSet::new(), HashSet::new());
        let mut cursor: Option<String> = None;
        for pages in 1..=MOST_PAGES {
            let request =
                ListRequest { stream: self.stream, listing, window, cursor: cursor.as_deref(), tries: Tries::Patient };
            let listed = self.vendor.list(request);
            let page = match self.before_cutoff(listed).await?.map_err(Stop::Vendor)? {
                Listed::Page(page) => page,
                Listed::CursorLost => return Ok(Pulled::LostPlace),
                Listed::NotOffered => return Ok(Pulled::NotOffered),
                Listed::NotYet { started, fault, lost } => return self.not_yet(started, fault, lost).await,
            };
            self.delivery.report.pages += 1;
            if pages == 1 {
                self.tell_time(page.vendor_now);
            }
            let before = seen.len();
            let events = self.take_items(page.items, &mut blobs, &mut seen).await?;
            let Some(next) = page.next else {
                // An end with nothing but events of the pages before: perhaps the cursor led back, past the rest.
                if events && seen.len() == before && (self.can_halve(window) || !last_try) {
                    return Ok(Pulled::LostPlace);
                }
                return self.consumed(blobs, pages).await;
            };
            if !cursors.insert(next.clone()) {
                return Ok(Pulled::LostPlace);
            }
            if self.policy.split_after_pages.is_some_and(|most| pages >= most) && self.can_halve(window) {
                return Ok(Pulled::TooLong);
            }
            cursor = Some(next);
        }
        Err(Stop::Vendor(going_round(listing)))
    }

    /// Takes a page's events, which are `seen` then, and gathers its blobs; whether there were any events.
    async fn take_items(
        &mut self,
        items: Vec<Item>,
        blobs: &mut Vec<BlobRef>,
        seen: &mut HashSet<u64>,
    ) -> Result<bool, Stop> {
        let mut events = false;
        for item in items {
            match item {
                Item::Event(raw) => {
                    let row_id = self.take(&raw).await.map_err(Stop::Delivery)?;
                    events = true;
                    seen.insert(row_id.ledger_entry());
                }
                Item::Blob(blob) => blobs.push(blob),
            }
        }
        Ok(events)
    }

    /// All pages of a window are listed: what its blobs come to.
    async fn consumed(&mut self, blobs: Vec<BlobRef>, pages: u32) -> Result<Pulled, Stop> {
        match self.consume(blobs).await {
            Ok(None) => Ok(Pulled::Whole { pages }),
            Ok(Some(at)) => Ok(Pulled::Held { at, pages }),
            Err(Stop::Vendor(error)) => Ok(Pulled::Failed(error)),
            Err(stop) => Err(stop),
        }
    }

    /// The stream is not recorded: remembers when it was started, and tells what that may have cost.
    async fn not_yet(
        &mut self,
        started: Option<UnixSeconds>,
        fault: Option<PortError>,
        lost: Option<Window>,
    ) -> Result<Pulled, Stop> {
        if let Some(at) = started {
            self.started(at).await?;
        }
        if let Some(Window { from, to }) = lost {
            let cause = format!("{}: may not have been recorded", self.stream.name());
            self.delivery.report.gaps.push(Gap { from, to, cause });
        }
        Ok(fault.map_or(Pulled::NotYet, Pulled::Failed))
    }
}

/// Leaves a window that failed to the next tick. An error when there is no use in going on.
fn leave(error: PortError, more: bool, trouble: &mut Option<PortError>) -> Result<(), Stop> {
    match trouble.take() {
        Some(first) => Err(Stop::Vendor(first)),
        None if !more || error.recovery == Recovery::Person => Err(Stop::Vendor(error)),
        None => {
            *trouble = Some(error);
            Ok(())
        }
    }
}

fn crowded(listing: ListingId, window: Window, pages: u64) -> PortError {
    PortError::next_tick(format!(
        "the listing {listing} has more in the second {} than a tick can list ({pages} pages so far); give the \
         function more time, or wait until the vendor answers faster: the watermark stays until then",
        window.from
    ))
}

fn going_round(listing: ListingId) -> PortError {
    PortError::next_tick(format!(
        "the listing {listing} does not advance: {MOST_RESTARTS} times the vendor lost our place in it or named \
         the same next page twice, or it has more than {MOST_PAGES} pages for one window; the watermark stays \
         and the next tick tries again"
    ))
}
