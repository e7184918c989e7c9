//! Tests of the check: a lake that ticks have written, and each fault in it.

use super::*;
use crate::base::ledger::{LedgerItem, LedgerKind};
use crate::base::policy::Compression;
use crate::testing::{Fault, FaultyCall, MemoryScratch, NOW, World, policy};

/// Returns a world in which three ticks, an hour apart, have delivered `3 * each` events.
fn delivered(each: i64) -> World {
    let mut world = World::listed_to(NOW - 4_000);
    for tick in 0..3 {
        let now = NOW + tick * 3_600;
        world.vendor.add_events((0..each).map(|number| now - 1_000 + number));
        assert_eq!(world.tick().failure, None);
        world.clock.advance(3_600);
    }
    world
}

fn check(world: &World, max_rows: usize) -> VerifyReport {
    let policy = Box::leak(Box::new(policy()));
    let streams = [RecoveryStream { stream: world.stream.clone(), policy }];
    let place = Place { state: &world.state, bucket: &world.bucket, clock: &world.clock, prefix: "" };
    let scratch = MemoryScratch::default();
    world.clock.run(verify(place, &streams, true, &scratch, max_rows)).unwrap()
}

/// Checks that the lake has these kinds of findings, each of them once, whatever the memory.
#[track_caller]
fn assert_found(world: &World, kinds: &[FindingKind]) {
    let all = check(world, MAX_ROWS_IN_MEMORY);
    let found: Vec<_> = all.findings.iter().map(|finding| (finding.kind, finding.count)).collect();
    assert_eq!(found, kinds.iter().map(|kind| (*kind, 1)).collect::<Vec<_>>(), "{:?}", all.findings);
    let spilled = check(world, 3);
    let counts = |report: &VerifyReport| report.findings.iter().map(|one| (one.kind, one.count)).collect::<Vec<_>>();
    assert_eq!((counts(&spilled), &spilled.streams), (counts(&all), &all.streams));
}

fn keys(world: &World) -> Vec<String> {
    world.bucket.keys().into_iter().filter(|key| key.contains("/dt=")).collect()
}

/// Changes the text of the lines of an object.
fn edit(world: &World, key: &str, change: impl FnOnce(String) -> String) {
    let text: String = crate::testing::lines(&world.bucket.object(key).unwrap()).join("\n") + "\n";
    let body = Compression::Gzip.compress(change(text).as_bytes()).unwrap();
    world.bucket.insert(key, &body);
}

#[test]
fn ok_a_lake_without_faults_has_counts_and_no_finding() {
    let world = delivered(20);
    assert_found(&world, &[]);
    let report = check(&world, 7);
    let stream = &report.streams[0];
    assert_eq!((stream.objects, stream.lines, stream.ledger_rows, stream.numbers_without_object), (3, 60, 60, 0));
    assert_eq!((stream.source.as_str(), stream.log_type.as_str()), ("acme", "OpenAI.Audit"));
}

#[test]
fn err_a_line_that_occurs_twice_is_found() {
    let world = delivered(20);
    let [first, .., last] = &keys(&world)[..] else { panic!() };
    let line = crate::testing::lines(&world.bucket.object(first).unwrap())[4].clone();
    edit(&world, last, |text| text + &line + "\n");
    // The copy was parsed two hours before the partition that it is in now.
    assert_found(&world, &[FindingKind::DuplicateRow, FindingKind::WrongPartition]);
    let example = &check(&world, 7).findings[0].examples[0];
    assert!(example.contains("acme-000000000000 and openai_audit/dt="), "{example}");
}

#[test]
fn err_broken_lines_and_objects_are_found() {
    let world = delivered(20);
    let key = keys(&world)[1].clone();
    edit(&world, &key, |text| text + "{\"no\":\"line\"}\n");
    assert_found(&world, &[FindingKind::BrokenLine]);
    world.bucket.insert(&key, b"no gzip");
    let report = check(&world, 7);
    let kinds: Vec<_> = report.findings.iter().map(|finding| (finding.kind, finding.count)).collect();
    assert_eq!(kinds, [(FindingKind::BrokenObject, 1), (FindingKind::LedgerRowWithoutLine, 20)]);
}

#[test]
fn err_rows_of_the_ledger_and_lines_must_match() {
    let world = delivered(20);
    let key = keys(&world)[1].clone();
    edit(&world, &key, |text| text.split_inclusive('\n').skip(1).collect());
    assert_found(&world, &[FindingKind::LedgerRowWithoutLine]);
    let world = delivered(20);
    let key = keys(&world)[1].clone();
    let hour = "00000999";
    edit(&world, &key, |text| {
        let line = text.lines().next().unwrap().to_owned();
        let at = line.find("\"p_row_id\":\"").unwrap() + 12;
        let changed = format!("{}{hour}{}", &line[..at], &line[at + 8..]);
        format!("{text}{changed}\n")
    });
    assert_found(&world, &[FindingKind::LineWithoutLedgerRow]);
}

#[test]
fn err_a_row_in_an_hour_without_lines_is_found() {
    let world = delivered(2);
    let hour = u32::try_from(NOW / 3_600 - 20).unwrap();
    let item = LedgerItem { kind: LedgerKind::Rows, hour, seq: 1, entries: vec![7], expires_at: i64::MAX };
    world.state.restore(&world.stream, Some(world.head()), std::slice::from_ref(&item));
    assert_found(&world, &[FindingKind::LedgerRowWithoutLine]);
    // A commit older than the oldest object, and one that was made during the check, prove nothing.
    let world = delivered(2);
    world.bucket.remove(&keys(&world)[0]);
    let items = [LedgerItem { seq: 0, ..item.clone() }, LedgerItem { seq: 3, ..item }];
    world.state.restore(&world.stream, Some(world.head()), &items);
    assert_found(&world, &[]);
}

#[test]
fn err_objects_in_wrong_places_are_found() {
    let world = delivered(5);
    let [first, second, _] = &keys(&world)[..] else { panic!() };
    let copy = world.bucket.object(first).unwrap();
    let later = second.replace("hour=17", "hour=22");
    assert_ne!(later, *second);
    world.bucket.insert(&second.replace(".gz", ".zip"), &copy);
    assert_found(&world, &[FindingKind::StrayKey]);
    world.bucket.remove(&second.replace(".gz", ".zip"));
    let empty = Compression::Gzip.compress(b"").unwrap();
    world.bucket.insert(&later, &empty);
    assert_found(&world, &[FindingKind::NumberTwice]);
    world.bucket.remove(&later);
    world.bucket.insert(&later.replace("000001", "000009"), &empty);
    assert_found(&world, &[FindingKind::NumberBeyondState]);
}

#[test]
fn ok_an_open_intent_is_no_fault_with_and_without_its_object() {
    for fault in [Fault::Before, Fault::After] {
        let mut world = delivered(5);
        world.vendor.add_events([NOW + 3 * 3_600 - 7]);
        world.calls.fault(FaultyCall::Next("put"), fault);
        assert!(world.tick().failure.is_some());
        assert_found(&world, &[]);
        assert!(check(&world, 7).streams[0].open_intent.is_some());
        assert_eq!(world.tick().failure, None);
        assert_found(&world, &[]);
    }
}

#[test]
fn ok_a_number_without_an_object_is_only_counted() {
    let mut world = delivered(5);
    world.vendor.add_blob("b", NOW + 3 * 3_600 - 50, crate::testing::Content::of(&[]));
    assert_eq!(world.tick().failure, None);
    world.clock.advance(3_600);
    world.vendor.add_events([NOW + 4 * 3_600 - 7]);
    assert_eq!(world.tick().failure, None);
    assert_found(&world, &[]);
    assert_eq!(check(&world, 7).streams[0].numbers_without_object, 1);
}

#[test]
fn err_lost_and_restored_state_is_found() {
    let world = delivered(5);
    let old = world.head();
    world.state.restore(&world.stream, None, &[]);
    assert_found(&world, &[FindingKind::State]);
    let seq = old.seq - 2;
    world.set_head(Head { seq, ..old });
    world.bucket.insert("_state/acme-openai_audit.json", br#"{"id":"i","born_at":"","seq":3}"#);
    let kinds: Vec<_> = check(&world, 9).findings.into_iter().map(|finding| (finding.kind, finding.count)).collect();
    assert_eq!(kinds, [(FindingKind::State, 1), (FindingKind::NumberBeyondState, 2)]);
}
