//! Logs: one JSON object per line on standard output, which Lambda sends to CloudWatch.

use std::io::Write;
use std::sync::{Arc, Mutex};

use collector::{StreamReport, UnixSeconds, lock};
use jiff::Timestamp;
use serde::Serialize;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::in_flight::CallCounts;
use crate::http::Traffic;

/// Starts logging, also of panics. Nothing below INFO is ever logged, because the libraries write requests and answers
/// with credentials at DEBUG and TRACE.
pub(super) fn start() {
    // Fails if logging was already started in this process, as in tests.
    if tracing::subscriber::set_global_default(subscriber(std::io::stdout)).is_ok() {
        std::panic::set_hook(Box::new(|panic| tracing::error!(panic = %panic, "panicked")));
    }
}

fn subscriber(to: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> impl Subscriber + Send + Sync {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(LevelFilter::INFO)
        .with_writer(to)
        .finish()
}

/// Logs one line for a stream: at ERROR if a person must act or events were lost, and at WARN if the next tick may cure
/// the problem.
pub(super) fn log_report(vendor: &str, report: &StreamReport) {
    let drift = &report.lines.drift;
    macro_rules! line {
        ($level:ident, $failure:expr) => {
            tracing::$level!(
                vendor,
                source = report.source,
                stream = report.stream,
                log_type = report.log_type,
                requests = report.listed.requests,
                pages = report.listed.pages,
                blobs = report.listed.blobs,
                events = report.listed.events,
                delivered = report.lines.delivered,
                duplicates = report.listed.duplicates,
                rejected = report.lines.rejected,
                shared_ids = report.lines.shared_ids,
                nonconforming = drift.nonconforming,
                undeclared_fields = drift.undeclared_fields,
                unknown_record_types = drift.unknown_record_types,
                missing_required = drift.missing_required,
                udm_failed = drift.udm_failed,
                undeclared_field_names = json_array(drift.names.undeclared.all()),
                unknown_record_type_names = json_array(drift.names.unknown_types.all()),
                missing_required_names = json_array(drift.names.missing.all()),
                udm_failed_names = json_array(drift.names.udm_failed.all()),
                objects = report.lines.objects,
                bytes = report.lines.bytes,
                adopted = report.lines.adopted,
                gap_count = report.gaps.len(),
                gaps = json_array(&report.gaps),
                not_offered = json_array(&report.notes.not_offered),
                silence = report.notes.silence,
                silent_since = report.notes.silent_since.map(time_text),
                clock_skew_seconds = report.notes.clock_skew_seconds,
                pending_spans = report.pending.pending_spans,
                pending_blobs = report.pending.pending_blobs,
                pending_age_seconds = report.pending.pending_age_seconds,
                pending_reason = report.pending.pending_reason,
                waiting = report.notes.waiting,
                watermark_lag_seconds = report.notes.watermark_lag_seconds,
                drained = report.drained,
                needs_person = report.failure.as_ref().map(|failure| failure.needs_person),
                failure = $failure,
                "stream"
            )
        };
    }
    match &report.failure {
        Some(failure) if failure.needs_person => line!(error, failure.message),
        Some(failure) => line!(warn, failure.message),
        None if !report.gaps.is_empty() => line!(error, tracing::field::Empty),
        None if report.notes.silence.is_some() || report.notes.silent_since.is_some() || !report.pending.is_empty() => {
            line!(warn, tracing::field::Empty)
        }
        None => line!(info, tracing::field::Empty),
    }
}

/// The calls and the duration of one tick of all sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickUsage {
    /// Milliseconds from the start of the tick to its last report.
    pub duration_milliseconds: u64,
    /// The calls of the ports, without repeats by their adapters.
    pub calls: CallCounts,
    /// The HTTP requests to the vendor, including logins and repeats.
    pub vendor_traffic: Traffic,
}

/// Logs one line for a tick of all sources.
pub(super) fn log_tick(vendor: &str, reports: &[StreamReport], usage: &TickUsage) {
    let sum = |of: fn(&StreamReport) -> u64| reports.iter().map(of).sum::<u64>();
    tracing::info!(
        vendor,
        streams = reports.len(),
        failed_streams = reports.iter().filter(|report| report.failure.is_some()).count(),
        silent_streams = reports.iter().filter(|report| report.notes.silent_since.is_some()).count(),
        delivered = sum(|report| report.lines.delivered),
        objects = sum(|report| report.lines.objects),
        bytes = sum(|report| report.lines.bytes),
        vendor_requests = usage.vendor_traffic.requests,
        vendor_throttles = usage.vendor_traffic.throttles,
        state_calls = usage.calls.state,
        bucket_calls = usage.calls.bucket,
        duration_milliseconds = usage.duration_milliseconds,
        "tick"
    );
}

/// Returns the lines that a tick with this report logs: that of the stream, and that of the tick.
pub fn log_lines(vendor: &str, report: &StreamReport, usage: &TickUsage) -> [String; 2] {
    [rendered(|| log_report(vendor, report)), rendered(|| log_tick(vendor, std::slice::from_ref(report), usage))]
}

/// Returns the text that `log` logs.
fn rendered(log: impl FnOnce()) -> String {
    let text = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&text);
    tracing::subscriber::with_default(subscriber(move || Shared(Arc::clone(&to))), log);
    String::from_utf8_lossy(&lock(&text)).into_owned()
}

/// A text in memory to which a subscriber writes.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn time_text(second: UnixSeconds) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}

/// Returns the values as the text of a JSON array, because a log field holds one plain value.
fn json_array(values: &[impl Serialize]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use collector::{Drift, Failure, LineCounts, Notes, PendingReport, PortError};
    use schema::{LineContext, LogType, Normalizer};
    use serde_json::{Value, json};

    use super::*;
    use crate::lambda::metrics::{Deployment, stream_record};

    /// Returns the log line of a report.
    fn logged(report: &StreamReport) -> Value {
        serde_json::from_str(&rendered(|| log_report("openai", report))).unwrap()
    }

    #[test]
    fn every_value_of_a_detailed_metrics_record_is_in_the_log_line() {
        let report = StreamReport {
            failure: Some(Failure::new("s", &PortError::person("no"))),
            notes: Notes { watermark_lag_seconds: Some(5), ..Notes::default() },
            pending: PendingReport { pending_age_seconds: Some(3), ..PendingReport::default() },
            ..StreamReport::default()
        };
        let line = logged(&report);
        let deployment = Deployment { stack: "s", vendor: "openai", is_fan_out: false };
        let record = stream_record(deployment, &report, Timestamp::UNIX_EPOCH);
        for metric in record["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
            let field = match metric["Name"].as_str().unwrap() {
                "Gaps" => "gap_count".to_owned(),
                "Failures" => "failure".to_owned(),
                name => snake_case(name),
            };
            assert!(line.get(&field).is_some(), "{field}: {line}");
        }
    }

    fn snake_case(name: &str) -> String {
        let letter = |(at, letter): (usize, char)| {
            let is_start = at > 0 && letter.is_ascii_uppercase();
            format!("{}{}", if is_start { "_" } else { "" }, letter.to_ascii_lowercase())
        };
        name.chars().enumerate().map(letter).collect()
    }

    #[test]
    fn a_silent_stream_is_a_warning_with_the_time_of_its_last_delivery() {
        let notes = Notes { silent_since: Some(60), ..Notes::default() };
        let line = logged(&StreamReport { notes, ..StreamReport::default() });
        assert_eq!((&line["level"], &line["silent_since"]), (&json!("WARN"), &json!("1970-01-01T00:01:00Z")));
    }

    #[test]
    fn pending_work_is_a_warning_with_its_age_and_reason() {
        let pending = PendingReport {
            pending_spans: 2,
            pending_blobs: 1,
            pending_age_seconds: Some(90),
            pending_reason: Some("HTTP 500".to_owned()),
        };
        let line = logged(&StreamReport { pending, ..StreamReport::default() });
        for (field, value) in [
            ("level", json!("WARN")),
            ("pending_spans", json!(2)),
            ("pending_blobs", json!(1)),
            ("pending_age_seconds", json!(90)),
            ("pending_reason", json!("HTTP 500")),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
    }

    #[test]
    fn drift_is_logged_with_its_names() {
        let mut drift = Drift::default();
        let context = LineContext { source_id: "", source_label: "", parse_time: jiff::Timestamp::UNIX_EPOCH };
        let event = br#"{"id":"a","type":"api_key.rotated","x\n\u001b":"secret","y":1}"#;
        let normalizer = Normalizer::new(LogType::OpenAiAudit);
        let line = normalizer.normalize_with_drift(event, &context, &mut Vec::new(), &mut drift.names).unwrap();
        drift.count(&line);
        let line =
            logged(&StreamReport { lines: LineCounts { drift, ..LineCounts::default() }, ..StreamReport::default() });
        for (field, value) in [
            ("undeclared_fields", json!(2)),
            ("unknown_record_types", json!(1)),
            ("nonconforming", json!(0)),
            ("missing_required", json!(1)),
            ("undeclared_field_names", json!(r#"["x\n\u001b","y"]"#)),
            ("unknown_record_type_names", json!(r#"["api_key.rotated"]"#)),
            ("missing_required_names", json!(r#"["effective_at"]"#)),
            ("udm_failed", json!(0)),
            ("udm_failed_names", json!("[]")),
            ("gaps", json!("[]")),
            ("level", json!("INFO")),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}
