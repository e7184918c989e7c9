//! What a tick has learnt that its next write of the head will say.

use std::collections::BTreeMap;

use crate::head::{Head, ListingState, Sweeping};
use crate::stream::ListingId;
use crate::window::UnixSeconds;

/// Troubled blobs a head remembers: it must stay small enough to be written. Those beyond hold the watermark only.
const MOST_MISSING: usize = 500;
/// No blob is listed for longer than this, in seconds: an older trouble is over.
const MISSING_FOR_AT_MOST: UnixSeconds = 8 * 86_400;
/// An idle stream's head is written this seldom, in seconds.
const IDLE_WRITE_INTERVAL: UnixSeconds = 3_600;

/// What a tick has learnt that its next write of the head will say.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    watermarks: BTreeMap<ListingId, UnixSeconds>,
    swept: BTreeMap<(ListingId, u32), UnixSeconds>,
    sweeping: BTreeMap<ListingId, Sweeping>,
    cuts: BTreeMap<ListingId, UnixSeconds>,
    not_offered_until: BTreeMap<ListingId, UnixSeconds>,
    /// When each blob was first missed; `None` once it no longer matters.
    missing: BTreeMap<String, Option<UnixSeconds>>,
    last_start: Option<UnixSeconds>,
    /// The tick ends before it came to the end: the next one begins where this one has got to, be it a second further.
    pub(crate) more_to_list: bool,
}

impl Changes {
    /// Everything the listing showed before `to` is delivered, or will be by the write that says so.
    pub(crate) fn raise(&mut self, listing: ListingId, to: UnixSeconds) {
        let watermark = self.watermarks.entry(listing).or_insert(to);
        *watermark = (*watermark).max(to);
    }

    /// What happened longer than `reach` before `at` has been looked at again since.
    pub(crate) fn swept(&mut self, listing: ListingId, reach: u32, at: UnixSeconds) {
        let swept = self.swept.entry((listing, reach)).or_insert(at);
        *swept = (*swept).max(at);
    }

    /// A sweep has come so far, and not to its end.
    pub(crate) fn sweeping(&mut self, listing: ListingId, sweeping: Sweeping) {
        self.sweeping.insert(listing, sweeping);
    }

    /// Windows are to be cut this long.
    pub(crate) fn cut(&mut self, listing: ListingId, cut: UnixSeconds) {
        self.cuts.insert(listing, cut);
    }

    pub(crate) fn not_offered(&mut self, listing: ListingId, until: UnixSeconds) {
        self.not_offered_until.insert(listing, until);
    }

    pub(crate) fn missed(&mut self, blob: &str, first: Option<UnixSeconds>) {
        self.missing.insert(blob.to_owned(), first);
    }

    pub(crate) fn started(&mut self, at: UnixSeconds) {
        self.last_start = Some(at);
    }

    /// Puts them into the head. A watermark is only ever raised.
    pub(crate) fn apply(&self, head: &mut Head) {
        for (listing, to) in &self.watermarks {
            let state = of(head, listing);
            state.watermark = state.watermark.max(*to);
            // It answered: it is offered.
            state.not_offered_until = None;
        }
        for (listing, sweeping) in &self.sweeping {
            of(head, listing).sweeping = Some(*sweeping);
        }
        for ((listing, reach), at) in &self.swept {
            let state = of(head, listing);
            // No further than to its end.
            state.sweeping = state.sweeping.filter(|left| left.began > *at);
            let swept = state.swept.entry(*reach).or_insert(*at);
            *swept = (*swept).max(*at);
        }
        for (listing, cut) in &self.cuts {
            of(head, listing).cut = Some(*cut);
        }
        for (listing, until) in &self.not_offered_until {
            of(head, listing).not_offered_until = Some(*until);
        }
        self.apply_missing(head);
        head.last_start = self.last_start.max(head.last_start);
    }

    fn apply_missing(&self, head: &mut Head) {
        let now = head.written_at;
        head.missing.retain(|_, first| now - *first < MISSING_FOR_AT_MOST);
        for (blob, first) in &self.missing {
            match first {
                Some(first) if head.missing.len() < MOST_MISSING || head.missing.contains_key(blob) => {
                    head.missing.insert(blob.clone(), *first)
                }
                Some(_) => None,
                None => head.missing.remove(blob),
            };
        }
    }

    /// Whether they deserve a write of their own: an idle tick costs none, but for one an hour.
    pub(crate) fn worth_a_write(&self, head: &Head, now: UnixSeconds) -> bool {
        let raised = |listing: &ListingId, to: &UnixSeconds| {
            to - head.listings.get(*listing).map_or(head.floor, |state| state.watermark)
        };
        let furthest = self.watermarks.iter().map(|(listing, to)| raised(listing, to)).max().unwrap_or(0);
        let sweeps = |(listing, reach): &(ListingId, u32), at: &UnixSeconds| {
            head.listings.get(*listing).and_then(|state| state.swept.get(reach)).is_none_or(|last| last < at)
        };
        let sweeping = |listing: &ListingId| head.listings.get(*listing).and_then(|state| state.sweeping);
        self.swept.iter().any(|(of, at)| sweeps(of, at))
            || self.sweeping.iter().any(|(listing, left)| sweeping(listing) != Some(*left))
            || !self.cuts.is_empty()
            || !self.not_offered_until.is_empty()
            || !self.missing.is_empty()
            || self.last_start > head.last_start
            || furthest >= IDLE_WRITE_INTERVAL
            || (furthest > 0 && self.more_to_list)
            || (furthest > 0 && now - head.written_at >= IDLE_WRITE_INTERVAL)
    }
}

/// The listing's state; one that joins later begins where the stream began.
fn of(head: &mut Head, listing: ListingId) -> &mut ListingState {
    let new = ListingState { watermark: head.floor, ..ListingState::default() };
    head.listings.entry(listing.to_owned()).or_insert(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_an_idle_tick_is_not_written_and_a_backlog_is() {
        let head = Head {
            version: 1,
            id: String::new(),
            seq: 0,
            intent: None,
            floor: 0,
            listings: BTreeMap::new(),
            last_start: None,
            missing: BTreeMap::new(),
            last_event: None,
            written_at: 0,
        };
        let mut changes = Changes::default();
        changes.raise("all", 1);
        assert!(!changes.worth_a_write(&head, IDLE_WRITE_INTERVAL - 1));
        assert!(changes.worth_a_write(&head, IDLE_WRITE_INTERVAL));
        // However little it was, or the next tick would come no further.
        changes.more_to_list = true;
        assert!(changes.worth_a_write(&head, 1));
        assert!(!Changes { more_to_list: true, ..Changes::default() }.worth_a_write(&head, IDLE_WRITE_INTERVAL));
    }
}
