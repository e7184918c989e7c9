//! Large tenants: many blobs, and two million records.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::json;
use simulators::microsoft365::{Behaviours, ContentType, identity};

use super::{World, long_lived_tokens};
use crate::run;

const RECORDS: usize = 2_000_000;
/// The maximum memory of the test. The texts of all records together are twenty times as large.
const MAX_MEMORY_BYTES: usize = 100_000_000;

/// Returns the resident memory of this process in bytes; 0 if the operating system does not show it in `/proc`.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1_024
}

/// The maximum median time of a page. The limit is generous, because the machine may be busy.
const MAX_PAGE_TIME: Duration = Duration::from_millis(10);

#[test]
#[expect(clippy::disallowed_methods, reason = "a page is quick on the wire")]
fn b48_a_feed_of_1100_blobs_is_listed_quickly() {
    run(async {
        let world = World::with(Behaviours { records_per_blob: 1, ..long_lived_tokens() }, |options| {
            let record = |number: usize| {
                json!({"content_type": "Audit.Exchange", "record": {"Id": number.to_string()}}).to_string()
            };
            options.records = Some((0..1_100).map(record).collect());
        });
        let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
        let mut times = Vec::new();
        let mut ids = BTreeSet::new();
        let mut next: Option<String> = None;
        loop {
            let started_at = Instant::now();
            let answer = match &next {
                Some(link) => client.get(link).await,
                None => client.list(ContentType::Exchange, "").await,
            };
            times.push(started_at.elapsed());
            ids.extend(answer.json().as_array().unwrap().iter().map(|item| item["contentId"].to_string()));
            next = client.next(&answer);
            if next.is_none() {
                break;
            }
        }
        assert_eq!((times.len(), ids.len()), (110, 1_100));
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!("median {median:?}, slowest {:?}", times[times.len() - 1]);
        assert!(median < MAX_PAGE_TIME, "{median:?}");
    });
}

#[test]
fn b55_b71_twenty_thousand_blobs_and_two_million_records_in_bounded_memory() {
    run(async {
        let before = resident_bytes();
        let behaviours = Behaviours { records_per_blob: 200, page_size: 200, late_blobs: 0.0, ..long_lived_tokens() };
        let world = World::with(behaviours, |options| {
            (options.events, options.span_seconds) = (RECORDS, 7 * 24 * 3_600);
        });
        let client = world.client_with_subscriptions(&ContentType::ALL).await;
        world.clock.advance(4);
        let from = world.hours_ago(100);
        let pages =
            client.pages(client.window(ContentType::Entra, from, from + SignedDuration::from_hours(24)).await).await;
        let items = pages.concat();
        assert!(pages.len() > 2 && items.len() > 500, "{} pages, {} items", pages.len(), items.len());
        let mut unseen = BTreeSet::new();
        for item in items.iter().step_by(100) {
            unseen.extend(client.records(item).await.iter().map(|record| identity(&record.to_string())));
        }
        let counts: u64 = world.running.counts().iter().map(|(_, count)| count).sum();
        // The oldest records have expired in the four seconds that passed.
        assert!((RECORDS as u64 - 1_000..=RECORDS as u64).contains(&counts), "{counts}");
        let ledger = world.simulator.ledger();
        let blobs: Vec<_> = ledger.blobs().filter(|blob| blob.content_type == ContentType::Entra).collect();
        assert!((5_500..6_500).contains(&blobs.len()), "{}", blobs.len());
        for item in items.iter().step_by(100) {
            let blob = blobs.iter().find(|blob| item["contentId"] == *blob.id).unwrap();
            for raw in ledger.records_of(blob) {
                unseen.remove(&identity(&raw));
            }
        }
        assert!(unseen.is_empty(), "{} are not in the ledger", unseen.len());
        assert_eq!(ledger.records().take(1_000).count(), 1_000);
        let tally = ledger.tally_by_id();
        assert_eq!(tally.len() as u64, counts);
        let grown = resident_bytes().saturating_sub(before);
        println!("{grown} bytes for {} blobs and {counts} records, all counted by their ids", ledger.blobs().count());
        assert!(grown < MAX_MEMORY_BYTES, "{grown} bytes");
    });
}
