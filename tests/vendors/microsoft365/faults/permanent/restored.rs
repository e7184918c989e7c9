//! State that was restored from an earlier copy, and intents that were left.

use tests::rig::killable::{Died, until};
use tests::rig::memory_store::{Backup, Call, Outcome};
use tests::rig::reconciliation::delivered as delivered_lines;

use super::*;

/// Creates a tenant with new content every five minutes, from an hour before the start to ten hours after it.
fn busy_world() -> World {
    let mut world = exchange_at(&(-12..120).map(|number| 300 * number).collect::<Vec<_>>());
    world.settings.lookback_seconds = DAY;
    world
}

/// Runs ticks of one process, five minutes apart. Asserts that each drains the stream.
async fn run(world: &World, worker: &Worker<'_, Client>, ticks: usize) {
    for _ in 0..ticks {
        let report = tick(worker).await.remove(0);
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        world.minutes(5);
    }
}

/// Makes two backups of the state an hour apart while one process collects.
async fn backups(world: &World, worker: &Worker<'_, Client>) -> [Backup; 2] {
    run(world, worker, 2 * TICKS_PER_HOUR).await;
    let earlier = world.store.backup();
    run(world, worker, TICKS_PER_HOUR + 1).await;
    [earlier, world.store.backup()]
}

const RESTORED_WORDS: &str = "it was restored from a backup";

#[tokio::test]
async fn state_restored_from_an_hour_old_copy_stops_the_stream_and_delivers_nothing_twice() {
    for is_warm in [true, false] {
        let world = busy_world();
        let worker = world.worker();
        let [earlier, newest] = backups(&world, &worker).await;
        world.store.restore(&earlier);
        let (asked, objects) =
            (world.received_requests_of("content").len(), world.store.objects("microsoft365_audit_exchange/"));
        for _ in 0..3 {
            let reports = if is_warm { tick(&worker).await } else { world.tick().await.unwrap() };
            assert_failed(&reports[0], true, RESTORED_WORDS);
            world.minutes(5);
        }
        assert_eq!(world.received_requests_of("content").len(), asked);
        assert_eq!(world.store.objects("microsoft365_audit_exchange/"), objects);
        // A person restores the newest state.
        world.store.restore(&newest);
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn state_restored_in_the_middle_of_a_tick_stops_it() {
    let world = busy_world();
    let worker = world.worker();
    let [earlier, newest] = backups(&world, &worker).await;
    let objects = world.store.objects("microsoft365_audit_exchange/");
    {
        let asked = world.received_requests_of("content").len();
        let mut work = std::pin::pin!(tick(&worker));
        until(work.as_mut(), || world.received_requests_of("content").len() > asked).await;
        world.store.restore(&earlier);
        assert_failed(&crate::ticks::while_time_passes(&world.time, work).await[0], true, RESTORED_WORDS);
    }
    assert_eq!(world.store.objects("microsoft365_audit_exchange/"), objects);
    world.store.restore(&newest);
    world.minutes(5);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn only_the_restored_stream_stops() {
    let options = Options { events: 600, span_seconds: HOUR, ahead_seconds: 8 * HOUR, ..Options::new(start_time()) };
    let mut world = world_with(&options, |it| it.records_per_blob = 1);
    world.settings.lookback_seconds = DAY;
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    for _ in 0..2 * TICKS_PER_HOUR {
        world.tick().await.unwrap();
        world.minutes(5);
    }
    // The other streams begin after the backup, so restoring it does not affect them.
    let earlier = world.store.backup();
    for _ in 0..=TICKS_PER_HOUR {
        world.tick().await.unwrap();
        world.minutes(5);
    }
    world.store.restore(&earlier);
    world.credential.set("content_types", &json!(["Audit.Exchange", "Audit.SharePoint", "Audit.General"]));
    for _ in 0..3 {
        let reports = world.tick().await.unwrap();
        let restored = assert_others_drained(&reports, LogType::Exchange);
        assert_failed(restored, true, RESTORED_WORDS);
        world.minutes(5);
    }
    assert!(world.lines(LogType::SharePoint).len() > 10);
}

#[tokio::test]
async fn an_intent_left_two_days_before_the_next_new_event_is_sealed() {
    // The tick dies with one line in its batch, and after that the vendor no longer finds the line's blob. Nothing else
    // happens for two days.
    let two_days = 2 * DAY;
    let mut world = exchange_at(&[-60, two_days]);
    world.settings.lookback_seconds = DAY;
    world.store.script(|call, number| match (call, number) {
        (Call::Write, 3) => Outcome::Dies { is_applied: true },
        _ => Outcome::Succeeds,
    });
    assert_eq!(world.tick().await, Err(Died));
    world.store.clear_faults();
    let intent = world.head(LogType::Exchange).intent.unwrap();
    assert!(intent.contains("/dt=2026-11-22/hour=06/"), "{intent}");
    world.break_blobs(vec![broken(BlobChoice::First(1), 404)]);
    let prefix = "microsoft365_audit_exchange/";
    let mut ticks = Ticks::new(&world);
    while ticks.next_start < at(two_days) {
        let report = ticks.tick_after(HOUR).await;
        assert_eq!(report.lines.delivered, 0, "{report:?}");
        // The lost blob becomes a gap, and no object has a line yet.
        let lines = delivered_lines(&world.store, &world.stream(LogType::Exchange)).unwrap();
        assert!(lines.iter().all(Vec::is_empty), "{lines:?}");
    }
    assert_eq!(ticks.gaps.len(), 1, "{:?}", ticks.gaps);
    let report = ticks.tick().await;
    assert_eq!(report.lines.delivered, 1, "{report:?}");
    let lines = delivered_lines(&world.store, &world.stream(LogType::Exchange)).unwrap();
    for ((key, _), lines) in world.store.objects(prefix).iter().zip(&lines) {
        assert!(lines.is_empty() || key.contains("/dt=2026-11-24/hour=06/"), "{} lines in {key}", lines.len());
    }
    assert_eq!(lines.iter().flatten().count(), 1);
    assert_eq!(world.head(LogType::Exchange).intent, None);
}
