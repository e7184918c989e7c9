//! Logs: one JSON object per line on standard output, which Lambda sends to CloudWatch.

use collector::StreamReport;
use serde::Serialize;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

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
                gaps = json_array(&report.gaps),
                not_offered = json_array(&report.notes.not_offered),
                silence = report.notes.silence,
                clock_skew_seconds = report.notes.clock_skew_seconds,
                pending_spans = report.pending.pending_spans,
                pending_blobs = report.pending.pending_blobs,
                pending_age_seconds = report.pending.pending_age_seconds,
                pending_reason = report.pending.pending_reason,
                waiting = report.notes.waiting,
                watermark_lag_seconds = report.notes.watermark_lag_seconds,
                drained = report.drained,
                failure = $failure,
                "stream"
            )
        };
    }
    match &report.failure {
        Some(failure) if failure.needs_person => line!(error, failure.message),
        Some(failure) => line!(warn, failure.message),
        None if !report.gaps.is_empty() => line!(error, tracing::field::Empty),
        None if report.notes.silence.is_some() || !report.pending.is_empty() => line!(warn, tracing::field::Empty),
        None => line!(info, tracing::field::Empty),
    }
}

/// Returns the values as the text of a JSON array, because a log field holds one plain value.
fn json_array(values: &[impl Serialize]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::sync::Arc;

    use collector::{Drift, LineCounts, PendingReport};
    use schema::{LineContext, LogType, Normalizer};
    use serde_json::{Value, json};

    use super::*;

    /// Returns the log line of a report.
    fn logged(report: &StreamReport) -> Value {
        let mut file = tempfile::tempfile().unwrap();
        let to = subscriber(Arc::new(file.try_clone().unwrap()));
        tracing::subscriber::with_default(to, || log_report("openai", report));
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
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
