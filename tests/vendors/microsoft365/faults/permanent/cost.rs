//! The cost of a tick while something is pending and not due.

use simulators::microsoft365::BrokenSpan;
use tests::rig::memory_store::Call;

use super::*;

/// Requests, reads and writes of one tick.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    requests: u64,
    starts: u64,
    reads: u64,
    writes: u64,
}

/// Runs one tick of the process. Returns its cost and its report on the first stream.
async fn cost(world: &World, worker: &Worker<'_, Client>) -> (Cost, StreamReport) {
    world.store.clear_faults();
    let (requests, starts) = (world.running.requests(), world.running.requests_of("start"));
    let report = tick(worker).await.remove(0);
    let calls = |calls: &[Call]| calls.iter().map(|call| world.store.calls(*call)).sum();
    let cost = Cost {
        requests: world.running.requests() - requests,
        starts: world.running.requests_of("start") - starts,
        reads: calls(&[Call::Head, Call::Ledger, Call::VisibleHours, Call::Get]),
        writes: calls(&[Call::Write, Call::Commit, Call::Put, Call::Replace]),
    };
    (cost, report)
}

#[tokio::test]
async fn an_idle_tick_costs_two_requests_two_reads_and_no_write_also_while_something_is_pending() {
    let second = BrokenSpan {
        from: at(-10 * HOUR),
        to: at(-10 * HOUR + 1),
        status: 500,
        code: None,
        content_type: Some(ContentType::Exchange),
    };
    for (broken_blobs, spans) in
        [(vec![], vec![]), (vec![3], vec![]), (vec![3, 58, 59, 60], vec![]), (vec![3, 60], vec![second])]
    {
        let pending = broken_blobs.len() + spans.len();
        let world = exchange_at(&seconds_before_start(20, 60));
        world.break_blobs(vec![broken(BlobChoice::Ordinals(broken_blobs), 500)]);
        world.simulator.change(|it| it.broken_spans = spans);
        let worker = world.worker();
        // After two hours every backoff has its maximum of an hour, and the first sweeps are done.
        for _ in 0..2 * TICKS_PER_HOUR {
            tick(&worker).await;
            world.minutes(5);
        }
        let (mut idle, mut others) = (0, Vec::new());
        for _ in 0..2 * TICKS_PER_HOUR {
            let is_due = is_due(&world);
            let (cost, report) = cost(&world, &worker).await;
            assert_eq!((report.drained, report.failure.is_some()), (pending == 0, false), "{report:?}");
            assert_eq!((cost.starts, report.lines.delivered), (0, 0));
            let is_idle = cost.requests <= 2 && cost.reads <= 2 && cost.writes == 0;
            idle += u32::from(is_idle);
            if !is_idle && !is_due {
                others.push(cost);
            }
            world.minutes(5);
        }
        // Not idle are one tick per hour with a sweep and the write that records it, and one per hour with a new token.
        assert!(others.len() <= 4 && idle >= 14, "{pending} pending: {idle} idle ticks, and {others:?}");
    }
}

#[tokio::test]
async fn an_idle_tick_of_five_streams_costs_at_most_two_requests_and_two_reads_per_stream_and_no_write() {
    let world = tenant(100);
    let worker = world.worker();
    for _ in 0..2 * TICKS_PER_HOUR {
        tick(&worker).await;
        world.minutes(5);
    }
    let mut idle = 0;
    for _ in 0..2 * TICKS_PER_HOUR {
        let (cost, report) = cost(&world, &worker).await;
        assert!(report.drained && report.failure.is_none() && cost.starts == 0, "{report:?}");
        idle += u32::from(cost.requests <= 2 * TYPES && cost.reads <= 2 * TYPES && cost.writes == 0);
        world.minutes(5);
    }
    // Not idle are one tick per hour with the sweeps and the writes that record them, and one per hour with a new
    // token.
    assert!(idle >= 2 * TICKS_PER_HOUR as u32 - 4, "{idle} idle ticks");
}

/// Returns `true` if pending work is due.
fn is_due(world: &World) -> bool {
    let (pending, now) = (world.pending(LogType::Exchange), world.time.now().as_second());
    let spans = pending.spans.iter().map(|span| span.schedule);
    spans.chain(pending.blobs.iter().map(|blob| blob.schedule)).any(|schedule| schedule.next_attempt <= now)
}

#[tokio::test]
async fn the_retry_of_a_pending_blob_costs_one_fetch_and_one_write() {
    let world = exchange_at(&seconds_before_start(20, 60));
    world.break_blobs(vec![broken(BlobChoice::First(1), 500)]);
    let mut ticks = Ticks::new(&world);
    ticks.tick().await;
    let mut fetches = Vec::new();
    for _ in 0..3 * TICKS_PER_HOUR {
        let before = world.running.requests_of("blob");
        world.store.clear_faults();
        ticks.tick().await;
        let fetched = world.running.requests_of("blob") - before;
        assert!(world.store.calls(Call::Write) <= 1, "{} writes", world.store.calls(Call::Write));
        fetches.push(fetched);
    }
    // The blob is retried after 1, 2, 4 and 8 more ticks, and then every hour.
    let tried: Vec<_> =
        fetches.iter().enumerate().filter(|(_, fetched)| **fetched > 0).map(|(tick, _)| tick + 1).collect();
    assert_eq!(tried, [1, 3, 7, 15, 27], "{fetches:?}");
    assert!(fetches.iter().all(|fetched| *fetched <= 1), "{fetches:?}");
}
