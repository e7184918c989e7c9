//! What a tick has learnt that its next write of the head will say.

use std::collections::BTreeMap;

use crate::head::Head;
use crate::stream::ListingId;
use crate::window::UnixSeconds;

/// An idle stream's head is written this seldom, in seconds.
const IDLE_WRITE_INTERVAL: UnixSeconds = 3_600;

/// What a tick has learnt that its next write of the head will say.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    watermarks: BTreeMap<ListingId, UnixSeconds>,
    swept: BTreeMap<(ListingId, u32), UnixSeconds>,
    not_offered_until: BTreeMap<ListingId, UnixSeconds>,
    /// Times each blob was missed; `None` once it no longer matters.
    missing: BTreeMap<String, Option<u32>>,
    last_start: Option<UnixSeconds>,
}

impl Changes {
    /// Everything the listing showed before `to` is delivered, or will be by the write that says so.
    pub(crate) fn raise(&mut self, listing: ListingId, to: UnixSeconds) {
        let watermark = self.watermarks.entry(listing).or_insert(to);
        *watermark = (*watermark).max(to);
    }

    pub(crate) fn swept(&mut self, listing: ListingId, reach: u32, at: UnixSeconds) {
        self.swept.insert((listing, reach), at);
    }

    pub(crate) fn not_offered(&mut self, listing: ListingId, until: UnixSeconds) {
        self.not_offered_until.insert(listing, until);
    }

    pub(crate) fn missed(&mut self, blob: &str, times: Option<u32>) {
        self.missing.insert(blob.to_owned(), times);
    }

    pub(crate) fn started(&mut self, at: UnixSeconds) {
        self.last_start = Some(at);
    }

    /// Puts them into the head. A watermark is only ever raised.
    pub(crate) fn apply(&self, head: &mut Head) {
        for (listing, to) in &self.watermarks {
            let state = head.listings.entry((*listing).to_owned()).or_default();
            state.watermark = state.watermark.max(*to);
            // It answered: it is offered.
            state.not_offered_until = None;
        }
        for ((listing, reach), at) in &self.swept {
            head.listings.entry((*listing).to_owned()).or_default().swept.insert(*reach, *at);
        }
        for (listing, until) in &self.not_offered_until {
            head.listings.entry((*listing).to_owned()).or_default().not_offered_until = Some(*until);
        }
        for (blob, times) in &self.missing {
            match times {
                Some(times) => head.missing.insert(blob.clone(), *times),
                None => head.missing.remove(blob),
            };
        }
        head.last_start = self.last_start.max(head.last_start);
    }

    /// Whether they deserve a write of their own: an idle tick costs none, but for one an hour.
    pub(crate) fn worth_a_write(&self, head: &Head, now: UnixSeconds) -> bool {
        let raised = |listing: &ListingId, to: &UnixSeconds| {
            to - head.listings.get(*listing).map_or(head.floor, |state| state.watermark)
        };
        let furthest = self.watermarks.iter().map(|(listing, to)| raised(listing, to)).max().unwrap_or(0);
        !self.swept.is_empty()
            || !self.not_offered_until.is_empty()
            || !self.missing.is_empty()
            || self.last_start > head.last_start
            || furthest >= IDLE_WRITE_INTERVAL
            || (furthest > 0 && now - head.written_at >= IDLE_WRITE_INTERVAL)
    }
}
