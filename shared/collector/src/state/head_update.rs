//! The update that a tick will make to the head with its next write.

use std::collections::BTreeMap;

use crate::base::head::{Head, ListingState, NotOffered, SweepProgress};
use crate::base::report::Gap;
use crate::base::stream::ListingId;
use crate::base::time::UnixSeconds;
use crate::plan::pending::{MAX_PENDING_BYTES, PendingChange};

/// Minimum time between two writes of an idle stream's head, in seconds.
const IDLE_WRITE_INTERVAL_SECONDS: UnixSeconds = 3_600;

/// The update that a tick will make to the head with its next write. It can be applied to a head that another tick has
/// changed meanwhile, because watermarks and sweeps only rise, and spans and blobs are only added to or removed from
/// the pending work.
#[derive(Debug, Default)]
pub(crate) struct HeadUpdate {
    listings: BTreeMap<ListingId, ListingUpdate>,
    last_start: Option<UnixSeconds>,
    /// Gaps that are reported once the head is written with a watermark that has passed them.
    pub(crate) unreported_gaps: Vec<Gap>,
    /// `true` if the tick ends before everything is listed. Then even small progress is written, so that the next tick
    /// continues from there.
    pub(crate) more_to_list: bool,
}

#[derive(Debug, Default)]
struct ListingUpdate {
    watermark: Option<UnixSeconds>,
    swept: BTreeMap<u32, UnixSeconds>,
    sweep_progress: Option<SweepProgress>,
    window_seconds: Option<UnixSeconds>,
    probe_seconds: Option<Option<UnixSeconds>>,
    refusals: Option<RefusalCounts>,
    pending: Vec<PendingChange>,
}

/// The numbers of ticks in a row in which a listing was refused, by kind of refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RefusalCounts {
    /// The count of ticks in which the vendor said that it does not offer the listing; `None` if the last tick had
    /// another outcome.
    pub(crate) not_offered: Option<NotOffered>,
    /// The number of ticks in which the listing failed with
    /// [`Recovery::PersonIfPersistent`](crate::Recovery::PersonIfPersistent).
    pub(crate) persistent: u32,
}

impl HeadUpdate {
    fn listing_update(&mut self, listing: ListingId) -> &mut ListingUpdate {
        self.listings.entry(listing).or_default()
    }

    /// Raises the listing's watermark to `to`. Everything that the listing showed before it must be pending, delivered,
    /// or part of the commit that writes this update.
    pub(crate) fn raise_watermark(&mut self, listing: ListingId, to: UnixSeconds) {
        let watermark = &mut self.listing_update(listing).watermark;
        *watermark = Some(watermark.map_or(to, |before| before.max(to)));
    }

    /// Records that a sweep of this `reach`, in seconds, was done at the time `at`. Events older than `at` less the
    /// `reach` need no further sweep.
    pub(crate) fn record_sweep(&mut self, listing: ListingId, reach: u32, at: UnixSeconds) {
        let swept = self.listing_update(listing).swept.entry(reach).or_insert(at);
        *swept = (*swept).max(at);
    }

    /// Records the progress of a sweep that is not finished.
    pub(crate) fn record_sweep_progress(&mut self, listing: ListingId, progress: SweepProgress) {
        self.listing_update(listing).sweep_progress = Some(progress);
    }

    /// Sets the length of the listing's next window, in seconds.
    pub(crate) fn set_window_seconds(&mut self, listing: ListingId, seconds: UnixSeconds) {
        self.listing_update(listing).window_seconds = Some(seconds);
    }

    /// Makes the next tick begin with a window of this length, in seconds, at a random place, because this tick could
    /// list nothing. With `None` the next tick begins with the oldest window.
    pub(crate) fn set_probe_seconds(&mut self, listing: ListingId, seconds: Option<UnixSeconds>) {
        self.listing_update(listing).probe_seconds = Some(seconds);
    }

    /// Sets the numbers of ticks in a row in which the listing was refused, this one included.
    pub(crate) fn set_refusal_counts(&mut self, listing: ListingId, counts: RefusalCounts) {
        self.listing_update(listing).refusals = Some(counts);
    }

    /// Returns the refusal counts of the listing with this update applied.
    pub(crate) fn refusal_counts(&self, head: &Head, listing: ListingId) -> RefusalCounts {
        let stored =
            |state: &ListingState| RefusalCounts { not_offered: state.not_offered, persistent: state.refusals };
        let updated = self.listings.get(listing).and_then(|update| update.refusals);
        updated.or_else(|| head.listings.get(listing).map(stored)).unwrap_or_default()
    }

    /// Adds a change of the listing's pending work. Changes apply in the order in which they were added.
    pub(crate) fn change_pending(&mut self, listing: ListingId, change: PendingChange) {
        self.listing_update(listing).pending.push(change);
    }

    /// Returns `true` if this update makes the blob pending.
    pub(crate) fn has_pending_blob(&self, listing: ListingId, id: &str) -> bool {
        let changes = self.listings.get(listing).map(|update| update.pending.as_slice()).unwrap_or_default();
        let is_it = |change: &PendingChange| matches!(change, PendingChange::Blob(blob) | PendingChange::KeepBlob(blob) if blob.id == id);
        changes.iter().any(is_it)
    }

    /// Records that the vendor's recording of the stream was started at this time.
    pub(crate) fn record_start(&mut self, at: UnixSeconds) {
        self.last_start = Some(at);
    }

    /// Returns the listing's state with this update applied.
    pub(crate) fn updated_listing(&self, head: &Head, listing: ListingId) -> ListingState {
        let mut state = head.listings.get(listing).cloned().unwrap_or_else(|| new_listing(head.floor));
        if let Some(update) = self.listings.get(listing) {
            update.apply(&mut state, pending_limit(head));
        }
        state
    }

    /// Applies the update to the head.
    pub(crate) fn apply(&self, head: &mut Head) {
        let (floor, limit) = (head.floor, pending_limit(head));
        for (listing, update) in &self.listings {
            let state = head.listings.entry((*listing).to_owned()).or_insert_with(|| new_listing(floor));
            update.apply(state, limit);
        }
        head.times.last_start = self.last_start.max(head.times.last_start);
    }

    /// Returns `true` if the update must be written at `now` even if no batch is committed. An idle stream is written
    /// only once per hour.
    pub(crate) fn is_worth_a_write(&self, head: &Head, now: UnixSeconds) -> bool {
        let mut next = head.clone();
        self.apply(&mut next);
        let watermark =
            |head: &Head, listing: &str| head.listings.get(listing).map_or(head.floor, |state| state.watermark);
        let raised = self.listings.keys().map(|listing| watermark(&next, listing) - watermark(head, listing));
        let raised = raised.max().unwrap_or(0);
        let is_due = raised >= IDLE_WRITE_INTERVAL_SECONDS
            || (raised > 0 && (self.more_to_list || now - head.times.written_at >= IDLE_WRITE_INTERVAL_SECONDS));
        // Only a raised watermark may wait for a later write; any other change is written at once.
        for (listing, state) in &mut next.listings {
            state.watermark = watermark(head, listing);
        }
        is_due || differs_besides_watermarks(&next, head)
    }
}

/// Returns `true` if the two heads differ in anything except their watermarks, which the caller has made equal. A new
/// listing without any progress is no difference.
fn differs_besides_watermarks(next: &Head, head: &Head) -> bool {
    let before = |listing: &str| head.listings.get(listing).cloned().unwrap_or_else(|| new_listing(head.floor));
    next.times != head.times || next.listings.iter().any(|(listing, state)| before(listing) != *state)
}

impl ListingUpdate {
    fn apply(&self, state: &mut ListingState, max_pending_bytes: usize) {
        if let Some(to) = self.watermark {
            state.watermark = state.watermark.max(to);
        }
        if let Some(RefusalCounts { not_offered, persistent }) = self.refusals {
            (state.not_offered, state.refusals) = (not_offered, persistent);
        } else if self.watermark.is_some() {
            // The listing answered, so the vendor offers it.
            (state.not_offered, state.refusals) = (None, 0);
        }
        state.sweep_progress = self.sweep_progress.or(state.sweep_progress);
        for (reach, at) in &self.swept {
            let swept = state.swept.entry(*reach).or_insert(*at);
            *swept = (*swept).max(*at);
            // The finished sweep also covers an unfinished sweep that began before it, so that progress is removed.
            state.sweep_progress = state.sweep_progress.filter(|progress| progress.began > *at);
        }
        state.window_seconds = self.window_seconds.or(state.window_seconds);
        state.probe_seconds = self.probe_seconds.unwrap_or(state.probe_seconds);
        if !self.pending.is_empty() {
            self.pending.iter().for_each(|change| state.pending.apply(change));
            state.pending.enforce_limits(max_pending_bytes);
        }
    }
}

/// Returns the state of a new listing. It begins at the stream's floor, even if it is added later.
fn new_listing(floor: UnixSeconds) -> ListingState {
    ListingState { watermark: floor, ..ListingState::default() }
}

/// Returns the maximum number of bytes of pending work per listing. The listings of a stream share the stream's limit.
fn pending_limit(head: &Head) -> usize {
    MAX_PENDING_BYTES / head.listings.len().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::head::{HeadTimes, LastCommit};
    use crate::base::pending::{PendingSpan, Schedule};
    use crate::base::time::Window;

    fn head() -> Head {
        Head {
            version: 1,
            id: String::new(),
            seq: 0,
            intent: None,
            restoring: None,
            last_commit: LastCommit::default(),
            floor: 0,
            listings: BTreeMap::new(),
            times: HeadTimes::default(),
        }
    }

    fn span(from: i64, to: i64) -> PendingSpan {
        let schedule = Schedule { first_failure: 1, last_attempt: 1, attempts: 1, next_attempt: 2, refusals: 0 };
        PendingSpan::new(Window { from, to }, schedule, None, String::new())
    }

    #[test]
    fn ok_an_idle_tick_is_not_written_and_progress_in_a_backlog_is() {
        let head = head();
        let mut update = HeadUpdate::default();
        update.raise_watermark("all", 1);
        assert!(!update.is_worth_a_write(&head, IDLE_WRITE_INTERVAL_SECONDS - 1));
        assert!(update.is_worth_a_write(&head, IDLE_WRITE_INTERVAL_SECONDS));
        // If there is more to list, any progress is written. Otherwise the next tick would begin at the same place.
        update.more_to_list = true;
        assert!(update.is_worth_a_write(&head, 1));
        assert!(
            !HeadUpdate { more_to_list: true, ..HeadUpdate::default() }
                .is_worth_a_write(&head, IDLE_WRITE_INTERVAL_SECONDS)
        );
    }

    #[test]
    fn ok_pending_work_is_written_at_once_and_with_the_watermark() {
        let mut update = HeadUpdate::default();
        update.change_pending("all", PendingChange::Span(span(10, 20)));
        update.raise_watermark("all", 20);
        assert!(update.is_worth_a_write(&head(), 1));
        let mut next = head();
        update.apply(&mut next);
        let state = &next.listings["all"];
        assert_eq!((state.watermark, state.pending.spans.len()), (20, 1));
        assert_eq!(update.updated_listing(&head(), "all"), *state);
        // Once it is written, the same update is not worth another write.
        let mut again = HeadUpdate::default();
        again.change_pending("all", PendingChange::Span(span(10, 20)));
        assert!(!again.is_worth_a_write(&next, 1));
    }

    #[test]
    fn ok_updates_of_two_ticks_are_combined() {
        let mut head = head();
        let (mut one, mut two) = (HeadUpdate::default(), HeadUpdate::default());
        one.change_pending("all", PendingChange::Span(span(10, 20)));
        one.raise_watermark("all", 30);
        two.change_pending("all", PendingChange::SpanDone(Window { from: 0, to: 12 }));
        two.raise_watermark("all", 12);
        one.apply(&mut head);
        two.apply(&mut head);
        let state = &head.listings["all"];
        assert_eq!((state.watermark, state.pending.spans[0].from, state.pending.spans[0].to), (30, 12, 20));
    }

    #[test]
    fn ok_a_listing_that_answers_is_offered() {
        let mut head = head();
        let mut update = HeadUpdate::default();
        let not_offered = Some(NotOffered { refusals: 1, until: Some(99) });
        update.set_refusal_counts("all", RefusalCounts { not_offered, persistent: 2 });
        assert!(update.is_worth_a_write(&head, 0));
        update.apply(&mut head);
        assert!(head.listings["all"].is_suspended(98) && head.listings["all"].refusals == 2);
        let mut update = HeadUpdate::default();
        update.raise_watermark("all", 5);
        assert!(update.is_worth_a_write(&head, 0));
        update.apply(&mut head);
        assert!(!head.listings["all"].is_suspended(98) && head.listings["all"].refusals == 0);
    }

    #[test]
    fn ok_a_finished_sweep_clears_its_progress() {
        let mut head = head();
        let mut update = HeadUpdate::default();
        update.record_sweep_progress("all", SweepProgress { reach: 9, began: 50, at: 7 });
        update.apply(&mut head);
        let mut update = HeadUpdate::default();
        update.record_sweep("all", 9, 50);
        update.apply(&mut head);
        assert_eq!((head.listings["all"].sweep_progress, head.listings["all"].swept[&9]), (None, 50));
    }
}
