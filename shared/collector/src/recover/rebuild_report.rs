//! The choices of a rebuild, and its results.

use serde::Serialize;

use super::restorer::Restorer;
use crate::base::error::{PortError, Recovery};
use crate::base::head::Head;
use crate::base::report::Failure;
use crate::base::stream::Stream;
use crate::base::time::{UnixSeconds, Window};

/// The choices of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildOptions {
    /// The look-back with which the streams began, in seconds. It is used only if the birth record does not name the
    /// floor.
    pub lookback_seconds: UnixSeconds,
    /// `true` if no tick can be running any more, so that the rebuild need not wait for the end of one.
    pub are_ticks_stopped: bool,
    /// `true` if a state that fits the bucket is restored as well.
    pub is_forced: bool,
}

/// The outcome of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuildOutcome {
    /// The state was restored.
    Rebuilt,
    /// The state fits the bucket, and nothing was changed.
    NotNeeded,
    /// The state was not restored; the failure says why.
    Failed,
}

/// The result of a rebuild of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamRebuild {
    /// The source's id.
    pub source: String,
    /// The log type's name.
    pub log_type: String,
    /// The outcome.
    pub outcome: RebuildOutcome,
    /// The number of objects whose rows were restored by this run.
    pub objects: u64,
    /// The number of row ids that this run restored.
    pub rows: u64,
    /// The number of rejected inputs that were restored.
    pub rejected: u64,
    /// The number of the next object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_number: Option<u64>,
    /// The oldest watermark, in seconds since 1970: from there on the vendor is listed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_again_from: Option<UnixSeconds>,
    /// The span whose events may be lost, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible_gap: Option<[UnixSeconds; 2]>,
    /// The reason for a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl StreamRebuild {
    /// Returns the result of a stream. `restorer` is `None` if nothing was restored.
    pub(crate) fn of(
        stream: &Stream,
        restorer: Option<&Restorer<'_>>,
        gap: Option<Window>,
        failure: Option<PortError>,
    ) -> Self {
        let outcome = match (&failure, restorer) {
            (Some(_), _) => RebuildOutcome::Failed,
            (None, Some(_)) => RebuildOutcome::Rebuilt,
            (None, None) => RebuildOutcome::NotNeeded,
        };
        let head = restorer.map(|restorer| &restorer.head).filter(|head| head.restoring.is_none());
        let watermark =
            |head: &Head| head.listings.values().map(|listing| listing.watermark).min().unwrap_or(head.floor);
        let count = |of: fn(&Restorer<'_>) -> u64| restorer.map_or(0, of);
        Self {
            source: stream.source.to_string(),
            log_type: stream.log_type.name().to_owned(),
            outcome,
            objects: count(|restorer| restorer.objects),
            rows: count(|restorer| restorer.rows),
            rejected: count(|restorer| restorer.rejected),
            next_number: head.map(|head| head.seq),
            listed_again_from: head.map(watermark),
            possible_gap: gap.map(|gap| [gap.from, gap.to]),
            failure: failure.map(|error| Failure {
                needs_person: error.recovery == Recovery::Person,
                message: if error.message.starts_with(&stream.name()) {
                    error.message
                } else {
                    format!("{}: {}", stream.name(), error.message)
                },
            }),
        }
    }
}
