//! Counts the progress of a tick while it runs.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// The progress of a running tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgressCounts {
    /// Pages listed.
    pub pages: u64,
    /// Blobs consumed to the end.
    pub blobs: u64,
    /// Events seen, duplicates included.
    pub events: u64,
    /// Lines put into the bucket.
    pub delivered: u64,
    /// Seconds between the oldest watermark and now; `None` while it is unknown.
    pub watermark_lag_seconds: Option<i64>,
}

/// The progress of a source's streams, by stream name.
#[derive(Debug, Default)]
pub(crate) struct Progress(RefCell<BTreeMap<String, ProgressCounts>>);

impl Progress {
    /// Replaces the counts of a stream.
    pub(crate) fn set(&self, stream: String, counts: ProgressCounts) {
        self.0.borrow_mut().insert(stream, counts);
    }

    /// Returns the sum over all streams, with the longest lag.
    pub(crate) fn total(&self) -> ProgressCounts {
        self.0.borrow().values().fold(ProgressCounts::default(), |sum, counts| ProgressCounts {
            pages: sum.pages + counts.pages,
            blobs: sum.blobs + counts.blobs,
            events: sum.events + counts.events,
            delivered: sum.delivered + counts.delivered,
            watermark_lag_seconds: sum.watermark_lag_seconds.max(counts.watermark_lag_seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_progress_is_the_sum_of_the_streams_with_the_longest_lag() {
        let progress = Progress::default();
        let counts =
            |events, lag| ProgressCounts { events, watermark_lag_seconds: lag, pages: 1, blobs: 2, delivered: 3 };
        progress.set("a".to_owned(), counts(1, None));
        progress.set("a".to_owned(), counts(5, Some(7)));
        progress.set("b".to_owned(), counts(2, Some(9)));
        let total = ProgressCounts { pages: 2, blobs: 4, events: 7, delivered: 6, watermark_lag_seconds: Some(9) };
        assert_eq!(progress.total(), total);
    }
}
