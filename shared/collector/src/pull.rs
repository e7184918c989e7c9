//! One tick of one stream: list, fetch, normalise, deliver.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use schema::{LineContext, Normalizer, RowId};

use crate::batch::Rejected;
use crate::delivery::Delivery;
use crate::error::PortError;
use crate::policy::VendorPolicy;
use crate::ports::{Bucket, Clock, Prepared, State, Vendor};
use crate::report::Failure;
use crate::span::{Mark, Spanned};
use crate::stream::{ListingId, Stream};
use crate::tick::Tick;
use crate::window::{self, Plan, UnixSeconds, Window};

/// A listing that is not offered is asked for again after this, in seconds.
const ASK_AGAIN_AFTER: UnixSeconds = 86_400;
/// Before its deadline a tick lists nothing more for this long: time kept for the last commit.
pub const COMMIT_RESERVE: Duration = Duration::from_secs(8);

/// Why a listing was left early.
pub(crate) enum Stop {
    /// The deadline is near: commit what is in hand.
    Cutoff,
    /// The vendor failed: commit what is in hand, say so.
    Vendor(PortError),
    /// State or bucket failed: there is nothing more this tick can do for the stream.
    Delivery(PortError),
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
    /// The same, as its first answer in this tick told it.
    pub(crate) vendor_began: Option<UnixSeconds>,
    /// What a listing lost for good, until it has come past it.
    pub(crate) lost: Option<Window>,
    /// Something is left that another tick may have.
    pub(crate) left_over: bool,
    /// Blobs that gave trouble before and were asked for in vain again.
    pub(crate) known_in_vain: u32,
}

impl<'a, S: State, B: Bucket, C: Clock, V: Vendor> Pull<'a, S, B, C, V> {
    /// Lists and delivers everything due. The report says how far it came.
    pub(crate) async fn run(&mut self) {
        let mut outcome = self.pull().await;
        self.delivery.changes.more_to_list = matches!(outcome, Err(Stop::Cutoff));
        if !matches!(outcome, Err(Stop::Delivery(_))) {
            let committed = self.finish().await;
            outcome = committed.map_err(Stop::Delivery).and(outcome);
        }
        let report = &mut self.delivery.report;
        match outcome {
            Ok(()) => report.drained = report.failure.is_none() && !self.left_over,
            Err(Stop::Cutoff) => {}
            Err(Stop::Vendor(error) | Stop::Delivery(error)) => {
                report.failure = Some(Failure::new(&self.stream.name(), &error));
            }
        }
        // A write that failed may be in force all the same: rather told twice than not at all.
        report.gaps.append(&mut self.delivery.untold);
        self.delivery.report.watermark_lag_seconds = self.lag();
        self.delivery.report.silence = self.silence();
    }

    /// Seconds since the oldest watermark of the listings that are offered.
    fn lag(&self) -> Option<i64> {
        let now = self.tick.clock.now().as_second();
        let states = self.stream.listings.iter().filter_map(|id| self.delivery.head.listings.get(*id));
        let offered = states.filter(|state| state.not_offered_until.is_none_or(|until| until <= now));
        offered.map(|state| (now - state.watermark).max(0)).max()
    }

    /// A word on a stream that was listed to its end for long, and never showed an event.
    fn silence(&self) -> Option<String> {
        let silence = self.policy.silence?;
        let (report, head) = (&self.delivery.report, &self.delivery.head);
        let listed = self.tick.clock.now().as_second() - head.floor;
        let silent = report.drained && report.events == 0 && head.last_event.is_none() && listed >= silence.after;
        let days = listed / 86_400;
        silent.then(|| format!("{}: no event at all in {days} days; {}", self.stream.name(), silence.advice))
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        self.delivery.deliver().await?;
        self.delivery.write_changes().await
    }

    async fn pull(&mut self) -> Result<(), Stop> {
        self.delivery.settle().await.map_err(Stop::Delivery)?;
        // Not drained, and no failure either.
        let Some(now) = self.prepare().await? else { return Err(Stop::Cutoff) };
        let (mut outcome, mut sweeps) = (Ok(()), Vec::new());
        for listing in &self.stream.listings {
            let others_well = outcome.is_ok() && self.delivery.report.failure.is_none();
            match self.pull_main(listing, now, others_well).await {
                Ok(plan) => sweeps.extend(plan.map(|plan| (*listing, plan, self.cut))),
                // One listing's trouble is not the other's.
                Err(Stop::Vendor(error)) => outcome = Err(Stop::Vendor(error)),
                Err(stop) => return Err(stop),
            }
        }
        // No listing's look back holds up another's way forward.
        for (listing, plan, cut) in sweeps {
            self.cut = cut;
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
                    self.started(now).await?;
                }
                self.tell_time(vendor_now);
                Ok(Some(vendor_now.unwrap_or(now)))
            }
        }
    }

    /// Lists what moves the watermark; the plan it followed, where a sweep may come after.
    async fn pull_main(
        &mut self,
        listing: ListingId,
        now: UnixSeconds,
        others_well: bool,
    ) -> Result<Option<Plan>, Stop> {
        let state = self.delivery.head.listings.get(listing).cloned().unwrap_or_default();
        if state.not_offered_until.is_some_and(|until| now < until) {
            self.delivery.report.not_offered.push(listing);
            return Ok(None);
        }
        self.cut = state.cut.unwrap_or(self.policy.first_window);
        let plan = window::plan(&state, self.delivery.head.floor, self.policy, now);
        let Some(main) = plan.main else { return Ok(None) };
        self.lost = plan.lost;
        match self.pull_span(listing, main, Mark::Watermark { now, sweeps: &plan.with_main }).await? {
            // The watermark waits for a window that failed, and with it the main span's beginning; what lies before
            // does not.
            Spanned::Whole | Spanned::Troubled => Ok(Some(plan)),
            Spanned::Held => {
                self.left_over = true;
                Ok(Some(plan))
            }
            Spanned::NotYet => {
                self.left_over = true;
                Ok(None)
            }
            Spanned::NotOffered => {
                self.delivery.report.not_offered.push(listing);
                // Where another one fails too, it may be the vendor's word to everybody.
                if others_well {
                    self.delivery.changes.not_offered(listing, self.seen(now) + ASK_AGAIN_AFTER);
                }
                Ok(None)
            }
        }
    }

    /// A recording was started: remembered before anything else, for vendors count starts. With it goes
    /// what else was learnt, and so the lines first that this stands for.
    pub(crate) async fn started(&mut self, at: UnixSeconds) -> Result<(), Stop> {
        self.delivery.changes.started(at);
        self.finish().await.map_err(Stop::Delivery)
    }

    /// A trouble that does not stop the stream: the first one stands in its report.
    pub(crate) fn say(&mut self, error: &PortError) {
        let failure = Failure::new(&self.stream.name(), error);
        self.delivery.report.failure.get_or_insert(failure);
    }

    /// Looks further back, where a sweep is due.
    async fn sweep(&mut self, listing: ListingId, plan: Plan, now: UnixSeconds) -> Result<(), Stop> {
        let Some(sweep) = plan.sweep else { return Ok(()) };
        let began = plan.began.unwrap_or_else(|| self.seen_since(now));
        let reach = plan.sweeps.iter().copied().max();
        match self.pull_span(listing, sweep, Mark::Sweep { began, reach }).await? {
            // What lies after it was listed just before, or will be before the watermark moves.
            Spanned::Whole => plan.sweeps.iter().for_each(|reach| self.delivery.changes.swept(listing, *reach, began)),
            Spanned::Held | Spanned::NotYet => self.left_over = true,
            Spanned::Troubled | Spanned::NotOffered => {}
        }
        Ok(())
    }

    /// Our time, but never the vendor's future: what a listing shows, it shows as of the vendor's now.
    pub(crate) fn seen(&self, at: UnixSeconds) -> UnixSeconds {
        self.vendor_now.map_or(at, |vendor_now| at.min(vendor_now))
    }

    /// Our time, but no later than the vendor's when this tick first heard of it: all windows were listed since.
    pub(crate) fn seen_since(&self, at: UnixSeconds) -> UnixSeconds {
        self.vendor_began.map_or(at, |vendor_began| at.min(vendor_began))
    }

    /// An answer told the vendor's time.
    pub(crate) fn tell_time(&mut self, vendor_now: Option<UnixSeconds>) {
        self.vendor_now = vendor_now.or(self.vendor_now);
        self.vendor_began = self.vendor_began.or(vendor_now);
    }

    /// What every line of the stream has, now.
    pub(crate) fn context(&self) -> LineContext<'a> {
        LineContext {
            source_id: self.stream.source.as_str(),
            source_label: &self.stream.label,
            parse_time: self.tick.clock.now(),
        }
    }

    /// Takes one event: a new one goes into the batch in hand. The answer is which event it is.
    pub(crate) async fn take(&mut self, raw: &[u8]) -> Result<RowId, PortError> {
        self.delivery.report.events += 1;
        let context = self.context();
        let batch = &mut self.delivery.batch;
        let outcome = self.normalizer.normalize_noting(raw, &context, &mut batch.lines, &mut batch.names);
        let row_id = outcome.as_ref().map_or_else(|rejection| rejection.row_id, |line| line.row_id);
        if self.delivery.has(&row_id).await? {
            self.delivery.batch.drop_unfinished_line();
            self.delivery.report.duplicates += 1;
            return Ok(row_id);
        }
        match outcome {
            Ok(line) => self.delivery.batch.keep_line(line),
            Err(rejection) => self.delivery.batch.keep_rejected(Rejected { rejection, raw: raw.to_vec() }),
        }
        self.deliver_if_full().await?;
        Ok(row_id)
    }

    pub(crate) async fn deliver_if_full(&mut self) -> Result<(), PortError> {
        if self.delivery.batch.is_full(&self.tick.settings.batch) { self.delivery.deliver().await } else { Ok(()) }
    }

    /// Until what is in hand must be committed.
    pub(crate) fn time_left(&self) -> Duration {
        until(self.tick.clock.now(), self.tick.deadline).saturating_sub(COMMIT_RESERVE)
    }

    /// Waits for `work`, but not past the moment at which what is in hand must be committed.
    pub(crate) async fn before_cutoff<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let left = self.time_left();
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
pub(crate) fn until(now: Timestamp, deadline: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(now)).unwrap_or(Duration::ZERO)
}
