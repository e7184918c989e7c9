//! Lists one window of one listing, page by page.

use std::collections::HashSet;

use super::blobs::{self, BlobsOutcome};
use super::intake::TakenEvent;
use super::run::{Cutoff, StreamRun};
use crate::base::error::{PortError, Recovery};
use crate::base::pending::Schedule;
use crate::base::ports::{BlobRef, Bucket, Clock, Item, ListRequest, Listed, State, Tries, Vendor};
use crate::base::report::Gap;
use crate::base::stream::ListingId;
use crate::base::time::{UnixSeconds, Window};
use crate::plan::window_size::WindowSize;

/// Maximum number of pages of one window. A window with more pages counts as a pagination loop of the vendor.
const MAX_PAGES: u32 = 20_000;
/// Maximum number of times that one window is listed from its start, the first time included. It is started again after
/// its cursor was lost.
const MAX_STARTS: u32 = 3;

/// A request to list one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowRequest<'a> {
    pub(crate) listing: ListingId,
    pub(crate) window: Window,
    /// The cursor of the first page to list, if an earlier tick has listed the pages before it; otherwise `None`.
    pub(crate) cursor: Option<&'a str>,
    pub(crate) tries: Tries,
    /// The schedule of the window, if it is pending.
    pub(crate) schedule: Option<Schedule>,
    /// The current size of windows, which decides whether this window is too long.
    pub(crate) size: WindowSize,
}

impl WindowRequest<'_> {
    /// Returns a request that lists the whole window, with a single try per call, as for a window that is not pending.
    pub(crate) fn with_single_try(listing: ListingId, window: Window, size: WindowSize) -> Self {
        Self { listing, window, cursor: None, tries: Tries::Once, schedule: None, size }
    }
}

/// The outcome of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WindowOutcome {
    /// All events of the window are delivered or in the current batch. Its blobs are consumed, given up, or pending.
    Complete { pages: u32 },
    /// The part before `to` is complete. There was no time for the blobs from `to` on.
    Unfinished { to: UnixSeconds },
    /// The part before `to` is complete. Of the blobs from `to` on, many failed in a row and most were not tried.
    Stalled { to: UnixSeconds, error: PortError },
    /// There was no time for all pages, of which `pages` were listed. `cursor` names the next page if everything before
    /// that page is delivered or in the current batch; otherwise it is `None`.
    CutOff { pages: u32, cursor: Option<String> },
    /// The window has too many pages, or its cursor was lost at every start. It must be listed in smaller windows.
    /// `dense` is the span of the events that were seen; `None` if that is unknown or the whole window.
    TooLong { dense: Option<Window> },
    /// The vendor does not offer this listing to this source.
    NotOffered,
    /// The vendor does not record the stream's events yet.
    NotYet,
    /// No call was made, because the vendor asked for a pause.
    Paused { error: PortError },
    /// The vendor failed. `cursor` names the page that failed; `None` if it was the first page. Everything before that
    /// page is delivered or in the current batch.
    Failed { error: PortError, cursor: Option<String> },
}

impl WindowOutcome {
    /// Returns `true` if the vendor listed something of the window.
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Complete { .. } | Self::Unfinished { .. } | Self::Stalled { .. } | Self::TooLong { .. } => true,
            Self::CutOff { pages, .. } => *pages > 0,
            Self::NotOffered | Self::NotYet | Self::Paused { .. } | Self::Failed { .. } => false,
        }
    }
}

/// Lists one window and takes everything in it. After a lost cursor the window is listed from its start again, at most
/// [`MAX_STARTS`] times in all.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn list_window<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    request: WindowRequest<'_>,
) -> Result<WindowOutcome, PortError> {
    let mut cursor = request.cursor;
    for start in 1..=MAX_STARTS {
        let is_last = start == MAX_STARTS;
        if let Some(outcome) = list_from(run, WindowRequest { cursor: cursor.take(), ..request }, is_last).await? {
            return Ok(outcome);
        }
    }
    let can_halve = request.size.can_halve(request.window);
    Ok(if can_halve { WindowOutcome::TooLong { dense: None } } else { not_advancing_outcome(request.listing) })
}

/// Lists one window from its start, or from the request's cursor. Returns `None` if the window must be listed from its
/// start again, because the cursor was lost or pages were repeated. `is_last` is `true` if no further start is allowed.
async fn list_from<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    request: WindowRequest<'_>,
    is_last: bool,
) -> Result<Option<WindowOutcome>, PortError> {
    let WindowRequest { listing, window, tries, size, .. } = request;
    let (mut blobs, mut cursors, mut seen) = (Vec::new(), HashSet::new(), Seen::default());
    let mut cursor = request.cursor.map(str::to_owned);
    for pages in 1..=MAX_PAGES {
        let (vendor, stream) = (run.vendor, run.stream);
        let call = vendor.list(ListRequest { stream, listing, window, cursor: cursor.as_deref(), tries });
        run.findings.requests += 1;
        // The first page has the time limit of the request's `tries`, so that a window that hangs does not use up every
        // tick. The later pages may take longer, because the vendor has answered.
        let tries_of_page = if pages == 1 { tries } else { Tries::Patient };
        let answer = run.call(tries_of_page, &format!("listing {listing}"), call).await;
        let is_paused = |error: &PortError| error.recovery == Recovery::Paused;
        let cut_off = |cursor: Option<String>| {
            let cursor = cursor.filter(|_| pages > 1 && blobs.is_empty());
            Ok(Some(WindowOutcome::CutOff { pages: pages - 1, cursor }))
        };
        let page = match answer {
            Err(Cutoff) => return cut_off(cursor),
            Ok(Err(error)) if pages > 1 && is_paused(&error) => return cut_off(cursor),
            Ok(Err(error)) if is_paused(&error) => return Ok(Some(WindowOutcome::Paused { error })),
            Ok(Err(error)) => {
                let cursor = cursor.filter(|_| blobs.is_empty());
                return Ok(Some(WindowOutcome::Failed { error, cursor }));
            }
            Ok(Ok(Listed::CursorLost)) => return Ok(None),
            Ok(Ok(Listed::NotOffered)) => return Ok(Some(WindowOutcome::NotOffered)),
            Ok(Ok(Listed::NotYet { started, fault, lost })) => {
                return handle_not_yet(run, listing, started, fault, lost).await.map(Some);
            }
            Ok(Ok(Listed::Page(page))) => page,
        };
        run.intake.delivery.state.check_owner(page.owner.clone()).await?;
        run.findings.listed.pages += 1;
        run.record_progress();
        if pages == 1 {
            let ours = run.env.now();
            run.vendor_time.record_answer(page.vendor_now, ours);
        }
        let before = seen.events.len();
        let had_events = take_items(run, page.items, &mut blobs, &mut seen).await?;
        let Some(next) = page.next else {
            // The last page has only events that earlier pages showed already. Its cursor may therefore have led back
            // to those pages, and the rest of the window may be missing.
            if had_events && seen.events.len() == before && (size.can_halve(window) || !is_last) {
                return Ok(None);
            }
            return consume(run, &request, blobs, pages).await.map(Some);
        };
        if !cursors.insert(next.clone()) {
            return Ok(None);
        }
        if size.is_too_long(window, pages) {
            return Ok(Some(WindowOutcome::TooLong { dense: seen.span_within(window) }));
        }
        cursor = Some(next);
    }
    Ok(Some(not_advancing_outcome(listing)))
}

/// The events and times that the pages of one window showed.
#[derive(Debug, Default)]
struct Seen {
    /// The ledger entries of the events.
    events: HashSet<u64>,
    /// The span of the times of events and blobs.
    times: Option<Window>,
}

impl Seen {
    fn add_event(&mut self, taken: &TakenEvent) {
        self.events.insert(taken.row_id.ledger_entry());
        taken.time.into_iter().for_each(|time| self.add_time(time));
    }

    fn add_time(&mut self, time: UnixSeconds) {
        let times = self.times.get_or_insert(Window { from: time, to: time + 1 });
        *times = Window { from: times.from.min(time), to: times.to.max(time + 1) };
    }

    /// Returns the span of everything that was seen, if it is a proper part of the window. It is only a hint, because
    /// vendors promise no order.
    fn span_within(&self, window: Window) -> Option<Window> {
        self.times.filter(|times| window.from <= times.from && times.to <= window.to && *times != window)
    }
}

/// Takes a page's events, adds them to `seen`, and gathers its blobs. Returns `true` if there were any events.
async fn take_items<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    items: Vec<Item>,
    blobs: &mut Vec<BlobRef>,
    seen: &mut Seen,
) -> Result<bool, PortError> {
    let mut had_events = false;
    for item in items {
        match item {
            Item::Event(raw) => {
                had_events = true;
                seen.add_event(&run.intake.take(&raw).await?);
            }
            Item::Blob(blob) => {
                seen.add_time(blob.created);
                blobs.push(blob);
            }
        }
    }
    Ok(had_events)
}

/// Consumes the blobs of a window whose pages are all listed.
async fn consume<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    request: &WindowRequest<'_>,
    blobs: Vec<BlobRef>,
    pages: u32,
) -> Result<WindowOutcome, PortError> {
    if blobs.is_empty() {
        return Ok(WindowOutcome::Complete { pages });
    }
    let WindowRequest { listing, window, schedule, .. } = *request;
    // The creation time of a blob may lie outside the window that listed it. Then no part of the window counts as
    // complete.
    let inside = |second: UnixSeconds| if (window.from..window.to).contains(&second) { second } else { window.from };
    Ok(match blobs::consume_listed(run, listing, blobs, schedule).await? {
        BlobsOutcome::Settled => WindowOutcome::Complete { pages },
        BlobsOutcome::CutOff { oldest } => WindowOutcome::Unfinished { to: inside(oldest) },
        BlobsOutcome::Stalled { oldest, error } => WindowOutcome::Stalled { to: inside(oldest), error },
    })
}

/// Handles a stream that the vendor does not record yet: stores the start of its recording, and reports the events that
/// may be lost.
async fn handle_not_yet<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listing: ListingId,
    started: Option<UnixSeconds>,
    fault: Option<PortError>,
    lost: Option<Window>,
) -> Result<WindowOutcome, PortError> {
    if let Some(at) = started {
        remember_start(run, at).await?;
    }
    if let Some(Window { from, to }) = lost {
        let cause = format!("{}: may not have been recorded", run.stream.name());
        run.findings.gaps.push(Gap { from, to, cause });
    }
    match fault {
        Some(fault) => run.record_listing_failure(listing, &fault),
        None => run.clear_refusals(listing),
    }
    Ok(WindowOutcome::NotYet)
}

/// Stores the start of a recording in the head at once, because the vendor limits how often a recording may be started.
/// The current batch is delivered first, because this write may also raise watermarks.
///
/// # Errors
/// Fails if the state or the bucket fails.
pub(crate) async fn remember_start<S: State, B: Bucket, C: Clock, V>(
    run: &mut StreamRun<'_, S, B, C, V>,
    at: UnixSeconds,
) -> Result<(), PortError> {
    run.intake.delivery.update.record_start(at);
    run.intake.finish().await
}

fn not_advancing_outcome(listing: ListingId) -> WindowOutcome {
    let error = PortError::next_tick(format!(
        "the listing {listing} does not advance: {MAX_STARTS} times the vendor lost our place in it or named \
         the same next page twice, or it has more than {MAX_PAGES} pages for one window; it is tried again later"
    ));
    WindowOutcome::Failed { error, cursor: None }
}

#[cfg(test)]
mod tests;
