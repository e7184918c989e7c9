//! Faults that were seen in production, each turned on by one behaviour.

use super::*;

#[test]
fn an_edge_page_is_html_with_status_403_400_or_404() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |behaviours| behaviours.edge_page = 0.5);
        let mut statuses = BTreeSet::new();
        for _ in 0..60 {
            let answer = get(&running, "limit=1").await;
            let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            assert_eq!(
                (is_html, answer.header("x-request-id").is_none()),
                (answer.status != 200, answer.status != 200)
            );
            statuses.insert(answer.status);
        }
        assert_eq!(statuses, BTreeSet::from([200, 400, 403, 404]));
    });
}

#[test]
fn a_refused_region_gets_403_with_its_code() {
    for query in ["", "tenant_only=true"] {
        check_answer(
            |behaviours| behaviours.region_refused = 1.0,
            query,
            |answer| {
                assert_eq!(answer.status, 403);
                let error = &answer.json()["error"];
                assert_eq!(
                    (error["code"].as_str(), &error["param"]),
                    (Some("unsupported_country_region_territory"), &Value::Null)
                );
            },
        );
    }
}

#[test]
fn data_is_null_only_on_pages_without_events() {
    check_answer(
        |behaviours| behaviours.data_null = 1.0,
        "effective_at[lt]=5",
        |answer| {
            assert_eq!((answer.json()["data"].clone(), answer.json()["has_more"].clone()), (Value::Null, json!(false)))
        },
    );
    check_answer(|behaviours| behaviours.data_null = 1.0, "", |answer| assert!(!page_ids(&answer).is_empty()));
}

#[test]
fn payloads_may_stand_under_an_earlier_name() {
    run(async {
        let clock = ManualClock::new();
        let many = Options { events: 2_000, ..options(&clock) };
        let (_, running) = serve_with(&many, &clock, |behaviours| behaviours.earlier_names = 1.0);
        let events = list_all_pages(&running, "limit=100").await;
        let events_of_type =
            |name: &str| events.iter().filter(|event| event["type"] == name).cloned().collect::<Vec<_>>();
        for (name, earlier) in [
            ("checkpoint.permission.created", "checkpoint_permission.created"),
            ("role.assignment.created", "role_assignment.created"),
            ("ip_allowlist.created", "ip.allowlist.created"),
        ] {
            assert!(!events_of_type(name).is_empty(), "no {name}");
            assert!(
                events_of_type(name).iter().all(|event| event[earlier].is_object() && event[name].is_null()),
                "{name}"
            );
        }
    });
}
