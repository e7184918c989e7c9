//! Spans of event time whose listing fails.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::moment::{end_of_time, intersect, is_end_of_time, is_start_of_time, start_of_time};

/// A span of event time. Every list request whose window overlaps it is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenSpan {
    /// The start of the span. By default the beginning of time.
    #[serde(default = "start_of_time", skip_serializing_if = "is_start_of_time")]
    pub from: Timestamp,
    /// The end of the span, exclusive. By default the end of time.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub to: Timestamp,
    /// The HTTP status of the error.
    pub status: u16,
    /// The `tenant_only` of the listing that fails. By default both listings fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_only: Option<bool>,
    /// The wait in the error's `Retry-After`, in seconds. By default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl BrokenSpan {
    /// Returns the first span that a list request overlaps, if there is one.
    pub(super) fn first_overlapping<'a>(
        spans: &'a [Self],
        tenant_only: bool,
        window: &Range<Timestamp>,
    ) -> Option<&'a Self> {
        let is_met = |span: &&Self| {
            span.tenant_only.is_none_or(|broken| broken == tenant_only) && intersect(&(span.from..span.to), window)
        };
        spans.iter().find(is_met)
    }
}
