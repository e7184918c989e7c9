//! Repeated records, and records that are almost the same.

use std::collections::BTreeSet;

use super::*;

/// Creates a world with these records, each with its content type and in its own blob.
fn with_records(lines: &[(&str, Value)]) -> World {
    let line = |(name, record): &(&str, Value)| json!({"content_type": name, "record": record}).to_string();
    let options = Options { records: Some(lines.iter().map(line).collect()), ..Options::new(start_time()) };
    world_with(&options, |it| it.records_per_blob = 1)
}

/// Returns the record with one field changed.
fn with_field(mut record: Value, field: &str, value: Value) -> Value {
    record[field] = value;
    record
}

impl World {
    /// Returns the row ids of all lines in the bucket.
    fn row_ids(&self, log_type: LogType) -> Vec<String> {
        let lines = self.lines(log_type);
        lines.iter().map(|line| line["p_row_id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn f48_a_record_repeated_days_later_in_another_blob_is_not_delivered_again() {
    let options = Options { events: 150, ahead_seconds: 6 * DAY, ..Options::new(start_time()) };
    let mut world = world_with(&options, |it| it.repeated_days_later = 1.0);
    world.settings.lookback_seconds = 7 * DAY;
    let mut duplicates = 0;
    while world.running.pending() > 0 || duplicates == 0 {
        for reports in world.drain().await {
            duplicates += reports.iter().map(|report| report.listed.duplicates).sum::<u64>();
        }
        world.minutes(6 * 60);
    }
    world.drain().await;
    assert!(duplicates >= 30, "{duplicates}");
    world.assert_exact();
}

#[tokio::test]
async fn f48_another_process_knows_a_delivered_record_for_thirty_days() {
    // The vendor sends the same three records again 29 days later, in another blob.
    let world = exchange(3);
    assert_drained(&world.tick().await.unwrap(), 3);
    let ids = world.row_ids(LogType::Exchange);
    let mut later = world_with(
        &Options {
            records: Some(
                (0..3).map(|n| json!({"content_type": "Audit.Exchange", "record": record(n)}).to_string()).collect(),
            ),
            ..Options::new(start_time() + jiff::SignedDuration::from_hours(29 * 24))
        },
        |it| it.records_per_blob = 3,
    );
    later.credential.set("content_types", &json!(["Audit.Exchange"]));
    later.store = world.store;
    let reports = later.tick().await.unwrap();
    assert_eq!((reports[0].listed.events, reports[0].listed.duplicates, reports[0].lines.delivered), (3, 3, 0));
    assert_eq!(later.row_ids(LogType::Exchange), ids);
}

#[tokio::test]
async fn f49_one_record_in_two_content_types_is_two_lines_and_in_two_blobs_one() {
    let (first, second) = (record(1), record(2));
    let world = with_records(&[
        ("Audit.Exchange", first.clone()),
        ("Audit.Exchange", second.clone()),
        ("Audit.Exchange", first.clone()),
        ("Audit.General", first.clone()),
        ("Audit.General", first),
    ]);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 3);
    let (exchange, general) = (report_of(&reports, LogType::Exchange), report_of(&reports, LogType::General));
    assert_eq!((exchange.listed.events, exchange.lines.delivered, exchange.listed.duplicates), (3, 2, 1));
    assert_eq!((general.listed.events, general.lines.delivered, general.listed.duplicates), (2, 1, 1));
    let all: BTreeSet<_> = [LogType::Exchange, LogType::General].iter().flat_map(|of| world.row_ids(*of)).collect();
    assert_eq!(all.len(), 3, "each line has a row id of its own");
    assert_eq!(world.assert_exact(), 3);
}

#[tokio::test]
async fn f49_records_repeated_everywhere_are_one_line_per_log_type() {
    let world = tenant_with(300, |it| (it.repeated_records, it.repeated_elsewhere) = (0.5, 0.3));
    let reports = world.tick().await.unwrap();
    assert!(reports.iter().all(|report| report.drained && report.failure.is_none()));
    let duplicates: u64 = reports.iter().map(|report| report.listed.duplicates).sum();
    assert!(duplicates > 100 && delivered(&reports) > 360, "{duplicates} {}", delivered(&reports));
    world.assert_exact();
}

#[tokio::test]
async fn f49_another_order_of_keys_is_the_same_record() {
    // The second text has the keys of the first one in reverse order. Scripted answers send both as they are, because
    // the simulator would take them for one record.
    let text = record(1).to_string();
    let reversed = {
        let fields: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        let fields: Vec<_> = fields.iter().rev().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", fields.join(" , "))
    };
    let line = |record: &str| format!(r#"{{"content_type":"Audit.Exchange","record":{record}}}"#);
    let world = exchange_of(&[], 1);
    assert_drained(&world.tick().await.unwrap(), 0);
    let options = Options { records: Some(vec![line(&text), line(&reversed)]), ..Options::new(start_time()) };
    let mut shown = world_with(&options, |it| it.records_per_blob = 1);
    shown.credential.set("content_types", &json!(["Audit.Exchange"]));
    let blob = |record: &str| Fault::answer(200, format!("[{record}]"));
    shown.script(vec![Scripted::new("blob", 1, blob(&text)), Scripted::new("blob", 2, blob(&reversed))]);
    shown.settings.batch.lines = 1;
    let reports = shown.tick().await.unwrap();
    assert_drained(&reports, 1);
    assert_eq!((reports[0].listed.events, reports[0].listed.duplicates), (2, 1));
    shown.assert_exact();
}

#[tokio::test]
async fn f50_the_same_id_with_other_content_is_another_record() {
    let world = with_records(&[
        ("DLP.All", with_field(record(1), "Operation", json!("DlpRuleMatch"))),
        ("DLP.All", with_field(record(1), "Operation", json!("DlpRuleUndo"))),
        ("Audit.Exchange", record(2)),
        ("Audit.Exchange", with_field(record(2), "ClientIP", json!("203.0.113.58"))),
        ("Audit.Exchange", with_field(record(2), "NewField", json!(null))),
    ]);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 5);
    assert_eq!(
        (report_of(&reports, LogType::Dlp).lines.shared_ids, report_of(&reports, LogType::Exchange).lines.shared_ids),
        (1, 2)
    );
    let operations: Vec<_> = world.lines(LogType::Dlp).iter().map(|line| line["Operation"].clone()).collect();
    assert_eq!(operations, ["DlpRuleMatch", "DlpRuleUndo"]);
    world.assert_exact();
}

#[tokio::test]
async fn f50_shared_ids_among_many_lose_nothing() {
    let world = tenant_with(300, |it| (it.same_id, it.repeated_records) = (0.5, 0.3));
    let reports = world.tick().await.unwrap();
    assert_eq!(delivered(&reports), 300);
    assert!(reports.iter().map(|report| report.lines.shared_ids).sum::<u64>() > 10, "{reports:?}");
    world.assert_exact();
}
