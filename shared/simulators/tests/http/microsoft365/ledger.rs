//! The ledger has the records that clients can get, and the same seed gives the same content.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use simulators::microsoft365::{
    Behaviours, ContentType, Difference, Microsoft365Simulator, RecordTally, id_number, identity,
};
use simulators::{Fault, Faults, Options, Scripted};

use super::{Client, World, item_time, long_lived_tokens};
use crate::{ManualClock, run};

/// Returns the distinct records that a client gets from all content types. `number` returns the number that stands for
/// a record.
async fn delivered(world: &World, number: impl Fn(&Value) -> u128) -> RecordTally {
    let client = world.client().await;
    let mut delivered = RecordTally::default();
    let mut seen = BTreeSet::new();
    for content_type in ContentType::ALL {
        for record in client.all_records(content_type, world.now()).await {
            if seen.insert((content_type, record.to_string())) {
                delivered.add(content_type.log_type(), number(&record));
            }
        }
    }
    delivered
}

#[test]
fn b71_all_feeds_together_have_the_records_of_the_ledger() {
    run(async {
        let world = World::new(Behaviours { repeated_elsewhere: 0.05, irregular_records: 0.1, ..long_lived_tokens() });
        world.client_with_subscriptions(&ContentType::ALL).await;
        assert!(world.running.pending() > 0, "nothing is late");
        world.clock.advance(5);
        let delivered = delivered(&world, |record| identity(&record.to_string())).await;
        let tally = world.simulator.ledger().tally(|record| identity(&record.raw));
        assert_eq!((world.running.pending(), tally.len()), (0, delivered.len()));
        assert_eq!(tally.compare(delivered), Difference::default());
        let served = world.running.served();
        assert!(served.iter().all(|event| event.visible_until > Some(world.now())));
        let mut counts = BTreeMap::new();
        served.iter().for_each(|event| *counts.entry(event.log_type).or_insert(0) += 1);
        assert_eq!(world.running.counts(), counts.into_iter().collect::<Vec<_>>());
        assert!(served.len() > 505, "{}", served.len());
    });
}

#[test]
fn b71_records_can_be_counted_by_id_without_generating_them() {
    run(async {
        let world = World::new(Behaviours {
            same_id: 0.2,
            irregular_records: 0.3,
            repeated_elsewhere: 0.1,
            ..long_lived_tokens()
        });
        world.client_with_subscriptions(&ContentType::ALL).await;
        world.clock.advance(5);
        let delivered = delivered(&world, |record| id_number(record["Id"].as_str().unwrap()).unwrap()).await;
        let tally = world.simulator.ledger().tally_by_id();
        assert_eq!(tally.len(), world.running.served().len());
        assert_eq!(tally.compare(delivered), Difference::default());
    });
}

#[test]
fn b71_the_ledger_names_every_blob_and_the_expiry_of_its_records() {
    run(async {
        let world = World::new(Behaviours { repeated_records: 0.5, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
        world.clock.advance(5);
        let items = client.all_items(ContentType::Exchange, world.now()).await;
        let ledger = world.simulator.ledger();
        let blobs: BTreeMap<_, _> = ledger.blobs().map(|blob| (blob.id.clone(), blob)).collect();
        assert_eq!(blobs.len(), items.len());
        let mut until: BTreeMap<String, jiff::Timestamp> = BTreeMap::new();
        for item in &items {
            let blob = &blobs[item["contentId"].as_str().unwrap()];
            let times = (item_time(item, "contentCreated"), item_time(item, "contentExpiration"));
            assert_eq!(((blob.created, blob.expires), blob.content_type), (times, ContentType::Exchange));
            let records = client.records(item).await;
            let records_in_ledger: Vec<Value> =
                ledger.records_of(blob).map(|raw| serde_json::from_str(&raw).unwrap()).collect();
            assert_eq!((&records_in_ledger, blob.records), (&records, records.len()));
            for record in records {
                let known = until.entry(record.to_string()).or_insert(blob.expires);
                *known = blob.expires.max(*known);
            }
        }
        for record in ledger.records() {
            let raw: Value = serde_json::from_str(&record.raw).unwrap();
            assert_eq!(until.remove(&raw.to_string()), Some(record.visible_until));
        }
        assert!(until.is_empty());
    });
}

#[test]
fn b71_a_ledger_does_not_change_and_its_file_has_the_same_records() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.ndjson");
        let world = World::with(long_lived_tokens(), |options| {
            (options.events, options.ahead_seconds, options.ledger) = (2_000, 86_400, Some(path.clone()));
        });
        let client = world.client_with_subscriptions(&[ContentType::General]).await;
        let before = world.simulator.ledger();
        let count = before.records().count();
        world.clock.advance(86_400 + 7_200);
        client.list(ContentType::General, "").await;
        let after: Vec<_> = world.simulator.ledger().records().map(|record| record.raw).collect();
        assert!(count > 0 && after.len() > count && before.records().count() == count);
        assert!(before.records().map(|record| record.raw).eq(after[..count].iter().cloned()));
        let lines = std::fs::read_to_string(&path).unwrap();
        let mut written: Vec<_> =
            lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["raw"].to_string()).collect();
        let mut after: Vec<_> =
            after.iter().map(|raw| serde_json::from_str::<Value>(raw).unwrap().to_string()).collect();
        written.sort_unstable();
        after.sort_unstable();
        assert_eq!(written, after);
    });
}

#[test]
fn a_storm_has_every_fault_and_depends_on_its_seed_only() {
    let answers = |seed| {
        let mut answers = Vec::new();
        run(async {
            let clock = ManualClock::new();
            let options = Options { events: 500, seed, faults: Faults::Storm, ..Options::new(clock.now()) };
            let simulator = Microsoft365Simulator::new(&options, clock.clock()).unwrap();
            let status_and_code = Fault::Throttled { retry_after: None };
            simulator.change(|b| {
                b.token_error = 0.0;
                b.transport.reset = 0.0;
                b.transport.cut = 0.0;
                b.transport.server_error = 0.0;
                b.script = vec![Scripted::new("content", 2, status_and_code)];
            });
            let running = simulator.serve(0).unwrap();
            let client = Client::new(&running).await;
            for _ in 0..5 {
                client.start(ContentType::General).await;
                let answer = client.list(ContentType::General, "").await;
                // The answers contain the port, which differs between simulators.
                let port = running.address().port().to_string();
                answers.push((answer.status, answer.text().replace(&port, "")));
            }
        });
        answers
    };
    let first = answers(5);
    assert_eq!(first, answers(5));
    assert_ne!(first, answers(6));
    assert!(first[1].1.contains("AF429"));
}
