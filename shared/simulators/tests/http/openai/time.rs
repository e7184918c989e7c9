//! Changes of a listing over time: late events, new events and retention.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use simulators::Options;

use super::{get, ids, list_all_pages, list_both_listings, options, page_ids, seconds, serve_with, served_by_id};
use crate::{ManualClock, run};

const DAY: i64 = 86_400;

#[test]
fn b22_events_continue_after_the_start_and_some_are_late() {
    run(async {
        let clock = ManualClock::new();
        let options = Options { ahead_seconds: DAY, span_seconds: DAY, ..options(&clock) };
        let (_, running) = serve_with(&options, &clock, |b| (b.late_events, b.max_delay_seconds) = (0.3, 7_200));
        let mut late = 0;
        for _ in 0..27 {
            clock.advance(3_600);
            let known = served_by_id(&running);
            let _ = get(&running, "limit=1").await;
            let before = clock.now().as_second() - 3_600;
            late += served_by_id(&running)
                .iter()
                .filter(|(id, event)| !known.contains_key(*id) && event["effective_at"].as_i64() < Some(before - 1))
                .count();
        }
        assert_eq!((running.pending(), running.served().len()), (0, 400));
        assert!(late > 5, "{late}");
    });
}

#[test]
fn b22_some_are_a_day_late_and_none_later_than_the_bound() {
    run(async {
        let clock = ManualClock::new();
        let bound = 26 * 3_600;
        let options = Options { ahead_seconds: DAY, span_seconds: 60, events: 800, ..options(&clock) };
        let (_, running) = serve_with(&options, &clock, |b| {
            (b.late_events, b.max_delay_seconds, b.near_max_delay) = (0.5, bound, 0.25);
        });
        for _ in 0..310 {
            clock.advance(600);
            let _ = get(&running, "limit=1").await;
        }
        assert_eq!(running.pending(), 0);
        let late: Vec<_> = running
            .served()
            .iter()
            .map(|event| {
                let at =
                    serde_json::from_str::<serde_json::Value>(&event.raw).unwrap()["effective_at"].as_i64().unwrap();
                event.visible_at.as_second() - at
            })
            .collect();
        // The test makes a request only every ten minutes, and the ledger notes the time of that request.
        assert!(late.iter().all(|seconds| *seconds <= bound + 600));
        let near = late.iter().filter(|seconds| **seconds >= bound - bound / 20).count();
        assert!((50..130).contains(&near), "{near}");
        let hours = late.iter().filter(|seconds| (3_600..bound - bound / 20).contains(*seconds)).count();
        assert!((5..60).contains(&hours), "{hours}");
    });
}

#[test]
fn b22_late_events_of_the_past_may_have_their_full_delay() {
    run(async {
        let clock = ManualClock::new();
        let options = Options { span_seconds: DAY, ..options(&clock) };
        let (_, running) = serve_with(&options, &clock, |b| {
            (b.late_events, b.max_delay_seconds, b.near_max_delay, b.late_past_soon) = (0.5, DAY, 1.0, false);
        });
        let first = list_both_listings(&running).await.len();
        assert!((150..300).contains(&first), "{first}");
        clock.advance(5);
        assert!(list_both_listings(&running).await.len() < first + 20);
        clock.advance(DAY);
        assert_eq!((list_both_listings(&running).await.len(), running.pending()), (400, 0));
    });
}

#[test]
fn b23_new_events_do_not_shift_the_pages_after_a_cursor() {
    run(async {
        let clock = ManualClock::new();
        let options = Options { ahead_seconds: 3_600, span_seconds: 3_600, ..options(&clock) };
        let (_, running) = serve_with(&options, &clock, |b| b.late_events = 0.0);
        let before = list_all_pages(&running, "limit=100").await;
        let mut after = String::new();
        let mut listed = Vec::new();
        loop {
            let page = get(&running, &format!("limit=10{after}")).await.json();
            listed.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] == false {
                break;
            }
            after = format!("&after={}", page["last_id"].as_str().unwrap());
            clock.advance(60);
        }
        assert_eq!(listed, before);
        let now = list_all_pages(&running, "limit=100").await;
        assert!(now.len() > before.len() + 20 && now.ends_with(&before), "{} {}", before.len(), now.len());
    });
}

#[test]
fn b24_events_before_logging_was_on_are_absent() {
    run(async {
        let clock = ManualClock::new();
        let since = clock.now() - SignedDuration::from_hours(48);
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.kept_since = since);
        let events = list_all_pages(&running, "limit=100").await;
        assert!(!events.is_empty() && seconds(&events).iter().all(|second| *second >= since.as_second()));
        clock.advance(5);
        assert_eq!(
            ids(&list_both_listings(&running).await),
            served_by_id(&running).into_keys().collect::<BTreeSet<_>>()
        );
    });
}

#[test]
fn b24_retention_advances_and_the_ledger_names_the_expiry() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.kept_seconds = Some(3 * DAY));
        let first = list_both_listings(&running).await;
        clock.advance(DAY);
        let second = list_both_listings(&running).await;
        assert!(second.len() < first.len() && !second.is_empty(), "{} {}", first.len(), second.len());
        let bound = clock.now().as_second() - 3 * DAY;
        assert!(seconds(&second).iter().all(|second| *second >= bound));
        let ledger = running.served();
        assert!(ledger.len() >= first.len());
        let still_there: BTreeSet<_> = ledger
            .iter()
            .filter(|event| event.visible_until.unwrap() > clock.now())
            .map(|event| event.identity.clone())
            .collect();
        assert_eq!(still_there, ids(&second));
    });
}

#[test]
fn b24_old_events_are_dropped_between_two_calls() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.late_events = 0.0);
        let page = page_ids(&get(&running, "limit=100").await);
        clock.advance(10);
        simulator.change(|b| b.kept_since = Timestamp::MAX);
        assert!(page_ids(&get(&running, "limit=100").await).is_empty());
        let ledger = running.served();
        assert!(ledger.len() == 400 && ledger.iter().all(|event| event.visible_until == Some(clock.now())));
        assert!(page.iter().all(|id| ledger.iter().any(|event| event.identity == *id)));
    });
}
