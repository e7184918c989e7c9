//! Logs: one JSON object a line on standard output, which Lambda hands to CloudWatch.

use collector::StreamReport;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

/// Logs from here on, panics included. Nothing below INFO is ever logged: at DEBUG and TRACE the
/// libraries below us write down requests and answers, and those hold credentials.
pub(super) fn start() {
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(LevelFilter::INFO)
        .finish();
    // A second start in one process (tests) finds the first one's subscriber in place.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(|panic| tracing::error!(panic = %panic, "panicked")));
    }
}

/// One line a stream: at ERROR what a person must cure, at WARN what the next tick may.
pub(super) fn stream(vendor: &str, report: &StreamReport) {
    let drift = &report.drift;
    macro_rules! line {
        ($level:ident, $failure:expr) => {
            tracing::$level!(
                vendor,
                source = report.source,
                stream = report.stream,
                log_type = report.log_type,
                pages = report.pages,
                blobs = report.blobs,
                events = report.events,
                delivered = report.delivered,
                duplicates = report.duplicates,
                rejected = report.rejected,
                nonconforming = drift.nonconforming,
                undeclared_fields = drift.undeclared_fields,
                unknown_record_types = drift.unknown_record_types,
                missing_required = drift.missing_required,
                undeclared_field_names = list(drift.names.undeclared.all()),
                unknown_record_type_names = list(drift.names.unknown_types.all()),
                missing_required_names = list(drift.names.missing.all()),
                objects = report.objects,
                bytes = report.bytes,
                adopted = report.adopted,
                gaps = list(&report.gaps),
                watermark_lag_seconds = report.watermark_lag_seconds,
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
        None => line!(info, tracing::field::Empty),
    }
}

/// JSON in a string: a log's field is one value.
fn list(values: &[impl Serialize]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}
