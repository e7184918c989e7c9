//! The report of a tick, as a value.

use serde::Serialize;

use super::drift::Drift;
use super::error::{PortError, Recovery};
use super::silence::SilenceMessage;
use super::stream::Stream;
use super::time::UnixSeconds;

/// The report of one tick of one stream. All counts are those of this tick. In JSON all fields are members of one
/// object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// The source's id.
    pub source: String,
    /// The stream's table.
    pub stream: String,
    /// The log type.
    pub log_type: &'static str,
    /// The counts of what the vendor showed.
    #[serde(flatten)]
    pub listed: ListedCounts,
    /// The counts of what was delivered.
    #[serde(flatten)]
    pub lines: LineCounts,
    /// The pending work.
    #[serde(flatten)]
    pub pending: PendingReport,
    /// Spans of vendor time whose events are lost, or may be: they left the vendor's retention before they could be
    /// listed, or were not recorded.
    pub gaps: Vec<Gap>,
    /// Other remarks for a person.
    #[serde(flatten)]
    pub notes: Notes,
    /// `true` if everything that there was to list is delivered; `false` if the deadline came first, the stream failed,
    /// or anything is pending.
    pub drained: bool,
    /// The failure that stopped the stream, or else the first failure that did not stop it.
    pub failure: Option<Failure>,
}

/// The counts of what the vendor showed in one tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ListedCounts {
    /// Calls of the vendor's client to list a page or to fetch a blob, the failed ones included.
    pub requests: u64,
    /// Pages listed.
    pub pages: u64,
    /// Blobs consumed to the end.
    pub blobs: u64,
    /// Events seen, duplicates included.
    pub events: u64,
    /// Events seen that had been delivered before, or that were seen twice in this tick.
    pub duplicates: u64,
}

/// The counts of what was delivered or rejected in one tick.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LineCounts {
    /// Lines put into the bucket by this tick.
    pub delivered: u64,
    /// Inputs that cannot become a line. They are kept under the rejected prefix.
    pub rejected: u64,
    /// Delivered lines with the same vendor id as an earlier line of the same object, but with other content. All are
    /// kept.
    pub shared_ids: u64,
    /// The drift of the delivered lines from what the schema declares and the vendor publishes.
    #[serde(flatten)]
    pub drift: Drift,
    /// Objects put by this tick.
    pub objects: u64,
    /// Bytes of the objects that this tick has put, compressed.
    pub bytes: u64,
    /// Lines in objects that another tick put and this one committed.
    pub adopted: u64,
}

/// Pending work of a stream, as its head has it at the end of the tick.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PendingReport {
    /// Spans of vendor time that failed or did not finish and are tried again.
    pub pending_spans: u64,
    /// Blobs that could not be consumed and are tried again.
    pub pending_blobs: u64,
    /// Seconds since the first failure of the oldest pending span or blob; `None` if nothing is pending.
    pub pending_age_seconds: Option<i64>,
    /// The reason why the oldest pending span or blob failed last; `None` if nothing is pending.
    pub pending_reason: Option<String>,
}

impl PendingReport {
    /// Returns `true` if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.pending_spans + self.pending_blobs == 0
    }
}

/// Remarks on a stream for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// Listings that the vendor does not offer to this source. Each is tried again after a day.
    pub not_offered: Vec<&'static str>,
    /// Advice on a stream that never showed an event; `None` if the stream has shown one, or if it is too early for
    /// advice.
    pub silence: Option<String>,
    /// The time in seconds since 1970 since which the stream has delivered nothing; `None` unless that is longer ago
    /// than the setting allows.
    pub silent_since: Option<UnixSeconds>,
    /// The message that is due on the start or end of a silence, for [`report_silence`](crate::report_silence).
    #[serde(skip)]
    pub silence_message: Option<SilenceMessage>,
    /// A note that a new stream waits for its first content, with the reason and since when; `None` otherwise.
    pub waiting: Option<String>,
    /// Seconds between the oldest watermark and now; `None` before the first listing.
    pub watermark_lag_seconds: Option<i64>,
    /// Seconds by which the vendor's clock is ahead of ours (negative: behind); `None` while the difference is small
    /// enough to trust the vendor's clock.
    pub clock_skew_seconds: Option<i64>,
}

impl StreamReport {
    /// Returns an empty report of the stream.
    pub fn of(stream: &Stream) -> Self {
        Self {
            source: stream.source.to_string(),
            stream: stream.log_type.table(),
            log_type: stream.log_type.name(),
            ..Self::default()
        }
    }

    /// Returns the report of a stream that failed before anything was done.
    pub fn failed(stream: &Stream, error: &PortError) -> Self {
        Self { failure: Some(Failure::new(&stream.name(), error)), ..Self::of(stream) }
    }

    /// Combines this report with the report of a `later` turn of the same stream in the same tick. Counts are added and
    /// gaps are collected; everything else is taken from the later report. But a failure that needs a person is kept if
    /// the later turn did not fail.
    pub fn followed_by(mut self, later: Self) -> Self {
        // The later report of the same gap replaces the earlier one, because the gap may have grown.
        self.gaps.retain(|gap| !later.gaps.iter().any(|again| (again.from, &again.cause) == (gap.from, &gap.cause)));
        self.gaps.extend(later.gaps);
        let lag = later.notes.watermark_lag_seconds.or(self.notes.watermark_lag_seconds);
        let failed_early = later.notes == Notes::default() && later.pending.is_empty() && later.failure.is_some();
        Self {
            listed: self.listed.plus(later.listed),
            lines: self.lines.plus(later.lines),
            // A turn that failed before it read the head knows neither the pending work nor the silence.
            pending: if failed_early { self.pending } else { later.pending },
            notes: Notes {
                watermark_lag_seconds: lag,
                silent_since: if failed_early { self.notes.silent_since } else { later.notes.silent_since },
                silence_message: if failed_early { self.notes.silence_message } else { later.notes.silence_message },
                ..later.notes
            },
            drained: later.drained,
            failure: later.failure.or(self.failure.filter(|failure| failure.needs_person)),
            ..self
        }
    }
}

impl ListedCounts {
    /// Returns the sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            pages: self.pages + other.pages,
            blobs: self.blobs + other.blobs,
            events: self.events + other.events,
            duplicates: self.duplicates + other.duplicates,
        }
    }
}

impl LineCounts {
    /// Returns the sum of both.
    pub(crate) fn plus(mut self, other: Self) -> Self {
        self.drift.merge(&other.drift);
        Self {
            delivered: self.delivered + other.delivered,
            rejected: self.rejected + other.rejected,
            shared_ids: self.shared_ids + other.shared_ids,
            drift: self.drift,
            objects: self.objects + other.objects,
            bytes: self.bytes + other.bytes,
            adopted: self.adopted + other.adopted,
        }
    }
}

/// A span of vendor time whose events are lost, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first second of the span.
    pub from: UnixSeconds,
    /// The first second after the span.
    pub to: UnixSeconds,
    /// The cause of the loss.
    pub cause: String,
}

/// A stream's failure, and whether a person must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// `true` if a person must act; otherwise the next tick carries on by itself.
    pub needs_person: bool,
    /// One sentence that says what happened, to which source and stream, and what to do.
    pub message: String,
}

impl Failure {
    /// Returns the failure of `stream` with `error`.
    pub fn new(stream: &str, error: &PortError) -> Self {
        Self { needs_person: error.recovery == Recovery::Person, message: format!("{stream}: {error}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: UnixSeconds, to: UnixSeconds, cause: &str) -> Gap {
        Gap { from, to, cause: cause.to_owned() }
    }

    fn report(count: u64) -> StreamReport {
        let drift = Drift { undeclared_fields: count, nonconforming: 2 * count, ..Drift::default() };
        StreamReport {
            source: "acme".to_owned(),
            stream: "openai_audit".to_owned(),
            log_type: "OpenAI.Audit",
            listed: ListedCounts {
                requests: 11 * count,
                pages: count,
                blobs: 2 * count,
                events: 3 * count,
                duplicates: 5 * count,
            },
            lines: LineCounts {
                delivered: 4 * count,
                rejected: 6 * count,
                shared_ids: 10 * count,
                drift,
                objects: 7 * count,
                bytes: 8 * count,
                adopted: 9 * count,
            },
            ..StreamReport::default()
        }
    }

    #[test]
    fn counts_are_added_up() {
        assert_eq!(report(10).followed_by(report(1)), report(11));
        assert_eq!(report(10).followed_by(StreamReport::default()), report(10));
    }

    #[test]
    fn all_but_the_counts_is_taken_from_the_later_report() {
        let failure = Some(Failure::new("acme/openai_audit", &PortError::next_tick("slow")));
        let ended = |drained, failure, lag, listing, silence: Option<&str>| StreamReport {
            drained,
            failure,
            notes: Notes {
                watermark_lag_seconds: lag,
                not_offered: vec![listing],
                silence: silence.map(str::to_owned),
                ..Notes::default()
            },
            ..report(0)
        };
        let (first, second) = (
            ended(false, failure, Some(90), "tenant", Some("nothing")),
            ended(true, None, Some(7), "organization", None),
        );
        assert_eq!(first.clone().followed_by(second.clone()), second);
        assert_eq!(second.clone().followed_by(first.clone()), first);
        let failure = Some(Failure::new("acme/openai_audit", &PortError::person("again")));
        let first = StreamReport { failure: failure.clone(), ..first };
        assert_eq!(first.followed_by(second.clone()), StreamReport { failure, ..second });
    }

    #[test]
    fn a_known_lag_is_kept() {
        let notes = Notes { watermark_lag_seconds: Some(90), ..Notes::default() };
        let first = StreamReport { notes, ..report(1) };
        assert_eq!(first.followed_by(report(1)).notes.watermark_lag_seconds, Some(90));
    }

    #[test]
    fn pending_work_is_taken_from_the_later_report_unless_that_never_read_the_head() {
        let pending = PendingReport { pending_spans: 2, ..PendingReport::default() };
        let first = || StreamReport { pending: pending.clone(), ..report(1) };
        assert!(first().followed_by(report(1)).pending.is_empty());
        let failed = StreamReport { failure: Some(Failure::new("s", &PortError::next_tick("no"))), ..report(0) };
        assert_eq!(first().followed_by(failed).pending, pending);
    }

    #[test]
    fn a_silence_is_taken_from_the_later_report_unless_that_never_read_the_head() {
        let silent = Notes {
            silent_since: Some(5),
            silence_message: Some(SilenceMessage::Began { since: 5 }),
            ..Notes::default()
        };
        let first = || StreamReport { notes: silent.clone(), ..report(1) };
        assert_eq!(first().followed_by(report(1)).notes, Notes::default());
        let failed = StreamReport { failure: Some(Failure::new("s", &PortError::next_tick("no"))), ..report(0) };
        assert_eq!(first().followed_by(failed).notes, silent);
    }

    #[test]
    fn the_json_of_a_report_is_flat() {
        let json = serde_json::to_value(report(1)).unwrap();
        for field in
            ["pages", "delivered", "undeclared_fields", "pending_spans", "gaps", "watermark_lag_seconds", "drained"]
        {
            assert!(json.get(field).is_some_and(|value| !value.is_object()), "{field}: {json}");
        }
    }

    #[test]
    fn the_later_report_of_a_gap_replaces_the_earlier_one() {
        let first = StreamReport { gaps: vec![gap(1, 5, "late"), gap(1, 2, "a"), gap(8, 9, "late")], ..report(1) };
        let later = StreamReport { gaps: vec![gap(1, 6, "late"), gap(1, 2, "b")], ..report(1) };
        let gaps = [gap(1, 2, "a"), gap(8, 9, "late"), gap(1, 6, "late"), gap(1, 2, "b")];
        assert_eq!(first.followed_by(later).gaps, gaps);
    }
}
