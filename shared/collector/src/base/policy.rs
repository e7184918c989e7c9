//! What differs between vendors in how a stream is listed, and what a deployment may choose.

use super::ledger::MAX_ROW_HOURS;
use super::time::UnixSeconds;

/// A wider look back, made now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// How often, in seconds.
    pub every: UnixSeconds,
    /// How far behind the watermark, in seconds.
    pub reach: u32,
}

/// How long a vendor keeps what it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Seconds the vendor promises.
    pub keeps: UnixSeconds,
    /// Seconds kept clear of that edge.
    pub margin: UnixSeconds,
}

/// When a stream that never showed an event is worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Seconds of vendor time without a single event.
    pub after: UnixSeconds,
    /// What may be the cause, and what to do.
    pub advice: &'static str,
}

/// How long a vendor may take until it shows the first content of a stream that it has begun to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartDelay {
    /// The longest delay, in seconds.
    pub within: UnixSeconds,
    /// What causes the delay, as the end of a sentence.
    pub cause: &'static str,
}

/// How a vendor's streams are listed. One constant per vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorPolicy {
    /// Seconds between two ticks, as scheduled: the shortest backoff of pending work.
    pub tick_seconds: UnixSeconds,
    /// Seconds listed again behind the watermark on every tick.
    pub overlap: u32,
    /// Wider look-backs.
    pub sweeps: &'static [Sweep],
    /// Length of the first window, before anything is known of how full windows are, in seconds.
    pub first_window: UnixSeconds,
    /// The longest window, in seconds.
    pub longest_window: UnixSeconds,
    /// The vendor's retention, where it has one.
    pub retention: Option<Retention>,
    /// Seconds the ledger remembers a row id.
    pub horizon: UnixSeconds,
    /// A window that takes more pages than this is cut into smaller ones; `None`: windows are never cut.
    pub split_after_pages: Option<u32>,
    /// When a stream that never showed an event is worth a word, where it ever is.
    pub silence: Option<Silence>,
    /// How late the first content of a new stream may be, where the vendor says so.
    pub start_delay: Option<StartDelay>,
    /// Blobs fetched ahead of the one that is read.
    pub fetches_ahead: usize,
}

/// How an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// `.ndjson.gz`, `application/gzip`.
    #[default]
    Gzip,
    /// `.ndjson.zst`, `application/zstd`.
    Zstd,
}

/// Bounds of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Lines.
    pub lines: usize,
    /// Bytes of lines before compression.
    pub bytes: usize,
    /// Hours of the ledger touched, at most [`MAX_ROW_HOURS`].
    pub ledger_hours: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { lines: 20_000, bytes: 8 << 20, ledger_hours: MAX_ROW_HOURS }
    }
}

/// What a deployment chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Before every key; empty, or ends in `/`.
    pub prefix: String,
    /// How objects are compressed.
    pub compression: Compression,
    /// How far back a new stream begins, in seconds.
    pub lookback: UnixSeconds,
    /// Bounds of a batch.
    pub batch: BatchLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            compression: Compression::Gzip,
            lookback: 7 * 86_400,
            batch: BatchLimits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::MAX_SHARED_BYTES;

    #[test]
    fn ok_the_defaults_keep_within_one_commit_and_the_memory_of_a_process_that_collects_one_tenant() {
        let Settings { prefix, batch, .. } = Settings::default();
        assert!(prefix.is_empty() || prefix.ends_with('/'));
        assert!(batch.ledger_hours <= MAX_ROW_HOURS);
        // Five streams at once, each with a full batch; beyond that batches are delivered early.
        assert!(5 * batch.bytes <= MAX_SHARED_BYTES);
    }
}
