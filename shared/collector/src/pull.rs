//! One tick of one stream: list, fetch, normalise, deliver.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use schema::{LineContext, Normalizer};

use crate::batch::Rejected;
use crate::delivery::Delivery;
use crate::error::PortError;
use crate::policy::VendorPolicy;
use crate::ports::{Bucket, Clock, Item, ListRequest, Listed, Prepared, State, Vendor};
use crate::report::{Failure, Gap};
use crate::stream::{ListingId, Stream};
use crate::tick::Tick;
use crate::window::{self, Plan, UnixSeconds, Window};

/// Pages of one window. A vendor that has more is going round in circles.
const MOST_PAGES: u32 = 20_000;
/// Times a window is begun anew because the vendor lost our place in it.
const MOST_RESTARTS: u32 = 3;
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
    /// The vendor's clock, as its last answer told it.
    pub(crate) vendor_now: Option<UnixSeconds>,
}

/// What listing a span to its end moves.
#[derive(Clone, Copy)]
enum Mark {
    Watermark,
    /// Of that reach.
    Sweep(u32),
}

/// What came of a span of one listing.
#[derive(PartialEq, Eq)]
enum Spanned {
    Whole,
    /// Listed, but for blobs that could not be consumed.
    Held,
    NotOffered,
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
        self.delivery.report.watermark_lag_seconds = self.lag();
    }

    /// Seconds since the oldest watermark of the listings that are offered.
    fn lag(&self) -> Option<i64> {
        let now = self.tick.clock.now().as_second();
        let states = self.stream.listings.iter().filter_map(|id| self.delivery.head.listings.get(*id));
        let offered = states.filter(|state| state.not_offered_until.is_none_or(|until| until <= now));
        offered.map(|state| (now - state.watermark).max(0)).max()
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        self.delivery.deliver().await?;
        self.delivery.write_changes().await
    }

    async fn pull(&mut self) -> Result<(), Stop> {
        self.delivery.settle().await.map_err(Stop::Delivery)?;
        let Some(now) = self.prepare().await? else { return Ok(()) };
        let (mut outcome, mut sweeps) = (Ok(()), Vec::new());
        for listing in &self.stream.listings {
            match self.pull_main(listing, now).await {
                Ok(plan) => sweeps.extend(plan.map(|plan| (*listing, plan))),
                // One listing's trouble is not the other's.
                Err(Stop::Vendor(error)) => outcome = Err(Stop::Vendor(error)),
                Err(stop) => return Err(stop),
            }
        }
        // No listing's look back holds up another's way forward.
        for (listing, plan) in sweeps {
            match self.sweep(listing, plan, now).await {
                Ok(()) => {}
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
                self.vendor_now = vendor_now;
                Ok(Some(vendor_now.unwrap_or(now)))
            }
        }
    }

    /// Lists what moves the watermark; the plan it followed, where a sweep may come after.
    async fn pull_main(&mut self, listing: ListingId, now: UnixSeconds) -> Result<Option<Plan>, Stop> {
        let state = self.delivery.head.listings.get(listing).cloned().unwrap_or_default();
        if state.not_offered_until.is_some_and(|until| now < until) {
            return Ok(None);
        }
        self.cut = state.cut.unwrap_or(self.policy.longest_window);
        let plan = window::plan(&state, self.delivery.head.floor, self.policy, now);
        if let Some(lost) = plan.lost {
            let cause = format!("{}: the vendor no longer has what was not listed in time", self.stream.name());
            self.delivery.report.gaps.push(Gap { from: lost.from, to: lost.to, cause });
        }
        let Some(main) = plan.main else { return Ok(None) };
        if self.pull_span(listing, main, Mark::Watermark).await? == Spanned::NotOffered {
            self.delivery.changes.not_offered(listing, self.seen(now) + ASK_AGAIN_AFTER);
            return Ok(None);
        }
        Ok(Some(plan))
    }

    /// Looks further back, where a sweep is due.
    async fn sweep(&mut self, listing: ListingId, plan: Plan, now: UnixSeconds) -> Result<(), Stop> {
        let swept = match plan.sweep {
            Some(sweep) => {
                let reach = plan.sweeps.iter().copied().max().unwrap_or(self.policy.overlap);
                self.pull_span(listing, sweep, Mark::Sweep(reach)).await? == Spanned::Whole
            }
            None => true,
        };
        if swept {
            let at = self.seen(now);
            plan.sweeps.into_iter().for_each(|reach| self.delivery.changes.swept(listing, reach, at));
        }
        Ok(())
    }

    /// Lists a span window by window, oldest first, moving the mark behind it.
    async fn pull_span(&mut self, listing: ListingId, span: Window, mark: Mark) -> Result<Spanned, Stop> {
        let (mut left, mut whole) = (Some(span), true);
        while let Some(span) = left {
            let (window, rest) = span.split_first(self.cut);
            let came_to = match self.pull_window(listing, window).await? {
                Pulled::NotOffered => return Ok(Spanned::NotOffered),
                Pulled::TooLong => {
                    self.cut_windows(listing, (window.span() / 2).max(1));
                    continue;
                }
                Pulled::Held { at } => at.min(window.to),
                Pulled::Whole { pages } => {
                    self.widen(listing, pages);
                    window.to
                }
            };
            if whole {
                match mark {
                    Mark::Watermark => self.delivery.changes.raise(listing, self.seen(came_to)),
                    Mark::Sweep(reach) => self.delivery.changes.sweeping(listing, reach, came_to),
                }
            }
            whole &= came_to == window.to;
            left = rest;
        }
        Ok(if whole { Spanned::Whole } else { Spanned::Held })
    }

    /// Our time, but never the vendor's future: what a listing shows, it shows as of the vendor's now.
    pub(crate) fn seen(&self, at: UnixSeconds) -> UnixSeconds {
        self.vendor_now.map_or(at, |vendor_now| at.min(vendor_now))
    }

    fn cut_windows(&mut self, listing: ListingId, cut: UnixSeconds) {
        self.cut = cut;
        self.delivery.changes.cut(listing, cut);
    }

    /// After a window with few pages the next may be longer.
    fn widen(&mut self, listing: ListingId, pages: u32) {
        let few = self.policy.split_after_pages.is_some_and(|most| pages * 3 <= most);
        if few && self.cut < self.policy.longest_window {
            self.cut_windows(listing, self.cut.saturating_mul(2).min(self.policy.longest_window));
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
            if page_number == 1 {
                self.vendor_now = page.vendor_now.or(self.vendor_now);
            }
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

    /// Takes one event: a new one goes into the batch in hand.
    pub(crate) async fn take(&mut self, raw: &[u8]) -> Result<(), PortError> {
        self.delivery.report.events += 1;
        let context = LineContext {
            source_id: self.stream.source.as_str(),
            source_label: &self.stream.label,
            parse_time: self.tick.clock.now(),
        };
        let batch = &mut self.delivery.batch;
        let outcome = self.normalizer.normalize_noting(raw, &context, &mut batch.lines, &mut batch.names);
        let row_id = outcome.as_ref().map_or_else(|rejection| rejection.row_id, |line| line.row_id);
        if self.delivery.has(&row_id).await? {
            self.delivery.batch.drop_unfinished_line();
            self.delivery.report.duplicates += 1;
            return Ok(());
        }
        match outcome {
            Ok(line) => self.delivery.batch.keep_line(line),
            Err(rejection) => self.delivery.batch.keep_rejected(Rejected { rejection, raw: raw.to_vec() }),
        }
        self.deliver_if_full().await
    }

    pub(crate) async fn deliver_if_full(&mut self) -> Result<(), PortError> {
        if self.delivery.batch.is_full(&self.tick.settings.batch) { self.delivery.deliver().await } else { Ok(()) }
    }

    /// Waits for `work`, but not past the moment at which what is in hand must be committed.
    pub(crate) async fn before_cutoff<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
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
