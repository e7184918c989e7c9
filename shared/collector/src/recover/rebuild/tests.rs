//! Tests of the rebuild: the state of a stream is lost in every way and at every call, and nothing is delivered twice or
//! lost.

use super::*;
use crate::recover::findings::FindingKind;
use crate::recover::rebuild_report::RebuildOutcome;
use crate::recover::verify::{VerifyReport, verify};
use crate::testing::{Content, Fault, FaultyCall, MemoryScratch, World, policy};

const HOUR: i64 = 3_600;

/// Runs an hourly tick `ticks` times. Every tick finds five new events, and a blob with an input that is rejected.
fn run(world: &mut World, ticks: i64) {
    for _ in 0..ticks {
        let now = world.clock.now().as_second();
        world.vendor.add_events((0..5).map(|number| now - 1_000 + number));
        let content = Content::of(&[format!("{now}")]);
        world.vendor.add_blob(&format!("b{now}"), now - 500, content);
        assert_eq!(world.tick().failure, None);
        world.clock.advance(HOUR);
    }
}

/// Runs ticks of a process that starts cold until everything is delivered.
fn run_to_the_end(world: &World) {
    for _ in 0..20 {
        let report = world.tick();
        assert_eq!(report.failure, None);
        if report.drained {
            return;
        }
    }
    panic!("the ticks do not end");
}

fn streams(world: &World) -> [RecoveryStream; 1] {
    [RecoveryStream { stream: world.stream.clone(), policy: Box::leak(Box::new(policy())) }]
}

fn place(
    world: &World,
) -> Place<'_, crate::testing::MemoryState, crate::testing::MemoryBucket, crate::testing::TestClock> {
    Place { state: &world.state, bucket: &world.bucket, clock: &world.clock, prefix: "" }
}

const OPTIONS: RebuildOptions =
    RebuildOptions { lookback_seconds: 7 * 24 * HOUR, are_ticks_stopped: false, is_forced: false };

fn try_rebuild(world: &World, options: RebuildOptions) -> Result<StreamRebuild, PortError> {
    let rebuilt = world.clock.run(rebuild(place(world), &streams(world), options, |_| {}))?;
    Ok(rebuilt.into_iter().next().unwrap())
}

#[track_caller]
fn rebuilt(world: &World) -> StreamRebuild {
    let rebuilt = try_rebuild(world, OPTIONS).unwrap();
    assert_eq!((rebuilt.outcome, &rebuilt.failure), (RebuildOutcome::Rebuilt, &None));
    rebuilt
}

fn check(world: &World) -> VerifyReport {
    world.clock.run(verify(place(world), &streams(world), true, &MemoryScratch::default(), 50)).unwrap()
}

/// Checks that ticks of another process deliver everything, and nothing twice.
#[track_caller]
fn assert_once(world: &World, other: World) {
    let before = rejected(world);
    run_to_the_end(&other);
    let delivered = world.delivered();
    let mut distinct = delivered.clone();
    distinct.dedup();
    assert_eq!(delivered, distinct, "an event was delivered twice");
    assert_eq!(rejected(world), before, "an input was rejected again");
    assert_eq!(check(world).findings, []);
}

fn rejected(world: &World) -> Vec<String> {
    world.bucket.keys().into_iter().filter(|key| key.starts_with("rejected/")).collect()
}

/// Returns a process that starts cold and sees the same vendor.
fn restarted(world: &mut World) -> World {
    let mut other = world.other_process();
    std::mem::swap(&mut other.vendor, &mut world.vendor);
    other
}

#[test]
fn ok_a_lost_state_is_restored_and_nothing_is_delivered_twice_or_lost() {
    let mut world = World::new();
    run(&mut world, 6);
    world.state.restore_backup(&world.stream, (None, vec![]));
    assert_eq!(check(&world).findings[0].kind, FindingKind::State);
    let stopped = restarted(&mut world);
    let failure = stopped.tick().failure.unwrap();
    assert!(failure.needs_person && failure.message.contains("`audit-pull rebuild`"), "{failure:?}");
    let began = world.clock.now().as_second();
    world.calls.take();
    let report = rebuilt(&world);
    // infra/README.md computes the cost from these counts: three walks over the table and one over the rejected inputs,
    // the birth record and each object once, and one write per group besides the first, the rejected and the last.
    let calls = world.calls.take();
    let count = |name: &str| calls.iter().filter(|call| **call == name).count();
    assert_eq!([count("list"), count("get"), count("write"), count("visible")], [4, 7, 4, 7]);
    assert_eq!((report.objects, report.rows, report.rejected), (6, 30, 6));
    assert!(world.clock.now().as_second() >= began + MAX_TICK_SECONDS);
    assert_eq!(try_rebuild(&world, OPTIONS).unwrap().outcome, RebuildOutcome::NotNeeded);
    let mut stopped = stopped;
    run(&mut stopped, 2);
    assert_eq!(world.delivered().len(), 40);
    assert_once(&world, stopped);
}

#[test]
fn ok_the_table_may_be_lost_with_an_open_intent_with_and_without_its_object() {
    for fault in [Fault::Before, Fault::After] {
        let mut world = World::new();
        run(&mut world, 3);
        world.vendor.add_events([world.clock.now().as_second() - 9]);
        world.calls.fault(FaultyCall::Next("put"), fault);
        assert!(world.tick().failure.is_some());
        world.state.restore_backup(&world.stream, (None, vec![]));
        world.clock.advance(2 * HOUR);
        rebuilt(&world);
        let other = restarted(&mut world);
        run_to_the_end(&other);
        assert_eq!(world.delivered().len(), 16);
        assert_once(&world, other);
    }
}

#[test]
fn ok_an_object_that_a_dying_tick_puts_during_the_rebuild_is_restored() {
    let mut world = World::new();
    run(&mut world, 3);
    world.vendor.add_events([world.clock.now().as_second() - 9]);
    world.calls.fault(FaultyCall::Next("put"), Fault::After);
    assert!(world.tick().failure.is_some());
    let key = world.head().intent.unwrap();
    let body = world.bucket.object(&key).unwrap();
    world.bucket.remove(&key);
    world.state.restore_backup(&world.stream, (None, vec![]));
    let bucket = world.bucket.clone();
    world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(move || bucket.insert(&key, &body))));
    assert_eq!(rebuilt(&world).objects, 4);
    let other = restarted(&mut world);
    run_to_the_end(&other);
    assert_eq!(world.delivered().len(), 16);
    assert_once(&world, other);
}

#[test]
fn ok_a_state_from_a_backup_is_brought_up_to_date() {
    let mut world = World::new();
    run(&mut world, 3);
    let backup = world.state.backup(&world.stream);
    run(&mut world, 3);
    let old_version = world.head().version;
    world.state.restore_backup(&world.stream, backup);
    let other = restarted(&mut world);
    assert!(other.tick().failure.unwrap().message.contains("`audit-pull rebuild`"));
    rebuilt(&world);
    assert!(world.head().version > old_version);
    run_to_the_end(&other);
    assert_eq!(world.delivered().len(), 30);
    assert_once(&world, other);
}

#[test]
fn ok_a_rebuild_that_fails_at_any_call_is_completed_by_the_next() {
    for is_applied in [false, true] {
        for call in 0.. {
            let mut world = World::new();
            run(&mut world, 3);
            world.state.restore_backup(&world.stream, (None, vec![]));
            world.calls.take();
            let fault = if is_applied { Fault::After } else { Fault::Before };
            world.calls.fault(FaultyCall::Number(call), fault);
            let first = try_rebuild(&world, OPTIONS);
            if world.calls.has_faults() {
                assert!(call > 10, "{call}");
                break;
            }
            assert!(first.is_err() || first.is_ok_and(|first| first.outcome == RebuildOutcome::Failed), "{call}");
            let second = try_rebuild(&world, OPTIONS).unwrap();
            assert_ne!(second.outcome, RebuildOutcome::Failed, "{call}: {second:?}");
            let other = restarted(&mut world);
            run_to_the_end(&other);
            assert_eq!(world.delivered().len(), 15, "{call}");
            assert_once(&world, other);
        }
    }
}

#[test]
fn ok_no_tick_and_no_second_rebuild_gets_through_while_one_runs() {
    let mut world = World::new();
    run(&mut world, 3);
    world.state.restore_backup(&world.stream, (None, vec![]));
    // The second rebuild begins just before the first one writes its first group, and gets further.
    let other = world.other_process();
    let second = move || {
        let rebuilt = try_rebuild(&other, RebuildOptions { are_ticks_stopped: true, ..OPTIONS }).unwrap();
        assert_eq!(rebuilt.outcome, RebuildOutcome::Rebuilt);
    };
    world.calls.fault(FaultyCall::Next("visible"), Fault::Meanwhile(Box::new(second)));
    let first = try_rebuild(&world, OPTIONS).unwrap();
    assert!(first.failure.is_some_and(|failure| failure.message.contains("another process changed the state")));
    let other = restarted(&mut world);
    run_to_the_end(&other);
    assert_once(&world, other);
}

#[test]
fn ok_a_tick_that_runs_when_the_rebuild_begins_writes_no_state() {
    let mut world = World::new();
    run(&mut world, 3);
    let backup = world.state.backup(&world.stream);
    world.vendor.add_events([world.clock.now().as_second() - 9]);
    // The whole rebuild runs after the tick has set its intent and before it puts the object.
    let other = world.other_process();
    let (state, stream) = (world.state.clone(), world.stream.clone());
    let whole = move || {
        state.restore_backup(&stream, backup);
        let forced = RebuildOptions { are_ticks_stopped: true, is_forced: true, ..OPTIONS };
        assert_eq!(try_rebuild(&other, forced).unwrap().outcome, RebuildOutcome::Rebuilt);
    };
    world.calls.fault(FaultyCall::Next("put"), Fault::Meanwhile(Box::new(whole)));
    let before = world.head().seq;
    let report = world.tick();
    // The commit of the tick was refused. It looked at the new state and delivered its batch under a new number, so this
    // object, which was put too late, is the one fault: a rebuild waits for such ticks.
    assert!(world.head().seq > before && report.lines.delivered <= 1);
    assert!(world.head().restoring.is_none());
}

#[test]
fn ok_a_state_that_fits_is_left_alone_unless_forced() {
    let mut world = World::new();
    run(&mut world, 3);
    let before = world.head();
    assert_eq!(try_rebuild(&world, OPTIONS).unwrap().outcome, RebuildOutcome::NotNeeded);
    assert_eq!(world.head(), before);
    let forced = RebuildOptions { is_forced: true, ..OPTIONS };
    assert_eq!(try_rebuild(&world, forced).unwrap().outcome, RebuildOutcome::Rebuilt);
    assert_eq!(world.head().listings, before.listings);
    let other = restarted(&mut world);
    assert_once(&world, other);
}

#[test]
fn err_a_stream_without_a_record_or_with_another_ones_is_left_alone() {
    let mut world = World::new();
    run(&mut world, 1);
    let key = "_state/acme-openai_audit.json";
    let record = world.bucket.object(key).unwrap();
    world.bucket.remove(key);
    let before = world.head();
    let failure = try_rebuild(&world, OPTIONS).unwrap().failure.unwrap();
    assert!(failure.needs_person && failure.message.contains(key), "{failure:?}");
    world.bucket.insert(key, br#"{"id":"other","born_at":"","seq":1}"#);
    let failure = try_rebuild(&world, OPTIONS).unwrap().failure.unwrap();
    assert!(failure.needs_person && failure.message.contains("two deployments"), "{failure:?}");
    assert_eq!(world.head(), before);
    world.bucket.insert(key, &record);
}

#[test]
fn err_a_broken_object_stops_the_rebuild_and_its_stream() {
    let mut world = World::new();
    run(&mut world, 2);
    let key = world.bucket.keys().into_iter().find(|key| key.contains("/dt=")).unwrap();
    let body = world.bucket.object(&key).unwrap();
    world.bucket.insert(&key, b"no gzip");
    world.state.restore_backup(&world.stream, (None, vec![]));
    let failure = try_rebuild(&world, OPTIONS).unwrap().failure.unwrap();
    assert!(failure.needs_person && failure.message.contains(&key), "{failure:?}");
    let other = restarted(&mut world);
    assert!(other.tick().failure.unwrap().message.contains("being restored"));
    world.bucket.insert(&key, &body);
    rebuilt(&world);
    run_to_the_end(&other);
    assert_once(&world, other);
}
