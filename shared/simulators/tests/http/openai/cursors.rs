//! The cursors `after` and `before`, and their faults.

use serde_json::{Value, json};
use simulators::Options;
use simulators::openai::{EdgeIds, UnknownCursor};

use super::{check_answer, events_json, get, ids, list_all_pages, options, page_ids, serve_with};
use crate::{ManualClock, run};

/// Returns options for seven events, which are listed in the order a to g.
fn seven_events(clock: &ManualClock) -> Options {
    Options {
        records: events_json([("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 5), ("f", 4), ("g", 3)]),
        ..options(clock)
    }
}

#[test]
fn b08_after_selects_older_events_and_before_newer_ones() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&seven_events(&clock), &clock, |_| {});
        for (query, expected, has_more) in [
            ("after=c&limit=2", "de", true),
            ("after=e", "fg", false),
            ("before=e&limit=2", "cd", true),
            ("before=c", "ab", false),
            ("after=a&before=d", "bc", false),
        ] {
            let answer = get(&running, query).await;
            assert_eq!(
                (page_ids(&answer).concat().as_str(), &answer.json()["has_more"]),
                (expected, &json!(has_more)),
                "{query}"
            );
        }
    });
}

#[test]
fn b08_an_unknown_cursor_is_answered_in_three_ways() {
    let check_answer = |unknown_cursor, expect: fn(u16, Value)| {
        for param in ["after", "before"] {
            check_answer(
                |b| b.unknown_cursor = unknown_cursor,
                &format!("{param}=no"),
                |answer| expect(answer.status, answer.json()),
            );
        }
    };
    check_answer(UnknownCursor::BadRequest, |status, body| {
        assert!(status == 400 && ["after", "before"].contains(&body["error"]["param"].as_str().unwrap()));
    });
    check_answer(UnknownCursor::NotFound, |status, body| {
        assert!(status == 404 && ["after", "before"].contains(&body["error"]["param"].as_str().unwrap()));
    });
    check_answer(UnknownCursor::FirstPage, |status, body| {
        assert_eq!((status, body["data"].as_array().map(Vec::len)), (200, Some(20)))
    });
}

#[test]
fn b08_a_valid_cursor_may_be_unknown() {
    check_answer(|b| b.lost_cursors = 1.0, "", |answer| assert_eq!(answer.status, 200));
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&seven_events(&clock), &clock, |b| b.lost_cursors = 0.5);
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(get(&running, "after=a").await.status);
        }
        assert!(statuses.contains(&200) && statuses.contains(&400), "{statuses:?}");
    });
}

#[test]
fn b08_b24_the_cursor_of_a_dropped_event_may_stay_valid() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&seven_events(&clock), &clock, |_| {});
        assert_eq!(page_ids(&get(&running, "after=e").await).concat(), "fg");
        simulator.change(|b| b.kept_since = jiff::Timestamp::from_second(6).unwrap());
        assert_eq!(get(&running, "after=e").await.status, 400);
        assert_eq!(page_ids(&get(&running, "after=b").await).concat(), "cd");
        simulator.change(|b| b.vanished_cursor_kept = true);
        assert_eq!(page_ids(&get(&running, "before=e").await).concat(), "abcd");
        assert_eq!(page_ids(&get(&running, "after=e").await).concat(), "");
        assert_eq!(get(&running, "after=never").await.status, 400);
    });
}

#[test]
fn b08_the_cursor_of_an_excluded_event_may_be_unknown() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&seven_events(&clock), &clock, |_| {});
        assert_eq!(page_ids(&get(&running, "after=a&effective_at[lt]=9").await).concat(), "bcdefg");
        simulator.change(|b| b.filtered_cursor_unknown = true);
        assert_eq!(get(&running, "after=a&effective_at[lt]=9").await.status, 400);
        assert_eq!(page_ids(&get(&running, "after=b&effective_at[lt]=9").await).concat(), "cdefg");
    });
}

#[test]
fn b09_edge_ids_are_those_of_the_page_or_withheld() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&seven_events(&clock), &clock, |_| {});
        let page = get(&running, "limit=3").await.json();
        assert_eq!((&page["first_id"], &page["last_id"], &page["object"]), (&json!("a"), &json!("c"), &json!("list")));
        simulator.change(|b| (b.edge_ids, b.edge_ids_withheld) = (EdgeIds::Null, 1.0));
        let page = get(&running, "limit=3").await.json();
        assert_eq!(
            (&page["first_id"], &page["last_id"], &page["has_more"]),
            (&Value::Null, &Value::Null, &json!(true))
        );
        simulator.change(|b| b.edge_ids = EdgeIds::Absent);
        let page = get(&running, "limit=3").await.json();
        assert_eq!(page.as_object().unwrap().keys().collect::<Vec<_>>(), ["data", "has_more", "object"]);
    });
}

#[test]
fn b09_a_page_may_claim_more_without_events_or_ids() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&seven_events(&clock), &clock, |b| b.empty_pages = 1.0);
        let empty = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": true});
        assert_eq!(get(&running, "limit=3").await.json(), empty);
        assert_eq!(get(&running, "limit=3&after=b").await.json(), empty);
        assert_eq!(
            page_ids(&get(&running, "limit=3&after=d").await).concat(),
            "efg",
            "where nothing follows, nothing is withheld"
        );
        simulator.change(|b| (b.edge_ids, b.edge_ids_withheld) = (EdgeIds::Absent, 1.0));
        assert_eq!(get(&running, "limit=3").await.json(), json!({"object": "list", "data": [], "has_more": true}));
    });
}

#[test]
fn a_page_that_is_repeated_does_not_advance() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&seven_events(&clock), &clock, |b| b.repeated_pages = 1.0);
        assert_eq!(page_ids(&get(&running, "limit=2").await).concat(), "ab");
        for _ in 0..3 {
            let again = get(&running, "limit=2&after=d").await;
            assert_eq!((page_ids(&again).concat().as_str(), &again.json()["last_id"]), ("cd", &json!("d")));
            assert_eq!(again.json()["has_more"], true);
        }
        simulator.change(|b| b.repeated_pages = 0.3);
        assert_eq!(ids(&list_all_pages(&running, "limit=2").await).len(), 7);
    });
}
