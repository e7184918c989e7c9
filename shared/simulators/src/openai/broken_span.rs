//! Spans of event time that cannot be listed.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::moment::{end_of_time, intersect, is_end_of_time, is_start_of_time, start_of_time};

/// A span of event time: every list request whose window has a moment of it is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenSpan {
    /// The first moment of the span; the beginning of time unless given.
    #[serde(default = "start_of_time", skip_serializing_if = "is_start_of_time")]
    pub from: Timestamp,
    /// The end of the span, which is no longer a part of it; the end of time unless given.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub to: Timestamp,
    /// The HTTP status of the error.
    pub status: u16,
    /// The listing that is broken: the one with this `tenant_only`; both unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_only: Option<bool>,
    /// The wait that the error asks for in `Retry-After`, in seconds; none unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl BrokenSpan {
    /// The first span that a list request meets, if it meets any.
    pub(super) fn met<'a>(spans: &'a [Self], tenant_only: bool, window: &Range<Timestamp>) -> Option<&'a Self> {
        let is_met = |span: &&Self| {
            span.tenant_only.is_none_or(|broken| broken == tenant_only) && intersect(&(span.from..span.to), window)
        };
        spans.iter().find(is_met)
    }
}
