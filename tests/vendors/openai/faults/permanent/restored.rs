//! State restored from a backup, and intents that dead ticks left.

use tests::rig::killable::Died;
use tests::rig::memory_store::{Backup, Call, Outcome};
use tests::rig::reconciliation::delivered;

use super::*;

/// Creates a world with an event per minute for hours.
fn minutes() -> World {
    World::with_visible_times(
        (-60..600).map(|minute| (event(&format!("e-{minute}"), 60 * minute), (60 * minute).max(0))).collect(),
    )
}

/// Runs ticks of one process for `minutes`.
async fn run<'a>(world: &'a World, worker: &Worker<'a, Client<'a>>, minutes: u64) {
    for _ in 0..minutes {
        let report = tick(worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        world.minutes(1);
    }
}

/// Makes two backups of the state two hours apart while one process collects.
async fn backups<'a>(world: &'a World, worker: &Worker<'a, Client<'a>>) -> [Backup; 2] {
    run(world, worker, 60).await;
    let earlier = world.store.backup();
    run(world, worker, 120).await;
    [earlier, world.store.backup()]
}

#[tokio::test]
async fn state_restored_from_an_earlier_copy_stops_the_stream_and_delivers_nothing_twice() {
    for is_warm in [true, false] {
        let world = minutes();
        let worker = world.worker().await;
        let [earlier, newest] = backups(&world, &worker).await;
        world.store.restore(&earlier);
        let (asked, objects) = (world.requests(), world.store.objects("openai_audit/"));
        for _ in 0..3 {
            let report = if is_warm { tick(&worker).await } else { world.tick().await.unwrap() };
            assert_failed(&report, true, "it was restored from a backup");
            world.minutes(1);
        }
        assert_eq!((world.requests(), world.store.objects("openai_audit/")), (asked, objects));
        // A person restores the newest state.
        world.store.restore(&newest);
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn state_restored_in_the_middle_of_a_tick_stops_it() {
    let world = minutes();
    let worker = world.worker().await;
    let [earlier, newest] = backups(&world, &worker).await;
    {
        let asked = world.requests();
        let mut work = std::pin::pin!(tick(&worker));
        until(work.as_mut(), || world.requests() > asked).await;
        world.store.restore(&earlier);
        assert_failed(&crate::ticks::while_time_passes(&world.time, work).await, true, "it was restored from a backup");
    }
    world.store.restore(&newest);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn an_intent_left_two_days_before_the_next_new_line_is_sealed() {
    // The tick dies with one line in its batch, and the vendor then drops that event; nothing else happens for two
    // days.
    let two_days = 2 * DAY;
    let world = World::with_visible_times(vec![(event("dropped", -60), 0), (event("new", two_days), two_days)]);
    world.store.script(|call, number| match (call, number) {
        (Call::Write, 2) => Outcome::Dies { is_applied: true },
        _ => Outcome::Succeeds,
    });
    assert_eq!(world.tick().await, Err(Died));
    world.store.clear_faults();
    let intent = world.head().intent.unwrap();
    assert!(intent.contains("/dt=2026-11-22/hour=06/"), "{intent}");
    world.simulator.change(|it| it.kept_since = crate::openai::world::start_time());
    for _ in 0..47 {
        let report = world.tick().await.unwrap();
        assert_drained(&report, 0);
        world.minutes(60);
    }
    // No tick has touched the intent meanwhile.
    assert_eq!((world.head().intent.as_ref(), world.store.objects("openai_audit/").len()), (Some(&intent), 0));
    world.wait_until(two_days + 60);
    assert_drained(&world.tick().await.unwrap(), 1);
    let keys: Vec<_> = world.store.objects("openai_audit/").into_iter().map(|(key, _)| key).collect();
    let lines = delivered(&world.store, &stream()).unwrap();
    assert_eq!((keys.len(), &keys[0], lines[0].len(), lines[1].len()), (2, &intent, 0, 1));
    assert!(keys[1].contains("/dt=2026-11-24/hour=06/"), "{keys:?}");
    assert_eq!((world.head().seq, world.head().intent), (2, None));
}
