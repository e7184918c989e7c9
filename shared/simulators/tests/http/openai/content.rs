//! The fields and texts of events.

use std::collections::HashSet;

use super::{get, list_both_listings, options, serve_with};
use crate::{ManualClock, run};

#[test]
fn b16_to_b20_events_have_the_documented_shape() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |_| {});
        clock.advance(5);
        let events = list_both_listings(&running).await;
        let types: HashSet<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert!(types.len() > 100, "{}", types.len());
        for event in &events {
            let event_type = event["type"].as_str().unwrap();
            assert!(
                event["id"].is_string()
                    && event["effective_at"].is_i64()
                    && event["object"] == "organization.audit_log"
            );
            assert!(event.get(event_type).is_none_or(serde_json::Value::is_object), "{event}");
            let known = ["object", "id", "type", "effective_at", "project", "actor", "source", event_type];
            assert!(event.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{event}");
        }
        assert_eq!(get(&running, "").await.header("date"), Some("Sun, 22 Nov 2026 09:00:05 GMT"));
    });
}

#[test]
fn b19_a_field_may_appear_and_disappear() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.reshaped_events = 0.5);
        let (first_page, second_page) =
            (get(&running, "limit=100").await.json(), get(&running, "limit=100").await.json());
        let with_source = |page: &serde_json::Value| {
            page["data"].as_array().unwrap().iter().filter(|event| event.get("source").is_some()).count()
        };
        assert_ne!(first_page["data"], second_page["data"]);
        assert!(with_source(&first_page) > 20 && with_source(&second_page) > 20);
        let mut plain = first_page["data"].as_array().unwrap().clone();
        for event in &mut plain {
            event.as_object_mut().unwrap().remove("source");
        }
        let ids = |events: &[serde_json::Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&plain), ids(second_page["data"].as_array().unwrap()));
    });
}

#[test]
fn b30_half_a_surrogate_pair_is_listed_unchanged() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) =
            serve_with(&options(&clock), &clock, |b| (b.lone_surrogates, b.awkward_payloads) = (1.0, 1.0));
        let answer = get(&running, "limit=100").await;
        assert_eq!(answer.text().matches(r#" \ud83d"}"#).count(), 100);
        assert!(std::str::from_utf8(&answer.body).is_ok());
    });
}
