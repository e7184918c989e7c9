//! The cost of collection: requests, reads, writes, objects and memory.

use std::time::Duration;

use simulators::Options;
use simulators::openai::Behaviours;
use tests::rig::memory_store::Call;

use super::world::{World, event, only, start_time};

const LIST: &str = "audit_logs";
const DAY: i64 = 86_400;
/// The maximum number of events per page of the vendor.
const EVENTS_PER_PAGE: u64 = 100;

#[tokio::test]
async fn an_idle_tick_asks_twice_reads_twice_and_writes_nothing() {
    let world = World::with_events(vec![event("audit_log-old", -DAY)]);
    world.drain().await;
    let worker = world.worker().await;
    // A new process reads the birth record once; after that it is warm.
    world.minutes(15);
    only(worker.tick(50, None).await.unwrap());
    let asked = |world: &World| world.running.requests_of(LIST);
    let mut head_writes = 0;
    for minute in 0..180 {
        world.minutes(1);
        world.store.clear_faults();
        let before = asked(&world);
        let report = only(worker.tick(50, None).await.unwrap());
        assert!(report.drained && report.lines.delivered == 0 && report.failure.is_none(), "{report:?}");
        let requests = asked(&world) - before;
        let reads = world.store.calls(Call::Head) + world.store.calls(Call::Ledger);
        let writes = world.store.calls(Call::Write) + world.store.calls(Call::Commit);
        assert_eq!((world.store.calls(Call::Put), world.store.calls(Call::Get)), (0, 0), "minute {minute}");
        // Once per hour there is a sweep of each listing and one write that records it.
        if writes == 0 {
            assert!(requests <= 2 && reads <= 2, "minute {minute}: {requests} requests, {reads} reads");
        } else {
            assert!(requests <= 6 && reads <= 6 && writes == 1, "minute {minute}: {requests}, {reads}, {writes}");
            head_writes += 1;
        }
    }
    assert!((2..=4).contains(&head_writes), "{head_writes} writes in three hours");
}

/// Drains a backlog. Returns its requests as a multiple of the minimum.
#[expect(clippy::print_stdout, reason = "the figures, for who asks for them with --nocapture")]
async fn drain(name: &str, world: &World, events: u64) -> f64 {
    let reports = world.drain().await;
    let delivered: u64 = reports.iter().map(|report| report.lines.delivered).sum();
    assert_eq!(delivered, events, "{name}");
    let result = world.assert_exact();
    let objects: u64 = reports.iter().map(|report| report.lines.objects).sum();
    let (requests, least) = (world.running.requests_of(LIST), result.lines.div_ceil(100) as u64 + 1);
    let ratio = requests as f64 / least as f64;
    println!(
        "{name}: {events} events in {} ticks, {objects} objects; {requests} requests, at least {least}: {ratio:.2}",
        reports.len()
    );
    // No batch exceeds its limit, however large the backlog is.
    assert!(objects >= events.div_ceil(world.settings.batch.lines as u64));
    ratio
}

#[tokio::test]
async fn a_backlog_of_a_week_drains_with_few_requests_more_than_needed() {
    let options = Options { events: 100_000, span_seconds: 7 * DAY - 1_000, seed: 3, ..Options::new(start_time()) };
    let world = World::with(&options, Behaviours::default());
    world.time.advance(Duration::from_secs(300));
    assert!(drain("a week", &world, 100_000).await < 1.3);
}

#[tokio::test]
async fn a_crowded_second_drains_page_by_page() {
    let events = (0..3_000).map(|number| event(&format!("audit_log-{number:05}"), -3_600)).collect();
    let world = World::with_events(events);
    let ratio = drain("a second", &world, 3_000).await;
    // Each window of the week takes one more page, in both listings.
    assert!(ratio < (30.0 + 2.0 * 8.0) / 30.0 + 0.2, "{ratio}");
    assert_eq!(3_000 / EVENTS_PER_PAGE, 30);
}
