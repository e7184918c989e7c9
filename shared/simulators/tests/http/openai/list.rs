//! Listings: the order of events, pages, bounds of time, and filters.

use std::collections::BTreeSet;

use serde_json::json;
use simulators::Options;

use super::{check_answer, events_json, get, ids, list_all_pages, options, page_ids, seconds, serve_with};
use crate::{ManualClock, run};

#[test]
fn b06_the_newest_event_is_first_and_the_order_within_a_second_is_fixed() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |_| {});
        let events = list_all_pages(&running, "limit=100").await;
        assert!(seconds(&events).is_sorted_by(|first, second| first >= second));
        assert_eq!(events, list_all_pages(&running, "limit=7").await);
        let crowded_second: Vec<_> =
            events.chunk_by(|first, second| first["effective_at"] == second["effective_at"]).collect();
        let crowded_second = crowded_second.into_iter().max_by_key(|events| events.len()).unwrap();
        let ids: Vec<_> = crowded_second.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert!(ids.len() > 20 && !ids.is_sorted() && !ids.is_sorted_by(|first, second| first >= second));
    });
}

#[test]
fn b06_the_order_can_be_reversed_at_any_time() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.ascending = true);
        let events = list_all_pages(&running, "limit=9").await;
        assert!(seconds(&events).is_sorted());
        simulator.change(|b| b.ascending = false);
        let reversed = list_all_pages(&running, "limit=9").await;
        assert!(reversed.iter().eq(events.iter().rev()));
    });
}

#[test]
fn b06_shuffled_pages_keep_the_edge_ids_of_the_list() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.shuffled_pages = 1.0);
        let page = get(&running, "limit=100").await.json();
        assert!(!seconds(page["data"].as_array().unwrap()).is_sorted_by(|first, second| first >= second));
        let shuffled = list_all_pages(&running, "limit=100").await;
        simulator.change(|b| b.shuffled_pages = 0.0);
        let straight = get(&running, "limit=100").await.json();
        assert_eq!([&page["first_id"], &page["last_id"]], [&straight["first_id"], &straight["last_id"]]);
        assert_eq!(ids(&shuffled), ids(&list_all_pages(&running, "limit=100").await));
    });
}

#[test]
fn b07_limits_are_checked() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |_| {});
        for (query, length) in [("", 20), ("limit=1", 1), ("limit=100", 100)] {
            assert_eq!(page_ids(&get(&running, query).await).len(), length);
        }
        for query in ["limit=0", "limit=101", "limit=-1", "limit=1.5", "limit="] {
            let answer = get(&running, query).await;
            assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("limit")), "{query}");
        }
        simulator.change(|b| b.limit_clamped = true);
        assert_eq!(page_ids(&get(&running, "limit=101").await).len(), 100);
        assert_eq!(page_ids(&get(&running, "limit=0").await).len(), 1);
    });
}

#[test]
fn b10_has_more_is_true_exactly_if_more_events_follow() {
    run(async {
        let clock = ManualClock::new();
        let names: Vec<_> = (0..40).map(|number| format!("e{number}")).collect();
        let records = events_json(names.iter().map(String::as_str).zip(0..));
        let (simulator, running) = serve_with(&Options { records, ..options(&clock) }, &clock, |_| {});
        for (query, has_more) in [("limit=40", false), ("limit=39", true), ("limit=20&after=e20", false)] {
            assert_eq!(get(&running, query).await.json()["has_more"], has_more, "{query}");
        }
        let empty = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
        assert_eq!(get(&running, "effective_at[gte]=40").await.json(), empty);
        // Some APIs send `has_more` on the last page, and then an empty page.
        simulator.change(|b| b.false_has_more = 1.0);
        let last = get(&running, "limit=20&after=e20").await.json();
        assert_eq!((&last["has_more"], &last["last_id"]), (&json!(true), &json!("e0")));
        assert_eq!(get(&running, "after=e0").await.json(), empty);
    });
}

#[test]
fn b11_a_page_may_be_short_although_more_events_follow() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.short_pages = 1.0);
        let page = get(&running, "limit=100").await.json();
        assert!(page["data"].as_array().unwrap().len() < 100 && page["has_more"] == true);
        let walked = list_all_pages(&running, "limit=100").await;
        let all = running.served().iter().filter(|event| !event.raw.contains("\"type\":\"tenant.")).count();
        assert!(walked.len() > 150 && walked.len() <= all && ids(&walked).len() == walked.len());
    });
}

#[test]
fn b12_bounds_are_honoured_to_the_second() {
    run(async {
        let clock = ManualClock::new();
        let records = events_json([("a", 9), ("b", 8), ("c", 8), ("d", 5)]);
        let (_, running) = serve_with(&Options { records, ..options(&clock) }, &clock, |_| {});
        for (query, expected) in [
            ("effective_at[gt]=8", vec!["a"]),
            ("effective_at[gte]=8&effective_at%5Blt%5D=9", vec!["b", "c"]),
            ("effective_at[gt]=4&effective_at[lte]=5", vec!["d"]),
            ("effective_at[gte]=9&effective_at[lt]=9", vec![]),
        ] {
            let found: BTreeSet<_> = page_ids(&get(&running, query).await).into_iter().collect();
            assert_eq!(found, expected.into_iter().map(str::to_owned).collect(), "{query}");
        }
        for query in ["effective_at[gte]=2026-11-22T00:00:00Z", "effective_at[gte]=1.0", "effective_at[gte]="] {
            let answer = get(&running, query).await;
            assert_eq!(
                (answer.status, &answer.json()["error"]["param"]),
                (400, &json!("effective_at[gte]")),
                "{query}"
            );
        }
    });
}

#[test]
fn b13_filters_need_their_brackets() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |_| {});
        let types = async |query: &str| {
            let events = list_all_pages(&running, &format!("limit=100&{query}")).await;
            events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        let both = BTreeSet::from(["login.failed".to_owned(), "user.updated".to_owned()]);
        assert_eq!(types("event_types[]=login.failed&event_types[]=user.updated").await, both);
        assert_eq!(types("event_types%5B%5D=login.failed&event_types%5b%5d=user.updated").await, both);
        let answer = get(&running, "event_types=login.failed").await;
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("event_types")));
        simulator.change(|b| b.unbracketed_ignored = true);
        assert!(types("event_types=login.failed").await.len() > 20);
    });
}

#[test]
fn b14_every_filter_must_match_with_any_of_its_values() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |_| {});
        for query in ["event_types[]=no.such", "event_types[]=login.failed,user.added"] {
            let answer = get(&running, query).await;
            assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("event_types")), "{query}");
        }
        let event = list_all_pages(&running, "limit=100").await;
        let event = event.iter().find(|e| e["project"]["id"].is_string() && e["actor"]["session"].is_object()).unwrap();
        let user = &event["actor"]["session"]["user"];
        let [project, id, email] = [&event["project"]["id"], &user["id"], &user["email"]].map(|v| v.as_str().unwrap());
        let filter = format!("project_ids[]={project}&project_ids[]=none&actor_ids[]={id}&actor_emails[]={email}");
        let found = list_all_pages(&running, &format!("limit=100&{}", filter.replace('+', "%2B"))).await;
        assert!(found.contains(event) && found.len() < 100, "{}", found.len());
        assert!(found.iter().all(|event| event["project"]["id"] == project));
        assert!(
            list_all_pages(&running, &format!("{filter}&project_ids[]=none&actor_ids[]=none&resource_ids[]=none"))
                .await
                .is_empty()
        );
    });
}

#[test]
fn b15_the_two_listings_share_no_event() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |_| {});
        let tenant = list_all_pages(&running, "limit=100&tenant_only=true").await;
        let is_tenants = |event: &serde_json::Value| {
            let event_type = event["type"].as_str().unwrap();
            event_type.starts_with("tenant.")
                || event_type.ends_with("bound_to_resource")
                || event_type.ends_with("bound_from_resource")
        };
        assert!(tenant.len() > 50 && tenant.iter().all(is_tenants));
        assert!(!list_all_pages(&running, "limit=100").await.iter().any(is_tenants));
        let mixed = "tenant_only=true&event_types[]=tenant.user.added&event_types[]=login.failed";
        assert_eq!(get(&running, mixed).await.status, 400);
        assert_eq!(get(&running, "tenant_only=true&event_types[]=role.bound_to_resource").await.status, 200);
    });
}

#[test]
fn b21_one_second_spans_many_pages() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.crowded_events = 0.6);
        let events = list_all_pages(&running, "limit=10").await;
        let max_events_per_second = seconds(&events).chunk_by(|first, second| first == second).map(<[i64]>::len).max();
        assert!(max_events_per_second > Some(120), "{max_events_per_second:?}");
        assert_eq!(ids(&events).len(), events.len());
    });
    check_answer(
        |b| b.crowded_events = 0.0,
        "limit=100",
        |answer| {
            let page = answer.json();
            let seconds = seconds(page["data"].as_array().unwrap());
            assert!(seconds.chunk_by(|first, second| first == second).all(|second| second.len() < 6));
        },
    );
}
