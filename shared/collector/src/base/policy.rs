//! The settings of a vendor ([`VendorPolicy`]) and those of a deployment ([`Settings`]).

use super::ledger::MAX_ROW_HOURS;
use super::time::UnixSeconds;

/// A periodic listing that looks further back than the overlap, for late events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// The time between two sweeps, in seconds.
    pub interval_seconds: UnixSeconds,
    /// The distance that a sweep looks back, in seconds.
    pub reach_seconds: u32,
}

/// The time for which a vendor keeps its events or blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The time for which the vendor promises to keep its events or blobs, in seconds.
    pub keep_seconds: UnixSeconds,
    /// The safety margin, in seconds: the collector acts as if the vendor dropped everything this much earlier.
    pub margin_seconds: UnixSeconds,
}

/// The advice on a stream that never showed an event, and the time after which it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The time without a single event, in seconds.
    pub after_seconds: UnixSeconds,
    /// The probable cause, and what to do.
    pub advice: &'static str,
}

/// The delay between the start of a recording and the first content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartDelay {
    /// The longest delay, in seconds.
    pub max_seconds: UnixSeconds,
    /// The cause of the delay, as the end of a sentence.
    pub cause: &'static str,
}

/// The rules by which a vendor's streams are listed. Each vendor has one constant of this type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorPolicy {
    /// The scheduled time between two ticks, in seconds. It is also the shortest backoff of pending work.
    pub tick_seconds: UnixSeconds,
    /// The span before the watermark that every tick lists again, in seconds.
    pub overlap_seconds: u32,
    /// The sweeps, which look further back than the overlap.
    pub sweeps: &'static [Sweep],
    /// The length of the first window of a new listing, in seconds.
    pub first_window_seconds: UnixSeconds,
    /// The maximum length of a window, in seconds.
    pub max_window_seconds: UnixSeconds,
    /// The vendor's retention; `None` if it has none.
    pub retention: Option<Retention>,
    /// The time for which the ledger remembers a row id, in seconds. An event that is listed again after this time is
    /// delivered again.
    pub dedup_horizon_seconds: UnixSeconds,
    /// The number of pages after which a window is split into smaller ones; `None` if windows are never split.
    pub split_after_pages: Option<u32>,
    /// The advice on a stream without events; `None` if silence is normal.
    pub silence: Option<Silence>,
    /// The advice on a stream that delivers nothing any more: what to check at the vendor, as the end of a sentence.
    pub no_data_advice: &'static str,
    /// The delay of a new stream's first content; `None` if the vendor names none.
    pub start_delay: Option<StartDelay>,
    /// The number of blobs that are fetched ahead of the blob that is being read.
    pub fetches_ahead: usize,
}

/// The compression of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Gzip: the objects end in `.ndjson.gz` and have the type `application/gzip`.
    #[default]
    Gzip,
    /// Zstandard: the objects end in `.ndjson.zst` and have the type `application/zstd`.
    Zstd,
}

/// The limits of a batch, which is delivered as soon as it reaches one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Maximum number of lines.
    pub lines: usize,
    /// Maximum number of bytes in the lines, before compression.
    pub bytes: usize,
    /// Maximum number of ledger hours that the batch touches, at most [`MAX_ROW_HOURS`].
    pub ledger_hours: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { lines: 20_000, bytes: 8 << 20, ledger_hours: MAX_ROW_HOURS }
    }
}

/// The settings that a deployment chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The prefix of every key. It is empty or ends in `/`.
    pub prefix: String,
    /// The compression of new objects.
    pub compression: Compression,
    /// The age of the oldest events that a new stream collects, in seconds.
    pub lookback_seconds: UnixSeconds,
    /// The limits of a batch.
    pub batch: BatchLimits,
    /// A stream that delivered nothing for this long is silent, in seconds; 0 if no stream is ever silent.
    pub no_data_seconds: UnixSeconds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            compression: Compression::Gzip,
            lookback_seconds: 7 * 86_400,
            batch: BatchLimits::default(),
            no_data_seconds: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::MAX_SHARED_BYTES;

    #[test]
    fn ok_the_defaults_fit_into_one_commit_and_the_memory_limit() {
        let Settings { prefix, batch, .. } = Settings::default();
        assert!(prefix.is_empty() || prefix.ends_with('/'));
        assert!(batch.ledger_hours <= MAX_ROW_HOURS);
        // Five streams, each with a full batch, fit into the memory limit. If more memory is in use, batches are
        // delivered early.
        assert!(5 * batch.bytes <= MAX_SHARED_BYTES);
    }
}
