//! Repeated records, and different records with the same `Id`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::Value;
use simulators::microsoft365::{Behaviours, ContentType};

use super::{World, item_time, long_lived_tokens};
use crate::run;

fn without_repeats() -> Behaviours {
    Behaviours { repeated_records: 0.0, repeated_days_later: 0.0, repeated_elsewhere: 0.0, ..long_lived_tokens() }
}

/// Returns, for each record of a content type, where it was listed: the number of the page and the item of its blob.
async fn places(world: &World, content_type: ContentType) -> BTreeMap<String, Vec<(usize, Value)>> {
    let client = world.client_with_subscriptions(&[content_type]).await;
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for day in (0..7).rev() {
        let first = client.window(content_type, world.hours_ago(24 * day + 24), world.hours_ago(24 * day)).await;
        for (page, items) in client.pages(first).await.into_iter().enumerate() {
            for item in items {
                for record in client.records(&item).await {
                    places.entry(record.to_string()).or_default().push((page, item.clone()));
                }
            }
        }
    }
    places
}

#[test]
fn b56_a_record_is_repeated_in_another_blob_and_on_another_page() {
    run(async {
        let world = World::new(Behaviours { repeated_records: 0.3, page_size: 2, ..without_repeats() });
        let places = places(&world, ContentType::Entra).await;
        let repeated: Vec<_> = places.values().filter(|places| places.len() > 1).collect();
        assert!(repeated.len() > 20, "{}", repeated.len());
        assert!(repeated.iter().any(|places| places[0].1["contentId"] != places[1].1["contentId"]));
        assert!(repeated.iter().any(|places| places[0].0 != places[1].0));
    });
}

#[test]
fn b56_a_record_is_repeated_five_days_later() {
    run(async {
        let world = World::new(Behaviours { repeated_days_later: 1.0, ..without_repeats() });
        let places = places(&world, ContentType::Entra).await;
        let distance = |places: &Vec<(usize, Value)>| {
            item_time(&places[0].1, "contentCreated").duration_until(item_time(&places[1].1, "contentCreated"))
        };
        let repeated: Vec<_> = places.values().filter(|places| places.len() > 1).map(distance).collect();
        assert!(
            repeated.len() > 5 && repeated.iter().all(|distance| *distance >= SignedDuration::from_hours(5 * 24)),
            "{repeated:?}"
        );
    });
}

#[test]
fn b56_a_record_is_repeated_in_the_feed_of_another_content_type() {
    run(async {
        let world = World::new(Behaviours { repeated_elsewhere: 0.3, ..without_repeats() });
        let client = world.client_with_subscriptions(&ContentType::ALL).await;
        world.clock.advance(5);
        let mut log_types: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for content_type in ContentType::ALL {
            for record in client.all_records(content_type, world.now()).await {
                log_types.entry(record.to_string()).or_default().insert(content_type);
            }
        }
        let twice = log_types.values().filter(|log_types| log_types.len() == 2).count();
        assert!((100..200).contains(&twice) && log_types.len() == 500, "{twice} of {}", log_types.len());
        // The ledger counts a record of two content types twice, because it is an event of two log types.
        assert_eq!(world.running.served().len(), 500 + twice);
        world.running.served().iter().for_each(|served| assert_eq!(served.visible_until.is_some(), served.is_object()));
    });
}

#[test]
fn b57_two_records_have_the_same_id_and_nothing_else_in_common() {
    run(async {
        let world = World::new(Behaviours { same_id: 0.5, ..without_repeats() });
        let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
        let mut by_id: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for record in client.all_records(ContentType::Entra, world.now()).await {
            by_id.entry(record["Id"].to_string()).or_default().push(record);
        }
        let twice: Vec<_> = by_id.values().filter(|records| records.len() > 1).collect();
        assert!((20..60).contains(&twice.len()), "{}", twice.len());
        assert!(twice.iter().all(|records| records.len() == 2 && records[0] != records[1]));
    });
}
