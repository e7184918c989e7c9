//! The status of one stream, from its head and from the outcome of its last ticks.

use adapters::local::{TickError, TickRecord};
use collector::{
    Head, ListingState, PERSISTENT_AFTER, PendingReport, PortError, Recovery, Schedule, Stream, UnixSeconds,
};
use serde::Serialize;

use super::today::Today;
use crate::output::time_text;
use crate::progress::duration;

const HOUR: i64 = 3_600;
/// A stream needs a person if no tick has written for this long. A tick writes the head at least once per hour.
const STALE_AFTER_SECONDS: i64 = 2 * HOUR;
/// Pending work needs a person after this time, as in the stack's alarm.
const PENDING_TOO_LONG_SECONDS: i64 = 24 * HOUR;
/// A larger lag of the watermark is mentioned.
const LAGS_AFTER_SECONDS: i64 = 6 * HOUR;
/// A gap is mentioned for this time.
const GAP_SHOWN_SECONDS: i64 = 24 * HOUR;

/// The status of one stream. Times are texts in RFC 3339.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct StreamStatus {
    pub(super) source: String,
    pub(super) stream: String,
    pub(super) log_type: &'static str,
    /// The oldest watermark of all listings that the vendor offers. On AWS it is up to an hour behind, because an idle
    /// tick writes nothing.
    pub(super) watermark: Option<String>,
    pub(super) watermark_lag_seconds: Option<i64>,
    #[serde(flatten)]
    pub(super) pending: PendingReport,
    /// The time of the last write of the head.
    pub(super) written_at: Option<String>,
    /// The end of the last tick; only of a local lake, like the next three.
    pub(super) last_tick: Option<String>,
    pub(super) last_success: Option<String>,
    pub(super) last_error: Option<LastError>,
    /// The number of gaps that ticks have reported.
    pub(super) gaps: Option<u64>,
    /// The time of the newest event.
    pub(super) last_event: Option<String>,
    /// The time of the newest event, or else of the first tick, if nothing came for too long since.
    pub(super) silent_since: Option<String>,
    /// Listings that the vendor does not offer to this source.
    pub(super) not_offered: Vec<String>,
    #[serde(flatten)]
    pub(super) today: Today,
    /// `true` if the source was removed on purpose. Then there are no problems.
    pub(super) is_removed: bool,
    /// Everything that a person should read.
    pub(super) problems: Vec<Problem>,
}

/// The last failure of a stream.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LastError {
    pub(super) at: String,
    pub(super) needs_person: bool,
    pub(super) message: String,
}

/// A remark on a stream for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// `true` if a person must act.
    pub(super) needs_person: bool,
    /// The message, which begins with the stream's name.
    pub(super) message: String,
}

/// The time and the settings of a query of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) now: UnixSeconds,
    /// A stream is silent if its newest event is older than this; `None` if no stream counts as silent.
    pub(super) silent_after_seconds: Option<i64>,
    /// The time of the stream's first tick, which is needed only if it never had an event; `None` if it is unknown.
    pub(super) born: Option<UnixSeconds>,
    /// `true` if the caller says that the source was removed on purpose.
    pub(super) is_removed: bool,
}

impl StreamStatus {
    /// Returns the status of a stream from the answer of its state store and the record of its ticks, if there is one.
    pub(super) fn of(
        stream: &Stream,
        head: &Result<Option<Head>, PortError>,
        record: Option<&TickRecord>,
        today: Today,
        query: Query,
    ) -> Self {
        let status = Self {
            source: stream.source.to_string(),
            stream: stream.log_type.table(),
            log_type: stream.log_type.name(),
            last_tick: record.map(|record| time_text(record.last_tick)),
            last_success: record.and_then(|record| record.last_success).map(time_text),
            last_error: record.and_then(|record| record.last_error.as_ref()).map(last_error),
            gaps: record.map(|record| record.gaps),
            today,
            ..Self::default()
        };
        let (status, found) = match head {
            Ok(Some(head)) => status.with_head(head, record, query),
            Ok(None) => (status, vec![(true, LOST_STATE.to_owned())]),
            Err(error) => (status, vec![(error.recovery == Recovery::Person, error.message.clone())]),
        };
        let of_ticks = record.into_iter().flat_map(|record| problems_of_ticks(record, query.now));
        let name = stream.name();
        let problems = of_ticks.chain(found).map(|(needs_person, text)| Problem {
            needs_person,
            message: if text.starts_with(&name) { text } else { format!("{name}: {text}") },
        });
        // Nobody will mend the faults of a source that was removed on purpose.
        let problems = if query.is_removed { Vec::new() } else { problems.collect() };
        Self { problems, is_removed: query.is_removed, ..status }
    }

    fn with_head(self, head: &Head, record: Option<&TickRecord>, query: Query) -> (Self, Vec<(bool, String)>) {
        let Query { now, silent_after_seconds, born, .. } = query;
        let offered = head.listings.values().filter(|listing| !listing.is_suspended(now));
        let stored = offered.map(|listing| listing.watermark).min();
        let watermark = stored.max(record.and_then(|record| record.watermark).filter(|_| stored.is_some()));
        let lag = watermark.map(|watermark| (now - watermark).max(0));
        let pending = pending_report(head, now);
        let suspended = head.listings.iter().filter(|(_, listing)| listing.is_suspended(now));
        // A stream without events is not silent in the first hours after it, or its recording, began.
        let last_sign = head.times.last_event.or(born.max(head.times.last_start));
        let silent_since = last_sign.filter(|since| silent_after_seconds.is_some_and(|after| now - since >= after));
        let mut problems = problems_of_head(head, now);
        problems.extend(pending_problem(&pending));
        let last_write = record.map_or(head.times.written_at, |record| record.last_tick.max(head.times.written_at));
        if now - last_write >= STALE_AFTER_SECONDS {
            let since = time_text(last_write);
            problems.push((
                true,
                format!(
                    "no tick has ended since {since}: check that its schedule runs and its secret is configured, or name \
                     the source with --removed if it was removed on purpose"
                ),
            ));
        }
        if let Some(lag) = lag.filter(|lag| *lag >= LAGS_AFTER_SECONDS) {
            problems.push((false, format!("it is {} behind; ticks catch up by themselves", duration(lag))));
        }
        if let Some(since) = silent_since {
            let since = time_text(since);
            problems.push((
                false,
                format!("no event since {since}: check that auditing is on, and the credential's account"),
            ));
        }
        let status = Self {
            watermark: watermark.map(time_text),
            watermark_lag_seconds: lag,
            pending,
            written_at: Some(time_text(head.times.written_at)),
            last_event: head.times.last_event.map(time_text),
            silent_since: silent_since.map(time_text),
            not_offered: suspended.map(|(name, _)| name.clone()).collect(),
            ..self
        };
        (status, problems)
    }
}

const LOST_STATE: &str = "its birth record is in the bucket, but the state has no head of it, so the state was lost or \
    belongs to another deployment: run `audit-pull rebuild`, or use another prefix";

fn last_error(error: &TickError) -> LastError {
    LastError { at: time_text(error.at), needs_person: error.needs_person, message: error.message.clone() }
}

/// Returns the problems that the last ticks reported.
fn problems_of_ticks(record: &TickRecord, now: UnixSeconds) -> Vec<(bool, String)> {
    let error = record.current_error().map(|error| (error.needs_person, error.message.clone()));
    let gap = record.last_gap.filter(|at| now - at < GAP_SHOWN_SECONDS);
    let gap = gap.map(|at| (false, format!("a gap was reported at {}; {} in all", time_text(at), record.gaps)));
    error.into_iter().chain(gap).collect()
}

/// Returns the problems of the listings that the vendor keeps refusing.
fn problems_of_head(head: &Head, now: UnixSeconds) -> Vec<(bool, String)> {
    let refused = |(name, listing): (&String, &ListingState)| {
        let is_refused = listing.refusals >= PERSISTENT_AFTER && !listing.is_suspended(now);
        is_refused.then(|| {
            (true, format!("the listing {name} was refused in {PERSISTENT_AFTER} ticks or more in a row; its last error says how to cure it"))
        })
    };
    let schedules = head.listings.values().flat_map(schedules);
    let is_pending_refused = schedules.into_iter().any(|schedule| schedule.refusals >= PERSISTENT_AFTER);
    let pending = is_pending_refused.then(|| (true, "the vendor keeps refusing pending work".to_owned()));
    head.listings.iter().filter_map(refused).chain(pending).collect()
}

fn schedules(listing: &ListingState) -> impl Iterator<Item = &Schedule> {
    let pending = &listing.pending;
    pending.spans.iter().map(|span| &span.schedule).chain(pending.blobs.iter().map(|blob| &blob.schedule))
}

fn pending_report(head: &Head, now: UnixSeconds) -> PendingReport {
    let works = || head.listings.values().map(|listing| &listing.pending);
    let spans = works().flat_map(|work| &work.spans).map(|span| (span.schedule.first_failure, &span.reason));
    let blobs = works().flat_map(|work| &work.blobs).map(|blob| (blob.schedule.first_failure, &blob.reason));
    let oldest = spans.chain(blobs).min_by_key(|(first_failure, _)| *first_failure);
    PendingReport {
        pending_spans: works().map(|work| work.spans.len() as u64).sum(),
        pending_blobs: works().map(|work| work.blobs.len() as u64).sum(),
        pending_age_seconds: oldest.map(|(first_failure, _)| (now - first_failure).max(0)),
        pending_reason: oldest.map(|(_, reason)| reason.clone()),
    }
}

fn pending_problem(pending: &PendingReport) -> Option<(bool, String)> {
    let (age, reason) = (pending.pending_age_seconds?, pending.pending_reason.as_deref().unwrap_or_default());
    let text =
        format!("part of it has failed for {} and is retried, everything else is delivered: {reason}", duration(age));
    Some((age >= PENDING_TOO_LONG_SECONDS, text))
}

#[cfg(test)]
mod tests {
    use collector::SourceId;
    use schema::LogType;
    use serde_json::json;

    use super::*;

    const NOW: UnixSeconds = 1_795_330_800;

    fn status(head: Result<Option<serde_json::Value>, PortError>, record: Option<TickRecord>) -> StreamStatus {
        status_of(head, record, false)
    }

    fn status_of(
        head: Result<Option<serde_json::Value>, PortError>,
        record: Option<TickRecord>,
        is_removed: bool,
    ) -> StreamStatus {
        let stream = Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: String::new(),
            log_type: LogType::OpenAiAudit,
            listings: Vec::new(),
        };
        let head = head.map(|head| head.map(|head| serde_json::from_value(head).unwrap()));
        let query = Query { now: NOW, silent_after_seconds: Some(24 * HOUR), born: Some(NOW - 90 * HOUR), is_removed };
        StreamStatus::of(&stream, &head, record.as_ref(), Today::default(), query)
    }

    /// Returns a healthy head, changed by `change`.
    fn head(change: impl FnOnce(&mut serde_json::Value)) -> Result<Option<serde_json::Value>, PortError> {
        let mut head = json!({
            "version": 1, "id": "i", "seq": 4, "floor": NOW - 90 * HOUR, "written_at": NOW - 60, "last_event": NOW - 90,
            "listings": {"organization": {"watermark": NOW - 60}, "tenant": {"watermark": NOW - 30}},
        });
        change(&mut head);
        Ok(Some(head))
    }

    fn check(status: &StreamStatus, needs_person: bool, part: &str) {
        let [problem] = &status.problems[..] else { panic!("{:?}", status.problems) };
        assert!(problem.needs_person == needs_person && problem.message.contains(part), "{problem:?}");
        assert!(problem.message.starts_with("acme/openai_audit: "), "{problem:?}");
    }

    #[test]
    fn a_healthy_stream_has_no_problem() {
        let status = status(head(|_| {}), None);
        assert_eq!((status.problems.len(), status.watermark_lag_seconds), (0, Some(60)));
        assert_eq!((status.watermark.as_deref(), status.gaps), (Some("2026-11-22T06:59:00Z"), None));
    }

    #[test]
    fn a_lost_and_an_unreadable_head_are_named() {
        check(&status(Ok(None), None), true, "audit-pull rebuild");
        check(&status(Err(PortError::person("acme/openai_audit: damaged")), None), true, "damaged");
        check(&status(Err(PortError::next_tick("no answer")), None), false, "no answer");
    }

    #[test]
    fn the_oldest_pending_work_is_described() {
        let pending = |age: i64| {
            let span = |age, reason| json!({"from": 1, "to": 2, "first_failure": NOW - age, "last_attempt": 0, "attempts": 1, "next_attempt": 0, "reason": reason});
            head(|head| head["listings"]["tenant"]["spans"] = json!([span(age, "HTTP 500"), span(60, "reset")]))
        };
        let young = status(pending(7_200), None);
        check(&young, false, "failed for 2 h 0 min and is retried, everything else is delivered: HTTP 500");
        assert_eq!((young.pending.pending_spans, young.pending.pending_age_seconds), (2, Some(7_200)));
        check(&status(pending(24 * HOUR), None), true, "HTTP 500");
    }

    #[test]
    fn a_stream_is_silent_after_a_day_without_an_event() {
        let silent = status(head(|head| head["last_event"] = json!(NOW - 24 * HOUR)), None);
        check(&silent, false, "no event since 2026-11-21T07:00:00Z");
        assert_eq!(silent.silent_since.as_deref(), Some("2026-11-21T07:00:00Z"));
        let never = |start: i64| {
            status(
                head(|head| {
                    head["last_event"] = json!(null);
                    head["last_start"] = json!(NOW - start);
                }),
                None,
            )
        };
        assert_eq!(never(23 * HOUR).problems, []);
        check(&never(25 * HOUR), false, "no event since");
    }

    #[test]
    fn a_schedule_that_does_not_run_needs_a_person() {
        let old = |head: &mut serde_json::Value| head["written_at"] = json!(NOW - 2 * HOUR);
        check(&status(head(old), None), true, "no tick has ended since 2026-11-22T05:00:00Z");
        let record = TickRecord { last_tick: NOW - 60, watermark: Some(NOW - 5), ..TickRecord::default() };
        let status = status(head(old), Some(record));
        assert_eq!((status.problems.len(), status.watermark_lag_seconds), (0, Some(5)));
    }

    #[test]
    fn a_source_that_was_removed_on_purpose_has_no_problem() {
        let old = |head: &mut serde_json::Value| head["written_at"] = json!(NOW - 90 * HOUR);
        check(&status(head(old), None), true, "--removed");
        for head in [head(old), Ok(None)] {
            let removed = status_of(head, None, true);
            assert!(removed.is_removed && removed.problems.is_empty(), "{removed:?}");
        }
    }

    #[test]
    fn the_failure_of_the_last_tick_is_a_problem_and_an_older_one_is_not() {
        let error = TickError { at: NOW - 60, needs_person: true, message: "acme/openai_audit: no key".to_owned() };
        let record = TickRecord { last_tick: NOW - 60, last_error: Some(error), ..TickRecord::default() };
        check(&status(head(|_| {}), Some(record.clone())), true, "no key");
        let later = TickRecord { last_tick: NOW, last_success: Some(NOW), ..record };
        let status = status(head(|_| {}), Some(later));
        assert_eq!(
            (status.problems.len(), status.last_error.map(|error| error.message)),
            (0, Some("acme/openai_audit: no key".to_owned()))
        );
    }

    #[test]
    fn a_gap_is_mentioned_for_a_day() {
        let record = |at| TickRecord { last_tick: NOW, gaps: 3, last_gap: Some(at), ..TickRecord::default() };
        check(
            &status(head(|_| {}), Some(record(NOW - HOUR))),
            false,
            "a gap was reported at 2026-11-22T06:00:00Z; 3 in all",
        );
        assert_eq!(status(head(|_| {}), Some(record(NOW - 24 * HOUR))).problems, []);
    }

    #[test]
    fn refused_and_late_listings_are_named() {
        check(
            &status(head(|head| head["listings"]["tenant"]["refusals"] = json!(3)), None),
            true,
            "the listing tenant",
        );
        let late = status(head(|head| head["listings"]["tenant"]["watermark"] = json!(NOW - 7 * HOUR)), None);
        check(&late, false, "7 h 0 min behind");
        let suspended = json!({"watermark": 0, "not_offered": {"refusals": 3, "until": NOW + 60}});
        let status = status(head(|head| head["listings"]["tenant"] = suspended), None);
        assert_eq!((status.problems.len(), &status.not_offered[..]), (0, &["tenant".to_owned()][..]));
    }
}
