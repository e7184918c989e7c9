//! Spans of event time whose listing always fails.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::moment::{end_of_time, is_end_of_time, is_start_of_time, spans_overlap, start_of_time};

/// A span of event time whose listing always fails: every list request whose window overlaps it is answered with an
/// error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenSpan {
    /// The start of the span. By default it has no start.
    #[serde(default = "start_of_time", skip_serializing_if = "is_start_of_time")]
    pub from: Timestamp,
    /// The end of the span, exclusive. By default it has no end.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub to: Timestamp,
    /// The HTTP status of the error.
    pub status: u16,
    /// Only list requests with this value of `tenant_only` fail. By default those with either value fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_only: Option<bool>,
    /// The seconds in the `Retry-After` header of the error. By default the error has no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl BrokenSpan {
    /// Returns the first span that fails a list request for `window`; `None` if no span does.
    pub(super) fn first_overlapping<'a>(
        spans: &'a [Self],
        tenant_only: bool,
        window: &Range<Timestamp>,
    ) -> Option<&'a Self> {
        let is_overlapping = |span: &&Self| {
            span.tenant_only.is_none_or(|broken| broken == tenant_only) && spans_overlap(&(span.from..span.to), window)
        };
        spans.iter().find(is_overlapping)
    }
}
