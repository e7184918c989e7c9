//! What a tick did, as a value.

use serde::Serialize;

use crate::drift::Drift;
use crate::error::{PortError, Recovery};
use crate::window::UnixSeconds;

/// What one tick did for one stream. Counts are of this tick.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// The source's id.
    pub source: String,
    /// The stream's table.
    pub stream: String,
    /// The log type.
    pub log_type: &'static str,
    /// Pages listed.
    pub pages: u64,
    /// Blobs consumed to the end.
    pub blobs: u64,
    /// Events seen, repeats included.
    pub events: u64,
    /// Lines put into the bucket by this tick.
    pub delivered: u64,
    /// Events seen that had been delivered before, or twice in this tick.
    pub duplicates: u64,
    /// Inputs that cannot become a line; kept under the rejected prefix.
    pub rejected: u64,
    /// How the delivered lines drift from what the schema declares and the vendor publishes.
    #[serde(flatten)]
    pub drift: Drift,
    /// Objects put by this tick.
    pub objects: u64,
    /// Their bytes, compressed.
    pub bytes: u64,
    /// Lines in objects that another tick put and this one committed.
    pub adopted: u64,
    /// Spans that fell out of the vendor's retention before they could be listed.
    pub gaps: Vec<Gap>,
    /// Listings that the vendor does not offer to this source; each is asked for again after a day.
    pub not_offered: Vec<&'static str>,
    /// What a stream that never showed an event may want; `None` for one that did, or may still.
    pub silence: Option<String>,
    /// Seconds between the oldest watermark and now; `None` before the first listing.
    pub watermark_lag_seconds: Option<i64>,
    /// Whether all there was to list was listed and delivered; `false` when the deadline came first.
    pub drained: bool,
    /// Why the stream stopped early.
    pub failure: Option<Failure>,
}

/// Lost vendor time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first second lost.
    pub from: UnixSeconds,
    /// The first second past it.
    pub to: UnixSeconds,
    /// What happened.
    pub cause: String,
}

/// Why a stream stopped early, and who cures it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// A person must act; otherwise the next tick carries on by itself.
    pub needs_person: bool,
    /// What happened, to which source and stream, and what to do.
    pub message: String,
}

impl Failure {
    /// The failure of `stream` by `error`.
    pub fn new(stream: &str, error: &PortError) -> Self {
        Self { needs_person: error.recovery == Recovery::Person, message: format!("{stream}: {error}") }
    }
}
