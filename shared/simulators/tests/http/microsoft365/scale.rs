//! A tenant of two million records.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::json;
use simulators::microsoft365::{Behaviours, ContentType, identity};

use super::{World, lasting};
use crate::run;

const RECORDS: usize = 2_000_000;
/// The bound of the memory. All records together have twenty times as many bytes.
const MAX_MEMORY_BYTES: usize = 100_000_000;

/// Returns the memory of this process in bytes; 0 if it is not known.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1_024
}

/// The bound of the median time of a page, with a wide margin for a busy machine.
const MAX_PAGE_TIME: Duration = Duration::from_millis(10);

#[test]
#[expect(clippy::disallowed_methods, reason = "a page is quick on the wire")]
fn b48_eleven_hundred_given_blobs_of_one_record_each_list_quickly() {
    run(async {
        let world = World::with(Behaviours { records_per_blob: 1, ..lasting() }, |options| {
            let record = |number: usize| {
                json!({"content_type": "Audit.Exchange", "record": {"Id": number.to_string()}}).to_string()
            };
            options.records = Some((0..1_100).map(record).collect());
        });
        let client = world.started(&[ContentType::Exchange]).await;
        let mut times = Vec::new();
        let mut ids = BTreeSet::new();
        let mut next: Option<String> = None;
        loop {
            let begun = Instant::now();
            let answer = match &next {
                Some(link) => client.get(link).await,
                None => client.list(ContentType::Exchange, "").await,
            };
            times.push(begun.elapsed());
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
        let before = memory();
        let behaviours = Behaviours { records_per_blob: 200, page_size: 200, late: 0.0, ..lasting() };
        let world = World::with(behaviours, |options| {
            (options.events, options.span_seconds) = (RECORDS, 7 * 24 * 3_600);
        });
        let client = world.started(&ContentType::ALL).await;
        world.clock.pass(4);
        let from = world.ago(100);
        let pages =
            client.pages(client.window(ContentType::Entra, from, from + SignedDuration::from_hours(24)).await).await;
        let items = pages.concat();
        assert!(pages.len() > 2 && items.len() > 500, "{} pages, {} items", pages.len(), items.len());
        let mut some = BTreeSet::new();
        for item in items.iter().step_by(100) {
            some.extend(client.records(item).await.iter().map(|record| identity(&record.to_string())));
        }
        let counts: u64 = world.running.counts().iter().map(|(_, count)| count).sum();
        // The records of the first seconds have expired meanwhile.
        assert!((RECORDS as u64 - 1_000..=RECORDS as u64).contains(&counts), "{counts}");
        let ledger = world.simulator.ledger();
        let blobs: Vec<_> = ledger.blobs().filter(|blob| blob.content_type == ContentType::Entra).collect();
        assert!((5_500..6_500).contains(&blobs.len()), "{}", blobs.len());
        for item in items.iter().step_by(100) {
            let blob = blobs.iter().find(|blob| item["contentId"] == *blob.id).unwrap();
            for raw in ledger.records_of(blob) {
                some.remove(&identity(&raw));
            }
        }
        assert!(some.is_empty(), "{} are not in the ledger", some.len());
        assert_eq!(ledger.records().take(1_000).count(), 1_000);
        let account = ledger.account_by_id();
        assert_eq!(account.len() as u64, counts);
        let grown = memory().saturating_sub(before);
        println!("{grown} bytes for {} blobs and {counts} records, all counted by their ids", ledger.blobs().count());
        assert!(grown < MAX_MEMORY_BYTES, "{grown} bytes");
    });
}
