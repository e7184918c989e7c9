use std::time::Duration;

use super::*;
use crate::base::ports::Item;
use crate::testing::{Content, LISTING, NOW, World, due, event, pending_blob};

/// Returns the creation time of the blob with this number. Its only event has the same time.
pub(crate) fn created(number: i64) -> UnixSeconds {
    NOW - 1_000 + number
}

/// A stream without blobs. The vendor keeps blobs for a week, and they are fetched one after the other.
pub(crate) fn world() -> World {
    let mut world = World::listed_to(NOW);
    world.policy.retention = Some(crate::base::policy::Retention { keep_seconds: 604_800, margin_seconds: 600 });
    world.policy.fetches_ahead = 1;
    world
}

pub(crate) fn add(world: &mut World, numbers: std::ops::Range<i64>, content: &Content) {
    for number in numbers {
        world.vendor.add_blob(&number.to_string(), created(number), content.clone());
    }
}

pub(crate) fn add_healthy_blobs(world: &mut World, numbers: std::ops::Range<i64>) {
    for number in numbers {
        add(world, number..number + 1, &Content::of(&[event(created(number))]));
    }
}

pub(crate) fn failing_content() -> Content {
    Content::Fails(PortError::next_tick("status 500"))
}

pub(crate) fn refused_content() -> Content {
    Content::Fails(PortError::person("status 403"))
}

/// Returns a body of which one byte arrives every five seconds, for longer than any tick.
pub(crate) fn slow_content() -> Content {
    Content::trickle(Duration::from_secs(5), 1_000)
}

/// The outcome of a tick that consumes blobs.
pub(crate) struct Tick<T> {
    pub(crate) outcome: T,
    /// The numbers of the blobs that the tick fetched.
    pub(crate) fetched: Vec<i64>,
    pub(crate) failure: Option<String>,
    pub(crate) gaps: Vec<String>,
    pub(crate) seconds: f64,
}

/// Runs a tick that does `work`.
pub(crate) fn tick<T>(world: &World, work: impl AsyncFnOnce(&mut crate::testing::TestRun<'_>) -> T) -> Tick<T> {
    let (env, began) = (world.env(), world.clock.elapsed_seconds());
    let mut run = world.begin(&env);
    let outcome = world.clock.run(async {
        let outcome = work(&mut run).await;
        run.intake.finish().await.unwrap();
        outcome
    });
    let fetched = world.vendor.take_fetched().iter().map(|id| id.parse().unwrap()).collect();
    let failure = run.findings.failure.take().map(|failure| failure.message);
    let gaps = run.intake.delivery.into_parts().1.gaps.into_iter().map(|gap| gap.cause).collect();
    Tick { outcome, fetched, failure, gaps, seconds: world.clock.elapsed_seconds() - began }
}

/// Consumes all blobs that the vendor lists.
pub(crate) fn consume(world: &World) -> Tick<BlobsOutcome> {
    let blob = |(_, item): &(UnixSeconds, Item)| match item {
        Item::Blob(blob) => blob.clone(),
        Item::Event(_) => unreachable!(),
    };
    let blobs = world.vendor.items.iter().map(blob).collect();
    tick(world, async |run| consume_listed(run, LISTING, blobs, None).await.unwrap())
}

/// Tries all pending blobs again.
pub(crate) fn retry_pending(world: &World) -> Tick<RetryOutcome> {
    let pending = world.listing().pending.blobs;
    tick(world, async |run| retry(run, LISTING, &pending).await.unwrap())
}

/// Returns the numbers of the pending blobs.
pub(crate) fn pending(world: &World) -> Vec<i64> {
    world.listing().pending.blobs.iter().map(|blob| blob.id.parse().unwrap()).collect()
}

/// Makes these blobs pending.
pub(crate) fn set_pending(world: &World, blobs: impl IntoIterator<Item = PendingBlob>) {
    let mut head = world.head();
    head.listings.get_mut(LISTING).unwrap().pending.blobs.extend(blobs);
    world.set_head(head);
}

pub(crate) fn delivered(world: &World) -> Vec<i64> {
    world.delivered().iter().map(|id| id.parse::<i64>().unwrap() - created(0)).collect()
}

pub(crate) fn numbers(range: std::ops::Range<i64>) -> Vec<i64> {
    range.collect()
}

#[test]
fn ok_every_blob_is_consumed_once_in_order_of_expiry() {
    let mut world = world();
    add_healthy_blobs(&mut world, 0..5);
    world.vendor.items.reverse();
    world.vendor.items.push(world.vendor.items[0].clone());
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.fetched, tick.failure), (BlobsOutcome::Settled, numbers(0..5), None));
    assert_eq!(delivered(&world), numbers(0..5));
    assert_eq!(consume(&world).fetched, numbers(0..0));
}

#[test]
fn ok_a_few_failed_blobs_are_pending_and_delay_no_other() {
    let mut world = world();
    add(&mut world, 0..9, &failing_content());
    add_healthy_blobs(&mut world, 9..20);
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.failure), (BlobsOutcome::Settled, Some("acme/openai_audit: status 500".to_owned())));
    assert_eq!((delivered(&world), pending(&world)), (numbers(9..20), numbers(0..9)));
    let blob = &world.listing().pending.blobs[0];
    assert_eq!((blob.schedule.attempts, blob.schedule.next_attempt, blob.missing_since), (1, NOW + 30, None));
    // When the blobs are listed again, the pending ones are not fetched before their next attempt is due.
    assert_eq!(consume(&world).fetched, numbers(0..0));
}

/// Checks that every broken blob that was fetched is pending.
#[track_caller]
fn assert_tried_are_pending(world: &World, tick: &Tick<BlobsOutcome>) {
    let mut tried: Vec<i64> =
        tick.fetched.iter().copied().filter(|number| !delivered(world).contains(number)).collect();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(pending(world), tried);
}

#[test]
fn ok_after_ten_failures_in_a_row_the_walk_continues_from_the_newest_blob() {
    let mut world = world();
    add(&mut world, 0..30, &failing_content());
    add_healthy_blobs(&mut world, 30..33);
    let tick = consume(&world);
    assert_eq!(tick.fetched[..13], [numbers(0..10), vec![32, 31, 30]].concat());
    assert!(tick.fetched.len() <= 33, "{:?}", tick.fetched);
    assert_eq!(delivered(&world), numbers(30..33));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn ok_a_random_probe_that_succeeds_is_enough() {
    let mut world = world();
    add(&mut world, 0..12, &failing_content());
    add_healthy_blobs(&mut world, 12..14);
    add(&mut world, 14..15, &failing_content());
    world.clock.set_random(2);
    let tick = consume(&world);
    assert_eq!((&tick.outcome, delivered(&world)), (&BlobsOutcome::Settled, numbers(12..14)));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn err_the_window_is_stalled_if_all_probes_fail() {
    let mut world = world();
    add(&mut world, 0..30, &failing_content());
    let tick = consume(&world);
    let BlobsOutcome::Stalled { oldest, error } = &tick.outcome else { panic!("{:?}", tick.outcome) };
    assert_eq!((error.message.as_str(), tick.fetched.len() < 20), ("status 500", true));
    assert!(!tick.fetched.iter().any(|number| created(*number) == *oldest));
    assert_tried_are_pending(&world, &tick);
}

#[test]
fn err_three_refusals_in_a_row_end_the_walk() {
    let mut world = world();
    add(&mut world, 0..30, &refused_content());
    let tick = consume(&world);
    assert!(tick.fetched.len() <= 6, "{:?}", tick.fetched);
    assert_tried_are_pending(&world, &tick);
    assert_eq!(tick.failure.unwrap(), "acme/openai_audit: status 403");
}

#[test]
fn ok_a_fetch_that_hangs_delays_no_other_blob() {
    let mut world = world();
    world.policy.fetches_ahead = 3;
    add(&mut world, 0..1, &Content::Hangs);
    add_healthy_blobs(&mut world, 1..20);
    let tick = consume(&world);
    assert_eq!((tick.outcome, pending(&world)), (BlobsOutcome::Settled, vec![0]));
    assert_eq!(delivered(&world), numbers(1..20));
}

#[test]
fn ok_when_time_ends_only_failed_blobs_are_pending() {
    let mut world = world();
    add(&mut world, 0..1, &failing_content());
    add(&mut world, 1..8, &Content::trickle(Duration::from_secs(10), 0));
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds), (BlobsOutcome::CutOff { oldest: created(5) }, 100.0));
    assert_eq!(pending(&world), [0]);
    assert_eq!(consume(&world).fetched, [5, 6, 7]);
}

#[test]
fn ok_a_pending_blob_may_not_take_all_the_time_of_pending_work() {
    let mut world = world();
    add(&mut world, 0..1, &Content::trickle(Duration::from_secs(2), 1_000));
    add_healthy_blobs(&mut world, 1..3);
    set_pending(&world, (0..3).map(|number| pending_blob(&number.to_string(), created(number))));
    // Pending work has 20 seconds. That is less than the 25 seconds that one blob may take while others wait.
    let pending_blobs = world.listing().pending.blobs;
    tick(&world, async |run| {
        run.cutoff = run.env.clock.now() + Duration::from_secs(20);
        retry(run, LISTING, &pending_blobs).await.unwrap()
    });
    assert_eq!((delivered(&world), pending(&world)), (numbers(1..3), vec![0]));
    assert_eq!(world.listing().pending.blobs[0].schedule.attempts, 2);
}

#[test]
fn ok_consumed_pending_blobs_are_resolved() {
    let mut world = world();
    add_healthy_blobs(&mut world, 0..3);
    set_pending(&world, (0..3).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!(tick.outcome, RetryOutcome { has_recovered: true, has_stopped: false });
    assert_eq!((delivered(&world), pending(&world)), (numbers(0..3), vec![]));
}

#[test]
fn ok_a_pending_blob_that_another_tick_consumed_is_not_fetched() {
    let mut world = world();
    add_healthy_blobs(&mut world, 0..1);
    consume(&world);
    set_pending(&world, [pending_blob("0", created(0))]);
    let tick = retry_pending(&world);
    assert_eq!((tick.fetched, tick.outcome.has_recovered, pending(&world)), (numbers(0..0), false, vec![]));
}

#[test]
fn ok_a_pending_blob_that_fails_again_is_rescheduled_and_not_reported() {
    let mut world = world();
    add(&mut world, 0..1, &failing_content());
    set_pending(&world, [pending_blob("0", created(0))]);
    assert_eq!(retry_pending(&world).failure, None);
    let again = world.listing().pending.blobs[0].schedule;
    assert_eq!((again.first_failure, again.attempts, again.next_attempt), (due().first_failure, 2, NOW + 120 - 30));
    // A failure that needs a person is reported.
    add(&mut world, 0..1, &refused_content());
    assert_eq!(retry_pending(&world).failure.unwrap(), "acme/openai_audit: status 403");
}

#[test]
fn ok_a_retry_ends_after_ten_pending_blobs_failed_in_a_row() {
    let mut world = world();
    add(&mut world, 0..30, &failing_content());
    set_pending(&world, (0..30).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!(tick.outcome, RetryOutcome { has_recovered: false, has_stopped: true });
    assert_eq!((&tick.fetched[..10], pending(&world).len()), (&numbers(0..10)[..], 30));
    let untouched = world.listing().pending.blobs.iter().filter(|blob| blob.schedule == due()).count();
    assert_eq!(untouched + tick.fetched.len(), 30);
}

#[test]
fn ok_a_pending_blob_that_hangs_is_rescheduled_and_delays_no_other() {
    let mut world = world();
    add(&mut world, 0..1, &Content::Hangs);
    add_healthy_blobs(&mut world, 1..3);
    set_pending(&world, (0..3).map(|number| pending_blob(&number.to_string(), created(number))));
    let tick = retry_pending(&world);
    assert_eq!((delivered(&world), pending(&world), tick.seconds), (vec![1, 2], vec![0], 12.5));
    assert_eq!(world.listing().pending.blobs[0].schedule.attempts, 2);
}
