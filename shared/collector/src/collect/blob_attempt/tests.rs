use super::*;
use crate::collect::blobs::BlobsOutcome;
use crate::collect::blobs::tests::*;
use crate::testing::{Content, NOW, event, pending_blob};

#[test]
fn ok_slow_blobs_share_a_quarter_of_the_tick_while_others_wait() {
    let mut world = world();
    add(&mut world, 0..2, &slow_content());
    add_healthy_blobs(&mut world, 2..10);
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds), (BlobsOutcome::Settled, 25.0 + 5.0));
    assert_eq!((delivered(&world), pending(&world)), (numbers(2..10), vec![0, 1]));
    assert!(tick.failure.unwrap().contains("did not arrive within 25 s, and other content waits"));
}

#[test]
fn ok_a_slow_blob_has_the_whole_tick_if_no_other_waits() {
    let mut world = world();
    add(&mut world, 0..1, &Content::trickle(Duration::from_secs(5), 17));
    assert_eq!(consume(&world).outcome, BlobsOutcome::Settled);
    assert!(pending(&world).is_empty());
    add(&mut world, 1..2, &slow_content());
    let tick = consume(&world);
    assert_eq!((tick.outcome, tick.seconds, pending(&world)), (BlobsOutcome::Settled, 100.0, vec![1]));
    assert!(tick.failure.unwrap().contains("though nothing else waited"));
}

#[test]
fn ok_a_truncated_blob_is_tried_again_and_delivers_nothing_twice() {
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
        // `missing_since` keeps its first value until the blob fails in another way.
        world.clock.advance(60);
        retry_pending(&world);
        assert_eq!(world.listing().pending.blobs[0].missing_since, Some(NOW));
        world.vendor.contents.insert("0".to_owned(), failing_content());
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
fn ok_a_blob_that_the_vendor_has_dropped_is_a_gap_at_once() {
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
        world.vendor.add_blob(id, created, failing_content());
    }
    let tick = consume(&world);
    let gap = "acme/openai_audit: content 0 could not be fetched until the vendor drops it: status 500";
    assert_eq!((tick.gaps, tick.failure.is_some(), pending(&world)), (vec![gap.to_owned()], true, vec![1]));
    // The other blob gets one more attempt before it expires.
    assert_eq!(world.listing().pending.blobs[0].schedule.next_attempt, NOW + 1);
}

#[test]
fn ok_a_blob_missing_for_a_day_is_not_given_up_when_its_fetch_fails() {
    let mut world = world();
    add(&mut world, 0..1, &failing_content());
    set_pending(&world, [PendingBlob { missing_since: Some(NOW - 86_400), ..pending_blob("0", created(0)) }]);
    assert_eq!(retry_pending(&world).gaps, [""; 0]);
    assert_eq!(world.listing().pending.blobs[0].missing_since, None);
}
