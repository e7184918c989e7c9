//! Many streams and many sources: what is broken or slow costs itself.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::clock::SystemClock;
use collector::Clock;
use futures_util::StreamExt;
use futures_util::stream;
use simulators::microsoft365::{AvailableBlob, ContentType, TENANT_ID};

use super::*;

/// Sources of one process.
const SOURCES: usize = 50;

#[tokio::test]
async fn f36_a_content_type_that_only_fails_is_held_and_the_others_go_on_for_days() {
    let options = Options { events: 300, span_seconds: HOUR, ahead_seconds: 2 * DAY, ..Options::new(begin()) };
    let world = world_with(&options, |_| {});
    world.drain().await;
    let held = world.watermark(LogType::Exchange);
    world.simulator.change(|it| it.broken = Some(ContentType::Exchange));
    let worker = world.worker();
    for _ in 0..24 {
        world.minutes(120);
        let asked = world.asked_of("content").len();
        let reports = tick(&worker).await;
        let broken = assert_others_drained(&reports, LogType::Exchange);
        assert_failed(broken, false, "an error inside the vendor's service");
        assert_eq!((broken.lines.delivered, world.watermark(LogType::Exchange)), (0, held));
        world.assert_caught_up(LogType::SharePoint);
        let of_exchange = world.asked_of("content").split_off(asked);
        let of_exchange = of_exchange.iter().filter(|asked| asked.target.contains("Audit.Exchange")).count();
        // Two windows are tried, and then it is not the windows.
        assert!(of_exchange as u64 <= 2 * TRIES, "{of_exchange} requests");
    }
    // What the others showed is all there; of what failed nothing is twice.
    let served = world.running.served();
    for (stream, account) in world.streams().iter().zip(world.accounts(&served)) {
        assert!(account.is_exact() || stream.log_type == LogType::Exchange, "{}: {account:?}", stream.name());
        assert!(account.twice.is_empty());
    }
    world.simulator.change(|it| it.broken = None);
    world.minutes(5);
    world.drain().await;
    world.assert_exact();
}

/// A page that lists the blobs; what is poisoned says so in its address.
fn items(world: &World, blobs: &[AvailableBlob], is_poisoned: impl Fn(&AvailableBlob) -> bool) -> String {
    let own = format!("http://{}/api/v1.0/{TENANT_ID}/activity/feed/audit", world.running.address());
    let item = |blob: &AvailableBlob| {
        let mark = if is_poisoned(blob) { "?poisoned=1" } else { "" };
        json!({"contentType": "Audit.Exchange", "contentId": blob.id, "contentUri": format!("{own}/{}{mark}", blob.id),
            "contentCreated": blob.created.to_string(), "contentExpiration": blob.expires.to_string()})
    };
    json!(blobs.iter().map(item).collect::<Vec<_>>()).to_string()
}

/// What is poisoned answers nothing else.
fn of_poisoned(poison: &Fault) -> impl Iterator<Item = Scripted> {
    (1..=400).map(|number| Scripted::new("blob", number, poison.clone()).having("poisoned=1"))
}

/// So many blobs, of which one answers nothing but `poison` in the tick that comes next; which one, and its record.
pub(super) async fn poisoned(count: usize, poison: &Fault) -> (World, AvailableBlob, String) {
    let world = exchange(count);
    // A first tick finds none of them, so that the ledger has what there is to list.
    world.script(first(count as u64, "blob", &af(404, "AF20050")));
    assert_eq!(delivered(&world.tick().await.unwrap()), 0);
    world.minutes(5);
    let ledger = world.simulator.ledger();
    let blobs: Vec<_> = ledger.blobs().collect();
    let items = items(&world, &blobs, |blob| blob.id == blobs[3].id);
    let listing = Scripted::new("content", 1, Fault::answer(200, items));
    world.script(of_poisoned(poison).chain([listing]).collect());
    let record = ledger.records_of(&blobs[3]).next().unwrap();
    (world, blobs[3].clone(), record)
}

/// What of the only stream is not delivered.
fn lost(world: &World) -> Vec<String> {
    let account = world.accounts(&world.running.served()).remove(0);
    assert!(account.twice.is_empty() && account.foreign.is_empty(), "{account:?}");
    account.lost
}

#[tokio::test]
async fn f36_a_poisoned_blob_delays_no_other() {
    // As a server's error, as refusals that only a person could cure, as a redirect, as something in front of it.
    for poison in [
        af(500, "AF50000"),
        af(400, "AF20012"),
        af(401, "AF10001"),
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
        assert_eq!(world.watermark(LogType::Exchange), blob.created.as_second() - begin().as_second());

        // Once it is well, it is had as any other.
        world.minutes(5);
        world.script(Vec::new());
        assert_drained(&world.tick().await.unwrap(), 1);
        world.assert_caught_up(LogType::Exchange);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f36_a_blob_poisoned_until_it_expires_is_told_for_a_week_and_is_a_gap_then() {
    let poison = af(500, "AF50000");
    let (world, blob, _) = poisoned(10, &poison).await;
    assert_eq!(world.tick().await.unwrap()[0].lines.delivered, 9);
    let mut gaps = Vec::new();
    for hour in (6..8 * 24).step_by(6) {
        world.script(Vec::new());
        world.minutes(6 * 60);
        // Nothing else is left to be asked for.
        world.script(first(100 + hour, "blob", &poison));
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!((report.lines.delivered, lost(&world).len()), (0, 1));
        if world.time.now() < blob.expires - jiff::SignedDuration::from_mins(15) {
            assert_failed(&report, false, "fetching content");
            assert!(report.gaps.is_empty());
        } else {
            assert!(report.drained && report.failure.is_none(), "{report:?}");
            world.assert_caught_up(LogType::Exchange);
        }
        gaps.extend(report.gaps);
    }
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap.from == blob.created.as_second() && gap.cause.contains("the vendor no longer has"), "{gap:?}");
}

#[tokio::test]
async fn f36_a_blob_listed_late_and_poisoned_until_it_goes_is_a_gap_as_well_and_told_once() {
    let poison = af(500, "AF50000");
    let (world, late, _) = poisoned(10, &poison).await;
    // It is not listed yet: the watermark passes it.
    let ledger = world.simulator.ledger();
    let others: Vec<_> = ledger.blobs().filter(|blob| blob.id != late.id).collect();
    let listing = Scripted::new("content", 1, Fault::answer(200, items(&world, &others, |_| false)));
    world.script([listing].into());
    assert_drained(&world.tick().await.unwrap(), 9);
    world.assert_caught_up(LogType::Exchange);
    let (mut gaps, mut ticks) = (Vec::new(), 0);
    let goes = late.created + jiff::SignedDuration::from_hours(7 * 24) - jiff::SignedDuration::from_mins(10);
    while world.time.now() < goes {
        ticks += 1;
        let is_soon = world.time.now() > goes - jiff::SignedDuration::from_hours(7);
        world.minutes(if is_soon { 5 } else { 6 * 60 });
        world.script(first(100 + ticks, "blob", &poison));
        let report = world.tick().await.unwrap().remove(0);
        assert!(report.lines.delivered == 0 && (report.failure.is_some() || report.drained), "{report:?}");
        gaps.extend(report.gaps);
    }
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert!(gap.from == late.created.as_second() && gap.cause.contains("could not be fetched until"), "{gap:?}");
}

/// Two days after its first tick: a deployment that has three windows to list.
async fn two_days_behind() -> World {
    let options = Options { events: 800, span_seconds: HOUR, ahead_seconds: 50 * HOUR, ..Options::new(begin()) };
    let world = world_with(&options, |it| it.records_per_blob = 1);
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.tick().await.unwrap();
    world.minutes(50 * 60);
    // A tick lists nothing, so that the ledger has what there is to list.
    world.script(first(100, "content", &af(401, "AF10001")));
    assert_eq!(delivered(&world.tick().await.unwrap()), 0);
    world.minutes(5);
    world
}

/// The blobs of Exchange there are, the oldest first.
fn of_exchange(world: &World) -> Vec<AvailableBlob> {
    let ledger = world.simulator.ledger();
    let mut blobs: Vec<_> = ledger.blobs().filter(|blob| blob.content_type == ContentType::Exchange).collect();
    blobs.sort_by_key(|blob| blob.created);
    blobs
}

/// So many blobs made available from so many hours after the beginning on.
fn from_hour(world: &World, hour: i64, count: usize) -> Vec<String> {
    let from = begin() + jiff::SignedDuration::from_hours(hour);
    let blobs = of_exchange(world).into_iter().filter(|blob| blob.created >= from);
    blobs.take(count).map(|blob| blob.id).collect()
}

/// In the next tick these are poisoned, whichever way they are listed: from the watermark on, or from the start for
/// a sweep.
fn poison_windows(world: &World, ids: &[String], poison: &Fault) {
    let blobs = of_exchange(world);
    let floor = 60 - DAY;
    let from_watermark = (world.watermark(LogType::Exchange) - 3 * HOUR).max(floor);
    let starts: BTreeSet<_> =
        [floor, from_watermark].iter().flat_map(|from| (0..4).map(move |n| from + n * DAY)).collect();
    let listed = |start: i64| {
        let start = begin() + jiff::SignedDuration::from_secs(start);
        let within = |blob: &&AvailableBlob| (0..DAY).contains(&(blob.created.as_second() - start.as_second()));
        let shown: Vec<_> = blobs.iter().filter(within).cloned().collect();
        let page = Fault::answer(200, items(world, &shown, |blob| ids.contains(&blob.id)));
        let start = start.strftime("startTime=%Y-%m-%dT%H:%M:%S").to_string();
        (1..=3).map(move |number| Scripted::new("content", number, page.clone()).having(start.clone()))
    };
    // A script that differs from the one before begins anew.
    let other = Scripted::new("stop", u64::from(u32::MAX) + world.running.requests(), Fault::Reset);
    world.script(of_poisoned(poison).chain(starts.into_iter().flat_map(listed)).chain([other]).collect());
}

#[tokio::test]
async fn f36_poisoned_blobs_of_two_windows_hold_up_no_third() {
    for (count, poison, needs_person) in [(4, af(401, "AF10001"), true), (12, af(500, "AF50000"), false)] {
        let world = two_days_behind().await;
        let ids = [from_hour(&world, 1, count), from_hour(&world, 30, count)].concat();
        let mut left = Vec::new();
        for _ in 0..6 {
            poison_windows(&world, &ids, &poison);
            let asked = world.asked_of("blob").len();
            let report = world.tick().await.unwrap().remove(0);
            assert_failed(&report, needs_person, "fetching content");
            assert!(report.gaps.is_empty(), "{report:?}");
            // Once all else is delivered, one window's are asked for; with them enough are asked for in vain.
            let asked = world.asked_of("blob").len() - asked;
            assert!(left.len() < 3 || asked <= count * TRIES as usize, "{asked}");
            left.push(lost(&world).len());
            world.minutes(5);
        }
        // Each window is left once while its troubled blobs are new, and no more often.
        assert!(left[0] > 2 * count && left[2..] == [2 * count; 4], "{count}: {left:?}");
        let first = of_exchange(&world).into_iter().find(|blob| blob.id == ids[0]).unwrap();
        assert_eq!(world.watermark(LogType::Exchange), first.created.as_second() - begin().as_second());

        world.script(Vec::new());
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn f36_a_blob_that_is_well_again_is_had_though_more_than_are_asked_for_are_poisoned() {
    let poison = af(500, "AF50000");
    let world = two_days_behind().await;
    let mut ids = from_hour(&world, 1, 14);
    for _ in 0..4 {
        poison_windows(&world, &ids, &poison);
        world.tick().await.unwrap();
        world.minutes(5);
    }
    assert_eq!((lost(&world).len(), world.pending(LogType::Exchange).blobs.len()), (14, 14));
    // Of those that are poisoned ten are asked for in a tick; the last ones, when it is their turn.
    let last = ids.split_off(12);
    for _ in 0..2 {
        poison_windows(&world, &ids, &poison);
        world.tick().await.unwrap();
        world.minutes(5);
    }
    assert_eq!((lost(&world).len(), last.len()), (12, 2));
}

#[tokio::test]
async fn fifty_sources_in_one_process_cost_each_other_nothing() {
    let worlds: Vec<_> = (0..SOURCES).map(source).collect();
    let began = SystemClock.now();
    let run = stream::iter(&worlds).map(|world| async move { tick(&world.worker()).await });
    let reports: Vec<_> = run.buffered(8).collect().await;
    for (number, (world, reports)) in worlds.iter().zip(&reports).enumerate() {
        match number % 10 {
            // No login, no vendor, and a slow vendor.
            3 => assert!(reports.iter().all(|report| report.failure.as_ref().unwrap().needs_person)),
            5 => assert!(reports.iter().all(|report| !report.failure.as_ref().unwrap().needs_person)),
            _ => {
                assert_drained(reports, 20);
                world.assert_exact();
            }
        }
    }
    // The slow ones were waited for, and not one after the other.
    let took = SystemClock.now().duration_since(began);
    assert!(took.as_secs() < 20, "{took}");
}

/// The source of that number: every tenth has a bad secret, a vendor that is down, or one that is slow.
fn source(number: usize) -> World {
    let world = tenant_with(20, |it| match number % 10 {
        3 => it.client_secrets.clear(),
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
