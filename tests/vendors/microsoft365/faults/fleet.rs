//! Many streams and many sources: a broken or slow one does not affect the others.

use std::collections::HashSet;
use std::time::Duration;

use adapters::clock::SystemClock;
use collector::Clock;
use futures_util::StreamExt;
use futures_util::stream;
use simulators::microsoft365::{AvailableBlob, BlobChoice, BrokenBlobs, ContentType, TENANT_ID};

use super::*;

/// Sources of one process.
const SOURCES: usize = 50;

#[tokio::test]
async fn f36_a_content_type_that_only_fails_keeps_its_watermark_and_the_others_go_on_for_days() {
    let options = Options { events: 300, span_seconds: HOUR, ahead_seconds: 2 * DAY, ..Options::new(start_time()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    let held = world.watermark(LogType::Exchange);
    world.simulator.change(|it| it.broken_content_type = Some(ContentType::Exchange));
    let worker = world.worker();
    for _ in 0..24 {
        world.minutes(120);
        let asked = world.received_requests_of("content").len();
        let reports = tick(&worker).await;
        let broken = assert_others_drained(&reports, LogType::Exchange);
        assert_failed(broken, false, "an error inside the vendor's service");
        assert_eq!((broken.lines.delivered, world.watermark(LogType::Exchange)), (0, held));
        world.assert_caught_up(LogType::SharePoint);
        let of_exchange = world.received_requests_of("content").split_off(asked);
        let of_exchange = of_exchange.iter().filter(|asked| asked.target.contains("Audit.Exchange")).count();
        // One window is retried, and up to three others are tried once. When all fail, the vendor counts as down, and
        // nothing becomes pending.
        assert!(of_exchange as u64 <= TRIES + 3, "{of_exchange} requests");
        assert!(world.pending(LogType::Exchange).is_empty());
    }
    // All content of the other types is delivered, and no record of the failed type twice.
    let served = world.running.served();
    for (stream, result) in world.streams().iter().zip(world.reconcile(&served)) {
        assert!(result.is_exact() || stream.log_type == LogType::Exchange, "{}: {result:?}", stream.name());
        assert!(result.duplicated.is_empty());
    }
    world.simulator.change(|it| it.broken_content_type = None);
    world.minutes(5);
    world.drain().await;
    world.assert_exact();
}

/// Creates a page that lists the blobs; a poison blob is marked in its address.
pub(super) fn items(world: &World, blobs: &[AvailableBlob], is_poisoned: impl Fn(&AvailableBlob) -> bool) -> String {
    let own = format!("http://{}/api/v1.0/{TENANT_ID}/activity/feed/audit", world.running.address());
    let item = |blob: &AvailableBlob| {
        let mark = if is_poisoned(blob) { "?poisoned=1" } else { "" };
        json!({"contentType": "Audit.Exchange", "contentId": blob.id, "contentUri": format!("{own}/{}{mark}", blob.id),
            "contentCreated": blob.created.to_string(), "contentExpiration": blob.expires.to_string()})
    };
    json!(blobs.iter().map(item).collect::<Vec<_>>()).to_string()
}

/// Creates `poison` as the answer to every request for the poison blob.
fn of_poisoned(poison: &Fault) -> impl Iterator<Item = Scripted> {
    (1..=400).map(|number| Scripted::new("blob", number, poison.clone()).having("poisoned=1"))
}

/// Creates a tenant with `count` blobs, one of which answers every request of the next tick with `poison`. Returns the
/// world, that blob and its record.
pub(super) async fn poisoned(count: usize, poison: &Fault) -> (World, AvailableBlob, String) {
    let world = exchange(count);
    // All listings of the first tick fail, but after its requests the simulator's ledger has the blobs.
    world.script(fault_at_first_requests(100, "content", &vendor_error(401, "AF10001")));
    assert_eq!(delivered(&world.tick().await.unwrap()), 0);
    world.minutes(5);
    let ledger = world.simulator.ledger();
    let blobs: Vec<_> = ledger.blobs().collect();
    let items = items(&world, &blobs, |blob| blob.id == blobs[3].id);
    world.script(of_poisoned(poison).chain(listings_of(items)).collect());
    let record = ledger.records_of(&blobs[3]).next().unwrap();
    (world, blobs[3].clone(), record)
}

/// Creates the answers to one tick's listings: the first window has these items, and the others are empty. The first
/// window may be short and at any time, because a tick after one that could list nothing begins with a random probe.
fn listings_of(items: String) -> impl Iterator<Item = Scripted> {
    let others = (2..=4).map(|number| Scripted::new("content", number, Fault::answer(200, "[]")));
    [Scripted::new("content", 1, Fault::answer(200, items))].into_iter().chain(others)
}

/// Returns the undelivered records of the only stream.
fn lost(world: &World) -> Vec<String> {
    let result = world.reconcile(&world.running.served()).remove(0);
    assert!(result.duplicated.is_empty() && result.unexpected.is_empty(), "{result:?}");
    result.lost
}

#[tokio::test]
async fn f36_a_poisoned_blob_delays_no_other_and_the_watermark_passes_it() {
    // The poison is a server error, a refusal that only a person can cure, a redirect, or an answer of a gateway.
    for poison in [
        vendor_error(500, "AF50000"),
        vendor_error(400, "AF20012"),
        vendor_error(401, "AF10001"),
        Fault::answer(302, ""),
        Fault::answer(403, r#"{"error":{"code":"Denied"}}"#),
        Fault::answer(403, "<html>no</html>"),
    ] {
        let (world, blob, record) = poisoned(40, &poison).await;
        let report = world.tick().await.unwrap().remove(0);
        let id = &blob.id;
        assert_failed(&report, report.failure.as_ref().unwrap().needs_person, &format!("fetching content {id}"));
        assert_eq!((report.lines.delivered, report.listed.blobs), (39, 39), "{poison:?}");
        assert_eq!(lost(&world).len(), 1);
        let record: Value = serde_json::from_str(&record).unwrap();
        assert!(lost(&world)[0].contains(record["Id"].as_str().unwrap()), "another one is left");
        world.assert_caught_up(LogType::Exchange);
        assert_pending_blob(&world, &report, &blob);

        // After the fault ends the blob is delivered as any other.
        world.minutes(5);
        world.script(Vec::new());
        assert_drained(&world.tick().await.unwrap(), 1);
        world.assert_caught_up(LogType::Exchange);
        world.assert_exact();
    }
}

/// Asserts that this blob is the only pending work, both in the head and in the report.
#[track_caller]
pub(super) fn assert_pending_blob(world: &World, report: &StreamReport, blob: &AvailableBlob) {
    let pending = world.pending(LogType::Exchange);
    let ids: Vec<_> = pending.blobs.iter().map(|pending| &pending.id).collect();
    assert_eq!((ids, pending.spans.len()), (vec![&blob.id], 0));
    assert_eq!((report.pending.pending_blobs, report.pending.pending_spans), (1, 0), "{report:?}");
    assert!(!report.drained && report.pending.pending_reason.as_ref().unwrap().contains(&blob.id), "{report:?}");
}

#[tokio::test]
async fn f36_a_blob_poisoned_until_it_expires_is_pending_for_a_week_and_then_a_gap() {
    let poison = vendor_error(500, "AF50000");
    let (world, blob, _) = poisoned(10, &poison).await;
    assert_eq!(world.tick().await.unwrap()[0].lines.delivered, 9);
    let failed_at = world.time.now().as_second();
    let mut gaps = Vec::new();
    for hour in (6..8 * 24).step_by(6) {
        world.script(Vec::new());
        world.minutes(6 * 60);
        // The script applies to the pending blob only, because no other blob is requested.
        world.script(fault_at_first_requests(100 + hour, "blob", &poison));
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!((report.lines.delivered, lost(&world).len()), (0, 1));
        world.assert_caught_up(LogType::Exchange);
        let last_attempt = blob.expires - jiff::SignedDuration::from_mins(25);
        if world.time.now() < last_attempt {
            assert!(report.gaps.is_empty() && report.failure.is_none(), "{report:?}");
            assert_pending_blob(&world, &report, &blob);
            let age = report.pending.pending_age_seconds.unwrap();
            assert!((age - (world.time.now().as_second() - failed_at)).abs() < 120, "{report:?}");
        } else if gaps.is_empty() {
            assert_failed_and_lost(&report, "fetching content");
        } else {
            assert!(report.drained && report.failure.is_none(), "{report:?}");
        }
        gaps.extend(report.gaps);
    }
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap.from == blob.created.as_second() && gap.cause.contains("could not be fetched until"), "{gap:?}");
    assert!(world.pending(LogType::Exchange).is_empty());
}

/// Asserts that the tick failed with a message that has these words, and that nothing is pending.
#[track_caller]
fn assert_failed_and_lost(report: &StreamReport, words: &str) {
    assert!(report.failure.as_ref().unwrap().message.contains(words), "{report:?}");
    assert!(report.gaps.len() == 1 && report.pending.is_empty(), "{report:?}");
}

#[tokio::test]
async fn f36_a_blob_listed_late_and_poisoned_until_it_expires_is_one_gap_as_well() {
    let poison = vendor_error(500, "AF50000");
    let (world, late, _) = poisoned(10, &poison).await;
    // The blob is not listed yet, so the watermark moves past its time.
    let ledger = world.simulator.ledger();
    let others: Vec<_> = ledger.blobs().filter(|blob| blob.id != late.id).collect();
    world.script(listings_of(items(&world, &others, |_| false)).collect());
    assert_drained(&world.tick().await.unwrap(), 9);
    world.assert_caught_up(LogType::Exchange);
    let (mut gaps, mut failures, mut ticks) = (Vec::new(), 0, 0);
    let gives_up_at = late.created + jiff::SignedDuration::from_hours(7 * 24) - jiff::SignedDuration::from_mins(10);
    while world.time.now() < gives_up_at {
        ticks += 1;
        let is_soon = world.time.now() > gives_up_at - jiff::SignedDuration::from_hours(7);
        world.minutes(if is_soon { 5 } else { 6 * 60 });
        world.script(fault_at_first_requests(100 + ticks, "blob", &poison));
        let report = world.tick().await.unwrap().remove(0);
        assert!(
            report.lines.delivered == 0 && (!report.pending.is_empty() || !gaps.is_empty() || !report.gaps.is_empty())
        );
        failures += u32::from(report.failure.is_some());
        gaps.extend(report.gaps);
    }
    // Two ticks reported a failure: the one that listed the blob and the one that gave it up.
    assert_eq!(failures, 2);
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap.from == late.created.as_second() && gap.cause.contains("could not be fetched until"), "{gap:?}");
    assert!(world.pending(LogType::Exchange).is_empty());
}

/// Creates a deployment two days after its first tick, with three windows to list.
async fn two_days_behind() -> World {
    let options = Options { events: 800, span_seconds: HOUR, ahead_seconds: 50 * HOUR, ..Options::new(start_time()) };
    let world = world_with(&options, |it| it.records_per_blob = 1);
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.tick().await.unwrap();
    world.minutes(50 * 60);
    // All listings of this tick fail, but after its requests the simulator's ledger has the blobs.
    world.script(fault_at_first_requests(100, "content", &vendor_error(401, "AF10001")));
    assert_eq!(delivered(&world.tick().await.unwrap()), 0);
    world.script(Vec::new());
    world.minutes(5);
    world
}

/// Returns the blobs of Exchange, oldest first.
fn of_exchange(world: &World) -> Vec<AvailableBlob> {
    let ledger = world.simulator.ledger();
    let mut blobs: Vec<_> = ledger.blobs().filter(|blob| blob.content_type == ContentType::Exchange).collect();
    blobs.sort_by_key(|blob| blob.created);
    blobs
}

/// Returns the ids of the first `count` blobs that were created `hour` hours after the start or later.
fn from_hour(world: &World, hour: i64, count: usize) -> Vec<String> {
    let from = start_time() + jiff::SignedDuration::from_hours(hour);
    let blobs = of_exchange(world).into_iter().filter(|blob| blob.created >= from);
    blobs.take(count).map(|blob| blob.id).collect()
}

/// Lets these blobs of Exchange answer only this error from now on.
fn break_blobs(world: &World, ids: &[String], status: u16, code: &str) {
    let ordinal = |(place, blob): (usize, AvailableBlob)| ids.contains(&blob.id).then_some(place as u32 + 1);
    let ordinals = of_exchange(world).into_iter().enumerate().filter_map(ordinal).collect();
    let broken = BrokenBlobs {
        blobs: BlobChoice::Ordinals(ordinals),
        content_type: Some(ContentType::Exchange),
        status,
        code: Some(code.to_owned()),
        until: jiff::Timestamp::MAX,
    };
    world.simulator.change(|it| it.broken_blobs = vec![broken]);
}

#[tokio::test]
async fn f36_poisoned_blobs_of_two_windows_delay_nothing_else() {
    for (count, status, code, needs_person) in [(4, 401, "AF10001", true), (12, 500, "AF50000", false)] {
        let world = two_days_behind().await;
        let ids = [from_hour(&world, 1, count), from_hour(&world, 30, count)].concat();
        break_blobs(&world, &ids, status, code);
        for number in 0..6 {
            let asked = world.received_requests_of("blob").len();
            let report = world.tick().await.unwrap().remove(0);
            assert!(report.gaps.is_empty(), "{report:?}");
            // The first tick delivers all healthy blobs, and the watermark is past all blobs.
            assert_eq!((lost(&world).len(), world.pending(LogType::Exchange).blobs.len()), (2 * count, 2 * count));
            world.assert_caught_up(LogType::Exchange);
            if number == 0 {
                assert_failed(&report, needs_person, "fetching content");
            } else {
                // A pending blob is requested once when it is due. A fetch that is open when a pass over the blobs ends
                // is dropped and may be repeated. Only a refusal that needs a person is reported as a failure.
                let asked = world.received_requests_of("blob").split_off(asked);
                let refused: Vec<_> = asked.iter().filter(|asked| asked.status == Some(status)).collect();
                let again = refused.len() - refused.iter().map(|asked| &asked.target).collect::<HashSet<_>>().len();
                assert!(refused.len() - again <= 2 * count && again <= 3, "{refused:?}");
                assert!(report.failure.is_none_or(|failure| needs_person && failure.needs_person));
            }
            world.minutes(5);
        }
        world.simulator.change(|it| it.broken_blobs.clear());
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn f36_healed_blobs_are_delivered_within_the_hour_though_many_others_are_poisoned() {
    let world = two_days_behind().await;
    let mut ids = from_hour(&world, 1, 14);
    break_blobs(&world, &ids, 500, "AF50000");
    for _ in 0..4 {
        world.tick().await.unwrap();
        world.minutes(5);
    }
    assert_eq!((lost(&world).len(), world.pending(LogType::Exchange).blobs.len()), (14, 14));
    // The last two blobs heal. Each is retried within an hour, whatever the other blobs do.
    ids.truncate(12);
    break_blobs(&world, &ids, 500, "AF50000");
    let mut ticks = 0;
    while lost(&world).len() > 12 {
        ticks += 1;
        assert!(ticks <= 12, "{} are left", lost(&world).len());
        world.tick().await.unwrap();
        world.minutes(5);
    }
    assert_eq!(world.pending(LogType::Exchange).blobs.len(), 12);
}

#[tokio::test]
async fn fifty_sources_in_one_process_do_not_affect_each_other() {
    let worlds: Vec<_> = (0..SOURCES).map(source).collect();
    let began = SystemClock.now();
    let run = stream::iter(&worlds).map(|world| async move { tick(&world.worker()).await });
    let reports: Vec<_> = run.buffered(8).collect().await;
    for (number, (world, reports)) in worlds.iter().zip(&reports).enumerate() {
        match number % 10 {
            // A source whose number ends in 3 has a bad secret, in 5 a vendor that is down, and in 7 a slow vendor.
            3 => assert!(reports.iter().all(|report| report.failure.as_ref().unwrap().needs_person)),
            5 => assert!(reports.iter().all(|report| !report.failure.as_ref().unwrap().needs_person)),
            _ => {
                assert_drained(reports, 20);
                world.assert_exact();
            }
        }
    }
    // The process waited for the slow sources concurrently.
    let took = SystemClock.now().duration_since(began);
    assert!(took.as_secs() < 20, "{took}");
}

/// Creates a source. Of every ten, one has a bad secret, one a vendor that is down, and one a slow vendor.
fn source(number: usize) -> World {
    let world = tenant_with(20, |it| match number % 10 {
        3 => it.expired_secrets = std::mem::take(&mut it.client_secrets),
        5 => it.internal_error = 1.0,
        7 => {
            it.script =
                (1..=20).map(|nth| Scripted::new("blob", nth, Fault::Delay(Duration::from_millis(50)))).collect()
        }
        _ => {}
    });
    world.credential.set("source_id", &json!(format!("source-{number}")));
    world
}
