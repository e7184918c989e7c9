//! A blob that answers with an error, while all others are healthy.

use tests::effort::variants;

use super::*;

/// The number of pages, each of two blobs, over six days.
const PAGES: i64 = 690;

#[tokio::test]
async fn one_broken_blob_delays_none_of_690_pages_behind_it_and_causes_no_listing() {
    let healthy = listing_requests(Vec::new()).await;
    for &status in variants(&[500, 404]) {
        let with_broken_blob = listing_requests(vec![broken(BlobChoice::First(1), status)]).await;
        // A tick that retries the blob writes the head with a newer watermark. So the broken blob never makes a tick
        // list more.
        let (sum, expected) = (with_broken_blob.iter().sum::<u64>(), healthy.iter().sum::<u64>());
        assert!(sum <= expected + 2, "{status}: {sum} requests, {expected} without the broken blob");
        let max_more = with_broken_blob.iter().zip(&healthy).map(|(with, without)| with.saturating_sub(*without)).max();
        assert!(max_more <= Some(2), "{status}: {with_broken_blob:?}, {healthy:?}");
    }
}

/// Runs ticks until all healthy blobs are delivered. Returns the number of listing requests of each tick in the three
/// hours after that.
async fn listing_requests(broken_blobs: Vec<BrokenBlobs>) -> Vec<u64> {
    let count = broken_blobs.len();
    let world = exchange_at(&seconds_before_start(144, 2 * PAGES));
    world.simulator.change(|it| it.page_size = 2);
    world.break_blobs(broken_blobs);
    let mut ticks = Ticks::new(&world);
    let report = ticks.run_until_undelivered(count, 3).await;
    assert_eq!(report.pending.pending_blobs, count as u64, "{report:?}");
    world.assert_caught_up(LogType::Exchange);
    let mut requests = Vec::new();
    for _ in 0..3 * TICKS_PER_HOUR {
        let before = world.running.requests_of("content");
        let report = ticks.tick().await;
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        requests.push(world.running.requests_of("content") - before);
    }
    assert_eq!((world.undelivered(), ticks.gaps.len()), (count, 0));
    requests
}

#[tokio::test]
async fn a_blob_that_is_not_found_for_24_hours_is_one_gap() {
    let world = exchange_at(&seconds_before_start(20, 30));
    world.break_blobs(vec![broken(BlobChoice::Ordinals(vec![7]), 404)]);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(1, 1).await;
    for _ in 1..24 * TICKS_PER_HOUR {
        let report = ticks.tick().await;
        assert!(report.pending.pending_blobs == 1 && report.failure.is_none(), "{report:?}");
    }
    assert!(ticks.gaps.is_empty(), "{:?}", ticks.gaps);
    let report = ticks.run_ticks(2 * TICKS_PER_HOUR).await;
    assert!(report.drained && report.pending.is_empty(), "{report:?}");
    let [gap] = &ticks.gaps[..] else { panic!("{:?}", ticks.gaps) };
    assert!(gap.cause.contains("could not be found for 24 hours") && gap.to - gap.from == 1, "{gap:?}");
}

#[tokio::test]
async fn a_blob_that_heals_is_delivered_within_the_hour_and_nothing_is_pending_then() {
    let world = exchange_at(&seconds_before_start(20, 30));
    for &status in variants(&[500, 404, 403, 200]) {
        world.break_blobs(vec![broken(BlobChoice::Ordinals(vec![7]), status)]);
        let mut ticks = Ticks::new(&world);
        if status == 500 {
            ticks.run_until_undelivered(1, 1).await;
        }
        // The same blob answers with a different kind of error every three hours.
        let report = ticks.run_ticks(3 * TICKS_PER_HOUR).await;
        assert_eq!((world.undelivered(), report.pending.pending_blobs), (1, 1), "{status}");
    }
    world.break_blobs(Vec::new());
    let mut ticks = Ticks::new(&world);
    let report = ticks.run_until_undelivered(0, TICKS_PER_HOUR).await;
    assert!(report.drained && report.pending.is_empty() && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}

#[tokio::test]
async fn a_blob_that_is_broken_until_the_vendor_drops_it_is_one_gap() {
    let world = exchange_at(&seconds_before_start(20, 30));
    world.break_blobs(vec![broken(BlobChoice::Ordinals(vec![7]), 500)]);
    let mut ticks = Ticks::new(&world);
    ticks.run_until_undelivered(1, 1).await;
    let mut pending = 1;
    for _ in 0..7 * 24 {
        let report = ticks.tick_after(HOUR).await;
        assert_eq!(report.gaps.len() as u64, pending - report.pending.pending_blobs, "{report:?}");
        pending = report.pending.pending_blobs;
    }
    let [gap] = &ticks.gaps[..] else { panic!("{:?}", ticks.gaps) };
    assert!(gap.cause.contains("could not be fetched until the vendor drops it"), "{gap:?}");
}

#[tokio::test]
async fn a_stream_whose_blobs_are_all_broken_delays_none_of_the_busy_ones() {
    let options =
        Options { events: 900, span_seconds: 20 * HOUR, ahead_seconds: 3 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |it| it.records_per_blob = 2);
    world.break_blobs(vec![broken(BlobChoice::Share(1.0), 500)]);
    let mut ticks = Ticks::new(&world);
    for _ in 0..4 * TICKS_PER_HOUR {
        let began = ticks.next_start;
        let report = ticks.tick().await;
        assert!(!report.drained && report.lines.delivered == 0, "{report:?}");
        // Only content from before the tick is checked: the next tick delivers what becomes available during it.
        let served: Vec<_> = world.running.served().into_iter().filter(|event| event.visible_at < began).collect();
        let results = world.reconcile(&served);
        for (stream, result) in world.streams().iter().zip(results) {
            let is_expected = result.lost.is_empty() || stream.log_type == LogType::Exchange;
            assert!(is_expected && result.duplicated.is_empty(), "{}: {result:?}", stream.name());
            world.assert_caught_up(stream.log_type);
        }
    }
    assert!(world.undelivered() > 50 && world.running.pending() == 0);
    world.break_blobs(Vec::new());
    let report = ticks.run_until_undelivered(0, 2).await;
    assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}
