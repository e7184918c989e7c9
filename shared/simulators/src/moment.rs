//! Arithmetic of times and time spans. A time that would be out of range becomes the earliest or latest possible time.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// Returns the time `milliseconds` after `at`.
pub(crate) fn after_milliseconds(at: Timestamp, milliseconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(milliseconds)).unwrap_or(at)
}

/// Returns the time `seconds` after `at`.
pub(crate) fn after_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}

/// Returns `true` if two spans overlap. The end of a span does not belong to it.
pub(crate) fn spans_overlap(first: &Range<Timestamp>, second: &Range<Timestamp>) -> bool {
    first.start.max(second.start) < first.end.min(second.end)
}

/// The default for the start of a span: the span has no start.
pub(crate) fn start_of_time() -> Timestamp {
    Timestamp::MIN
}

pub(crate) fn is_start_of_time(at: &Timestamp) -> bool {
    *at == Timestamp::MIN
}

/// The default for the end of a span: the span has no end.
pub(crate) fn end_of_time() -> Timestamp {
    Timestamp::MAX
}

pub(crate) fn is_end_of_time(at: &Timestamp) -> bool {
    *at == Timestamp::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_spans_do_not_overlap() {
        let span = |from, to| Timestamp::from_second(from).unwrap()..Timestamp::from_second(to).unwrap();
        for (from, to, expected) in [(0, 10, false), (0, 11, true), (12, 13, true), (19, 30, true), (20, 30, false)] {
            assert_eq!(spans_overlap(&span(10, 20), &span(from, to)), expected, "{from} {to}");
        }
        assert!(!spans_overlap(&span(10, 20), &span(15, 15)), "an empty span has no moment");
        assert!(spans_overlap(&span(10, 20), &(start_of_time()..end_of_time())));
    }
}
