//! Metrics: one record per stream in CloudWatch's embedded metric format, on standard output.

use std::io::Write;

use collector::StreamReport;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// CloudWatch namespace of the metrics.
const NAMESPACE: &str = "AuditPull";
/// Metrics that also have the dimension `Vendor`, so that one alarm covers all sources of a vendor.
const VENDOR_WIDE: [&str; 7] =
    ["Delivered", "Rejected", "Gaps", "WatermarkLagSeconds", "PendingAgeSeconds", "Failures", "NeedsPerson"];

/// Writes the record of one stream.
pub(super) fn emit(vendor: &str, report: &StreamReport, now: Timestamp) {
    let line = format!("{}\n", record(vendor, report, now));
    // An error is ignored, because there is no other output to report it to.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Returns the name, the CloudWatch unit and the value of each metric.
fn values(report: &StreamReport) -> Vec<(&'static str, &'static str, Value)> {
    let failures = u64::from(report.failure.is_some());
    let needs_person = u64::from(report.failure.as_ref().is_some_and(|failure| failure.needs_person));
    let drift = &report.lines.drift;
    let mut values = vec![
        ("Delivered", "Count", json!(report.lines.delivered)),
        ("Duplicates", "Count", json!(report.listed.duplicates)),
        ("Rejected", "Count", json!(report.lines.rejected)),
        ("SharedIds", "Count", json!(report.lines.shared_ids)),
        ("UndeclaredFields", "Count", json!(drift.undeclared_fields)),
        ("UnknownRecordTypes", "Count", json!(drift.unknown_record_types)),
        ("Nonconforming", "Count", json!(drift.nonconforming)),
        ("MissingRequired", "Count", json!(drift.missing_required)),
        ("Adopted", "Count", json!(report.lines.adopted)),
        ("Objects", "Count", json!(report.lines.objects)),
        ("Bytes", "Bytes", json!(report.lines.bytes)),
        ("Gaps", "Count", json!(report.gaps.len())),
        ("NotOffered", "Count", json!(report.notes.not_offered.len())),
        ("PendingSpans", "Count", json!(report.pending.pending_spans)),
        ("PendingBlobs", "Count", json!(report.pending.pending_blobs)),
        ("PendingAgeSeconds", "Seconds", json!(report.pending.pending_age_seconds.unwrap_or(0))),
        ("Failures", "Count", json!(failures)),
        ("NeedsPerson", "Count", json!(needs_person)),
    ];
    values.extend(report.notes.watermark_lag_seconds.map(|lag| ("WatermarkLagSeconds", "Seconds", json!(lag))));
    values
}

fn record(vendor: &str, report: &StreamReport, now: Timestamp) -> Value {
    let values = values(report);
    let directive = |dimensions: &[&str], chosen: &dyn Fn(&str) -> bool| {
        let metrics: Vec<Value> = values
            .iter()
            .filter(|(name, ..)| chosen(name))
            .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
            .collect();
        json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})
    };
    let directives =
        [directive(&["Source", "Stream"], &|_| true), directive(&["Vendor"], &|name| VENDOR_WIDE.contains(&name))];
    let mut record = Map::new();
    record.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": directives}));
    for (name, value) in [("Vendor", vendor), ("Source", &report.source), ("Stream", &report.stream)] {
        record.insert(name.to_owned(), json!(value));
    }
    record.extend(values.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    Value::Object(record)
}

#[cfg(test)]
mod tests {
    use collector::{Drift, Failure, Gap, LineCounts, Notes, PendingReport, PortError};

    use super::*;

    fn report() -> StreamReport {
        StreamReport {
            source: "acme".to_owned(),
            stream: "openai_audit".to_owned(),
            lines: LineCounts {
                delivered: 3,
                drift: Drift {
                    undeclared_fields: 5,
                    unknown_record_types: 2,
                    nonconforming: 4,
                    missing_required: 6,
                    ..Drift::default()
                },
                bytes: 512,
                ..LineCounts::default()
            },
            pending: PendingReport { pending_blobs: 7, pending_age_seconds: Some(86_400), ..PendingReport::default() },
            gaps: vec![Gap { from: 1, to: 2, cause: "late".to_owned() }],
            notes: Notes { watermark_lag_seconds: Some(61), ..Notes::default() },
            failure: Some(Failure::new("acme/openai_audit", &PortError::person("no"))),
            ..StreamReport::default()
        }
    }

    fn names(record: &Value, directive: usize) -> Vec<&str> {
        let metrics = record["_aws"]["CloudWatchMetrics"][directive]["Metrics"].as_array().unwrap();
        metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect()
    }

    #[test]
    fn every_metric_named_has_its_value() {
        let record = record("openai", &report(), Timestamp::from_millisecond(1_795_330_800_123).unwrap());
        assert_eq!(record["_aws"]["Timestamp"], 1_795_330_800_123_i64);
        for directive in 0..2 {
            assert!(names(&record, directive).iter().all(|name| record[*name].is_u64() || record[*name].is_i64()));
        }
        assert_eq!(names(&record, 0).len(), 19);
        assert_eq!(names(&record, 1).len(), VENDOR_WIDE.len());
        let metrics = &record["_aws"]["CloudWatchMetrics"];
        assert_eq!(metrics[0]["Dimensions"], json!([["Source", "Stream"]]));
        assert_eq!(metrics[1]["Dimensions"], json!([["Vendor"]]));
        assert_eq!(metrics[0]["Namespace"], "AuditPull");
        assert_eq!((&record["Source"], &record["Stream"]), (&json!("acme"), &json!("openai_audit")));
    }

    #[test]
    fn values_come_from_the_report() {
        let record = record("openai", &report(), Timestamp::UNIX_EPOCH);
        for (name, value) in [
            ("Delivered", 3),
            ("Bytes", 512),
            ("Gaps", 1),
            ("PendingBlobs", 7),
            ("PendingAgeSeconds", 86_400),
            ("WatermarkLagSeconds", 61),
            ("Failures", 1),
            ("NeedsPerson", 1),
            ("Rejected", 0),
            ("UndeclaredFields", 5),
            ("UnknownRecordTypes", 2),
            ("Nonconforming", 4),
            ("MissingRequired", 6),
        ] {
            assert_eq!(record[name], value, "{name}");
        }
    }

    #[test]
    fn a_lag_that_is_not_known_is_no_metric() {
        let record = record("openai", &StreamReport::default(), Timestamp::UNIX_EPOCH);
        assert!(!names(&record, 0).contains(&"WatermarkLagSeconds"));
        assert!(record.get("WatermarkLagSeconds").is_none());
    }
}
