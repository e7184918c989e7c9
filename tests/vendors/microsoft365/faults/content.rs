//! Malformed and unknown records, none of which may be dropped.

use simulators::microsoft365::ContentType;

use super::*;

/// Returns the one line of a world with one record of Exchange: `record(0)` with these changes.
async fn line_of(changes: &[(&str, Value)]) -> (StreamReport, Value) {
    let mut changed = record(0);
    for (field, value) in changes {
        changed[*field] = value.clone();
    }
    let world = exchange_of(&[changed], 1);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 1);
    world.assert_exact();
    let [line] = &world.lines(LogType::Exchange)[..] else { panic!("not one line") };
    (reports[0].clone(), line.clone())
}

#[tokio::test]
async fn f53_500_records_are_500_lines_though_some_violate_their_types() {
    let changed = |number: usize| {
        let mut changed = record(number);
        let (field, value) = match number % 7 {
            0 => ("ClientIP", json!("")),
            1 => ("Parameters", json!("-Identity \"a b\" -Force True")),
            2 => ("UserType", json!("x")),
            3 => ("UserType", json!("2")),
            4 => ("ModifiedProperties", json!(["one", "two"])),
            5 => ("ExternalAccess", json!("False")),
            _ => ("RecordType", json!("2")),
        };
        changed[field] = value;
        changed
    };
    let world = exchange_of(&(0..500).map(changed).collect::<Vec<_>>(), 500);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 500);
    assert_eq!((reports[0].listed.events, reports[0].listed.blobs, reports[0].lines.objects), (500, 1, 1));
    assert_eq!(world.lines(LogType::Exchange).len(), 500);
    world.assert_exact();
}

#[tokio::test]
async fn f53_a_value_that_does_not_fit_is_kept_beside_its_field_and_counted() {
    let (report, line) = line_of(&[("UserType", json!("x"))]).await;
    assert_eq!((report.lines.drift.nonconforming, &line["UserType"]), (1, &Value::Null));
    assert_eq!(line["p_nonconforming"]["UserType"], "x");
    let (report, line) = line_of(&[("UserType", json!("2")), ("ClientIP", json!(""))]).await;
    assert_eq!((report.lines.drift.nonconforming, &line["UserType"]), (0, &json!(2)));
    assert_eq!(line["p_any_ip_addresses"], Value::Null);
}

#[tokio::test]
async fn f53_all_known_deviations_at_once_are_delivered() {
    let world = tenant_with(1_000, |it| (it.irregular_records, it.large_records, it.split_events) = (1.0, 0.05, 0.5));
    assert_drained(&world.tick().await.unwrap(), 1_000);
    world.assert_exact();
}

#[tokio::test]
async fn f67_unknown_record_types_and_fields_are_passed_on_and_counted() {
    for record_type in [9_999, -1, 463] {
        let (report, line) = line_of(&[("RecordType", json!(record_type)), ("BrandNew", json!({"a": [1]}))]).await;
        assert_eq!((&line["RecordType"], &line["BrandNew"]), (&json!(record_type), &json!({"a": [1]})));
        assert_eq!(report.lines.drift.undeclared_fields, 1, "{report:?}");
        assert_eq!(report.lines.drift.unknown_record_types, u64::from(record_type != 463), "{report:?}");
    }
}

#[tokio::test]
async fn f67_the_general_feed_keeps_the_whole_record_in_its_payload() {
    let mut changed = record(0);
    changed["BrandNew"] = json!({"deep": {"er": null}});
    changed["RecordType"] = json!(10_001);
    let line = json!({"content_type": "Audit.General", "record": changed}).to_string();
    let options = Options { records: Some(vec![line]), ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    assert_drained(&world.tick().await.unwrap(), 1);
    let [line] = &world.lines(LogType::General)[..] else { panic!("not one line") };
    assert_eq!((&line["payload"], line.get("BrandNew")), (&changed, None));
    world.assert_exact();
}

#[tokio::test]
async fn f67_a_feed_of_only_unknown_record_types_is_delivered() {
    let world = tenant_with(500, |it| it.unpublished_records = 1.0);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 500);
    let drifting =
        |report: &StreamReport| report.lines.drift.undeclared_fields + report.lines.drift.unknown_record_types;
    assert!(reports.iter().all(|report| drifting(report) > 0), "{reports:?}");
    world.assert_exact();
}

#[tokio::test]
async fn f68_creation_times_in_all_their_forms_are_the_event_time() {
    for (text, expected) in [
        ("2026-11-22T05:00:00", "2026-11-22 05:00:00.000000000"),
        ("2026-11-22T05:00:00Z", "2026-11-22 05:00:00.000000000"),
        ("2026-11-22T05:00:00.1234567Z", "2026-11-22 05:00:00.123456700"),
        ("2026-11-22T05:00:00.5", "2026-11-22 05:00:00.500000000"),
        ("2026-11-22T07:00:00+02:00", "2026-11-22 05:00:00.000000000"),
    ] {
        let (_, line) = line_of(&[("CreationTime", json!(text))]).await;
        assert_eq!((&line["p_event_time"], &line["CreationTime"]), (&json!(expected), &json!(expected)), "{text}");
    }
}

#[tokio::test]
async fn f68_a_record_without_a_time_is_delivered_all_the_same_and_once() {
    let mut timeless = record(0);
    timeless.as_object_mut().unwrap().remove("CreationTime");
    let mut changed = record(1);
    changed["CreationTime"] = json!("the other day");
    let mut null = record(2);
    null["CreationTime"] = Value::Null;
    let world = exchange_of(&[timeless, changed, null], 1);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 3);
    assert!(reports[0].lines.drift.missing_required >= 2 && reports[0].lines.drift.nonconforming == 1, "{reports:?}");
    for line in world.lines(LogType::Exchange) {
        // The hour of a row id is that of the event, and one of the 256 reserved hours where there is none.
        assert!(line["p_row_id"].as_str().unwrap().starts_with("000000"), "{line}");
        assert!(line["p_parse_time"].is_string(), "{line}");
    }
    // Another process lists the records again an hour later.
    world.minutes(61);
    assert_drained(&world.tick().await.unwrap(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn f68_an_element_that_is_no_record_is_rejected_once_and_kept() {
    let elements = [json!(17), json!(null), json!("text"), json!([1, 2])];
    let lines =
        elements.iter().map(|element| json!({"content_type": ContentType::Exchange, "record": element}).to_string());
    let good = json!({"content_type": "Audit.Exchange", "record": record(0)}).to_string();
    let options = Options { records: Some(lines.chain([good]).collect()), ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    let reports = world.tick().await.unwrap();
    let report = report_of(&reports, LogType::Exchange);
    assert_eq!((report.lines.delivered, report.lines.rejected, report.drained), (1, 4, true));
    let kept = world.store.objects("rejected/microsoft365_audit_exchange/");
    let kept: Vec<Value> = kept.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect();
    let has = |element: &Value| kept.iter().any(|kept| kept["raw"].as_str() == Some(element.to_string().as_str()));
    assert!(elements.iter().all(has), "{kept:?}");
    world.minutes(61);
    let reports = world.tick().await.unwrap();
    assert_eq!((report_of(&reports, LogType::Exchange).lines.rejected, delivered(&reports)), (0, 0));
}
