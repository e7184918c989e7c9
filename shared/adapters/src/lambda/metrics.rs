//! Metrics in CloudWatch's embedded metric format, on standard output.
//!
//! CloudWatch bills each name with its dimension values as one metric. So a tick writes one record, which sums up all
//! streams; the values of a single stream are in its log line. With `DETAILED_METRICS` a tick also writes a record per
//! stream.

use std::io::Write;

use collector::StreamReport;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// CloudWatch namespace of the metrics.
const NAMESPACE: &str = "AuditPull";
/// Dimensions of the record of a tick. Two deployments of one account have different stacks, so they do not sum up.
const TICK_DIMENSIONS: [&str; 2] = ["Stack", "Vendor"];
/// Dimensions of the record of a stream.
const STREAM_DIMENSIONS: [&str; 3] = ["Stack", "Source", "Stream"];

/// The name, the CloudWatch unit and the value of a metric.
type Metric = (&'static str, &'static str, Value);

/// The deployment that writes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment<'a> {
    /// The name of the stack.
    pub stack: &'a str,
    /// The vendor's name in lower case.
    pub vendor: &'a str,
    /// The sources are served by the messages of a fan-out. Such an invocation succeeds although a tick failed, so the
    /// record has the metric `Failures`, because Lambda's own metric on errors does not count these ticks.
    pub is_fan_out: bool,
}

/// Writes the record of a tick, and with `is_detailed` also the record of each stream.
pub(super) fn emit(deployment: Deployment<'_>, reports: &[StreamReport], is_detailed: bool, now: Timestamp) {
    write(&metrics_record(deployment, reports, now));
    if is_detailed {
        reports.iter().for_each(|report| write(&stream_record(deployment, report, now)));
    }
}

fn write(record: &Value) {
    // An error is ignored, because there is no other output to report it to.
    let _ = std::io::stdout().lock().write_all(format!("{record}\n").as_bytes());
}

/// Returns the record of a tick with these reports: six metrics, and seven with a fan-out, whatever the number of streams.
///
/// Each of them has an alarm. Other sums are in the log line of the tick, and Lambda itself counts ticks and errors; both
/// cost nothing.
///
/// A metric that no stream knows is left out. So `SilentStreams` begins with the first tick that has read the state of a
/// stream.
pub fn metrics_record(deployment: Deployment<'_>, reports: &[StreamReport], now: Timestamp) -> Value {
    let sum = |of: fn(&StreamReport) -> u64| json!(reports.iter().map(of).sum::<u64>());
    let lags = reports.iter().filter_map(|report| report.notes.watermark_lag_seconds);
    let ages = reports.iter().filter_map(|report| report.pending.pending_age_seconds);
    let mut values = vec![
        ("Rejected", "Count", sum(|report| report.lines.rejected)),
        ("Gaps", "Count", sum(|report| report.gaps.len() as u64)),
        ("NeedsPerson", "Count", sum(needs_person)),
        ("PendingAgeSeconds", "Seconds", json!(ages.max().unwrap_or(0))),
    ];
    if deployment.is_fan_out {
        values.push(("Failures", "Count", sum(failures)));
    }
    if let Some(lag) = lags.max() {
        values.push(("WatermarkLagSeconds", "Seconds", json!(lag)));
        values.push(("SilentStreams", "Count", sum(|report| u64::from(report.notes.silent_since.is_some()))));
    }
    record(&TICK_DIMENSIONS, &[("Stack", deployment.stack), ("Vendor", deployment.vendor)], values, now)
}

/// Returns the detailed record of one stream.
pub fn stream_record(deployment: Deployment<'_>, report: &StreamReport, now: Timestamp) -> Value {
    let names = [("Stack", deployment.stack), ("Source", &report.source), ("Stream", &report.stream)];
    record(&STREAM_DIMENSIONS, &names, stream_values(report), now)
}

fn failures(report: &StreamReport) -> u64 {
    u64::from(report.failure.is_some())
}

fn needs_person(report: &StreamReport) -> u64 {
    u64::from(report.failure.as_ref().is_some_and(|failure| failure.needs_person))
}

fn stream_values(report: &StreamReport) -> Vec<Metric> {
    let drift = &report.lines.drift;
    let mut values = vec![
        ("Requests", "Count", json!(report.listed.requests)),
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
        ("Failures", "Count", json!(failures(report))),
        ("NeedsPerson", "Count", json!(needs_person(report))),
    ];
    values.extend(report.notes.watermark_lag_seconds.map(|lag| ("WatermarkLagSeconds", "Seconds", json!(lag))));
    values
}

fn record(dimensions: &[&str], names: &[(&str, &str)], values: Vec<Metric>, now: Timestamp) -> Value {
    let metrics: Vec<Value> = values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics});
    let mut record = Map::new();
    record.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
    record.extend(names.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    record.extend(values.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    Value::Object(record)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use collector::{Drift, Failure, Gap, LineCounts, Notes, PendingReport, PortError};

    use super::*;

    const DEPLOYMENT: Deployment<'_> = Deployment { stack: "audit", vendor: "openai", is_fan_out: false };
    /// Metrics per vendor that a deployment may cost by default.
    const MAX_METRICS: usize = 10;

    fn report(source: &str) -> StreamReport {
        StreamReport {
            source: source.to_owned(),
            stream: "openai_audit".to_owned(),
            lines: LineCounts {
                delivered: 3,
                rejected: 2,
                drift: Drift { undeclared_fields: 5, unknown_record_types: 2, ..Drift::default() },
                bytes: 512,
                ..LineCounts::default()
            },
            pending: PendingReport { pending_blobs: 7, pending_age_seconds: Some(86_400), ..PendingReport::default() },
            gaps: vec![Gap { from: 1, to: 2, cause: "late".to_owned() }],
            notes: Notes { watermark_lag_seconds: Some(61), silent_since: Some(5), ..Notes::default() },
            failure: Some(Failure::new("acme/openai_audit", &PortError::person("no"))),
            ..StreamReport::default()
        }
    }

    /// Returns the metrics that CloudWatch bills for the records: each name with its dimension values.
    fn billed(records: &[Value]) -> BTreeSet<String> {
        let mut billed = BTreeSet::new();
        for record in records {
            for directive in record["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                for dimensions in directive["Dimensions"].as_array().unwrap() {
                    let names = dimensions.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    let values: Vec<_> = names.map(|name| format!("{name}={}", record[name])).collect();
                    for metric in directive["Metrics"].as_array().unwrap() {
                        assert!(record[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
                        billed.insert(format!("{} {values:?}", metric["Name"]));
                    }
                }
            }
        }
        billed
    }

    #[test]
    fn a_vendor_has_at_most_ten_metrics_at_one_and_at_fifty_sources() {
        for sources in [1, 50] {
            let reports: Vec<_> = (0..sources).map(|number| report(&format!("source-{number}"))).collect();
            let quiet = vec![StreamReport::default(); sources];
            let records = [&reports, &quiet].map(|reports| metrics_record(DEPLOYMENT, reports, Timestamp::UNIX_EPOCH));
            let billed = billed(&records);
            assert!(!billed.is_empty() && billed.len() <= MAX_METRICS, "{sources} sources: {billed:?}");
        }
    }

    #[test]
    fn counts_are_summed_up_and_of_ages_the_greatest_counts() {
        let slow = Notes { watermark_lag_seconds: Some(90), ..Notes::default() };
        let reports = [report("a"), StreamReport { notes: slow, ..StreamReport::default() }, report("b")];
        let record = metrics_record(DEPLOYMENT, &reports, Timestamp::from_millisecond(1_795_330_800_123).unwrap());
        assert_eq!(record["_aws"]["Timestamp"], 1_795_330_800_123_i64);
        assert_eq!((&record["Stack"], &record["Vendor"]), (&json!("audit"), &json!("openai")));
        for (name, value) in [
            ("Rejected", 4),
            ("Gaps", 2),
            ("NeedsPerson", 2),
            ("PendingAgeSeconds", 86_400),
            ("WatermarkLagSeconds", 90),
            ("SilentStreams", 2),
        ] {
            assert_eq!(record[name], value, "{name}");
        }
    }

    /// The alarm on `SilentStreams` treats missing data as a fault only after the metric was there once.
    #[test]
    fn silent_streams_begin_with_the_first_tick_that_has_read_the_state_of_a_stream() {
        let failed = StreamReport { notes: Notes::default(), ..report("a") };
        let before = metrics_record(DEPLOYMENT, std::slice::from_ref(&failed), Timestamp::UNIX_EPOCH);
        let after = metrics_record(DEPLOYMENT, &[failed, report("b")], Timestamp::UNIX_EPOCH);
        for name in ["SilentStreams", "WatermarkLagSeconds"] {
            assert!(before.get(name).is_none() && !before.to_string().contains(name), "{before}");
            assert!(after[name].is_number(), "{after}");
        }
        assert_eq!((&before["NeedsPerson"], &before["PendingAgeSeconds"]), (&json!(1), &json!(86_400)));
    }

    #[test]
    fn a_detailed_record_has_the_values_of_its_stream() {
        let record = stream_record(DEPLOYMENT, &report("acme"), Timestamp::UNIX_EPOCH);
        let directive = &record["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Stack", "Source", "Stream"]]));
        assert_eq!((&record["Source"], &record["Stream"]), (&json!("acme"), &json!("openai_audit")));
        assert_eq!(billed(std::slice::from_ref(&record)).len(), 20);
        for (name, value) in [
            ("Bytes", 512),
            ("PendingBlobs", 7),
            ("UndeclaredFields", 5),
            ("UnknownRecordTypes", 2),
            ("NeedsPerson", 1),
        ] {
            assert_eq!(record[name], value, "{name}");
        }
    }
}
