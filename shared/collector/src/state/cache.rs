//! The data that a process keeps between its ticks to save reads.

use std::cell::RefCell;
use std::collections::HashMap;

use super::ledger_cache::LedgerCache;
use crate::base::memory::MemoryBudget;
use crate::base::progress::{Progress, ProgressCounts};

/// The data of one source that a process keeps between its ticks. A process without this data works as well, but reads
/// more.
#[derive(Debug, Default)]
pub struct SourceCache {
    streams: RefCell<HashMap<String, StreamCache>>,
    budget: MemoryBudget,
    progress: Progress,
}

impl SourceCache {
    /// Returns an empty cache. All sources of a process share its `budget`.
    pub fn new(budget: &MemoryBudget) -> Self {
        Self { budget: budget.clone(), ..Self::default() }
    }

    /// Returns the memory budget that all sources of the process share.
    pub(crate) fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// Returns the progress of the running tick, or of the last one.
    pub fn progress(&self) -> ProgressCounts {
        self.progress.total()
    }

    /// Returns the counts in which a running tick records its progress.
    pub(crate) fn progress_of_streams(&self) -> &Progress {
        &self.progress
    }

    /// Removes the cache of a stream and returns it. A tick that dies thus leaves no outdated cache behind.
    pub(crate) fn take(&self, stream: &str) -> Option<StreamCache> {
        self.streams.borrow_mut().remove(stream)
    }

    /// Keeps the cache of a stream for the next tick.
    pub(crate) fn keep(&self, stream: String, cache: StreamCache) {
        self.streams.borrow_mut().insert(stream, cache);
    }
}

/// The cache of one stream.
#[derive(Debug)]
pub(crate) struct StreamCache {
    /// The id of the head.
    pub(crate) head_id: String,
    /// The head's `seq` when it was last seen.
    pub(crate) seq: u64,
    /// The ledger hours that were read.
    pub(crate) ledger: LedgerCache,
    /// The `seq` of the head whose last commit was seen completely; `None` if no commit was checked.
    pub(crate) verified_seq: Option<u64>,
    /// The head's `seq` after the last commit of this process; `None` if it made none.
    pub(crate) own_seq: Option<u64>,
    /// The high-water mark of `seq` in the birth record, and when it was last raised or read.
    pub(crate) mark: super::birth::SeqMark,
    /// The owner that the birth record names, once this process has checked it.
    pub(crate) owner: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_stream_cache_can_be_taken_once() {
        let cache = SourceCache::default();
        assert!(cache.take("s").is_none());
        let ledger = LedgerCache::new(cache.budget());
        let mark = super::super::birth::SeqMark::default();
        let (head_id, verified_seq, own_seq) = ("i".to_owned(), None, None);
        cache.keep("s".to_owned(), StreamCache { head_id, seq: 1, ledger, verified_seq, own_seq, mark, owner: None });
        assert!(cache.take("s").is_some_and(|kept| kept.seq == 1) && cache.take("s").is_none());
    }
}
