use super::*;
use crate::base::error::Recovery;
use crate::base::ledger::LedgerKind;
use crate::testing::{self, Fault, FaultyCall, NOW, TestStreamState, World};

const ROWS: LedgerHour = LedgerHour { kind: LedgerKind::Rows, hour: 900 };
const BLOBS: LedgerHour = LedgerHour { kind: LedgerKind::Blobs, hour: 901 };

fn item(ledger_hour: LedgerHour, seq: u64, entry: u64) -> LedgerItem {
    LedgerItem { kind: ledger_hour.kind, hour: ledger_hour.hour, seq, entries: vec![entry], expires_at: 0 }
}

/// A stream whose last commit, number 4, was made just now. Its items stay hidden for this many milliseconds.
fn world_with_hidden_items(milliseconds: u64) -> World {
    let world = World::new();
    let items = [item(ROWS, 4, 7), item(BLOBS, 4, 8)];
    world.state.hide_items_for(Duration::from_millis(milliseconds));
    let head = Head { seq: 5, last_commit: LastCommit::of(&items, NOW), ..testing::head() };
    world.state.restore(&world.stream, Some(head), &items);
    world.state.hide_items_for(Duration::ZERO);
    world
}

/// Opens the state as a tick does, runs `work` with it, and keeps the cache for the next tick. Afterwards `world.calls`
/// has the calls of `work` only.
fn with_state<T>(world: &World, work: impl AsyncFnOnce(&mut TestStreamState<'_>) -> T) -> T {
    let env = world.env();
    let mut state = world.open(&env).unwrap();
    world.calls.take();
    let outcome = world.clock.run(work(&mut state));
    world.cache.keep(world.stream.name(), state.into_cache());
    outcome
}

async fn verify(state: &mut TestStreamState<'_>) -> Result<(), PortError> {
    state.verify_last_commit().await
}

/// Commits one row. Returns the outcome of the write.
async fn commit(state: &mut TestStreamState<'_>, entry: u64) -> Result<Swap, PortError> {
    let items = [item(ROWS, state.head.seq, entry)];
    state.swap(state.head_after(&items), &items).await
}

/// Sets the head's `seq`, as if the state were restored or another tick had committed.
fn set_seq(world: &World, seq: u64) {
    world.set_head(Head { seq, ..world.head() });
}

#[track_caller]
fn assert_restored<T>(outcome: Result<T, PortError>) {
    let error = outcome.err().unwrap();
    assert!(error.recovery == Recovery::Person && error.message.contains("restored from a backup"), "{error}");
}

#[test]
fn ok_a_visible_commit_is_verified_once_with_one_read() {
    let world = world_with_hidden_items(0);
    with_state(&world, verify).unwrap();
    assert_eq!((world.calls.take(), world.clock.elapsed_seconds()), (vec!["visible"], 0.0));
    // The next tick of this process does not check the same commit again.
    with_state(&world, verify).unwrap();
    assert_eq!(world.calls.take(), [""; 0]);
}

#[test]
fn ok_a_tick_waits_for_items_that_appear_late() {
    let world = world_with_hidden_items(800);
    with_state(&world, verify).unwrap();
    assert_eq!(world.calls.take(), ["visible"; 7]);
    assert!((0.8..1.6).contains(&world.clock.elapsed_seconds()), "{}", world.clock.elapsed_seconds());
}

#[test]
fn err_items_that_do_not_appear_leave_the_stream_to_the_next_tick() {
    let world = world_with_hidden_items(3_600_000);
    let error = with_state(&world, verify).unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("does not show all of commit 4 yet"), "{error}");
    // In the end the head is read again, because the state may have been restored.
    assert_eq!(world.calls.take(), [vec!["visible"; MAX_VISIBILITY_READS as usize], vec!["head"]].concat());
    assert!((3.0..4.0).contains(&world.clock.elapsed_seconds()), "{}", world.clock.elapsed_seconds());
    // The failed check does not count as a verification.
    assert!(with_state(&world, verify).is_err());
}

#[test]
fn ok_loaded_hours_are_not_checked_for_visibility() {
    let world = world_with_hidden_items(0);
    let known = with_state(&world, async |state| {
        let known = (
            state.ledger_contains(ROWS, 7).await,
            state.ledger_contains(ROWS, 9).await,
            state.ledger_contains(BLOBS, 8).await,
        );
        state.verify_last_commit().await.unwrap();
        known
    });
    assert_eq!(known, (Ok(true), Ok(false), Ok(true)));
    assert_eq!(world.calls.take(), ["ledger", "ledger"]);
}

#[test]
fn ok_a_torn_hour_is_read_again_until_it_is_whole() {
    let world = world_with_hidden_items(100);
    assert_eq!(with_state(&world, async |state| state.ledger_contains(ROWS, 7).await), Ok(true));
    assert_eq!(world.calls.take(), ["ledger"; 4]);
    let world = world_with_hidden_items(3_600_000);
    let error = with_state(&world, async |state| state.ledger_contains(ROWS, 7).await).unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
}

#[test]
fn ok_a_commit_of_a_day_ago_counts_as_visible() {
    let world = world_with_hidden_items(1_000_000_000);
    world.clock.advance(86_400);
    with_state(&world, verify).unwrap();
    assert_eq!(world.calls.take(), [""; 0]);
}

#[test]
fn ok_our_own_commit_must_be_visible_before_the_next_one() {
    let world = world_with_hidden_items(0);
    with_state(&world, async |state| state.ledger_contains(ROWS, 7).await.unwrap());
    world.state.hide_items_for(Duration::from_millis(100));
    with_state(&world, async |state| {
        state.verify_last_commit().await.unwrap();
        assert_eq!(commit(state, 11).await, Ok(Swap::Applied));
        assert_eq!(state.ledger_contains(ROWS, 11).await, Ok(true));
    });
    assert_eq!(world.calls.take(), ["visible", "write"]);
    assert_eq!(world.head().last_commit, LastCommit { at: NOW, rows: vec![900], blobs: vec![] });
    // The next tick of this process also waits until the last commit is visible.
    with_state(&world, verify).unwrap();
    assert_eq!(world.calls.take(), ["visible"; 4]);
}

#[test]
fn err_nothing_follows_our_own_commit_while_it_is_hidden() {
    let world = world_with_hidden_items(0);
    world.state.hide_items_for(Duration::from_secs(3_600));
    let verified = with_state(&world, async |state| {
        commit(state, 11).await.unwrap();
        verify(state).await
    });
    assert_eq!(verified.unwrap_err().recovery, Recovery::NextTick);
}

#[test]
fn ok_after_a_write_conflict_the_other_commit_must_be_visible() {
    let world = world_with_hidden_items(0);
    let (stream, other) = (world.stream.clone(), world.state.clone());
    let theirs = [item(BLOBS, 5, 9)];
    let head = world.head();
    let head = Head { version: 2, seq: 6, last_commit: LastCommit::of(&theirs, NOW), ..head };
    let meanwhile = move || other.restore(&stream, Some(head), &theirs);
    world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(meanwhile)));
    let swapped = with_state(&world, async |state| {
        state.verify_last_commit().await.unwrap();
        let swapped = (commit(state, 11).await, state.head.seq);
        state.verify_last_commit().await.unwrap();
        swapped
    });
    assert_eq!(swapped, (Ok(Swap::Lost), 6));
    assert_eq!(world.calls.take(), ["visible", "write", "head", "visible"]);
}

#[test]
fn err_a_cold_process_notices_restored_state_by_the_mark() {
    let world = world_with_hidden_items(0);
    with_state(&world, async |state| state.raise_seq_mark().await).unwrap();
    set_seq(&world, 4);
    let cold = SourceCache::default();
    let env = world.env();
    let open = || world.clock.run(StreamState::open(&env, &world.stream, &world.policy, &cold));
    // The second attempt to open the state fails like the first one.
    assert_restored(open());
    assert_restored(open());
}

#[test]
fn err_a_warm_process_notices_restored_state_without_the_mark() {
    let world = world_with_hidden_items(0);
    with_state(&world, async |_| {});
    set_seq(&world, 4);
    let env = world.env();
    assert_restored(world.open(&env));
    // The failed tick must keep the cache, because only the cache shows that the state was restored.
    assert_restored(world.open(&env));
}

#[test]
fn err_a_warm_process_notices_restored_state_by_the_commits_of_others() {
    let world = World::listed_to(NOW);
    // This process has seen no commit, but other processes have raised the mark to 3.
    with_state(&world, async |_| ());
    let env = world.env();
    let key = birth::record_key(&env.settings.prefix, &world.stream);
    let record = format!(r#"{{"id":"{}","born_at":"","seq":3}}"#, world.head().id);
    world.clock.run(async {
        let known = env.bucket.get(&key).await.unwrap().unwrap();
        assert!(env.bucket.replace(&key, &known, record.into_bytes(), "application/json").await.unwrap());
    });
    assert_restored(with_state(&world, async |state| state.check_seq_mark().await));
    // Once the newest state is there again, the tick continues.
    set_seq(&world, 3);
    with_state(&world, async |state| state.check_seq_mark().await).unwrap();
}

#[test]
fn err_restored_state_is_noticed_when_the_head_is_read_again() {
    for id in ["i", "another"] {
        let world = world_with_hidden_items(0);
        let (stream, other, head) = (world.stream.clone(), world.state.clone(), world.head());
        let head = Head { id: id.to_owned(), version: 9, seq: 4, ..head };
        let meanwhile = move || other.restore(&stream, Some(head), &[]);
        world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(meanwhile)));
        let error = with_state(&world, async |state| commit(state, 11).await).unwrap_err();
        assert_eq!(error.recovery, Recovery::Person, "{error}");
    }
}

#[test]
fn ok_the_mark_is_raised_when_it_is_due() {
    let world = world_with_hidden_items(0);
    let mut calls = Vec::new();
    // A cold process raises the mark after its first commit. Later ticks raise it only after a commit, and only once an
    // hour has passed since it was last raised.
    for (seconds, commits) in [(0, 1), (60, 1), (3_600, 1), (3_600, 0), (60, 255), (60, 1)] {
        world.clock.advance(seconds);
        with_state(&world, async |state| {
            for _ in 0..commits {
                commit(state, 11).await.unwrap();
            }
            world.calls.take();
            state.raise_seq_mark().await.unwrap();
        });
        calls.push(world.calls.take().contains(&"replace"));
    }
    assert_eq!(calls, [true, false, true, false, true, false]);
}
