//! Blobs that are expired, missing, on other hosts, or larger than memory.

use std::collections::BTreeMap;
use std::net::TcpListener;

use collector::{BatchLimits, Gap};
use simulators::microsoft365::{AvailableBlob, ContentType, TENANT_ID};

use tests::rig::killable::Died;
use tests::rig::memory_store::{Call, Outcome};

use super::fleet::assert_pending_blob;
use super::*;

/// Lets the next `times` requests for blobs get `fault`. Replaces all earlier scripts.
pub(super) fn next_blobs(world: &World, times: u64, fault: &Fault) {
    world.script(Vec::new());
    // Only a changed script counts its requests from 1 again. So one fault is added that differs at every call and is
    // never reached.
    let other = Scripted::new("stop", u64::from(u32::MAX) + world.running.requests(), Fault::Reset);
    world.script([vec![other], fault_at_first_requests(times, "blob", fault)].concat());
}

/// Returns the available blobs.
fn blobs(world: &World) -> Vec<AvailableBlob> {
    world.simulator.ledger().blobs().collect()
}

/// Returns the only blob that is not delivered.
#[track_caller]
fn lost_blob(world: &World) -> AvailableBlob {
    let result = world.reconcile(&world.running.served()).remove(0);
    let [lost] = &result.lost[..] else { panic!("{result:?}") };
    assert!(result.duplicated.is_empty() && result.unexpected.is_empty(), "{result:?}");
    blob_of(world, lost)
}

/// Returns the blob that contains the record whose canonical form begins with `named`.
pub(super) fn blob_of(world: &World, named: &str) -> AvailableBlob {
    let id = named.split(r#""Id":""#).nth(1).unwrap().split('"').next().unwrap();
    let ledger = world.simulator.ledger();
    let has = |blob: &AvailableBlob| ledger.records_of(blob).any(|record| record.contains(id));
    blobs(world).into_iter().find(has).unwrap()
}

#[track_caller]
pub(super) fn assert_gap(gaps: &[Gap], blob: &AvailableBlob, cause: &str) {
    let [gap] = gaps else { panic!("{gaps:?}") };
    assert_eq!((gap.from, gap.to), (blob.created.as_second(), blob.created.as_second() + 1));
    assert!(gap.cause.contains(&blob.id) && gap.cause.contains(cause), "{gap:?}");
    assert!(gap.cause.contains("microsoft365_audit_exchange"), "{gap:?}");
}

#[tokio::test]
async fn f43_a_blob_that_expired_before_its_fetch_is_a_gap_reported_once_and_the_rest_goes_on() {
    let world = exchange(20);
    next_blobs(&world, 1, &vendor_error(400, "AF20051"));
    let reports = world.tick().await.unwrap();
    let lost = lost_blob(&world);
    assert_gap(&reports[0].gaps, &lost, "expired before it was fetched");
    assert!(reports[0].drained && reports[0].failure.is_none(), "{reports:?}");
    assert_eq!((reports[0].lines.delivered, world.running.requests_of("blob")), (19, 20));
    // The watermark has passed the blob, and it is not requested again although it is listed.
    world.assert_caught_up(LogType::Exchange);
    for _ in 0..3 {
        world.minutes(30);
        assert_drained(&world.tick().await.unwrap(), 0);
    }
    assert_eq!(world.running.requests_of("blob"), 20);
    assert_eq!(world.reconcile(&world.running.served())[0].lines, 19);
}

#[tokio::test]
async fn f43_blobs_that_expire_first_are_fetched_first() {
    const GROUP: usize = 20;
    let world = exchange(3 * GROUP);
    // All listings of the first tick fail, but after its requests the simulator's ledger has the blobs.
    world.script(fault_at_first_requests(100, "content", &vendor_error(401, "AF10001")));
    world.tick().await.unwrap();
    world.minutes(5);
    let mut blobs = blobs(&world);
    // The blobs of the first third expire a day later than usual, and those of the last third within the hour.
    let expires = |number: usize| [8 * DAY, 7 * DAY, HOUR / 2][number / GROUP];
    let item = |(number, blob): (usize, &AvailableBlob)| {
        let expires = blob.created + jiff::SignedDuration::from_secs(expires(number));
        json!({"contentType": "Audit.Exchange", "contentId": blob.id, "contentUri": "",
            "contentCreated": blob.created.to_string(), "contentExpiration": expires.to_string()})
    };
    blobs.sort_by_key(|blob| blob.created);
    let items: Vec<_> = blobs.iter().enumerate().map(item).collect();
    world.script(vec![Scripted::new("content", 1, Fault::answer(200, json!(items).to_string()))]);
    assert_drained(&world.tick().await.unwrap(), 3 * GROUP as u64);
    let expected = [2 * GROUP..3 * GROUP, GROUP..2 * GROUP, 0..GROUP].into_iter().flatten();
    let expected: Vec<_> = expected.map(|number| id_in(&world, &blobs[number])).collect();
    // Blobs are fetched in order, but concurrent fetches may overtake one another.
    for (place, line) in world.lines(LogType::Exchange).iter().enumerate() {
        let wanted = expected.iter().position(|id| *id == line["Id"]).unwrap();
        assert!(wanted.abs_diff(place) <= microsoft365::POLICY.fetches_ahead, "{wanted} is at {place}");
    }
}

/// Returns the id of the one record in the blob.
fn id_in(world: &World, blob: &AvailableBlob) -> Value {
    let record = world.simulator.ledger().records_of(blob).next().unwrap();
    serde_json::from_str::<Value>(&record).unwrap()["Id"].clone()
}

#[tokio::test]
async fn f44_a_blob_that_is_not_found_at_first_is_pending_and_delays_nothing() {
    let world = exchange(20);
    next_blobs(&world, 1, &vendor_error(404, "AF20050"));
    let report = world.tick().await.unwrap().remove(0);
    assert_eq!((report.lines.delivered, report.failure.as_ref(), report.gaps.len()), (19, None, 0));
    let missing = lost_blob(&world);
    assert_pending_blob(&world, &report, &missing);
    world.assert_caught_up(LogType::Exchange);
    // Hourly ticks, each in a new process, run for a day less an hour.
    for _ in 0..23 {
        world.minutes(60);
        next_blobs(&world, 4, &vendor_error(404, "AF20050"));
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!((report.lines.delivered, report.failure.as_ref(), report.gaps.len()), (0, None, 0));
        assert_pending_blob(&world, &report, &missing);
        world.assert_caught_up(LogType::Exchange);
    }
    world.minutes(30);
    world.script(Vec::new());
    assert_eq!(world.drain().await.iter().map(|reports| delivered(reports)).sum::<u64>(), 1);
    world.assert_caught_up(LogType::Exchange);
    assert!(world.pending(LogType::Exchange).is_empty());
    world.assert_exact();
}

#[tokio::test]
async fn f44_a_blob_that_is_not_found_for_a_day_is_one_gap() {
    let world = exchange(20);
    next_blobs(&world, 1, &vendor_error(404, "AF20050"));
    world.tick().await.unwrap();
    let missing = lost_blob(&world);
    for hour in 1..=30 {
        world.minutes(60);
        next_blobs(&world, 4, &vendor_error(404, "AF20050"));
        let report = world.tick().await.unwrap().remove(0);
        assert!(report.failure.is_none() && report.lines.delivered == 0, "{report:?}");
        assert_eq!(report.pending.pending_blobs, u64::from(hour < 24), "hour {hour}");
        match hour {
            24 => assert_gap(&report.gaps, &missing, "was listed but could not be found for 24 hours"),
            _ => assert!(report.gaps.is_empty(), "hour {hour}: {report:?}"),
        }
        world.assert_caught_up(LogType::Exchange);
    }
    assert!(world.pending(LogType::Exchange).is_empty());
    assert_eq!(lost_blob(&world), missing);
}

#[tokio::test]
async fn f44_a_gateways_404_is_no_missing_blob_and_gives_nothing_up() {
    let world = exchange(20);
    let gateway = Fault::answer(404, "<html>404</html>");
    next_blobs(&world, 1, &vendor_error(404, "AF20050"));
    world.tick().await.unwrap();
    let missing = lost_blob(&world);
    for _ in 1..=30 {
        world.minutes(60);
        next_blobs(&world, 4, &gateway);
        let report = world.tick().await.unwrap().remove(0);
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        assert_pending_blob(&world, &report, &missing);
    }
    world.script(Vec::new());
    world.minutes(60);
    assert_drained(&world.tick().await.unwrap(), 1);
    world.assert_exact();
}

#[tokio::test]
async fn f45_the_token_is_sent_to_no_other_host_whatever_a_listing_says() {
    // A second server stands for another host.
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let foreign = format!("http://{}", elsewhere.local_addr().unwrap());
    let world = exchange(6);
    next_blobs(&world, 6, &vendor_error(404, "AF20050"));
    world.tick().await.unwrap();
    world.minutes(5);

    let own = format!("http://{}", world.running.address());
    let uris = [
        format!("{foreign}/api/v1.0/{TENANT_ID}/activity/feed/audit/"),
        format!("{own}/api/v1.0/0a1b2c3d-0000-4000-8000-00000000000f/activity/feed/audit/"),
        format!("{own}@{}/api/v1.0/{TENANT_ID}/activity/feed/audit/", elsewhere.local_addr().unwrap()),
        format!("{own}/{TENANT_ID}/activity/feed/audit/"),
        format!("https://{}/api/v1.0/{TENANT_ID}/activity/feed/audit/", elsewhere.local_addr().unwrap()),
        format!("{own}/api/v1.0/{TENANT_ID}/activity/feed/../../../../audit/"),
    ];
    let item = |(blob, uri): (&AvailableBlob, &String)| {
        json!({"contentType": "Audit.Exchange", "contentId": blob.id, "contentUri": format!("{uri}{}", blob.id),
            "contentCreated": blob.created.to_string(), "contentExpiration": blob.expires.to_string()})
    };
    let items: Vec<_> = blobs(&world).iter().zip(&uris).map(item).collect();
    let link = format!("{foreign}/api/v1.0/{TENANT_ID}/activity/feed/subscriptions/content?nextPage=00x");
    let page = Fault::Answer {
        status: 200,
        headers: vec![("nextpageuri".to_owned(), link)],
        body: json!(items).to_string().into_bytes(),
    };
    // The first page links to another host, where its cursor is unknown, so the window is listed again. The other page
    // has no link; its blobs are on other hosts.
    let alone = Fault::answer(200, json!(items).to_string());
    world.script(vec![Scripted::new("content", 1, page), Scripted::new("content", 3, alone)]);
    assert_drained(&world.tick().await.unwrap(), 6);
    let last = world.received_requests_of("content").len() - 2;
    assert!(
        world.received_requests_of("content")[last].target.contains("nextPage=00x"),
        "{:?}",
        world.received_requests_of("content")
    );
    world.assert_fetched_once();
    world.assert_exact();
    assert!(elsewhere.accept().is_err(), "somebody else was asked");
}

#[tokio::test]
async fn f45_addresses_of_other_hosts_are_rebuilt_from_the_ids() {
    let world = tenant_with(300, |it| it.uri_elsewhere = 1.0);
    assert_drained(&world.tick().await.unwrap(), 300);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f45_a_redirect_is_not_followed_and_needs_no_person() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("http://{}/", elsewhere.local_addr().unwrap());
    for operation in ["subscriptions", "content", "blob", "token"] {
        let world = exchange(5);
        let headers = vec![("location".to_owned(), location.clone())];
        world.script(fault_at_first_requests(
            1_000,
            operation,
            &Fault::Answer { status: 307, headers, body: Vec::new() },
        ));
        let reports = world.tick().await.unwrap();
        if operation == "subscriptions" {
            assert_eq!(reports[0].failure.as_ref(), None);
        } else {
            assert_failed(&reports[0], false, "the answer is a redirect, which is not followed");
            assert_eq!(reports[0].lines.delivered, 0);
        }
        world.script(Vec::new());
        world.minutes(5);
        world.drain().await;
        world.assert_exact();
    }
    assert!(elsewhere.accept().is_err(), "a redirect was followed");
}

#[tokio::test]
async fn f61_a_blob_larger_than_memory_is_taken_in_pieces() {
    const BYTES: usize = 20_000_000;
    let limits = BatchLimits { lines: 300, bytes: 1 << 20, ..BatchLimits::default() };
    let mut world = tenant_with(4_000, |it| it.huge_blob = Some((ContentType::Exchange, BYTES)));
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.settings.batch = limits;
    let reports = world.tick().await.unwrap();
    assert!(reports[0].drained && reports[0].failure.is_none(), "{reports:?}");
    assert!(reports[0].lines.objects > 19, "{} objects", reports[0].lines.objects);
    // No object is longer than a batch and one line, so a tick holds no more of the blob.
    let mut whole = 0;
    for (key, body) in world.store.objects("microsoft365_audit_exchange/") {
        let mut text = Vec::new();
        MultiGzDecoder::new(&body[..]).read_to_end(&mut text).unwrap();
        let longest = text.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
        assert!(text.len() <= limits.bytes + longest && longest < 100_000, "{key}: {}", text.len());
        whole += text.len();
    }
    assert!(whole > BYTES, "{whole}");
    let huge = blobs(&world).iter().map(|blob| (blob.records, blob.id.clone())).max().unwrap();
    assert!(huge.0 > 500, "{huge:?}");
    let lost: BTreeMap<_, _> = world.reconcile(&world.running.served()).into_iter().map(|of| (of.lines, of)).collect();
    assert!(lost.values().all(tests::rig::reconciliation::Reconciliation::is_exact), "{lost:?}");
}

#[tokio::test]
async fn f61_after_a_death_within_a_blob_larger_than_a_batch_the_next_tick_continues() {
    let records: Vec<_> = (0..1_000).map(record).collect();
    let mut world = exchange_of(&records, 1_000);
    world.settings.batch.lines = 100;
    for is_applied in [true, false] {
        world.store.script(move |call, number| match (call, number) {
            (Call::Commit, 3) => Outcome::Dies { is_applied },
            _ => Outcome::Succeeds,
        });
        assert_eq!(world.tick().await, Err(Died));
        world.minutes(5);
    }
    world.store.clear_faults();
    let reports = world.tick().await.unwrap();
    // The first tick committed three objects and the second one two more. It put a third without committing it, and
    // this tick adopts that one.
    let report = &reports[0];
    assert_eq!(
        (report.lines.adopted, report.listed.duplicates, report.lines.delivered, report.drained),
        (100, 600, 400, true)
    );
    world.assert_exact();
}
