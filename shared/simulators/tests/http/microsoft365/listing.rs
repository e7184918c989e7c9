//! Listings: which windows are accepted, and which blobs they show.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::Value;
use simulators::microsoft365::{Behaviours, ContentType};

use super::{World, format_time, item_time, long_lived_tokens, status_and_code};
use crate::run;

const ENTRA: ContentType = ContentType::Entra;

/// Returns a tenant with 2,000 records, so that the listing of a day has more than one page.
fn world(behaviours: Behaviours) -> World {
    World::with(behaviours, |options| options.events = 2_000)
}

fn ids(items: &[Value]) -> BTreeSet<&str> {
    items.iter().map(|item| item["contentId"].as_str().unwrap()).collect()
}

#[test]
fn b44_only_the_documented_time_formats_are_accepted() {
    run(async {
        let world = world(Behaviours::default());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        for (start, end, code) in [
            ("2026-11-21", "2026-11-22", ""),
            ("2026-11-22T07:30", "2026-11-22T08:30", ""),
            ("2026-11-22T07:30:15", "2026-11-22T08:30:15", ""),
            ("2026-11-22T07:30:15Z", "2026-11-22T08:30:15.250Z", ""),
            ("2026-11-22T07:30:15.1234567", "2026-11-22T08:30:15", ""),
            ("2026-11-22T07:30:15+00:00", "2026-11-22T08:30:15+00:00", "AF20002"),
            ("2026-11-22T07:30:15%2B00:00", "2026-11-22T08:30:15%2B00:00", "AF20002"),
            ("1795332000", "1795335600", "AF20002"),
            ("yesterday", "today", "AF20002"),
        ] {
            let answer = client.list(ENTRA, &format!("&startTime={start}&endTime={end}")).await;
            let code = if code.is_empty() { (200, String::new()) } else { (400, code.to_owned()) };
            assert_eq!((answer.status, status_and_code(&answer).1), code, "{start}");
        }
        for half in ["&startTime=2026-11-22", "&endTime=2026-11-22"] {
            assert_eq!(status_and_code(&client.list(ENTRA, half).await), (400, "AF20030".to_owned()));
        }
    });
}

#[test]
fn b45_a_window_is_refused_if_its_order_length_or_age_is_wrong() {
    run(async {
        let world = world(Behaviours { grace_seconds: 60, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let week = 7 * 24 * 3_600;
        for (from, to, is_accepted) in [
            (3_600, 3_600, false),
            (3_600, 7_200, false),
            (86_400, 0, true),
            (86_401, 0, false),
            (3_600, -3_600, true),
            (week, week - 60, true),
            (week + 60, week, true),
            (week + 61, week, false),
        ] {
            let [from, to] = [from, to].map(|seconds| world.now() - SignedDuration::from_secs(seconds));
            let answer = client.window(ENTRA, from, to).await;
            let named_window = format!("StartTime:{}, EndTime:{}", format_time(from), format_time(to));
            assert_eq!(answer.status, if is_accepted { 200 } else { 400 }, "{named_window}");
            assert!(
                is_accepted || status_and_code(&answer).1 == "AF20055" && answer.text().contains(&named_window),
                "{}",
                answer.text()
            );
        }
    });
}

#[test]
fn b45_a_window_of_more_than_a_day_may_list_a_part_of_it() {
    run(async {
        let world = world(Behaviours { long_span_partial: true, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let long_listing = client.items(ENTRA, world.hours_ago(60), world.now()).await;
        let day = client.items(ENTRA, world.hours_ago(60), world.hours_ago(36)).await;
        assert_eq!(ids(&long_listing), ids(&day));
        assert!(!day.is_empty() && client.items(ENTRA, world.hours_ago(36), world.hours_ago(12)).await != day);
    });
}

#[test]
fn b46_without_times_the_last_day_is_listed_and_links_name_it() {
    run(async {
        let world = world(Behaviours { page_size: 1, odd_casing: 0.0, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let first = client.list(ENTRA, "").await;
        let link = client.next(&first).unwrap();
        assert!(link.contains("startTime=2026-11-21T09:00:00Z&endTime=2026-11-22T09:00:00Z"), "{link}");
        let items = client.pages(first).await.concat();
        assert_eq!(ids(&items), ids(&client.items(ENTRA, world.hours_ago(24), world.now()).await));
    });
}

#[test]
fn b47_a_window_selects_by_creation_of_content_and_not_by_event_time() {
    run(async {
        let world = world(Behaviours { days_old_records: 0.5, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = client.items(ENTRA, world.hours_ago(24), world.now()).await;
        let mut old = 0;
        for item in &items {
            let created = item_time(item, "contentCreated");
            assert!(world.hours_ago(24) <= created && created < world.now(), "{item}");
            let records = client.records(item).await;
            let is_old =
                |record: &&Value| record["CreationTime"].as_str().unwrap() < format_time(world.hours_ago(24)).as_str();
            old += records.iter().filter(is_old).count();
        }
        assert!(old > 5, "{old}");
        let instant = item_time(&items[3], "contentCreated");
        let millisecond = SignedDuration::from_millis(1);
        for (from, to, is_in) in [(instant, instant + millisecond, true), (instant - millisecond, instant, false)] {
            let [from, to] = [from, to].map(|at| at.to_string());
            let answer = client.list(ENTRA, &format!("&startTime={from}&endTime={to}")).await;
            let found = answer.json().as_array().unwrap().contains(&items[3]);
            assert_eq!(found, is_in, "{from} {to}");
        }
    });
}

#[test]
fn b50_items_come_in_the_order_of_availability_and_many_share_a_millisecond() {
    run(async {
        let world = world(Behaviours { same_instant: 0.9, late_blobs: 0.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = client.all_items(ENTRA, world.now()).await;
        let created: Vec<_> = items.iter().map(|item| item_time(item, "contentCreated")).collect();
        assert!(created.is_sorted());
        let max = created.chunk_by(|first, second| first == second).map(<[_]>::len).max();
        assert!(max > Some(10), "{max:?}");
        let of_instants = items.chunk_by(|first, second| first["contentCreated"] == second["contentCreated"]);
        let is_shuffled = |items: &[Value]| !items.is_sorted_by_key(|item| item["contentId"].as_str().unwrap());
        assert!(of_instants.into_iter().any(is_shuffled));
    });
}

#[test]
fn b51_blobs_are_listed_minutes_to_hours_after_they_were_created() {
    run(async {
        let behaviours = Behaviours { late_blobs: 1.0, max_delay_seconds: 10_800, ..long_lived_tokens() };
        let world = World::with(behaviours, |options| {
            (options.ahead_seconds, options.span_seconds, options.events) = (86_400, 1, 2_000);
        });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let (mut known, mut longest, mut late) = (BTreeSet::new(), SignedDuration::ZERO, 0);
        for _ in 0..60 {
            for item in client.items(ENTRA, world.hours_ago(20), world.now()).await {
                if known.insert(item["contentId"].to_string()) {
                    let lateness = item_time(&item, "contentCreated").duration_until(world.now());
                    longest = longest.max(lateness);
                    late += usize::from(lateness > SignedDuration::from_mins(20));
                }
            }
            world.clock.advance(20 * 60);
        }
        assert!(late > 3 && longest > SignedDuration::from_mins(60), "{late} {longest}");
        assert!(longest < SignedDuration::from_mins(3 * 60 + 21), "{longest}");
    });
}

#[test]
fn b51_a_window_that_starts_at_an_instant_may_lack_some_of_its_blobs() {
    run(async {
        let world = world(Behaviours { same_instant: 0.9, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = client.items(ENTRA, world.hours_ago(24), world.now()).await;
        let instants = items.chunk_by(|first, second| first["contentCreated"] == second["contentCreated"]);
        let instant = instants.into_iter().max_by_key(|items| items.len()).unwrap();
        let start = item_time(&instant[0], "contentCreated");
        world.simulator.change(|behaviours| behaviours.partial_boundary = 1.0);
        let of_instant = async |from| {
            let items =
                client.pages(client.list(ENTRA, &format!("&startTime={from}&endTime={}", world.now())).await).await;
            items.concat().iter().filter(|item| item["contentCreated"] == instant[0]["contentCreated"]).count()
        };
        let some = of_instant(start).await;
        assert!(0 < some && some < instant.len(), "{some} of {}", instant.len());
        assert_eq!(of_instant(start - SignedDuration::from_millis(1)).await, instant.len());
    });
}
