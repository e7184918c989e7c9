//! Ticks that die, run concurrently, or cannot write.

use std::pin::pin;

use collector::{BatchLimits, PortError};
use futures_util::future::join;
use tests::rig::killable::Died;
use tests::rig::memory_store::{Call, Outcome};
use tests::rig::reconciliation::delivered;

use super::*;
use crate::openai::world::{event, stream};

/// The number of events of [`world`].
const EVENTS: u64 = 250;
/// The maximum number of lines per object of [`world`].
const MAX_LINES: usize = 100;

/// Creates a world with 250 events, which become three objects.
fn world() -> World {
    let mut world =
        World::with_events((0..250).map(|number| event(&format!("e-{number:03}"), -100 * number - 1)).collect());
    world.settings.lookback_seconds = DAY;
    world.settings.batch = BatchLimits { lines: MAX_LINES, ..BatchLimits::default() };
    world
}

/// Sets the outcome of one call.
fn at_call(world: &World, call: Call, number: u64, outcome: Outcome) {
    let mut outcome = Some(outcome);
    world.store.script(move |this_call, nth| match (this_call, nth) == (call, number) {
        true => outcome.take().unwrap_or(Outcome::Succeeds),
        false => Outcome::Succeeds,
    });
}

/// Counts the calls of each kind that a first tick without faults makes.
async fn calls() -> Vec<(Call, u64)> {
    let world = world();
    world.tick().await.unwrap();
    Call::ALL.map(|call| (call, world.store.calls(call))).into()
}

/// Returns the keys of the stream's objects.
fn keys(world: &World) -> Vec<String> {
    world.store.objects("openai_audit/").into_iter().map(|(key, _)| key).collect()
}

/// Runs ticks until all is delivered, in three objects or one more if the fault cut an object short.
async fn assert_recovers(world: &World, why: &str) {
    world.store.clear_faults();
    let reports = world.drain().await;
    assert_eq!(reports.len(), 1, "{why}");
    assert!(reports[0].failure.is_none(), "{why}: {:?}", reports[0]);
    assert_eq!(world.assert_exact().lines as u64, EVENTS, "{why}");
    assert!(world.head().intent.is_none(), "{why}");
    // The `seq` numbers in the objects' keys have no gap, and each occurs once.
    let numbers: Vec<_> =
        keys(world).iter().filter_map(|key| key.split('-').next_back()?.get(..12).map(str::to_owned)).collect();
    let expected: Vec<_> = (0..world.head().seq).map(|seq| format!("{seq:012}")).collect();
    assert_eq!(numbers, expected, "{why}");
}

#[tokio::test]
async fn f13_killed_between_put_and_commit_the_object_is_adopted() {
    for is_applied in [true, false] {
        let world = world();
        // The first put of the tick is that of the birth record.
        let (call, number) = if is_applied { (Call::Put, 3) } else { (Call::Commit, 2) };
        at_call(&world, call, number, Outcome::Dies { is_applied });
        assert_eq!(world.tick().await, Err(Died));
        assert_eq!((keys(&world).len(), world.head().seq, world.watermark()), (2, 1, -DAY));
        let intent = world.head().intent.unwrap();
        assert_eq!(intent, keys(&world)[1]);

        world.store.clear_faults();
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        assert_eq!((report.lines.adopted, report.lines.delivered, report.lines.objects), (100, 50, 1));
        assert_eq!(world.watermark(), 0);
        assert_recovers(&world, "after an adoption").await;
    }
}

#[tokio::test]
async fn f13_killed_after_the_commit_nothing_is_repeated() {
    let world = world();
    at_call(&world, Call::Commit, 2, Outcome::Dies { is_applied: true });
    assert_eq!(world.tick().await, Err(Died));
    assert_eq!((keys(&world).len(), world.head().seq, world.head().intent), (2, 2, None));
    world.store.clear_faults();
    let report = world.tick().await.unwrap();
    assert_eq!((report.lines.adopted, report.lines.delivered, report.listed.duplicates), (0, 50, 200), "{report:?}");
    assert_recovers(&world, "after a commit").await;
}

#[tokio::test]
async fn f14_killed_before_the_put_the_next_object_of_the_same_hour_takes_its_key() {
    for (call, number, is_applied) in KILLED_BEFORE_THE_PUT {
        let (world, intent) = killed_before_the_put(call, number, is_applied).await;
        world.minutes(30);
        let report = world.tick().await.unwrap();
        assert_drained(&report, 150);
        assert_eq!(report.lines.objects, 2);
        assert!(lines_of(&world, &intent) > 0, "{intent} in {:?}", keys(&world));
        assert_recovers(&world, "after an intent").await;
    }
}

#[tokio::test]
async fn f14_killed_before_the_put_two_days_ago_the_key_is_sealed_and_new_lines_lie_in_their_own_hour() {
    for (call, number, is_applied) in KILLED_BEFORE_THE_PUT {
        let (world, intent) = killed_before_the_put(call, number, is_applied).await;
        assert!(intent.contains("/dt=2026-11-22/hour=06/"), "{intent}");
        world.minutes(2 * 24 * 60);
        let report = world.tick().await.unwrap();
        assert_drained(&report, 150);
        // One object is empty, and two have lines.
        assert_eq!(report.lines.objects, 3);
        assert_eq!(lines_of(&world, &intent), 0, "{intent}");
        let sealed_at = keys(&world).iter().position(|key| *key == intent).unwrap();
        for key in &keys(&world)[sealed_at + 1..] {
            assert!(key.contains("/dt=2026-11-24/hour=06/") && lines_of(&world, key) > 0, "{key}");
        }
        assert_recovers(&world, "after a sealed intent").await;
    }
}

/// Calls at which a tick dies after it set its second intent and before it put an object at that key. The flag says if
/// the call takes effect.
const KILLED_BEFORE_THE_PUT: [(Call, u64, bool); 2] = [(Call::Write, 3, true), (Call::Put, 3, false)];

/// Runs a tick that dies at this call. Returns the world and the intent that the tick left.
async fn killed_before_the_put(call: Call, number: u64, is_applied: bool) -> (World, String) {
    let world = world();
    at_call(&world, call, number, Outcome::Dies { is_applied });
    assert_eq!(world.tick().await, Err(Died), "{call:?}");
    let intent = world.head().intent.unwrap();
    assert_eq!((keys(&world).len(), world.head().seq, world.watermark()), (1, 1, -DAY), "{call:?}");
    world.store.clear_faults();
    (world, intent)
}

/// Counts the lines of the object at this key.
fn lines_of(world: &World, key: &str) -> usize {
    let place = keys(world).iter().position(|there| there == key).unwrap();
    delivered(&world.store, &stream()).unwrap()[place].len()
}

#[tokio::test]
async fn f13_f14_killed_at_any_call_done_or_not_loses_nothing_and_repeats_nothing() {
    for (call, times) in calls().await {
        for (number, is_applied) in (1..=times).flat_map(|number| [(number, false), (number, true)]) {
            let world = world();
            at_call(&world, call, number, Outcome::Dies { is_applied });
            assert_eq!(world.tick().await, Err(Died), "{call:?} {number}");
            assert_recovers(&world, &format!("killed at {call:?} {number}, is_applied: {is_applied}")).await;
        }
    }
}

#[tokio::test]
async fn f15_two_ticks_at_once_deliver_everything_once() {
    for (first_pace, second_pace) in [(100, 100), (10, 300)] {
        let mut world = world();
        world.settings.batch.lines = 20;
        let one = world.paced((first_pace, first_pace)).await;
        let other = world.paced((second_pace, second_pace)).await;
        let (a, b) = join(tick(&one), tick(&other)).await;
        for report in [&a, &b] {
            assert!(report.failure.is_none() && report.drained, "{report:?}");
        }
        assert_eq!(a.lines.delivered + b.lines.delivered, EVENTS);
        assert_eq!(world.watermark(), 0);
        assert_recovers(&world, "two at once").await;
    }
}

#[tokio::test]
async fn f15_two_ticks_that_take_turns_both_deliver() {
    let world = world();
    let (one, other) = (world.worker().await, world.worker().await);
    let mut first = pin!(one.tick(TICK_SECONDS, None));
    until(first.as_mut(), || world.store.calls(Call::Commit) == 1).await;
    let mut second = pin!(other.tick(TICK_SECONDS, None));
    until(second.as_mut(), || world.store.calls(Call::Commit) == 2).await;
    // Each tick has delivered one object, either may deliver the third, and no line is reported twice.
    let (a, b) = join(first, second).await;
    let (a, b) = (only(a.unwrap()), only(b.unwrap()));
    assert!(a.failure.is_none() && b.failure.is_none(), "{a:?} {b:?}");
    assert!(a.lines.delivered >= 100 && b.lines.delivered >= 100, "{} and {}", a.lines.delivered, b.lines.delivered);
    assert_eq!(a.lines.delivered + b.lines.delivered, EVENTS);
    assert_recovers(&world, "turns").await;
}

#[tokio::test]
async fn f15_a_tick_within_another_wherever_it_begins_delivers_nothing_twice() {
    for (call, times) in calls().await {
        for number in 1..=times {
            let world = world();
            let (one, other) = (world.worker().await, world.worker().await);
            let why = format!("a whole tick after {call:?} {number} of another");
            let (mut first, before) = (pin!(one.tick(TICK_SECONDS, None)), world.time.now());
            until(first.as_mut(), || world.store.calls(call) >= number).await;
            let inner_report = tick(&other).await;
            assert!(inner_report.failure.is_none() && inner_report.drained, "{why}: {inner_report:?}");
            let outer_report = only(first.await.unwrap());
            assert!(outer_report.failure.is_none(), "{why}: {outer_report:?}");
            // One of the ticks reports each line, as delivered or as adopted.
            let delivered = inner_report.lines.delivered + outer_report.lines.delivered;
            assert!(
                delivered <= EVENTS && delivered + inner_report.lines.adopted + outer_report.lines.adopted >= EVENTS,
                "{why}: {inner_report:?} {outer_report:?}"
            );
            assert!(world.time.now() > before);
            assert_recovers(&world, &why).await;
        }
    }
}

#[tokio::test]
async fn f15_a_tick_that_slept_for_hours_before_its_put_changes_nothing() {
    let world = world();
    let (sleeper, other) = (world.worker().await, world.worker().await);
    let mut sleeping = pin!(sleeper.tick(TICK_SECONDS, None));
    // The tick has set its intent and is about to put the object.
    until(sleeping.as_mut(), || world.store.calls(Call::Write) == 2).await;
    let intent = world.head().intent.unwrap();
    for _ in 0..3 {
        world.minutes(120);
        tick(&other).await;
    }
    let objects_before = world.store.objects(&intent);
    assert_eq!(objects_before.len(), 1);
    let woken = only(sleeping.await.unwrap());
    assert_eq!((woken.lines.delivered, woken.lines.objects), (0, 0), "{woken:?}");
    assert_eq!(world.store.objects(&intent), objects_before, "an object is created once and never changed");
    assert_recovers(&world, "after a sleeper").await;
}

#[tokio::test]
async fn f16_a_head_that_cannot_be_written_stays_unchanged_and_the_next_tick_recovers() {
    for (call, number, is_applied) in [
        (Call::Write, 2, false),
        (Call::Write, 2, true),
        (Call::Commit, 1, false),
        (Call::Commit, 1, true),
        (Call::Commit, 3, false),
        (Call::Commit, 3, true),
    ] {
        let world = world();
        let error = PortError::next_tick("the table is throttled");
        at_call(&world, call, number, Outcome::Fails { is_applied, error });
        let report = world.tick().await.unwrap();
        let why = format!("{call:?} {number}, is_applied: {is_applied}");
        assert_failed(&report, false, "the table is throttled");
        // The report has the committed lines and no others; the last commit also raises the watermark.
        let committed = if call == Call::Commit { 100 * (number - 1) } else { 0 };
        assert_eq!(report.lines.delivered, committed, "{why}");
        assert_eq!(
            world.watermark(),
            if (call, number, is_applied) == (Call::Commit, 3, true) { 0 } else { -DAY },
            "{why}"
        );
        let in_bucket = keys(&world).len() as u64;
        assert_eq!(in_bucket, if call == Call::Commit { number } else { 0 }, "{why}");

        world.store.clear_faults();
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{why}: {report:?}");
        let adopted = if call == Call::Commit && !is_applied { if number == 3 { 50 } else { 100 } } else { 0 };
        assert_eq!(report.lines.adopted, adopted, "{why}");
        assert_recovers(&world, &why).await;
    }
}

#[tokio::test]
async fn f16_a_table_that_is_down_for_an_hour_moves_no_watermark() {
    let world = world();
    let worker = world.worker().await;
    world.store.script(|call, _| match call {
        Call::Write | Call::Commit => Outcome::Fails { is_applied: false, error: PortError::next_tick("throttled") },
        _ => Outcome::Succeeds,
    });
    for _ in 0..6 {
        let report = tick(&worker).await;
        assert_failed(&report, false, "throttled");
        assert_eq!((report.lines.delivered, world.store.head_of(&stream())), (0, None));
        // There is not even a head, so the tick asks the vendor for nothing.
        assert_eq!(world.requests(), 0);
        world.minutes(10);
    }
    assert_recovers(&world, "throttled").await;
}

#[tokio::test]
async fn f16_after_a_write_conflict_the_batch_is_filtered_again_and_not_fetched_again() {
    let world = world();
    let (one, other) = (world.worker().await, world.worker().await);
    let mut first = pin!(one.tick(TICK_SECONDS, None));
    until(first.as_mut(), || world.store.calls(Call::Put) == 2).await;
    assert_eq!(keys(&world).len(), 1);
    // The other tick finds the object, adopts it and delivers the rest, so the first tick's commit is refused.
    let inner_report = tick(&other).await;
    assert_eq!((inner_report.lines.adopted, inner_report.lines.delivered), (100, 150), "{inner_report:?}");
    let (asked, commits) = (world.requests(), world.store.calls(Call::Commit));
    let outer_report = only(first.await.unwrap());
    assert_eq!((outer_report.lines.delivered, outer_report.lines.objects, outer_report.failure), (0, 0, None));
    assert!(world.store.calls(Call::Commit) > commits, "it tried");
    // The tick requests its second and third page and the tenant's, and the first page not again.
    assert!(world.requests() - asked <= 3, "{} requests", world.requests() - asked);
    assert_recovers(&world, "a refused commit").await;
}

#[tokio::test]
async fn f17_an_object_that_cannot_be_put_is_put_by_the_next_tick() {
    for (number, is_applied) in [(2, false), (2, true), (4, false), (4, true)] {
        let world = world();
        let error = PortError::next_tick("the bucket does not answer");
        at_call(&world, Call::Put, number, Outcome::Fails { is_applied, error });
        let report = world.tick().await.unwrap();
        let why = format!("put {number}, is_applied: {is_applied}");
        assert_failed(&report, false, "the bucket does not answer");
        let committed = 100 * (number - 2);
        assert_eq!((report.lines.delivered, world.watermark()), (committed, -DAY), "{why}");
        let intent = world.head().intent.unwrap();

        world.store.clear_faults();
        world.minutes(1);
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{why}: {report:?}");
        let adopted = if !is_applied {
            0
        } else if number == 2 {
            100
        } else {
            50
        };
        assert_eq!((report.lines.adopted, report.lines.delivered), (adopted, EVENTS - committed - adopted), "{why}");
        assert!(keys(&world).contains(&intent), "{why}");
        assert_recovers(&world, &why).await;
    }
}

#[tokio::test]
async fn f17_a_bucket_that_denies_access_needs_a_person_and_is_never_taken_for_empty() {
    let world = world();
    at_call(&world, Call::Put, 3, Outcome::Dies { is_applied: true });
    assert_eq!(world.tick().await, Err(Died));
    world.store.script(|call, _| match call {
        Call::Get | Call::Put => {
            Outcome::Fails { is_applied: false, error: PortError::person("s3:GetObject is not allowed") }
        }
        _ => Outcome::Succeeds,
    });
    let asked = world.requests();
    for _ in 0..3 {
        assert_failed(&world.tick().await.unwrap(), true, "s3:GetObject is not allowed");
        assert_eq!((keys(&world).len(), world.requests(), world.watermark()), (2, asked, -DAY));
    }
    world.store.clear_faults();
    let report = world.tick().await.unwrap();
    assert_eq!((report.lines.adopted, report.lines.delivered), (100, 50));
    assert_recovers(&world, "allowed again").await;
}
