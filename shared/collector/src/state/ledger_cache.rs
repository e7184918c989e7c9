//! The ledger hours that this process has read.

use std::collections::{HashMap, HashSet};

use crate::base::error::PortError;
use crate::base::head::Head;
use crate::base::ledger::{LedgerHour, LedgerItem};
use crate::base::memory::{MemoryBudget, MemoryShare};
use crate::base::ports::State;
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;

/// Number of bytes of one entry in memory, with the overhead of the set.
const ENTRY_BYTES: usize = 20;
/// Number of bytes of an hour without entries.
const HOUR_BYTES: usize = 128;
/// A commit of at least this age, in seconds, counts as visible as a whole. A store shows a commit within moments, and
/// the items of an older commit may have expired.
const VISIBLE_AFTER_SECONDS: UnixSeconds = 86_400;

#[derive(Debug, Default)]
struct CachedHour {
    /// `entries` contains the entries of every commit of this hour whose `seq` is below this number.
    complete_below: u64,
    entries: HashSet<u64>,
    last_used: u64,
}

/// The hours of one stream's ledger that were read, kept while the process is warm.
///
/// An hour is only used if it has the entries of every commit below the head's `seq`; otherwise the missing commits are
/// read first. Each commit raises `seq` by one and is conditional on the head before it. No new commit can therefore
/// appear below a `seq` that was read.
#[derive(Debug)]
pub(crate) struct LedgerCache {
    hours: HashMap<LedgerHour, CachedHour>,
    entries: usize,
    uses: u64,
    memory: MemoryShare,
}

/// Returns `true` if the head's last commit is so recent at `now` that the store may not show all of its ledger items
/// yet.
pub(crate) fn may_be_torn(head: &Head, now: UnixSeconds) -> bool {
    head.seq > 0 && now - head.last_commit.at < VISIBLE_AFTER_SECONDS
}

impl LedgerCache {
    /// Returns an empty cache, whose memory counts towards `budget`.
    pub(crate) fn new(budget: &MemoryBudget) -> Self {
        Self { hours: HashMap::new(), entries: 0, uses: 0, memory: budget.share() }
    }

    /// Reads the commits of the hour that the head requires and the cache lacks. Returns `false` if the hour must
    /// contain the head's last commit and the store does not show that commit yet at `now`. Then the hour is incomplete
    /// and must be read again.
    pub(crate) async fn load(
        &mut self,
        state: &impl State,
        stream: &Stream,
        ledger_hour: LedgerHour,
        head: &Head,
        now: UnixSeconds,
    ) -> Result<bool, PortError> {
        self.uses += 1;
        let uses = self.uses;
        let complete_below = self.hours.get_mut(&ledger_hour).map_or(0, |hour| {
            hour.last_used = uses;
            hour.complete_below
        });
        if complete_below >= head.seq {
            return Ok(true);
        }
        let items = state.ledger(stream, ledger_hour.kind, ledger_hour.hour, complete_below.checked_sub(1)).await?;
        self.add_entries(ledger_hour, items.iter().flat_map(|item| item.entries.iter().copied()));
        let is_expected = head.last_commit.touches(ledger_hour) && may_be_torn(head, now);
        let is_whole = !is_expected || items.iter().any(|item| item.seq + 1 == head.seq);
        if let Some(hour) = self.hours.get_mut(&ledger_hour).filter(|_| is_whole) {
            hour.complete_below = head.seq;
        }
        self.evict(Some(ledger_hour));
        Ok(is_whole)
    }

    /// Returns `true` if the hour is loaded and has the entry.
    pub(crate) fn contains(&self, ledger_hour: LedgerHour, entry: u64) -> bool {
        self.hours.get(&ledger_hour).is_some_and(|hour| hour.entries.contains(&entry))
    }

    /// Returns `true` if the hour is loaded with all commits that a head at `seq` requires.
    pub(crate) fn is_complete(&self, ledger_hour: LedgerHour, seq: u64) -> bool {
        self.hours.get(&ledger_hour).is_some_and(|hour| hour.complete_below >= seq)
    }

    /// Adds all items of commit number `seq`, which this process has made. Hours that were complete before the commit
    /// are complete after it.
    pub(crate) fn record_commit(&mut self, seq: u64, items: &[LedgerItem]) {
        for item in items {
            if self.hours.contains_key(&item.ledger_hour()) {
                self.add_entries(item.ledger_hour(), item.entries.iter().copied());
            }
        }
        for hour in self.hours.values_mut().filter(|hour| hour.complete_below == seq) {
            hour.complete_below = seq + 1;
        }
        self.evict(None);
    }

    fn add_entries(&mut self, ledger_hour: LedgerHour, entries: impl Iterator<Item = u64>) {
        let hour = self.hours.entry(ledger_hour).or_default();
        hour.last_used = self.uses;
        let before = hour.entries.len();
        hour.entries.extend(entries);
        self.entries += hour.entries.len() - before;
        self.update_memory_share();
    }

    fn update_memory_share(&mut self) {
        self.memory.set(self.entries * ENTRY_BYTES + self.hours.len() * HOUR_BYTES);
    }

    /// Drops the least recently used hours while the process is above its memory budget. The hour `in_use` is never
    /// dropped.
    pub(crate) fn evict(&mut self, in_use: Option<LedgerHour>) {
        while self.memory.excess_bytes() > 0 {
            let others = self.hours.iter().filter(|(ledger_hour, _)| Some(**ledger_hour) != in_use);
            let Some(ledger_hour) = others.min_by_key(|(_, hour)| hour.last_used).map(|(ledger_hour, _)| *ledger_hour)
            else {
                return;
            };
            self.entries -= self.hours.remove(&ledger_hour).map_or(0, |hour| hour.entries.len());
            self.update_memory_share();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt;

    use super::*;
    use crate::base::head::{HeadTimes, LastCommit};
    use crate::base::ledger::LedgerKind;
    use crate::base::ports::Written;
    use crate::base::stream::SourceId;

    const HOUR: LedgerHour = LedgerHour { kind: LedgerKind::Rows, hour: 5 };
    const OTHER: LedgerHour = LedgerHour { kind: LedgerKind::Rows, hour: 4 };

    /// A store with the items of one ledger hour, which counts its reads.
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

        async fn visible_hours(&self, _: &Stream, _: u64, _: &[LedgerHour]) -> Result<Vec<LedgerHour>, PortError> {
            Ok(Vec::new())
        }
    }

    fn item(seq: u64, entries: &[u64]) -> LedgerItem {
        LedgerItem { kind: LedgerKind::Rows, hour: 5, seq, entries: entries.to_vec(), expires_at: 0 }
    }

    fn head(seq: u64, rows: &[u32]) -> Head {
        Head {
            version: 1,
            id: String::new(),
            seq,
            intent: None,
            restoring: None,
            last_commit: LastCommit { at: 0, rows: rows.to_vec(), blobs: Vec::new() },
            floor: 0,
            listings: Default::default(),
            times: HeadTimes::default(),
        }
    }

    fn load_at(cache: &mut LedgerCache, ledger: &Ledger, head: &Head, now: UnixSeconds) -> bool {
        let stream = Stream {
            source: SourceId::try_from("s".to_owned()).unwrap(),
            label: String::new(),
            log_type: schema::LogType::Dlp,
            listings: vec!["content"],
        };
        cache.load(ledger, &stream, HOUR, head, now).now_or_never().unwrap().unwrap()
    }

    fn load(cache: &mut LedgerCache, ledger: &Ledger, seq: u64) {
        assert!(load_at(cache, ledger, &head(seq, &[]), 0));
    }

    fn cache() -> LedgerCache {
        LedgerCache::new(&MemoryBudget::default())
    }

    #[test]
    fn ok_only_newer_commits_are_read_once_an_hour_is_loaded() {
        let (mut cache, ledger) = (cache(), Ledger::default());
        ledger.items.borrow_mut().push(item(0, &[10]));
        load(&mut cache, &ledger, 1);
        load(&mut cache, &ledger, 1);
        assert_eq!(ledger.reads.get(), 1);
        ledger.items.borrow_mut().push(item(1, &[11]));
        load(&mut cache, &ledger, 2);
        assert_eq!(ledger.reads.get(), 2);
        assert!([10, 11].iter().all(|entry| cache.contains(HOUR, *entry)));
        assert!(!cache.contains(OTHER, 10) && !cache.contains(LedgerHour { kind: LedgerKind::Blobs, ..HOUR }, 10));
    }

    #[test]
    fn ok_our_own_commits_need_no_reading() {
        let (mut cache, ledger) = (cache(), Ledger::default());
        ledger.items.borrow_mut().push(item(0, &[10]));
        load(&mut cache, &ledger, 1);
        cache.record_commit(1, &[item(1, &[11])]);
        load(&mut cache, &ledger, 2);
        assert_eq!(ledger.reads.get(), 1);
        assert!(cache.contains(HOUR, 11) && cache.is_complete(HOUR, 2) && !cache.is_complete(HOUR, 3));
    }

    #[test]
    fn err_an_hour_without_the_last_commit_is_not_complete() {
        let (mut cache, ledger) = (cache(), Ledger::default());
        ledger.items.borrow_mut().push(item(0, &[10]));
        let head = head(2, &[5]);
        assert!(!load_at(&mut cache, &ledger, &head, 9) && !cache.is_complete(HOUR, 2));
        ledger.items.borrow_mut().push(item(1, &[11]));
        assert!(load_at(&mut cache, &ledger, &head, 9) && cache.contains(HOUR, 11));
        assert_eq!(ledger.reads.get(), 2);
    }

    #[test]
    fn ok_an_old_commit_counts_as_visible_though_its_items_expired() {
        let (mut cache, ledger) = (cache(), Ledger::default());
        assert!(load_at(&mut cache, &ledger, &head(2, &[5]), VISIBLE_AFTER_SECONDS));
    }

    #[test]
    fn ok_the_hour_in_use_is_never_evicted() {
        let budget = MemoryBudget::new(1_000 * ENTRY_BYTES);
        let (mut cache, ledger) = (LedgerCache::new(&budget), Ledger::default());
        let many: Vec<u64> = (0..2_000).collect();
        cache.add_entries(OTHER, many.iter().copied());
        ledger.items.borrow_mut().push(item(0, &many));
        load(&mut cache, &ledger, 1);
        assert!(cache.contains(HOUR, 7) && !cache.contains(OTHER, 7));
        assert_eq!(cache.entries, many.len());
    }

    #[test]
    fn ok_streams_share_one_budget_and_the_least_recently_used_hour_is_evicted() {
        let budget = MemoryBudget::new(100 * ENTRY_BYTES + 4 * HOUR_BYTES);
        let (mut one, mut two) = (LedgerCache::new(&budget), LedgerCache::new(&budget));
        one.add_entries(OTHER, 0..40);
        one.uses += 1;
        one.add_entries(HOUR, 0..40);
        two.add_entries(HOUR, 0..30);
        two.evict(Some(HOUR));
        assert!(two.contains(HOUR, 0) && one.contains(OTHER, 0));
        one.evict(None);
        assert!(one.contains(HOUR, 0) && !one.contains(OTHER, 0));
        assert_eq!(budget.excess_bytes(), 0);
    }
}
