//! What the ledger knows, as far as this process has read it.

use std::collections::{HashMap, HashSet};

use crate::error::PortError;
use crate::ledger::{LedgerItem, LedgerKind};
use crate::ports::State;
use crate::stream::Stream;

/// Entries held in memory for one stream, at about 20 bytes each.
const MOST_ENTRIES: usize = 1 << 20;

#[derive(Debug, Default)]
struct Bucket {
    /// Every commit below this `seq` is in `entries`.
    complete_below: u64,
    entries: HashSet<u64>,
    last_used: u64,
}

/// The buckets of one stream's ledger that were read, kept while the process is warm.
///
/// A bucket is only believed when it holds every commit below the head's `seq`; an older one is
/// topped up with what came since. Heads rise by one commit at a time, each conditional on the
/// head before, so nothing can slip in below.
#[derive(Debug, Default)]
pub(crate) struct Known {
    buckets: HashMap<(LedgerKind, u32), Bucket>,
    entries: usize,
    uses: u64,
}

impl Known {
    /// Reads the bucket as far as a head at `seq` requires.
    pub(crate) async fn load(
        &mut self,
        state: &impl State,
        stream: &Stream,
        (kind, hour): (LedgerKind, u32),
        seq: u64,
    ) -> Result<(), PortError> {
        self.uses += 1;
        let uses = self.uses;
        let held = self.buckets.get_mut(&(kind, hour));
        let complete_below = held.map_or(0, |bucket| {
            bucket.last_used = uses;
            bucket.complete_below
        });
        if complete_below >= seq {
            return Ok(());
        }
        let items = state.ledger(stream, kind, hour, complete_below.checked_sub(1)).await?;
        self.add(kind, hour, items.iter().flat_map(|item| item.entries.iter().copied()));
        if let Some(bucket) = self.buckets.get_mut(&(kind, hour)) {
            bucket.complete_below = seq;
        }
        self.evict(MOST_ENTRIES, Some((kind, hour)));
        Ok(())
    }

    /// Whether a loaded bucket has the entry.
    pub(crate) fn contains(&self, kind: LedgerKind, hour: u32, entry: u64) -> bool {
        self.buckets.get(&(kind, hour)).is_some_and(|bucket| bucket.entries.contains(&entry))
    }

    /// Takes in a commit of this process: number `seq`, with all its items. Buckets that were
    /// complete before it are complete after it.
    pub(crate) fn committed(&mut self, seq: u64, items: &[LedgerItem]) {
        for item in items {
            if self.buckets.contains_key(&(item.kind, item.hour)) {
                self.add(item.kind, item.hour, item.entries.iter().copied());
            }
        }
        for bucket in self.buckets.values_mut().filter(|bucket| bucket.complete_below == seq) {
            bucket.complete_below = seq + 1;
        }
    }

    fn add(&mut self, kind: LedgerKind, hour: u32, entries: impl Iterator<Item = u64>) {
        let bucket = self.buckets.entry((kind, hour)).or_default();
        bucket.last_used = self.uses;
        let before = bucket.entries.len();
        bucket.entries.extend(entries);
        self.entries += bucket.entries.len() - before;
    }

    /// Keeps so many entries at most until the next tick: what it needs beyond that it reads again.
    pub(crate) fn keep(&mut self, most: usize) {
        self.evict(most, None);
    }

    /// Forgets the buckets unused for longest until the rest fits; never the one in use.
    fn evict(&mut self, most: usize, in_use: Option<(LedgerKind, u32)>) {
        while self.entries > most {
            let others = self.buckets.iter().filter(|(place, _)| Some(**place) != in_use);
            let Some(place) = others.min_by_key(|(_, bucket)| bucket.last_used).map(|(place, _)| *place) else {
                return;
            };
            self.entries -= self.buckets.remove(&place).map_or(0, |bucket| bucket.entries.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt;

    use super::*;
    use crate::head::Head;
    use crate::ledger::LedgerHour;
    use crate::ports::Written;
    use crate::stream::SourceId;

    /// One bucket's items, and how often they were asked for.
    #[derive(Default)]
    struct Ledger {
        items: RefCell<Vec<LedgerItem>>,
        reads: Cell<u32>,
    }

    impl State for Ledger {
        async fn head(&self, _: &Stream) -> Result<Option<Head>, PortError> {
            Ok(None)
        }

        async fn write(&self, _: &Stream, _: Option<u64>, _: &Head, _: &[LedgerItem]) -> Result<Written, PortError> {
            Ok(Written::Refused)
        }

        async fn ledger(
            &self,
            _: &Stream,
            kind: LedgerKind,
            hour: u32,
            after: Option<u64>,
        ) -> Result<Vec<LedgerItem>, PortError> {
            self.reads.set(self.reads.get() + 1);
            let wanted = |item: &&LedgerItem| {
                item.kind == kind && item.hour == hour && after.is_none_or(|after| item.seq > after)
            };
            Ok(self.items.borrow().iter().filter(wanted).cloned().collect())
        }

        async fn visible_hours(
            &self,
            _: &Stream,
            seq: u64,
            hours: &[LedgerHour],
        ) -> Result<Vec<LedgerHour>, PortError> {
            let items = self.items.borrow();
            let is_there = |hour: &&LedgerHour| {
                items.iter().any(|item| item.seq == seq && item.kind == hour.kind && item.hour == hour.hour)
            };
            Ok(hours.iter().filter(is_there).copied().collect())
        }
    }

    fn item(seq: u64, entries: &[u64]) -> LedgerItem {
        LedgerItem { kind: LedgerKind::Rows, hour: 5, seq, entries: entries.to_vec(), expires_at: 0 }
    }

    fn load(known: &mut Known, ledger: &Ledger, seq: u64) {
        let stream = Stream {
            source: SourceId::try_from("s".to_owned()).unwrap(),
            label: String::new(),
            log_type: schema::LogType::Dlp,
            listings: vec!["content"],
        };
        known.load(ledger, &stream, (LedgerKind::Rows, 5), seq).now_or_never().unwrap().unwrap();
    }

    #[test]
    fn ok_a_bucket_is_read_once_and_topped_up_when_the_head_has_moved() {
        let (mut known, ledger) = (Known::default(), Ledger::default());
        ledger.items.borrow_mut().push(item(0, &[10]));
        load(&mut known, &ledger, 1);
        load(&mut known, &ledger, 1);
        assert_eq!(ledger.reads.get(), 1);
        ledger.items.borrow_mut().push(item(1, &[11]));
        load(&mut known, &ledger, 2);
        assert_eq!(ledger.reads.get(), 2);
        assert!([10, 11].iter().all(|entry| known.contains(LedgerKind::Rows, 5, *entry)));
        assert!(!known.contains(LedgerKind::Blobs, 5, 10) && !known.contains(LedgerKind::Rows, 6, 10));
    }

    #[test]
    fn ok_our_own_commits_need_no_reading() {
        let (mut known, ledger) = (Known::default(), Ledger::default());
        ledger.items.borrow_mut().push(item(0, &[10]));
        load(&mut known, &ledger, 1);
        known.committed(1, &[item(1, &[11])]);
        load(&mut known, &ledger, 2);
        assert_eq!(ledger.reads.get(), 1);
        assert!(known.contains(LedgerKind::Rows, 5, 11));
    }

    #[test]
    fn ok_the_bucket_in_use_is_never_forgotten() {
        let (mut known, ledger) = (Known::default(), Ledger::default());
        let many: Vec<u64> = (0..MOST_ENTRIES as u64 + 1).collect();
        known.add(LedgerKind::Rows, 4, many.iter().copied());
        ledger.items.borrow_mut().push(item(0, &many));
        load(&mut known, &ledger, 1);
        assert!(known.contains(LedgerKind::Rows, 5, 7) && !known.contains(LedgerKind::Rows, 4, 7));
        assert_eq!(known.entries, many.len());
    }

    #[test]
    fn ok_what_is_not_kept_is_what_was_unused_for_longest_and_is_read_again() {
        let (mut known, ledger) = (Known::default(), Ledger::default());
        known.add(LedgerKind::Rows, 4, 0..10);
        ledger.items.borrow_mut().push(item(0, &[10, 11]));
        load(&mut known, &ledger, 1);
        known.keep(12);
        assert_eq!(known.entries, 12);
        known.keep(11);
        assert!(known.contains(LedgerKind::Rows, 5, 10) && !known.contains(LedgerKind::Rows, 4, 7));
        known.keep(1);
        assert_eq!((known.entries, known.buckets.len()), (0, 0));
        load(&mut known, &ledger, 1);
        assert_eq!((known.entries, ledger.reads.get()), (2, 2));
    }
}
