//! What a tick did, as a value.

use serde::Serialize;

use crate::drift::Drift;
use crate::error::{PortError, Recovery};
use crate::stream::Stream;
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
    /// Delivered lines whose vendor's id an earlier line of the same object has, with other content: all are kept.
    pub shared_ids: u64,
    /// How the delivered lines drift from what the schema declares and the vendor publishes.
    #[serde(flatten)]
    pub drift: Drift,
    /// Objects put by this tick.
    pub objects: u64,
    /// Their bytes, compressed.
    pub bytes: u64,
    /// Lines in objects that another tick put and this one committed.
    pub adopted: u64,
    /// Spans of which something is lost at the vendor, or may be: they fell out of its retention before they could be
    /// listed, or were not recorded.
    pub gaps: Vec<Gap>,
    /// Listings that the vendor does not offer to this source; each is asked for again after a day.
    pub not_offered: Vec<&'static str>,
    /// What a stream that never showed an event may want; `None` for one that did, or may still.
    pub silence: Option<String>,
    /// Seconds between the oldest watermark and now; `None` before the first listing.
    pub watermark_lag_seconds: Option<i64>,
    /// Whether all there was to list was listed and delivered; `false` when the deadline came first, or something is held.
    pub drained: bool,
    /// What is listed and cannot be had or read, and holds the watermark; the first of it.
    pub held: Option<String>,
    /// Why the stream stopped early, or the first trouble that it went on after.
    pub failure: Option<Failure>,
}

impl StreamReport {
    /// That of a stream for which nothing was done yet.
    pub fn of(stream: &Stream) -> Self {
        Self {
            source: stream.source.to_string(),
            stream: stream.log_type.table(),
            log_type: stream.log_type.name(),
            ..Self::default()
        }
    }

    /// That of a stream that failed before anything was done.
    pub fn failed(stream: &Stream, error: &PortError) -> Self {
        Self { failure: Some(Failure::new(&stream.name(), error)), ..Self::of(stream) }
    }

    /// This report and, of the same stream, that of a `later` turn in the same tick: what was done
    /// is added up, how it ended is the later one's to say.
    pub fn followed_by(mut self, later: Self) -> Self {
        // What is still lost is told again, and may have grown.
        self.gaps.retain(|gap| !later.gaps.iter().any(|again| (again.from, &again.cause) == (gap.from, &gap.cause)));
        self.gaps.extend(later.gaps);
        self.drift.merge(&later.drift);
        Self {
            pages: self.pages + later.pages,
            blobs: self.blobs + later.blobs,
            events: self.events + later.events,
            delivered: self.delivered + later.delivered,
            duplicates: self.duplicates + later.duplicates,
            rejected: self.rejected + later.rejected,
            shared_ids: self.shared_ids + later.shared_ids,
            objects: self.objects + later.objects,
            bytes: self.bytes + later.bytes,
            adopted: self.adopted + later.adopted,
            not_offered: later.not_offered,
            silence: later.silence,
            // One that got nowhere did not learn it.
            watermark_lag_seconds: later.watermark_lag_seconds.or(self.watermark_lag_seconds),
            drained: later.drained,
            held: later.held,
            // What only a person cures may be told once.
            failure: later.failure.or(self.failure.filter(|failure| failure.needs_person)),
            ..self
        }
    }
}

/// Vendor time of which something is lost, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first second lost.
    pub from: UnixSeconds,
    /// The first second past it.
    pub to: UnixSeconds,
    /// What happened.
    pub cause: String,
}

/// A stream's trouble, and who cures it.
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
            pages: count,
            blobs: 2 * count,
            events: 3 * count,
            delivered: 4 * count,
            duplicates: 5 * count,
            rejected: 6 * count,
            shared_ids: 10 * count,
            drift,
            objects: 7 * count,
            bytes: 8 * count,
            adopted: 9 * count,
            ..StreamReport::default()
        }
    }

    #[test]
    fn what_was_done_is_added_up() {
        assert_eq!(report(10).followed_by(report(1)), report(11));
        assert_eq!(report(10).followed_by(StreamReport::default()), report(10));
    }

    #[test]
    fn how_it_ended_is_the_later_ones_to_say() {
        let failure = Some(Failure::new("acme/openai_audit", &PortError::next_tick("slow")));
        let ended = |drained, failure, lag, listing, silence: Option<&str>| StreamReport {
            drained,
            failure,
            watermark_lag_seconds: lag,
            not_offered: vec![listing],
            silence: silence.map(str::to_owned),
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
    fn a_lag_that_was_learnt_is_kept() {
        let first = StreamReport { watermark_lag_seconds: Some(90), ..report(1) };
        assert_eq!(first.followed_by(report(1)).watermark_lag_seconds, Some(90));
    }

    #[test]
    fn a_gap_is_told_once_and_as_it_is_now() {
        let first = StreamReport { gaps: vec![gap(1, 5, "late"), gap(1, 2, "a"), gap(8, 9, "late")], ..report(1) };
        let later = StreamReport { gaps: vec![gap(1, 6, "late"), gap(1, 2, "b")], ..report(1) };
        let gaps = [gap(1, 2, "a"), gap(8, 9, "late"), gap(1, 6, "late"), gap(1, 2, "b")];
        assert_eq!(first.followed_by(later).gaps, gaps);
    }
}
