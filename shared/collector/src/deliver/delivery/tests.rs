use schema::{Normalized, Rejection};

use super::*;
use crate::base::error::Recovery;
use crate::base::time::Window;
use crate::deliver::rejected::RejectedInput;
use crate::plan::pending::PendingChange;
use crate::testing::{Fault, FaultyCall, LISTING, NOW, TestDelivery, World, lines, pending_span};

const HOUR: u32 = 900;

fn row(number: u8) -> RowId {
    RowId { hour: HOUR, hash: [number; 12] }
}

/// Puts lines with these numbers into the batch, except lines that are in the batch or the ledger already. Negative
/// numbers are rejected inputs.
async fn take(delivery: &mut TestDelivery<'_>, numbers: &[i8]) -> Result<(), PortError> {
    for number in numbers {
        let row_id = row(number.unsigned_abs());
        if delivery.contains_row(&row_id).await? {
            continue;
        }
        if *number < 0 {
            let rejection = Rejection { reason: "not JSON".to_owned(), row_id };
            delivery.batch.keep_rejected(RejectedInput { rejection, raw: b"?".to_vec() });
            continue;
        }
        let line = format!("{{\"id\":\"{number}\",\"p_row_id\":\"{row_id}\"}}\n");
        delivery.batch.lines.extend_from_slice(line.as_bytes());
        delivery.batch.keep_line(Normalized {
            row_id,
            shared_id: None,
            event_time: None,
            nonconforming: 0,
            undeclared: 0,
            missing_required: 0,
            udm_failed: 0,
            is_unknown_type: false,
        });
    }
    Ok(())
}

/// Runs one tick, which settles, takes the numbers, does `work`, delivers, and writes the update. Returns what was
/// delivered, and the result of the tick.
fn tick_with(
    world: &World,
    numbers: &[i8],
    work: impl AsyncFnOnce(&mut TestDelivery<'_>),
) -> (Delivered, Result<(), PortError>) {
    let env = world.env();
    let mut delivery = match world.open(&env) {
        Ok(state) => Delivery::new(state, world.policy.dedup_horizon_seconds, world.cache.budget()),
        Err(error) => return (Delivered::default(), Err(error)),
    };
    let ended = world.clock.run(async {
        delivery.settle().await?;
        take(&mut delivery, numbers).await?;
        work(&mut delivery).await;
        delivery.flush().await?;
        delivery.write_update().await
    });
    let (_, delivered) = delivery.into_parts();
    (delivered, ended)
}

fn tick(world: &World, numbers: &[i8]) -> (Delivered, Result<(), PortError>) {
    tick_with(world, numbers, async |_| {})
}

/// Makes another tick deliver these numbers just before the next call of this name.
fn meanwhile(world: &World, call: &'static str, numbers: &'static [i8]) {
    let other = world.other_process();
    world.calls.fault(FaultyCall::Next(call), Fault::Meanwhile(Box::new(move || tick(&other, numbers).1.unwrap())));
}

/// Returns for each object the hour in its key, its number, and its count of lines.
fn objects(world: &World) -> Vec<(String, u64, usize)> {
    let keys = world.bucket.keys().into_iter().filter(|key| key.contains("/dt="));
    let object = |key: String| {
        let (folder, name) = key.rsplit_once('/').unwrap();
        let hour = folder.rsplit_once("hour=").unwrap().1.to_owned();
        let number = name.trim_start_matches("acme-").trim_end_matches(".ndjson.gz").parse().unwrap();
        (hour, number, lines(&world.bucket.object(&key).unwrap()).len())
    };
    keys.map(object).collect()
}

fn object(hour: u32, number: u64, lines: usize) -> (String, u64, usize) {
    (hour.to_string(), number, lines)
}

/// A stream whose head and birth record exist, and which had a commit long ago.
fn world() -> World {
    let world = World::listed_to(NOW);
    world.set_head(Head { seq: 1, ..world.head() });
    tick(&world, &[]).1.unwrap();
    world.calls.take();
    world
}

/// A stream whose last tick died after it set its intent. The intent's object exists if `has_object`.
fn world_after_dead_tick(has_object: bool) -> World {
    let world = world();
    let fault = if has_object { Fault::After } else { Fault::Before };
    world.calls.fault(FaultyCall::Next("put"), fault);
    tick(&world, &[1, 2]).1.unwrap_err();
    assert!(world.head().intent.is_some());
    world.calls.take();
    world
}

#[test]
fn ok_a_flush_intends_puts_and_commits() {
    let world = world();
    let (delivered, ended) = tick(&world, &[1, 2, 1]);
    assert_eq!((ended, delivered.lines.delivered, delivered.lines.objects), (Ok(()), 2, 1));
    assert_eq!(world.calls.take(), ["head", "get", "ledger", "write", "put", "write"]);
    assert_eq!((world.head().seq, world.head().intent), (2, None));
    assert_eq!(world.delivered(), ["1", "2"]);
    // Rows in the ledger are not delivered again, and an empty batch makes no further calls.
    assert_eq!(tick(&world, &[1, 2]).0.lines.delivered, 0);
    assert_eq!(world.calls.take(), ["head", "get", "ledger"]);
}

#[test]
fn ok_a_tick_may_die_at_any_call() {
    // The calls are: head, birth record, ledger, intent, rejected input, object, commit.
    for number in 0..7 {
        for fault in [Fault::Before, Fault::After] {
            let world = world();
            world.calls.fault(FaultyCall::Number(number), fault);
            let (first, ended) = tick(&world, &[1, -9, 2]);
            assert!(ended.is_err() && !world.calls.has_faults(), "call {number}");
            let (second, ended) = tick(&world, &[1, -9, 2]);
            assert_eq!((ended, world.delivered()), (Ok(()), vec!["1".to_owned(), "2".to_owned()]), "call {number}");
            let lines = first.lines.plus(second.lines);
            assert!(lines.delivered + lines.adopted <= 2 && lines.rejected <= 1, "call {number}: {lines:?}");
            let head = world.head();
            assert!(head.intent.is_none() && (2..=3).contains(&head.seq), "call {number}: {head:?}");
        }
    }
}

#[test]
fn ok_the_object_of_a_dead_tick_is_adopted() {
    let world = world_after_dead_tick(true);
    let (delivered, ended) = tick(&world, &[1, 2, 3]);
    assert_eq!((ended, delivered.lines.adopted, delivered.lines.delivered), (Ok(()), 2, 1));
    assert_eq!(world.delivered(), ["1", "2", "3"]);
    assert_eq!((world.head().seq, world.listing().watermark), (3, NOW));
}

#[test]
fn ok_an_intent_of_this_hour_is_used() {
    let world = world_after_dead_tick(false);
    world.clock.advance(3_599);
    let (delivered, ended) = tick(&world, &[3]);
    assert_eq!((ended, delivered.lines.delivered), (Ok(()), 1));
    assert_eq!(objects(&world), [object(16, 1, 1)]);
    assert_eq!(world.calls.take(), ["head", "get", "get", "ledger", "put", "write"]);
}

#[test]
fn ok_an_intent_of_an_earlier_hour_is_sealed_and_new_lines_get_a_key_of_this_hour() {
    let world = world_after_dead_tick(false);
    world.clock.advance(3_600);
    // Without new lines the intent stays.
    tick(&world, &[]).1.unwrap();
    assert_eq!((objects(&world), world.head().seq), (vec![], 1));
    let (delivered, ended) = tick(&world, &[3]);
    assert_eq!((ended, delivered.lines.delivered, delivered.lines.objects), (Ok(()), 1, 2));
    assert_eq!(objects(&world), [object(16, 1, 0), object(17, 2, 1)]);
}

#[test]
fn ok_a_tick_that_seals_an_intent_may_die_at_any_call() {
    // The calls are: head, birth record, intent's object, ledger, seal, its commit, intent, object, commit.
    for number in 0..9 {
        for fault in [Fault::Before, Fault::After] {
            let world = world_after_dead_tick(false);
            world.clock.advance(3_600);
            world.calls.fault(FaultyCall::Number(number), fault);
            assert!(tick(&world, &[3]).1.is_err() && !world.calls.has_faults(), "call {number}");
            assert_eq!(tick(&world, &[3]).1, Ok(()));
            assert_eq!(objects(&world), [object(16, 1, 0), object(17, 2, 1)], "call {number}");
        }
    }
}

#[test]
fn ok_our_own_intent_is_not_sealed_when_the_hour_ends() {
    let world = world();
    let (delivered, ended) = tick_with(&world, &[1], async |delivery| {
        delivery.intend().await.unwrap();
        world.clock.advance(3_600);
    });
    assert_eq!((ended, delivered.lines.objects), (Ok(()), 1));
    assert_eq!(objects(&world), [object(16, 1, 1)]);
}

#[test]
fn ok_lines_that_another_tick_delivers_first_are_dropped() {
    // The other tick comes first at the intent, at the put, or at the commit. In the last case it adopts our object.
    for (call, skipped, expected) in [("write", 0, (1, 1)), ("put", 0, (1, 1)), ("write", 1, (0, 2))] {
        let world = world();
        for _ in 0..skipped {
            world.calls.fault(FaultyCall::Next(call), Fault::Meanwhile(Box::new(|| {})));
        }
        meanwhile(&world, call, &[2, 3]);
        let (delivered, ended) = tick(&world, &[1, 2]);
        assert_eq!((ended, world.delivered()), (Ok(()), vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
        assert_eq!((delivered.lines.delivered, delivered.duplicates), expected, "{call}");
    }
}

#[test]
fn ok_the_next_commit_waits_until_the_last_one_is_visible() {
    let world = world();
    tick(&world, &[1]).1.unwrap();
    world.state.hide_items_for(std::time::Duration::from_millis(500));
    tick(&world, &[2]).1.unwrap();
    tick(&world, &[1, 2, 3]).1.unwrap();
    assert_eq!(world.delivered(), ["1", "2", "3"]);
    assert!(world.clock.elapsed_seconds() >= 0.5);
}

#[test]
fn ok_rejected_input_alone_needs_no_object() {
    let world = world();
    let (delivered, ended) = tick(&world, &[-1, -2]);
    assert_eq!((ended, delivered.lines.rejected, delivered.lines.objects), (Ok(()), 2, 0));
    assert_eq!(objects(&world), []);
    assert_eq!(world.bucket.keys().iter().filter(|key| key.starts_with("rejected/openai_audit/acme-")).count(), 2);
    assert_eq!(tick(&world, &[-1, -2]).0.lines.rejected, 0);
}

#[test]
fn ok_an_inherited_intent_is_used_up_by_rejected_input() {
    let world = world_after_dead_tick(false);
    let (delivered, ended) = tick(&world, &[-1]);
    assert_eq!((ended, delivered.lines.rejected, world.head().intent), (Ok(()), 1, None));
    assert_eq!(objects(&world), [object(16, 1, 0)]);
}

/// Makes another tick set its intent and fail at its put while our tick runs.
fn set_intent_of_another_tick(world: &World) {
    let other = world.other_process();
    other.calls.fault(FaultyCall::Next("put"), Fault::Before);
    tick(&other, &[7]).1.unwrap_err();
}

#[test]
fn ok_without_lines_the_intent_of_a_live_tick_is_left_alone() {
    let world = world();
    let (_, ended) = tick_with(&world, &[], async |delivery| {
        set_intent_of_another_tick(&world);
        delivery.state.head = world.head();
        delivery.keep_blob(HOUR, 1);
    });
    assert_eq!((ended, world.head().seq, world.head().intent.is_some()), (Ok(()), 1, true));
    assert!(objects(&world).is_empty());
}

#[test]
fn err_rejected_input_waits_for_a_live_tick() {
    let world = world();
    let (delivered, ended) = tick_with(&world, &[-1], async |delivery| {
        set_intent_of_another_tick(&world);
        delivery.state.head = world.head();
    });
    assert_eq!((ended.unwrap_err().recovery, delivered.lines.rejected), (Recovery::NextTick, 0));
    assert!(world.head().intent.is_some());
}

#[test]
fn ok_a_gap_is_reported_with_the_write_of_its_update() {
    let gap = Gap { from: 1, to: 2, cause: "late".to_owned() };
    let learn = async |delivery: &mut TestDelivery<'_>| {
        delivery.update.change_pending(LISTING, PendingChange::SpanDone(Window { from: 1, to: 2 }));
        delivery.update.unreported_gaps.push(gap.clone());
        assert!(delivery.outcome.gaps.is_empty());
    };
    let with_pending = || {
        let world = world();
        let mut head = world.head();
        head.listings.get_mut(LISTING).unwrap().pending.spans.push(pending_span(1, 2));
        world.set_head(head);
        world
    };
    let world = with_pending();
    let (delivered, ended) = tick_with(&world, &[], learn);
    assert_eq!((ended, delivered.gaps), (Ok(()), vec![gap.clone()]));
    // A failed write may have been applied. The gap is therefore reported, even if it is then reported twice.
    let world = with_pending();
    world.calls.fault(FaultyCall::Next("write"), Fault::After);
    let (delivered, ended) = tick_with(&world, &[], learn);
    assert_eq!((ended.is_err(), delivered.gaps), (true, vec![gap.clone()]));
}

#[test]
fn ok_the_update_is_written_with_the_lines() {
    let world = world();
    tick_with(&world, &[1], async |delivery| delivery.update.raise_watermark(LISTING, NOW + 9)).1.unwrap();
    assert_eq!(world.calls.take(), ["head", "get", "ledger", "write", "put", "write"]);
    assert_eq!((world.head().seq, world.listing().watermark), (2, NOW + 9));
    // Without lines a raised watermark is not written yet.
    tick_with(&world, &[], async |delivery| delivery.update.raise_watermark(LISTING, NOW + 99)).1.unwrap();
    assert_eq!((world.calls.take(), world.listing().watermark), (vec!["head", "get"], NOW + 9));
}

#[test]
fn err_gives_up_after_many_write_conflicts() {
    let world = world();
    for _ in 0..MAX_WRITE_CONFLICTS {
        let (state, stream) = (world.state.clone(), world.stream.clone());
        let write = move || {
            let head = state.head_of(&stream).unwrap();
            state.restore(&stream, Some(Head { version: head.version + 1, ..head }), &[]);
        };
        world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(write)));
    }
    let (delivered, ended) = tick(&world, &[1]);
    let error = ended.unwrap_err();
    assert!(error.recovery == Recovery::NextTick && error.message.contains("16 write conflicts"), "{error}");
    assert_eq!((delivered.lines.delivered, world.calls.has_faults()), (0, false));
    assert_eq!(tick(&world, &[1]).0.lines.delivered, 1);
}

#[test]
fn err_a_foreign_object_at_the_intents_key_needs_a_person() {
    let world = world_after_dead_tick(false);
    world.bucket.insert(&world.head().intent.unwrap(), b"something else");
    let error = tick(&world, &[1]).1.unwrap_err();
    assert!(error.recovery == Recovery::Person && error.message.contains("not one of ours"), "{error}");
}

#[test]
fn err_an_object_that_vanishes_leaves_the_stream_to_the_next_tick() {
    let world = world();
    let (_, ended) = tick_with(&world, &[1], async |delivery| {
        let key = delivery.intend().await.unwrap().unwrap();
        let (bucket, at) = (world.bucket.clone(), key.clone());
        world.calls.fault(FaultyCall::Next("put"), Fault::Meanwhile(Box::new(move || bucket.insert(&at, b""))));
        let bucket = world.bucket.clone();
        world.calls.fault(FaultyCall::Next("get"), Fault::Meanwhile(Box::new(move || bucket.remove(&key))));
    });
    let error = ended.unwrap_err();
    assert!(error.recovery == Recovery::NextTick && error.message.contains("is gone now"), "{error}");
}

#[test]
fn ok_a_tick_seals_one_stale_intent_and_uses_a_second_one_as_it_is() {
    let world = world_after_dead_tick(false);
    let an_hour_ago = world.clock.now();
    world.clock.advance(3_600);
    // The first write commits the sealed intent. Before the second write, a tick whose clock is an hour behind sets an
    // intent.
    world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(|| {})));
    let (state, stream, settings) = (world.state.clone(), world.stream.clone(), world.settings.clone());
    let intend = move || {
        let head = state.head_of(&stream).unwrap();
        let key = key::object_key(&settings.prefix, &stream, head.seq, an_hour_ago, settings.compression);
        state.restore(&stream, Some(Head { version: head.version + 1, intent: Some(key), ..head }), &[]);
    };
    world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(intend)));
    let (delivered, ended) = tick(&world, &[3]);
    assert_eq!((ended, delivered.lines.delivered, delivered.lines.objects), (Ok(()), 1, 2));
    assert_eq!(objects(&world), [object(16, 1, 0), object(16, 2, 1)]);
    assert!(world.head().intent.is_none() && !world.calls.has_faults());
}
