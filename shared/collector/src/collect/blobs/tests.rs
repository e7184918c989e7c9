use std::time::Duration;

use super::*;
use crate::base::ports::Item;
use crate::testing::{Content, LISTING, NOW, World, due, event, pending_blob};

/// When the blob of this number is created; its only event is of that second.
fn created(number: i64) -> UnixSeconds {
    NOW - 1_000 + number
}

/// A stream without blobs, whose vendor keeps them for a week, and which fetches one after the other.
fn world() -> World {
    let mut world = World::listed_to(NOW);
    world.policy.retention = Some(crate::base::policy::Retention { keeps: 604_800, margin: 600 });
    world.policy.fetches_ahead = 1;
    world
}

fn add(world: &mut World, numbers: std::ops::Range<i64>, content: &Content) {
    for number in numbers {
        world.vendor.add_blob(&number.to_string(), created(number), content.clone());
    }
}

fn add_healthy(world: &mut World, numbers: std::ops::Range<i64>) {
    for number in numbers {
        add(world, number..number + 1, &Content::of(&[event(created(number))]));
    }
}

fn fails() -> Content {
    Content::Fails(PortError::next_tick("status 500"))
}

fn refused() -> Content {
    Content::Fails(PortError::person("status 403"))
}

/// A byte every five seconds, for longer than any tick.
fn trickles() -> Content {
    Content::trickle(Duration::from_secs(5), 1_000)
}

/// What a tick did with blobs.
struct Tick<T> {
    outcome: T,
    /// The numbers of the blobs it fetched.
    fetched: Vec<i64>,
    failure: Option<String>,
    gaps: Vec<String>,
    seconds: f64,
}

/// A tick of which this is the work.
fn tick<T>(world: &World, work: impl AsyncFnOnce(&mut crate::testing::TestRun<'_>) -> T) -> Tick<T> {
    let (env, began) = (world.env(), world.clock.elapsed());
    let mut run = world.begin(&env);
    let outcome = world.clock.run(async {
        let outcome = work(&mut run).await;
        run.intake.finish().await.unwrap();
        outcome
    });
    let fetched = world.vendor.fetched().iter().map(|id| id.parse().unwrap()).collect();
    let failure = run.findings.failure.take().map(|failure| failure.message);
    let gaps = run.intake.delivery.into_parts().1.gaps.into_iter().map(|gap| gap.cause).collect();
    Tick { outcome, fetched, failure, gaps, seconds: world.clock.elapsed() - began }
}

/// Consumes all blobs that the vendor lists.
fn consume(world: &World) -> Tick<BlobsOutcome> {
    let blob = |(_, item): &(UnixSeconds, Item)| match item {
        Item::Blob(blob) => blob.clone(),
        Item::Event(_) => unreachable!(),
    };
    let blobs = world.vendor.items.iter().map(blob).collect();
    tick(world, async |run| consume_listed(run, LISTING, blobs, None).await.unwrap())
}

/// Tries everything again that is pending.
fn retry_pending(world: &World) -> Tick<RetryOutcome> {
    let pending = world.listing().pending.blobs;
    tick(world, async |run| retry(run, LISTING, &pending).await.unwrap())
}

/// The numbers of the pending blobs.
fn pending(world: &World) -> Vec<i64> {
    world.listing().pending.blobs.iter().map(|blob| blob.id.parse().unwrap()).collect()
}

/// Makes these blobs pending.
fn set_pending(world: &World, blobs: impl IntoIterator<Item = PendingBlob>) {
    let mut head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.blobs.extend(blobs);
    world.set_head(head);
}

fn delivered(world: &World) -> Vec<i64> {
    world.delivered().iter().map(|id| id.parse::<i64>().unwrap() - created(0)).collect()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<i64> {
    range.collect()
}

#[test]
fn ok_every_blob_is_consumed_once_the_soonest_to_expire_first() {
    let mut world = world();
    add_healthy(&mut world, 0..5);
    world.vendor.items.reverse();
    world.vendor.items.push(world.vendor.items[0].clone());
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.fetched, tick.failure), (BlobsOutcome::Settled, numbers(0..5), None));
    assert_eq!(delivered(&world), numbers(0..5));
    assert_eq!(consume(&world).fetched, numbers(0..0));
}

#[test]
fn ok_a_few_that_fail_hold_up_no_other_and_are_pending() {
    let mut world = world();
    add(&mut world, 0..9, &fails());
    add_healthy(&mut world, 9..20);
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.failure), (BlobsOutcome::Settled, Some("acme/openai_audit: status 500".to_owned())));
    assert_eq!((delivered(&world), pending(&world)), (numbers(9..20), numbers(0..9)));
    let blob = &world.listing().pending.blobs[0];
    assert_eq!((blob.schedule.attempts, blob.schedule.next_attempt, blob.missing_since), (1, NOW + 30, None));
    // A listing that shows them again leaves them to their schedule.
    assert_eq!(consume(&world).fetched, numbers(0..0));
}

/// Every blob that was fetched and is broken is pending.
#[track_caller]
fn assert_tried_are_pending(world: &World, tick: &Tick<BlobsOutcome>) {
    let mut tried: Vec<i64> =
        tick.fetched.iter().copied().filter(|number| !delivered(world).contains(number)).collect();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(pending(world), tried);
}

#[test]
fn ok_after_ten_failures_in_a_row_the_newest_is_probed_and_the_rest_goes_on_from_there() {
    let mut world = world();
    add(&mut world, 0..30, &fails());
    add_healthy(&mut world, 30..33);
    let tick = consume(&world);
    assert_eq!(tick.fetched[..13], [numbers(0..10), vec![32, 31, 30]].concat());
    assert!(tick.fetched.len() <= 33, "{:?}", tick.fetched);
    assert_eq!(delivered(&world), numbers(30..33));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn ok_a_random_probe_that_succeeds_is_enough() {
    let mut world = world();
    add(&mut world, 0..12, &fails());
    add_healthy(&mut world, 12..14);
    add(&mut world, 14..15, &fails());
    world.clock.set_random(2);
    let tick = consume(&world);
    assert_eq!((&tick.outcome, delivered(&world)), (&BlobsOutcome::Settled, numbers(12..14)));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn err_when_all_fail_the_rest_is_left() {
    let mut world = world();
    add(&mut world, 0..30, &fails());
    let tick = consume(&world);
    let BlobsOutcome::Stalled { oldest, error } = &tick.outcome else { panic!("{:?}", tick.outcome) };
    assert_eq!((error.message.as_str(), tick.fetched.len() < 20), ("status 500", true));
    assert!(!tick.fetched.iter().any(|number| created(*number) == *oldest));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn err_of_refusals_that_need_a_person_three_are_enough() {
    let mut world = world();
    add(&mut world, 0..30, &refused());
    let tick = consume(&world);
    assert!(tick.fetched.len() <= 6, "{:?}", tick.fetched);
    assert_tried_are_pending(&world, &tick);
    assert_eq!(tick.failure.unwrap(), "acme/openai_audit: status 403");
}

#[test]
fn ok_an_answer_that_never_comes_holds_up_no_other() {
    let mut world = world();
    world.policy.fetches_ahead = 3;
    add(&mut world, 0..1, &Content::Hangs);
    add_healthy(&mut world, 1..20);
    let tick = consume(&world);
    assert_eq!(tick.outcome, BlobsOutcome::CutOff { oldest: created(0) });
    assert_eq!(delivered(&world), numbers(1..20));
}

#[test]
fn ok_slow_ones_may_take_a_quarter_of_the_tick_while_others_wait() {
    let mut world = world();
    add(&mut world, 0..2, &trickles());
    add_healthy(&mut world, 2..10);
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds), (BlobsOutcome::Settled, 25.0 + 5.0));
    assert_eq!((delivered(&world), pending(&world)), (numbers(2..10), vec![0, 1]));
    assert!(tick.failure.unwrap().contains("did not arrive within 25 s, and other content waits"));
}

#[test]
fn ok_a_slow_one_that_is_alone_has_the_whole_tick() {
    let mut world = world();
    add(&mut world, 0..1, &Content::trickle(Duration::from_secs(5), 17));
    assert_eq!(consume(&world).outcome, BlobsOutcome::Settled);
    assert!(pending(&world).is_empty());
    add(&mut world, 1..2, &trickles());
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds, pending(&world)), (BlobsOutcome::Settled, 100.0, vec![1]));
    assert!(tick.failure.unwrap().contains("though nothing else waited"));
}

#[test]
fn ok_what_there_is_no_time_for_stays_and_what_failed_is_pending() {
    let mut world = world();
    add(&mut world, 0..1, &fails());
    add(&mut world, 1..8, &Content::trickle(Duration::from_secs(10), 0));
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds), (BlobsOutcome::CutOff { oldest: created(5) }, 100.0));
    assert_eq!(pending(&world), [0]);
    assert_eq!(consume(&world).fetched, [5, 6, 7]);
}

#[test]
fn ok_a_blob_that_breaks_off_is_tried_again_and_nothing_of_it_comes_twice() {
    let mut world = world();
    let half = format!("[{},", event(created(7)));
    add(&mut world, 0..1, &Content::Broken(half.into_bytes(), PortError::next_tick("reset")));
    consume(&world);
    assert_eq!((delivered(&world), pending(&world)), (vec![7], vec![0]));
    add(&mut world, 0..1, &Content::of(&[event(created(7)), event(created(8))]));
    assert!(retry_pending(&world).outcome.has_recovered);
    assert_eq!((delivered(&world), pending(&world)), (vec![7, 8], vec![]));
}

#[test]
fn ok_a_blob_that_is_missing_or_unreadable_is_pending_without_a_failure() {
    for content in [Content::Missing, Content::Corrupt, Content::bytes("{}"), Content::bytes("[1"), Content::bytes("")]
    {
        let mut world = world();
        add(&mut world, 0..1, &content);
        let tick = consume(&world);
        assert_eq!((tick.outcome, tick.failure, tick.gaps), (BlobsOutcome::Settled, None, vec![]));
        assert_eq!(world.listing().pending.blobs[0].missing_since, Some(NOW));
        // It keeps the moment until it answers otherwise.
        world.clock.advance(60);
        retry_pending(&world);
        assert_eq!(world.listing().pending.blobs[0].missing_since, Some(NOW));
        world.vendor.contents.insert("0".to_owned(), fails());
        retry_pending(&world);
        assert_eq!(world.listing().pending.blobs[0].missing_since, None);
    }
}

#[test]
fn ok_a_blob_that_is_missing_for_a_day_is_given_up_with_a_gap() {
    let mut world = world();
    add(&mut world, 0..1, &Content::Missing);
    consume(&world);
    world.clock.advance(86_399);
    assert_eq!(retry_pending(&world).gaps, [""; 0]);
    world.clock.advance(1);
    let tick = retry_pending(&world);
    assert_eq!(tick.gaps, ["acme/openai_audit: content 0 was listed but could not be found for 24 hours"]);
    assert!(pending(&world).is_empty() && !tick.outcome.has_recovered);
    assert_eq!(consume(&world).fetched, numbers(0..0), "it is done with");
}

#[test]
fn ok_the_beginning_of_an_unreadable_blob_is_kept_when_it_is_given_up() {
    let mut world = world();
    add(&mut world, 0..1, &Content::bytes(&format!("[{}, oops", event(created(0)))));
    set_pending(&world, [PendingBlob { missing_since: Some(NOW - 86_400), ..pending_blob("0", created(0)) }]);
    let tick = retry_pending(&world);
    assert_eq!(tick.gaps, ["acme/openai_audit: content 0 is not a JSON array for 24 hours"]);
    assert_eq!(delivered(&world), [0]);
    let rejected = world.bucket.keys().into_iter().find(|key| key.starts_with("rejected/")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&world.bucket.object(&rejected).unwrap()).unwrap();
    assert!(record["raw"].as_str().unwrap().ends_with("oops"), "{record}");
}

#[test]
fn ok_what_the_vendor_has_dropped_is_a_gap_at_once() {
    let mut world = world();
    add(&mut world, 0..1, &Content::Expired);
    let tick = consume(&world);
    assert_eq!(tick.gaps, ["acme/openai_audit: content 0 expired before it was fetched"]);
    assert_eq!((tick.outcome, tick.failure, pending(&world)), (BlobsOutcome::Settled, None, vec![]));
}

#[test]
fn ok_a_blob_that_fails_until_it_expires_is_a_gap_and_a_failure() {
    let mut world = world();
    let old = NOW - 604_800 + 600 + 900;
    for (id, created) in [("0", old), ("1", old + 1)] {
        world.vendor.add_blob(id, created, fails());
    }
    let tick = consume(&world);
    let gap = "acme/openai_audit: content 0 could not be fetched until the vendor drops it: status 500";
    assert_eq!((tick.gaps, tick.failure.is_some(), pending(&world)), (vec![gap.to_owned()], true, vec![1]));
    // The other is tried once more before it expires.
    assert_eq!(world.listing().pending.blobs[0].schedule.next_attempt, NOW + 1);
}

#[test]
fn ok_pending_blobs_that_are_consumed_are_resolved() {
    let mut world = world();
    add_healthy(&mut world, 0..3);
    set_pending(&world, (0..3).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!(tick.outcome, RetryOutcome { has_recovered: true, has_stopped: false });
    assert_eq!((delivered(&world), pending(&world)), (numbers(0..3), vec![]));
}

#[test]
fn ok_a_pending_blob_that_another_tick_consumed_is_not_fetched() {
    let mut world = world();
    add_healthy(&mut world, 0..1);
    consume(&world);
    set_pending(&world, [pending_blob("0", created(0))]);
    let tick = retry_pending(&world);
    assert_eq!((tick.fetched, tick.outcome.has_recovered, pending(&world)), (numbers(0..0), false, vec![]));
}

#[test]
fn ok_a_pending_blob_that_fails_again_waits_longer_and_is_no_failure() {
    let mut world = world();
    add(&mut world, 0..1, &fails());
    set_pending(&world, [pending_blob("0", created(0))]);
    assert_eq!(retry_pending(&world).failure, None);
    let again = world.listing().pending.blobs[0].schedule;
    assert_eq!((again.first_failure, again.attempts, again.next_attempt), (due().first_failure, 2, NOW + 120 - 30));
    // But for one that needs a person.
    add(&mut world, 0..1, &refused());
    assert_eq!(retry_pending(&world).failure.unwrap(), "acme/openai_audit: status 403");
}

#[test]
fn ok_of_many_pending_blobs_that_fail_ten_in_a_row_are_tried() {
    let mut world = world();
    add(&mut world, 0..30, &fails());
    set_pending(&world, (0..30).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!(tick.outcome, RetryOutcome { has_recovered: false, has_stopped: true });
    assert_eq!((&tick.fetched[..10], pending(&world).len()), (&numbers(0..10)[..], 30));
    let untouched = world.listing().pending.blobs.iter().filter(|blob| blob.schedule == due()).count();
    assert_eq!(untouched + tick.fetched.len(), 30);
}

#[test]
fn ok_a_pending_blob_that_hangs_waits_longer_and_holds_up_no_other() {
    let mut world = world();
    add(&mut world, 0..1, &Content::Hangs);
    add_healthy(&mut world, 1..3);
    set_pending(&world, (0..3).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!((delivered(&world), pending(&world), tick.seconds), (vec![1, 2], vec![0], 12.5));
    assert_eq!(world.listing().pending.blobs[0].schedule.attempts, 2);
}
