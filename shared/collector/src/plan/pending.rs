//! The operations on pending work: add, resolve and reschedule spans and blobs, and limit their number and size.
//!
//! A tick collects [`PendingChange`]s and applies them to the head that it writes. Another tick may have changed that
//! head meanwhile, so each change adds or removes only its own span or blob. A span that one tick adds is therefore
//! removed only by a tick that has listed it.

use crate::base::error::PortError;
use crate::base::pending::{PendingBlob, PendingSpan, PendingWork, Schedule};
use crate::base::time::{UnixSeconds, Window};

/// Maximum number of pending spans of one listing.
const MAX_SPANS: usize = 64;
/// Maximum number of pending blobs of one listing.
const MAX_BLOBS: usize = 500;
/// Maximum number of bytes of one stream's pending work. It keeps the head far below the 400 kB of a DynamoDB item.
pub(crate) const MAX_PENDING_BYTES: usize = 100_000;
/// Approximate number of stored bytes of a span or blob without its strings.
const ITEM_OVERHEAD_BYTES: usize = 150;
/// Maximum length of a stored cursor, in bytes. A span with a longer one is listed from its start.
const MAX_CURSOR_BYTES: usize = 2_000;
/// Maximum length of a stored reason, in characters.
const MAX_REASON_CHARS: usize = 160;
/// The longest wait between two attempts, in seconds.
const MAX_BACKOFF_SECONDS: UnixSeconds = 3_600;
/// A blob that expires within this time, in seconds, is tried before all others.
const EXPIRES_SOON_SECONDS: UnixSeconds = 3_600;
/// A span in its second pass is ordered as if its last attempt had been this many seconds later, because most of its
/// events are delivered already.
const SECOND_PASS_DELAY_SECONDS: UnixSeconds = 900;
/// If more spans and blobs than this are pending, each tick tries one of them even if none is due. Many failures have
/// one common cause, and the end of that cause is noticed sooner this way.
const EXTRA_ATTEMPT_ABOVE: usize = 10;

/// One change of a listing's pending work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PendingChange {
    /// A span becomes pending, and replaces all pending spans inside it.
    Span(PendingSpan),
    /// A span was listed from its start, or given up. No span inside it is pending any more.
    SpanDone(Window),
    /// A span was listed from its cursor to its last page. It is resolved, unless it must be listed again from its
    /// start.
    RestDone(Window),
    /// A sweep has listed this window. Pending spans in the window that have a cursor must be listed again from their
    /// start.
    Swept(Window),
    /// A blob becomes pending, or failed again.
    Blob(PendingBlob),
    /// A blob stays pending although a span that contains it was listed. An earlier write may have stored the blob only
    /// as a part of that span, because there were too many pending blobs.
    KeepBlob(PendingBlob),
    /// A blob was consumed or given up.
    BlobDone(String),
    /// Work that had failed before has succeeded, so all other work may succeed, too. Everything whose last attempt was
    /// before `not_tried_since` becomes due.
    RetryAll {
        /// The time by our clock.
        now: UnixSeconds,
        /// The start of the tick, by our clock.
        not_tried_since: UnixSeconds,
    },
}

/// Returns the time of the next attempt at work that failed `attempts` times. The wait is one tick, then two, four and
/// so on, but at most an hour. It is shortened by half a tick, so that a tick that begins a little early does not miss
/// the attempt.
pub(crate) fn next_attempt(now: UnixSeconds, attempts: u32, tick_seconds: UnixSeconds) -> UnixSeconds {
    if attempts == 0 {
        return now;
    }
    let doubled = tick_seconds.saturating_mul(1_i64 << (attempts - 1).min(16));
    now + doubled.min(MAX_BACKOFF_SECONDS) - tick_seconds / 2
}

/// Returns the schedule after one more failure at `now`; `before` is the schedule so far.
pub(crate) fn schedule_after_failure(
    before: Option<Schedule>,
    now: UnixSeconds,
    tick_seconds: UnixSeconds,
) -> Schedule {
    let attempts = before.map_or(0, |before| before.attempts).saturating_add(1);
    let first_failure = before.map_or(now, |before| before.first_failure);
    let next_attempt = next_attempt(now, attempts, tick_seconds);
    Schedule { first_failure, last_attempt: now, attempts, next_attempt, refusals: 0 }
}

/// Returns the schedule after one more failure, with `error`, at `now`.
pub(crate) fn schedule_after_error(
    error: &PortError,
    before: Option<Schedule>,
    now: UnixSeconds,
    tick_seconds: UnixSeconds,
) -> Schedule {
    let refusals = error.refusals_after(before.map_or(0, |before| before.refusals));
    Schedule { refusals, ..schedule_after_failure(before, now, tick_seconds) }
}

/// Returns the schedule of work that did not fail but was left unfinished. The work is due at once.
pub(crate) fn unfinished_schedule(before: Option<Schedule>, now: UnixSeconds) -> Schedule {
    let before = before.unwrap_or(Schedule {
        first_failure: now,
        last_attempt: now,
        attempts: 0,
        next_attempt: now,
        refusals: 0,
    });
    Schedule { last_attempt: now, next_attempt: now, ..before }
}

/// Returns the spans in the order in which they are tried: the longest untried first, and spans in their second pass
/// later by [`SECOND_PASS_DELAY_SECONDS`]. Adjacent spans are joined, because their broken seconds are often adjacent
/// as well.
pub(crate) fn sort_and_join(mut spans: Vec<PendingSpan>) -> Vec<PendingSpan> {
    spans.sort_by_key(|span| span.from);
    let mut joined: Vec<PendingSpan> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.to == span.from && last.can_join(&span) => {
                let (a, b) = (last.schedule, span.schedule);
                last.to = span.to;
                last.schedule = Schedule {
                    first_failure: a.first_failure.min(b.first_failure),
                    last_attempt: a.last_attempt.min(b.last_attempt),
                    attempts: a.attempts.min(b.attempts),
                    next_attempt: a.next_attempt.min(b.next_attempt),
                    refusals: a.refusals.min(b.refusals),
                };
            }
            _ => joined.push(span),
        }
    }
    let delay = |span: &PendingSpan| if span.is_second_pass { SECOND_PASS_DELAY_SECONDS } else { 0 };
    joined.sort_by_key(|span| (span.schedule.last_attempt + delay(span), span.from));
    joined
}

/// Returns the first [`MAX_REASON_CHARS`] characters of the reason.
pub(crate) fn short_reason(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}

impl PendingSpan {
    /// Returns the change that records that `window`, which is the span or a part of it, was listed to its last page.
    pub(crate) fn change_after_listing(&self, window: Window) -> PendingChange {
        let is_rest = self.cursor.is_some() && window == self.window();
        if is_rest { PendingChange::RestDone(window) } else { PendingChange::SpanDone(window) }
    }

    /// Returns `true` if neither span has a cursor, and neither or both are in their second pass.
    fn can_join(&self, other: &Self) -> bool {
        self.cursor.is_none() && other.cursor.is_none() && self.is_second_pass == other.is_second_pass
    }

    /// Drops the cursor and the pass, so that the span is listed from its start as if for the first time.
    fn restart(&mut self) {
        (self.cursor, self.list_again, self.is_second_pass) = (None, false, false);
    }
}

impl PendingWork {
    /// Returns `true` if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.blobs.is_empty()
    }

    /// Returns the pending spans as windows.
    pub(crate) fn windows(&self) -> impl Iterator<Item = Window> {
        self.spans.iter().map(PendingSpan::window)
    }

    /// Returns the pending blob with this id.
    pub(crate) fn blob(&self, id: &str) -> Option<&PendingBlob> {
        self.blobs.iter().find(|blob| blob.id == id)
    }

    /// Returns the time of the first failure of the oldest pending span or blob, and the reason for its last failure.
    pub(crate) fn oldest(&self) -> Option<(UnixSeconds, &str)> {
        let spans = self.spans.iter().map(|span| (span.schedule.first_failure, span.reason.as_str()));
        let blobs = self.blobs.iter().map(|blob| (blob.schedule.first_failure, blob.reason.as_str()));
        spans.chain(blobs).min_by_key(|(first_failure, _)| *first_failure)
    }

    /// Returns the work to try at `now`: everything that is due. If nothing is due, but more than
    /// [`EXTRA_ATTEMPT_ABOVE`] spans and blobs are pending, returns the one that becomes due next. Blobs that expire
    /// soon come first, followed by those that were untried for longest.
    pub(crate) fn due(&self, now: UnixSeconds) -> Self {
        let is_due = |schedule: &Schedule| schedule.next_attempt <= now;
        let spans: Vec<_> = self.spans.iter().filter(|span| is_due(&span.schedule)).cloned().collect();
        let mut blobs: Vec<_> = self.blobs.iter().filter(|blob| is_due(&blob.schedule)).cloned().collect();
        blobs.sort_by_key(|blob| (blob.expires > now + EXPIRES_SOON_SECONDS, blob.schedule.last_attempt));
        if !spans.is_empty() || !blobs.is_empty() || self.spans.len() + self.blobs.len() <= EXTRA_ATTEMPT_ABOVE {
            return Self { spans, blobs };
        }
        let span = self.spans.iter().min_by_key(|span| span.schedule.next_attempt);
        let blob = self.blobs.iter().min_by_key(|blob| blob.schedule.next_attempt);
        let span_next = span.map_or(UnixSeconds::MAX, |span| span.schedule.next_attempt);
        let is_blob_next = blob.is_some_and(|blob| blob.schedule.next_attempt <= span_next);
        Self {
            spans: span.filter(|_| !is_blob_next).cloned().into_iter().collect(),
            blobs: blob.filter(|_| is_blob_next).cloned().into_iter().collect(),
        }
    }

    /// Returns the parts of pending spans before `oldest`, which the vendor no longer keeps.
    pub(crate) fn expired(&self, oldest: UnixSeconds) -> Vec<Window> {
        let expired = self.windows().filter(|window| window.from < oldest);
        expired.map(|window| Window { to: window.to.min(oldest), ..window }).collect()
    }

    /// Applies a change.
    pub(crate) fn apply(&mut self, change: &PendingChange) {
        match change {
            PendingChange::Span(span) => self.add_span(span.clone()),
            PendingChange::SpanDone(window) => self.subtract(*window),
            PendingChange::RestDone(window) => self.resolve_rest(*window),
            PendingChange::Swept(window) => {
                let spans_with_cursor = self.spans.iter_mut().filter(|span| span.cursor.is_some());
                spans_with_cursor
                    .filter(|span| window.overlaps(&span.window()))
                    .for_each(|span| span.list_again = true);
            }
            PendingChange::Blob(blob) => self.add_blob(blob.clone()),
            PendingChange::KeepBlob(blob) if self.blob(&blob.id).is_some() => {}
            PendingChange::KeepBlob(blob) => self.add_blob(blob.clone()),
            PendingChange::BlobDone(id) => self.blobs.retain(|blob| blob.id != *id),
            PendingChange::RetryAll { now, not_tried_since } => {
                let spans = self.spans.iter_mut().map(|span| &mut span.schedule);
                let all = spans.chain(self.blobs.iter_mut().map(|blob| &mut blob.schedule));
                for schedule in all.filter(|schedule| schedule.last_attempt < *not_tried_since) {
                    schedule.next_attempt = schedule.next_attempt.min(*now);
                }
            }
        }
    }

    fn add_span(&mut self, mut span: PendingSpan) {
        let window = span.window();
        let overlapped = || self.spans.iter().filter(|other| other.window().overlaps(&window));
        let earliest = overlapped().map(|other| other.schedule.first_failure).min();
        span.schedule.first_failure = earliest.unwrap_or(i64::MAX).min(span.schedule.first_failure);
        span.cursor = span.cursor.filter(|cursor| cursor.len() <= MAX_CURSOR_BYTES);
        let is_swept = || overlapped().any(|other| other.list_again);
        span.list_again = span.cursor.is_some() && (!span.is_second_pass || is_swept());
        span.reason = short_reason(&span.reason);
        self.subtract(window);
        self.spans.push(span);
        self.spans.sort_by_key(|span| span.from);
    }

    /// Removes the window from the spans. What remains of a span after a part was removed loses its cursor, because a
    /// cursor is valid for one window only.
    fn subtract(&mut self, window: Window) {
        let without_window = |span: PendingSpan| -> Vec<PendingSpan> {
            if !span.window().overlaps(&window) {
                return vec![span];
            }
            let part = |Window { from, to }| {
                let mut part = PendingSpan { from, to, ..span.clone() };
                part.restart();
                part
            };
            span.window().without(window).map(part).collect()
        };
        self.spans = std::mem::take(&mut self.spans).into_iter().flat_map(without_window).collect();
    }

    /// Resolves the window, which was listed from a cursor to its last page. Spans in the window that must be listed
    /// again stay pending, become due, and begin at their start.
    fn resolve_rest(&mut self, window: Window) {
        let is_wanted = |span: &&PendingSpan| span.list_again && span.window().overlaps(&window);
        let again: Vec<PendingSpan> = self.spans.iter().filter(is_wanted).cloned().collect();
        self.subtract(window);
        for span in again {
            let schedule =
                unfinished_schedule(Some(Schedule { attempts: 0, ..span.schedule }), span.schedule.last_attempt);
            self.add_span(PendingSpan { schedule, cursor: None, is_second_pass: true, ..span });
        }
    }

    fn add_blob(&mut self, mut blob: PendingBlob) {
        if let Some(known) = self.blob(&blob.id) {
            blob.schedule.first_failure = blob.schedule.first_failure.min(known.schedule.first_failure);
        }
        blob.reason = short_reason(&blob.reason);
        self.blobs.retain(|known| known.id != blob.id);
        self.blobs.push(blob);
        self.blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    }

    /// Reduces the work to its maximum numbers and to `max_bytes`, without losing any. The newest blobs become spans,
    /// neighbouring spans are joined, and cursors are dropped. As a result more is listed again, which is harmless.
    pub(crate) fn enforce_limits(&mut self, max_bytes: usize) {
        while self.blobs.len() > MAX_BLOBS || (self.bytes() > max_bytes && !self.blobs.is_empty()) {
            let Some(blob) = self.blobs.pop() else { break };
            self.add_blob_as_span(&blob);
            self.merge_spans(MAX_SPANS);
        }
        self.merge_spans(MAX_SPANS);
        if self.bytes() > max_bytes {
            self.spans.iter_mut().for_each(PendingSpan::restart);
        }
    }

    fn add_blob_as_span(&mut self, blob: &PendingBlob) {
        let (from, to) = (blob.created, blob.created + 1);
        if !self.windows().any(|window| window.from <= from && to <= window.to) {
            self.add_span(PendingSpan::new(Window { from, to }, blob.schedule, None, blob.reason.clone()));
        }
    }

    /// Joins the two spans that lie closest together until there are at most `max_spans`.
    fn merge_spans(&mut self, max_spans: usize) {
        while self.spans.len() > max_spans {
            let gaps = self.spans.windows(2).map(|pair| pair[1].from - pair[0].to);
            let Some((at, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) else { return };
            let later = self.spans.remove(at + 1);
            let earlier = &mut self.spans[at];
            let (a, b) = (earlier.schedule, later.schedule);
            earlier.to = later.to;
            earlier.restart();
            earlier.schedule = Schedule {
                first_failure: a.first_failure.min(b.first_failure),
                last_attempt: a.last_attempt.max(b.last_attempt),
                attempts: a.attempts.max(b.attempts),
                next_attempt: a.next_attempt.min(b.next_attempt),
                // Joined spans need a person no sooner than each of the two did.
                refusals: a.refusals.min(b.refusals),
            };
        }
    }

    /// Returns the approximate stored size in bytes.
    fn bytes(&self) -> usize {
        let span =
            |span: &PendingSpan| span.reason.len() + span.cursor.as_ref().map_or(0, String::len) + ITEM_OVERHEAD_BYTES;
        let blob = |blob: &PendingBlob| blob.reason.len() + blob.id.len() + blob.uri.len() + ITEM_OVERHEAD_BYTES;
        self.spans.iter().map(span).chain(self.blobs.iter().map(blob)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> PendingSpan {
        let schedule = Schedule { first_failure: 50, last_attempt: 50, attempts: 1, next_attempt: 100, refusals: 0 };
        PendingSpan::new(Window { from, to }, schedule, None, "500".to_owned())
    }

    fn blob(number: usize, created: i64) -> PendingBlob {
        let schedule = Schedule { first_failure: 50, last_attempt: 50, attempts: 1, next_attempt: 100, refusals: 0 };
        let (id, uri) = (format!("blob-{number}"), "u".to_owned());
        PendingBlob { id, uri, created, expires: 0, schedule, missing_since: None, reason: String::new() }
    }

    fn work(changes: &[PendingChange]) -> PendingWork {
        let mut work = PendingWork::default();
        changes.iter().for_each(|change| work.apply(change));
        work
    }

    fn windows(work: &PendingWork) -> Vec<(i64, i64)> {
        work.windows().map(|window| (window.from, window.to)).collect()
    }

    use PendingChange::{Blob, BlobDone, KeepBlob, RestDone, RetryAll, Span, SpanDone, Swept};

    #[test]
    fn ok_adding_is_a_union_and_resolving_a_subtraction() {
        let mut pending = work(&[Span(span(10, 20)), Span(span(30, 40)), Span(span(15, 32))]);
        assert_eq!(windows(&pending), [(10, 15), (15, 32), (32, 40)]);
        pending.apply(&SpanDone(Window { from: 12, to: 35 }));
        assert_eq!(windows(&pending), [(10, 12), (35, 40)]);
        pending.apply(&SpanDone(Window { from: 0, to: 99 }));
        assert!(pending.is_empty());
    }

    #[test]
    fn ok_a_tick_only_removes_pending_time_that_it_has_listed() {
        // One tick found [10, 20) broken. Another tick, which did not know that, listed [0, 15).
        let (add, done) = (Span(span(10, 20)), SpanDone(Window { from: 0, to: 15 }));
        assert_eq!(windows(&work(&[add.clone(), done.clone()])), [(15, 20)]);
        // If the changes are applied in the other order, more is listed again than needed, but nothing is forgotten.
        assert_eq!(windows(&work(&[done, add])), [(10, 20)]);
    }

    #[test]
    fn ok_a_span_that_fails_again_keeps_its_first_failure() {
        let later = PendingSpan { schedule: schedule_after_failure(None, 500, 60), ..span(10, 20) };
        let pending = work(&[Span(span(10, 20)), Span(later)]);
        assert_eq!((pending.spans.len(), pending.spans[0].schedule.first_failure), (1, 50));
    }

    #[test]
    fn ok_a_span_that_lost_a_part_has_no_cursor() {
        let with_cursor = PendingSpan { cursor: Some("c".to_owned()), ..span(10, 20) };
        let pending = work(&[Span(with_cursor.clone()), SpanDone(Window { from: 30, to: 40 })]);
        assert_eq!(pending.spans[0].cursor.as_deref(), Some("c"));
        let pending = work(&[Span(with_cursor.clone()), SpanDone(Window { from: 10, to: 11 })]);
        assert_eq!(pending.spans[0].cursor, None);
        let too_long = PendingSpan { cursor: Some("c".repeat(MAX_CURSOR_BYTES + 1)), ..with_cursor };
        assert_eq!(work(&[Span(too_long)]).spans[0].cursor, None);
    }

    #[test]
    fn ok_backoff_doubles_from_one_tick_to_an_hour() {
        let waits = [0, 1, 2, 3, 4, 5, 9, 40].map(|attempts| next_attempt(1_000, attempts, 300) - 1_000);
        assert_eq!(waits, [0, 150, 450, 1_050, 2_250, 3_450, 3_450, 3_450]);
        let twice = schedule_after_failure(Some(schedule_after_failure(None, 0, 300)), 200, 300);
        assert_eq!((twice.attempts, twice.first_failure, twice.next_attempt), (2, 0, 650));
        assert_eq!(unfinished_schedule(Some(twice), 210), Schedule { last_attempt: 210, next_attempt: 210, ..twice });
    }

    #[test]
    fn ok_one_of_many_pending_items_is_tried_on_every_tick() {
        let changes: Vec<_> = (0..EXTRA_ATTEMPT_ABOVE).map(|number| Blob(blob(number, 5))).collect();
        let mut pending = work(&changes);
        assert!(pending.due(99).is_empty());
        // Only one is tried, though all have the same schedule.
        pending.apply(&Blob(blob(EXTRA_ATTEMPT_ABOVE, 7)));
        assert_eq!((pending.due(10).blobs.len(), pending.due(100).blobs.len()), (1, EXTRA_ATTEMPT_ABOVE + 1));
        let mut next = span(20, 30);
        next.schedule.next_attempt = 99;
        pending.apply(&Span(next));
        assert_eq!((pending.due(10).spans.len(), pending.due(10).blobs.len()), (1, 0));
        pending.apply(&RetryAll { now: 60, not_tried_since: 50 });
        assert_eq!(pending.due(60).blobs.len(), 0);
        pending.apply(&RetryAll { now: 60, not_tried_since: 51 });
        assert_eq!((pending.due(60).blobs.len(), pending.due(60).spans.len()), (EXTRA_ATTEMPT_ABOVE + 1, 1));
    }

    #[test]
    fn ok_due_blobs_that_expire_soon_come_first_then_those_with_the_oldest_attempt() {
        let blob = |number, last_attempt, expires| {
            let blob = blob(number, number as i64);
            PendingBlob { expires, schedule: Schedule { last_attempt, ..blob.schedule }, ..blob }
        };
        let pending = work(&[(1, 60, 9_999), (2, 50, 9_999), (3, 70, 3_700)].map(|(a, b, c)| Blob(blob(a, b, c))));
        let ids: Vec<_> = pending.due(100).blobs.into_iter().map(|blob| blob.id).collect();
        assert_eq!(ids, ["blob-3", "blob-2", "blob-1"]);
    }

    #[test]
    fn ok_adjacent_spans_are_joined_and_the_oldest_attempt_comes_first() {
        let at = |last_attempt, attempts, from, to| PendingSpan {
            schedule: Schedule {
                first_failure: last_attempt - 5,
                last_attempt,
                attempts,
                next_attempt: 100,
                refusals: 0,
            },
            ..span(from, to)
        };
        let with_cursor = PendingSpan { cursor: Some("c".to_owned()), ..at(60, 0, 20, 21) };
        let spans = vec![at(70, 3, 0, 10), at(90, 1, 10, 20), with_cursor.clone(), at(65, 1, 30, 40)];
        let together = at(70, 1, 0, 20);
        assert_eq!(sort_and_join(spans), [with_cursor, at(65, 1, 30, 40), together.clone()]);
        let second_pass = PendingSpan { is_second_pass: true, ..at(50, 0, 20, 30) };
        assert_eq!(sort_and_join(vec![together.clone(), second_pass.clone()]), [together, second_pass.clone()]);
        let much_later = at(51 + SECOND_PASS_DELAY_SECONDS, 1, 0, 20);
        assert_eq!(sort_and_join(vec![much_later.clone(), second_pass.clone()]), [second_pass, much_later]);
    }

    #[test]
    fn ok_pending_blobs_are_identified_by_their_id() {
        let mut again = blob(1, 5);
        again.schedule = Schedule { first_failure: 70, last_attempt: 70, attempts: 2, next_attempt: 130, refusals: 0 };
        let pending = work(&[Blob(blob(2, 3)), Blob(blob(1, 5)), Blob(again)]);
        let ids: Vec<_> = pending.blobs.iter().map(|blob| blob.id.as_str()).collect();
        assert_eq!((ids, pending.blobs[1].schedule.attempts), (vec!["blob-2", "blob-1"], 2));
        assert_eq!(pending.oldest(), Some((50, "")));
        assert!(work(&[Blob(blob(1, 5)), BlobDone("blob-1".to_owned())]).is_empty());
    }

    #[test]
    fn ok_nothing_is_forgotten_beyond_the_limits() {
        let changes: Vec<_> = (0..MAX_BLOBS + 200).map(|number| Blob(blob(number, number as i64 * 10))).collect();
        let mut pending = work(&changes);
        pending.enforce_limits(MAX_PENDING_BYTES);
        assert!(pending.blobs.len() <= MAX_BLOBS && pending.spans.len() <= MAX_SPANS);
        assert!(pending.bytes() <= MAX_PENDING_BYTES);
        for number in 0..MAX_BLOBS + 200 {
            let second = number as i64 * 10;
            let as_blob = pending.blobs.iter().any(|blob| blob.created == second);
            let in_span = pending.windows().any(|window| (window.from..window.to).contains(&second));
            assert!(as_blob || in_span, "{number}");
        }
    }

    #[test]
    fn ok_a_blob_stored_as_a_span_stays_pending_when_its_span_is_listed() {
        let blobs: Vec<_> = (0..=MAX_BLOBS).map(|number| blob(number, number as i64)).collect();
        let last = blobs.last().unwrap().clone();
        let mut pending = work(&blobs.into_iter().map(Blob).collect::<Vec<_>>());
        pending.enforce_limits(usize::MAX);
        let whole = Window { from: 0, to: MAX_BLOBS as i64 + 1 };
        assert_eq!((pending.blob(&last.id), windows(&pending)), (None, vec![(whole.to - 1, whole.to)]));
        for change in [SpanDone(whole), KeepBlob(last), KeepBlob(blob(0, 0))] {
            pending.apply(&change);
        }
        pending.enforce_limits(usize::MAX);
        assert_eq!((pending.blobs.len(), windows(&pending)), (MAX_BLOBS, vec![(whole.to - 1, whole.to)]));
    }

    #[test]
    fn ok_a_blob_that_is_kept_keeps_its_schedule() {
        let mut later = blob(1, 5);
        later.schedule.next_attempt = 999;
        assert_eq!(work(&[Blob(later.clone()), KeepBlob(blob(1, 5))]).blobs, [later]);
    }

    #[test]
    fn ok_the_closest_spans_are_merged_first() {
        let mut pending = PendingWork::default();
        for number in 0..MAX_SPANS as i64 + 1 {
            let at = number * 100 + if number == 7 { -60 } else { 0 };
            pending.apply(&Span(span(at, at + 10)));
        }
        pending.enforce_limits(MAX_PENDING_BYTES);
        assert_eq!(pending.spans.len(), MAX_SPANS);
        assert!(windows(&pending).contains(&(600, 650)));
    }

    #[test]
    fn ok_cursors_are_dropped_when_pending_work_is_too_large() {
        let mut pending = PendingWork::default();
        for number in 0..MAX_SPANS as i64 {
            let cursor = Some("c".repeat(MAX_CURSOR_BYTES));
            pending.apply(&Span(PendingSpan { cursor, ..span(number * 100, number * 100 + 1) }));
        }
        pending.enforce_limits(MAX_PENDING_BYTES);
        assert!(pending.spans.len() == MAX_SPANS && pending.bytes() <= MAX_PENDING_BYTES);
    }

    #[test]
    fn ok_expired_parts_of_pending_spans_are_returned() {
        let pending = work(&[Span(span(10, 20)), Span(span(30, 40)), Span(span(50, 60))]);
        assert_eq!(pending.expired(35), [Window { from: 10, to: 20 }, Window { from: 30, to: 35 }]);
    }

    fn spans_with_cursor(from: i64, to: i64) -> PendingSpan {
        PendingSpan { cursor: Some("c".to_owned()), ..span(from, to) }
    }

    /// Returns a span that has a cursor and is in its second pass.
    fn in_second_pass(from: i64, to: i64) -> PendingSpan {
        PendingSpan { is_second_pass: true, ..spans_with_cursor(from, to) }
    }

    /// Returns for each span `from`, `to`, and two flags: it has a cursor, and it is to be listed again.
    fn span_flags(work: &PendingWork) -> Vec<(i64, i64, bool, bool)> {
        work.spans.iter().map(|span| (span.from, span.to, span.cursor.is_some(), span.list_again)).collect()
    }

    const ALL: Window = Window { from: 0, to: 100 };
    const REST: Window = Window { from: 10, to: 20 };

    #[test]
    fn ok_a_sweep_marks_the_overlapping_spans_with_a_cursor_to_be_listed_again() {
        let spans = [Span(in_second_pass(10, 20)), Span(span(20, 30)), Span(in_second_pass(30, 40))];
        let mut pending = work(&spans);
        pending.apply(&Swept(Window { from: 19, to: 30 }));
        let expected = [(10, 20, true, true), (20, 30, false, false), (30, 40, true, false)];
        assert_eq!(span_flags(&pending), expected);
    }

    #[test]
    fn ok_a_continued_span_is_due_from_its_start_once_after_its_last_page() {
        let mut pending = work(&[Span(spans_with_cursor(10, 20)), RestDone(REST)]);
        assert_eq!(span_flags(&pending), [(10, 20, false, false)]);
        let schedule = Schedule { first_failure: 50, last_attempt: 50, attempts: 0, next_attempt: 50, refusals: 0 };
        assert_eq!(pending.spans[0].schedule, schedule);
        pending.apply(&RestDone(REST));
        assert!(pending.is_empty());
        // A span that was listed from its start is done.
        assert!(work(&[Span(spans_with_cursor(10, 20)), Swept(ALL), SpanDone(REST)]).is_empty());
    }

    #[test]
    fn ok_a_continued_second_pass_is_done_after_its_last_page_unless_a_sweep_listed_it() {
        let first = [Span(spans_with_cursor(10, 20)), RestDone(REST), Span(in_second_pass(10, 20))];
        assert_eq!(span_flags(&work(&first)), [(10, 20, true, false)]);
        // Another tick, which was still in the first pass, makes the span pending again with its cursor. The span is
        // then listed again.
        let other = [Span(spans_with_cursor(10, 20)), RestDone(REST), Span(spans_with_cursor(10, 20))];
        assert_eq!(span_flags(&work(&other)), [(10, 20, true, true)]);
        let both = [Span(spans_with_cursor(10, 20)), Span(in_second_pass(10, 20))];
        assert_eq!(span_flags(&work(&both)), [(10, 20, true, true)]);
        let with = |more: &[PendingChange]| work(&[&first, more].concat());
        assert!(with(&[RestDone(REST)]).is_empty());
        assert_eq!(span_flags(&with(&[Swept(ALL), RestDone(REST)])), [(10, 20, false, false)]);
        // A sweep that another tick writes after the rest was listed finds no span to mark.
        assert!(with(&[RestDone(REST), Swept(ALL)]).is_empty());
        // A part of the span that becomes pending again is listed as if for the first time.
        let part = Window { from: 10, to: 15 };
        let parts = with(&[Span(PendingSpan { cursor: Some("d".to_owned()), ..span(10, 15) })]);
        assert_eq!(span_flags(&parts), [(10, 15, true, true), (15, 20, false, false)]);
        assert!(with(&[SpanDone(part)]).spans.iter().all(|span| !span.is_second_pass));
    }

    #[test]
    fn ok_only_the_whole_span_continues_at_its_cursor() {
        let part = Window { from: 10, to: 15 };
        assert_eq!(spans_with_cursor(10, 20).change_after_listing(REST), RestDone(REST));
        assert_eq!(
            (spans_with_cursor(10, 20).change_after_listing(part), span(10, 20).change_after_listing(REST)),
            (SpanDone(part), SpanDone(REST))
        );
    }

    #[test]
    fn ok_a_continued_span_of_which_a_part_was_resolved_is_listed_from_its_start() {
        let mut pending = work(&[Span(spans_with_cursor(10, 20)), SpanDone(Window { from: 10, to: 15 })]);
        assert_eq!(span_flags(&pending), [(15, 20, false, false)]);
        pending.apply(&SpanDone(Window { from: 15, to: 20 }));
        assert!(pending.is_empty());
    }

    #[test]
    fn ok_a_span_at_a_later_page_is_still_to_be_listed_again() {
        let later = PendingSpan { cursor: Some("d".to_owned()), ..span(10, 20) };
        let mut pending = work(&[Span(spans_with_cursor(10, 20)), Span(later)]);
        assert_eq!((span_flags(&pending), pending.spans[0].cursor.as_deref()), (vec![(10, 20, true, true)], Some("d")));
        // A pending span without a cursor is not marked to be listed again, because all of it will be listed anyway.
        pending.apply(&Span(span(10, 20)));
        assert_eq!(span_flags(&pending), [(10, 20, false, false)]);
        pending.apply(&Span(spans_with_cursor(10, 20)));
        assert_eq!(span_flags(&pending), [(10, 20, true, true)]);
    }

    #[test]
    fn ok_continued_spans_that_are_joined_or_lose_their_cursor_are_listed_from_their_start() {
        let spans = || (0..MAX_SPANS as i64 + 1).map(|number| Span(spans_with_cursor(number * 10, number * 10 + 1)));
        let mut pending = work(&spans().collect::<Vec<_>>());
        pending.enforce_limits(MAX_PENDING_BYTES);
        let joined: Vec<_> = span_flags(&pending).into_iter().filter(|(from, to, ..)| to - from > 1).collect();
        assert_eq!((pending.spans.len(), joined), (MAX_SPANS, vec![(0, 11, false, false)]));
        assert!(pending.spans[1..].iter().all(|span| span.cursor.is_some() && span.list_again));
        let mut pending = work(&spans().take(3).collect::<Vec<_>>());
        pending.enforce_limits(1);
        assert!(pending.spans.len() == 3 && pending.spans.iter().all(|span| span.cursor.is_none() && !span.list_again));
    }
}
