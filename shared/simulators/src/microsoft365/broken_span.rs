//! Spans of content whose listing always fails.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content_type::ContentType;
use crate::moment::{end_of_time, is_end_of_time, is_start_of_time, spans_overlap, start_of_time};

/// A span of time whose listing always fails: every listing whose window, from `startTime` to `endTime`, overlaps it is
/// answered with an error.
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
    /// The error's code, such as `AF50005`. By default the code that the API usually sends with `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The content type whose listings fail. By default those of every content type fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
}

impl BrokenSpan {
    /// Returns `true` if a listing of this content type and window fails because of the span.
    pub(super) fn overlaps(&self, content_type: ContentType, window: &Range<Timestamp>) -> bool {
        self.applies_to(content_type) && spans_overlap(&(self.from..self.to), window)
    }

    /// Returns `true` if the span prevents the listing of a blob of this content type that was created at `created`.
    pub(super) fn contains(&self, content_type: ContentType, created: Timestamp) -> bool {
        self.applies_to(content_type) && self.from <= created && created < self.to
    }

    fn applies_to(&self, content_type: ContentType) -> bool {
        self.content_type.is_none_or(|broken| broken == content_type)
    }
}
