//! Blobs: their ids, URLs, expiry and content.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::Value;
use simulators::microsoft365::{Behaviours, ContentType, TENANT_ID};

use super::{FEED, World, item_time, long_lived_tokens, status_and_code};
use crate::run;

const ENTRA: ContentType = ContentType::Entra;

#[test]
fn b52_ids_have_three_shapes_and_are_served_encoded_or_not() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let mut shapes = BTreeSet::new();
        for item in client.all_items(ENTRA, world.now()).await {
            let (id, uri) = (item["contentId"].as_str().unwrap(), item["contentUri"].as_str().unwrap());
            let path = client.path(uri);
            assert_eq!(path, format!("{FEED}/audit/{id}"));
            let plain = client.get(&path).await;
            let encoded = client.get(&path.replace('$', "%24")).await;
            assert_eq!((plain.status, &plain.body), (200, &encoded.body), "{id}");
            shapes.insert((id.split('$').count(), id.ends_with("$04")));
        }
        assert_eq!(shapes, BTreeSet::from([(5, false), (6, false), (5, true)]));
    });
}

#[test]
fn b53_seven_days_after_its_creation_a_blob_is_neither_fetched_nor_listed() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = client.all_items(ENTRA, world.now()).await;
        let week = SignedDuration::from_hours(7 * 24);
        assert!(
            items.iter().all(|item| item_time(item, "contentExpiration") == item_time(item, "contentCreated") + week)
        );
        let blob = client.path(items[0]["contentUri"].as_str().unwrap());
        let left = world.now().duration_until(item_time(&items[0], "contentExpiration")).as_secs();
        let around = item_time(&items[0], "contentCreated") - SignedDuration::from_mins(10);
        let is_listed = async || {
            let items_now = client.items(ENTRA, around, around + SignedDuration::from_hours(1)).await;
            items_now.iter().any(|item| item["contentId"] == items[0]["contentId"])
        };
        world.clock.advance(left);
        assert_eq!((client.get(&blob).await.status, is_listed().await), (200, true));
        world.clock.advance(1);
        assert_eq!(status_and_code(&client.get(&blob).await), (400, "AF20051".to_owned()));
        assert!(!is_listed().await);
    });
}

#[test]
fn b54_unknown_malformed_and_foreign_ids_are_refused() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let items = client.all_items(ENTRA, world.now()).await;
        let ours = items.iter().map(|item| item["contentId"].as_str().unwrap()).find(|id| id.ends_with("$04")).unwrap();
        let foreign = ours.replace(&TENANT_ID.replace('-', ""), "0a1b2c3d000040008000000000000000");
        assert_ne!(foreign, ours);
        let elsewhere = FEED.replace(TENANT_ID, "0a1b2c3d-0000-4000-8000-00000000000f");
        for (path, refused) in [
            (format!("{FEED}/audit/20261122$nothing$here"), (404, "AF20050")),
            (format!("{FEED}/audit/{foreign}"), (404, "AF20050")),
            (format!("{FEED}/audit/malformed"), (400, "AF20052")),
            (format!("{FEED}/audit/"), (400, "AF20052")),
            (format!("{FEED}/audit/a$b/c"), (400, "AF20052")),
            (format!("{elsewhere}/audit/{ours}"), (400, "AF20010")),
        ] {
            assert_eq!(status_and_code(&client.get(&path).await), (refused.0, refused.1.to_owned()), "{path}");
        }
    });
}

#[test]
fn b54_a_blob_that_is_not_visible_or_not_found_yet_does_not_exist() {
    run(async {
        let world =
            World::with(long_lived_tokens(), |options| (options.ahead_seconds, options.span_seconds) = (7_200, 1));
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        world.clock.advance(7_200);
        let ids: Vec<_> =
            client.all_items(ENTRA, world.now()).await.iter().map(|item| item["contentId"].to_string()).collect();
        let path = |id: &str| format!("{FEED}/audit/{}", id.trim_matches('"'));
        world.simulator.change(|behaviours| behaviours.not_found_yet = 1.0);
        assert_eq!(status_and_code(&client.get(&path(&ids[0])).await), (404, "AF20050".to_owned()));
        world.simulator.change(|behaviours| behaviours.not_found_yet = 0.0);
        assert_eq!(client.get(&path(&ids[0])).await.status, 200);
        let earlier =
            World::with(long_lived_tokens(), |options| (options.ahead_seconds, options.span_seconds) = (7_200, 1));
        let client = earlier.client_with_subscriptions(&[ENTRA]).await;
        assert_eq!(status_and_code(&client.get(&path(ids.last().unwrap())).await), (404, "AF20050".to_owned()));
        // A blob is not found either if its content type has no subscription.
        let unsubscribed = World::new(long_lived_tokens());
        let client = unsubscribed.client_with_subscriptions(&[ContentType::General]).await;
        assert_eq!(status_and_code(&client.get(&path(&ids[0])).await), (404, "AF20050".to_owned()));
    });
}

#[test]
fn b55_a_blob_has_many_records_of_many_types_in_no_order() {
    run(async {
        let world = World::with(
            Behaviours { records_per_blob: 4_000, large_records: 0.01, ..long_lived_tokens() },
            |options| {
                options.events = 20_000;
            },
        );
        let client = world.client_with_subscriptions(&[ContentType::General]).await;
        let mut largest = Vec::new();
        for item in client.all_items(ContentType::General, world.now()).await {
            let records = client.records(&item).await;
            if records.len() > largest.len() {
                largest = records;
            }
        }
        assert!(largest.len() > 1_000, "{}", largest.len());
        let types: BTreeSet<_> = largest.iter().map(|record| record["RecordType"].to_string()).collect();
        let workloads: BTreeSet<_> = largest.iter().map(|record| record["Workload"].to_string()).collect();
        assert!(types.len() > 5 && workloads.len() > 4, "{types:?} {workloads:?}");
        assert!(!largest.is_sorted_by_key(|record| record["CreationTime"].as_str().unwrap().to_owned()));
        assert!(largest.iter().any(|record| record.to_string().len() > 20_000));
    });
}

#[test]
fn b55_a_huge_blob_is_served() {
    const BYTES: usize = 12_000_000;
    run(async {
        let world =
            World::new(Behaviours { huge_blob: Some((ENTRA, BYTES)), repeated_records: 0.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let mut lengths = Vec::new();
        for item in client.all_items(ENTRA, world.now()).await {
            let blob = client.get(&client.path(item["contentUri"].as_str().unwrap())).await;
            assert!(serde_json::from_slice::<Vec<Value>>(&blob.body).is_ok());
            lengths.push(blob.body.len());
        }
        lengths.sort_unstable();
        let huge = lengths.pop().unwrap();
        assert!((BYTES..BYTES + 1_000_000).contains(&huge), "{huge}");
    });
}

#[test]
fn b65_content_uris_may_be_wrong_in_four_ways() {
    run(async {
        let world = World::new(Behaviours { uri_elsewhere: 1.0, ..Behaviours::default() });
        let client = world.client_with_subscriptions(&[ENTRA]).await;
        let origin = format!("http://{}", world.running.address());
        let mut combinations = BTreeSet::new();
        for item in client.all_items(ENTRA, world.now()).await {
            let uri = item["contentUri"].as_str().unwrap();
            let is_correct = [uri.starts_with(&origin), uri.contains(TENANT_ID), uri.contains("/api/v1.0/")];
            assert!(is_correct.contains(&false) && uri.ends_with(item["contentId"].as_str().unwrap()), "{uri}");
            assert!(is_correct[0] || uri.starts_with("https://localhost/"), "{uri}");
            combinations.insert(is_correct);
        }
        let host = [false, true, true];
        let (tenant, path, all) = ([true, false, true], [true, true, false], [false, false, false]);
        assert_eq!(combinations, BTreeSet::from([host, tenant, path, all]));
    });
}
