//! Blobs that trickle, and blobs that never arrive.

use adapters::http::{HttpClient, Timeouts};
use simulators::microsoft365::TricklingBlobs;

use super::super::fleet::poisoned;
use super::*;

impl World {
    /// Lets these blobs of Exchange arrive one byte at a time, every five seconds of virtual time.
    fn let_trickle(&mut self, blobs: BlobChoice) {
        let pause = Duration::from_millis(2);
        let trickling = TricklingBlobs { blobs, content_type: Some(ContentType::Exchange), pause };
        self.simulator.change(|it| it.trickling_blobs = vec![trickling]);
        self.trickle_pause = Duration::from_secs(5);
    }
}

/// Creates a client with time-outs below a second, by the machine's clock.
fn client_with_short_timeouts() -> HttpClient {
    let [connect, first_byte, idle] = [5_000, 800, 800].map(Duration::from_millis);
    HttpClient::with_timeouts(Timeouts { connect, first_byte, idle }).unwrap()
}

#[tokio::test]
async fn one_trickling_blob_delays_none_of_230_healthy_ones_and_is_reported_as_pending() {
    for ordinal in [1, 100, 231] {
        let mut world = exchange_at(&seconds_before_start(20, 231));
        world.let_trickle(BlobChoice::Ordinals(vec![ordinal]));
        let mut ticks = Ticks::new(&world);
        let report = ticks.tick().await;
        assert_eq!((report.lines.delivered, report.pending.pending_blobs), (230, 1), "{ordinal}: {report:?}");
        assert_failed(&report, false, "did not arrive within");
        assert!(report.pending.pending_reason.unwrap().contains("did not arrive within"));
        world.assert_caught_up(LogType::Exchange);
        // The blob still trickles. It stays pending, delays nothing, and is no failure any more.
        for _ in 0..TICKS_PER_HOUR {
            let report = ticks.tick().await;
            assert!(report.pending.pending_blobs == 1 && report.failure.is_none(), "{report:?}");
        }
        world.simulator.change(|it| it.trickling_blobs.clear());
        let report = ticks.run_until_undelivered(0, TICKS_PER_HOUR).await;
        assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    }
}

#[tokio::test]
async fn a_trickling_blob_that_cannot_finish_alone_in_a_tick_says_what_to_change() {
    let mut world = exchange_at(&seconds_before_start(20, 1));
    world.let_trickle(BlobChoice::First(1));
    let report = Ticks::new(&world).tick().await;
    assert_failed(&report, false, "though nothing else waited; if that goes on, give the function more time");
}

#[tokio::test]
async fn many_trickling_blobs_delay_healthy_ones_by_a_few_ticks_at_most() {
    for (trickling, max_ticks) in
        [(BlobChoice::First(30), 2), (BlobChoice::Ordinals((1..=60).map(|n| 4 * n).collect()), 3)]
    {
        let mut world = exchange_at(&seconds_before_start(20, 260));
        let count = if matches!(trickling, BlobChoice::First(_)) { 30 } else { 60 };
        world.let_trickle(trickling);
        let mut ticks = Ticks::new(&world);
        ticks.run_until_undelivered(count, max_ticks).await;
        world.simulator.change(|it| it.trickling_blobs.clear());
        let report = ticks.run_until_undelivered(0, 2 * TICKS_PER_HOUR).await;
        assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    }
}

#[tokio::test]
async fn a_trickling_blob_that_takes_half_a_tick_is_delivered_when_nothing_else_waits() {
    let mut world = exchange_at(&seconds_before_start(20, 50));
    world.let_trickle(BlobChoice::First(2));
    // While another blob waits, a blob may take at most a quarter of the tick. Each of these two needs more than that.
    world.trickle_pause = Duration::from_millis(400);
    let mut ticks = Ticks::new(&world);
    let report = ticks.tick().await;
    assert_eq!((report.lines.delivered, report.pending.pending_blobs), (49, 1), "{report:?}");
    let report = ticks.run_until_undelivered(0, 2).await;
    assert!(report.drained, "{report:?}");
}

#[tokio::test]
async fn a_blob_that_never_arrives_delays_none_of_230_healthy_ones() {
    let (mut world, blob, _) = poisoned(231, &Fault::Delay(Duration::from_secs(3_600))).await;
    world.http = client_with_short_timeouts();
    let mut ticks = Ticks::new(&world);
    let report = ticks.tick().await;
    assert_eq!(report.lines.delivered, 230, "{report:?}");
    assert_failed(&report, false, "no answer within");
    assert_eq!(world.pending(LogType::Exchange).blobs[0].id, blob.id);
    world.assert_caught_up(LogType::Exchange);
    world.script(Vec::new());
    assert!(ticks.run_until_undelivered(0, 2).await.drained);
    world.assert_exact();
}

#[tokio::test]
async fn a_blob_that_stops_after_its_first_byte_delays_none_of_230_healthy_ones() {
    let mut world = exchange_at(&seconds_before_start(20, 231));
    world.let_trickle(BlobChoice::Ordinals(vec![3]));
    world.simulator.change(|it| it.trickling_blobs[0].pause = Duration::from_secs(3_600));
    world.http = client_with_short_timeouts();
    let mut ticks = Ticks::new(&world);
    let report = ticks.tick().await;
    assert_eq!((report.lines.delivered, report.pending.pending_blobs), (230, 1), "{report:?}");
    assert!(!report.failure.unwrap().needs_person);
    world.simulator.change(|it| it.trickling_blobs.clear());
    assert!(ticks.run_until_undelivered(0, 2).await.drained);
    world.assert_exact();
}
