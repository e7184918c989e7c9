//! Blobs whose body breaks off, is damaged, or is not a JSON array of records.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use simulators::microsoft365::{AvailableBlob, TENANT_ID};

use super::blobs::{assert_gap, blob_of, next_blobs};
use super::fleet::{assert_pending_blob, poisoned};
use super::*;

const BROKEN: &[u8] = br#"[{"Id":"a","CreationTime":"2026-11-22T05:00:00"},{"Id":"b", oops"#;

#[tokio::test]
async fn f51_a_blob_that_breaks_off_is_fetched_again_and_delivered_once() {
    for (records_per_blob, fault) in
        [(100, Fault::Cut), (100, Fault::answer(200, BROKEN)), (1, Fault::Cut), (1, Fault::Reset)]
    {
        let world = exchange_of(&(0..300).map(record).collect::<Vec<_>>(), records_per_blob);
        next_blobs(&world, 1, &fault);
        let first = world.tick().await.unwrap().remove(0);
        assert!(first.gaps.is_empty() && first.lines.rejected == 0, "{first:?}");
        if let Some(failure) = &first.failure {
            assert!(!failure.needs_person && failure.message.contains("fetching content"), "{failure:?}");
        }
        world.minutes(5);
        let second = world.tick().await.unwrap().remove(0);
        assert!(second.drained && second.failure.is_none() && second.gaps.is_empty(), "{second:?}");
        world.assert_caught_up(LogType::Exchange);
        if fault == Fault::answer(200, BROKEN) {
            // The broken answer has one whole record that no blob of the vendor has, so there is one line more.
            assert_eq!(first.lines.delivered + second.lines.delivered, 301);
            let result = world.reconcile(&world.running.served()).remove(0);
            assert_eq!((result.lost.len(), result.duplicated.len(), result.unexpected.len()), (0, 0, 1));
        } else {
            assert_eq!(first.lines.delivered + second.lines.delivered, 300);
            world.assert_exact();
        }
    }
}

#[tokio::test]
async fn f52_a_blob_that_stays_broken_is_kept_raw_after_a_day_and_is_one_gap() {
    let world = exchange(20);
    next_blobs(&world, 1, &Fault::answer(200, BROKEN));
    let reports = world.tick().await.unwrap();
    // The blob has one whole record, which is delivered like any other, and the other 19 blobs are delivered too.
    assert_eq!((reports[0].lines.delivered, reports[0].listed.blobs, reports[0].lines.rejected), (20, 19, 0));
    let lost = lost_blob_beside_unserved_line(&world);
    assert_kept_raw_after_a_day(&world, &lost, &Fault::answer(200, BROKEN), BROKEN).await;
}

#[tokio::test]
async fn f52_a_body_that_is_no_array_is_kept_raw_after_a_day_and_is_one_gap() {
    let object = record(9_999).to_string();
    let long = format!("{{\"of\": \"{}\"}}", "o".repeat(300_000));
    let bodies =
        ["", "\u{feff} \r\n", "<html>We are sorry</html>", "AF but no code", r#"{"Message":"canary"}"#, &object, &long];
    for body in bodies {
        let fault = Fault::answer(200, body);
        let (world, lost, _) = poisoned(20, &fault).await;
        let reports = world.tick().await.unwrap();
        assert_eq!(
            (reports[0].lines.delivered, reports[0].listed.blobs, reports[0].lines.rejected),
            (19, 19, 0),
            "{body:.50}"
        );
        assert!(reports[0].failure.is_none() && reports[0].gaps.is_empty(), "{reports:?}");
        assert_kept_raw_after_a_day(&world, &lost, &fault, body.as_bytes()).await;
        assert_eq!(world.lines(LogType::Exchange).len(), 19);
    }
}

/// Creates an answer whose header says that these bytes are compressed with gzip.
fn compressed(bytes: &[u8]) -> Fault {
    let headers = vec![("content-encoding".to_owned(), "gzip".to_owned())];
    Fault::Answer { status: 200, headers, body: bytes.to_vec() }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn f52_a_damaged_gzip_blob_is_kept_as_far_as_it_decompresses() {
    let record = record(3).to_string();
    let whole = gzip(&format!("[{record}]"));
    // The bytes are no gzip, gzip that is cut off, or gzip with a wrong checksum.
    let (mut cut, mut wrong) = (whole.clone(), whole.clone());
    cut.truncate(cut.len() - 20);
    let at = wrong.len() - 8;
    wrong[at] ^= 1;
    for (bytes, begins, events) in [(b"no gzip".to_vec(), "", 0), (cut, "[{", 0), (wrong, "[{", 1)] {
        let fault = compressed(&bytes);
        let (world, lost, _) = poisoned(20, &fault).await;
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!(
            (report.lines.delivered, report.listed.blobs, report.lines.rejected),
            (19 + events, 19, 0),
            "{begins}: {report:?}"
        );
        assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
        let text = if begins.is_empty() { String::new() } else { format!("[{record}]") };
        let raw = if events == 1 { text.as_str() } else { &text[..text.len().saturating_sub(12)] };
        assert_kept_raw_after_a_day(&world, &lost, &fault, raw.as_bytes()).await;
    }
}

#[tokio::test]
async fn f52_a_connection_that_breaks_off_gives_up_nothing() {
    let (world, blob, _) = poisoned(5, &Fault::Cut).await;
    let report = world.tick().await.unwrap().remove(0);
    assert!(report.lines.delivered == 4 && report.failure.is_some(), "{report:?}");
    for _ in 0..6 {
        world.minutes(6 * 60);
        next_blobs(&world, 4, &Fault::Cut);
        let report = world.tick().await.unwrap().remove(0);
        assert!(report.failure.is_none() && report.gaps.is_empty() && report.lines.rejected == 0, "{report:?}");
        assert_pending_blob(&world, &report, &blob);
    }
    world.script(Vec::new());
    world.minutes(5);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f52_an_error_body_never_counts_as_content_however_often_it_is_sent() {
    let error = Fault::answer(200, r#"{"error":{"code":"Unheard","message":"of"}}"#);
    let (world, blob, _) = poisoned(5, &error).await;
    let report = world.tick().await.unwrap().remove(0);
    assert_failed(&report, false, "HTTP 200: the answer is not what was asked for");
    assert_eq!(report.lines.delivered, 4);
    for _ in 0..6 {
        world.minutes(6 * 60);
        next_blobs(&world, 4, &error);
        let report = world.tick().await.unwrap().remove(0);
        assert!(report.failure.is_none() && report.gaps.is_empty() && report.lines.rejected == 0, "{report:?}");
        assert_pending_blob(&world, &report, &blob);
        assert!(report.pending.pending_reason.unwrap().contains("HTTP 200"));
    }
    world.script(Vec::new());
    world.minutes(60);
    assert_drained(&world.tick().await.unwrap(), 1);
    world.assert_exact();
}

/// Runs hourly ticks for 30 hours in which the blob stays unreadable. Asserts that it is pending for a day, is then
/// given up with one gap and kept raw under `rejected/`, and delays nothing meanwhile.
async fn assert_kept_raw_after_a_day(world: &World, lost: &AvailableBlob, fault: &Fault, raw: &[u8]) {
    world.assert_caught_up(LogType::Exchange);
    for hour in 1..=30 {
        world.minutes(60);
        next_blobs(world, 4, fault);
        let report = world.tick().await.unwrap().remove(0);
        assert_eq!((report.lines.delivered, report.lines.rejected), (0, u64::from(hour == 24)), "hour {hour}");
        world.assert_caught_up(LogType::Exchange);
        let kept = world.store.objects("rejected/microsoft365_audit_exchange/");
        if hour < 24 {
            assert!(kept.is_empty() && report.gaps.is_empty() && report.failure.is_none(), "hour {hour}: {report:?}");
            assert_pending_blob(world, &report, lost);
            continue;
        }
        let [(_, kept)] = &kept[..] else { panic!("hour {hour}: {} are kept", kept.len()) };
        let kept: Value = serde_json::from_slice(kept).unwrap();
        assert_eq!((&kept["raw"], &kept["source"]), (&json!(String::from_utf8_lossy(raw)), &json!(TENANT_ID)));
        match hour {
            24 => assert_gap(&report.gaps, lost, "is not a JSON array for 24 hours"),
            _ => assert!(report.gaps.is_empty(), "hour {hour}: {report:?}"),
        }
        assert!(report.drained && report.pending.is_empty(), "hour {hour}: {report:?}");
    }
}

/// Returns the only blob that is not delivered, in a bucket that also has one line that the vendor never served.
fn lost_blob_beside_unserved_line(world: &World) -> AvailableBlob {
    let result = world.reconcile(&world.running.served()).remove(0);
    assert_eq!((result.lost.len(), result.unexpected.len()), (1, 1), "{result:?}");
    blob_of(world, &result.lost[0])
}

#[tokio::test]
async fn f54_an_error_with_status_200_counts_as_an_error() {
    for operation in ["content", "blob", "subscriptions"] {
        let world = exchange(20);
        world.script(fault_at_first_requests(2, operation, &vendor_error(200, "AF50000")));
        assert_drained(&world.tick().await.unwrap(), 20);
        world.assert_exact();

        let world = exchange(20);
        world.script(fault_at_first_requests(100, operation, &vendor_error(200, "AF10001")));
        let reports = world.tick().await.unwrap();
        if operation != "subscriptions" {
            assert_failed(&reports[0], true, "HTTP 200 AF10001: the app registration lacks a permission");
            assert_eq!(reports[0].lines.delivered, 0);
        }
        world.script(Vec::new());
        world.minutes(5);
        world.drain().await;
        world.assert_exact();
    }
}

#[tokio::test]
async fn f54_repeated_errors_with_status_200_lose_nothing() {
    let world = tenant_with(300, |it| it.error_in_ok = 0.2);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a8_a_record_that_lacks_its_brace_is_rejected_and_the_rest_of_its_blob_delivered() {
    let records: Vec<_> = (0..40).map(record).collect();
    let world = exchange_of(&records, 10);
    world.simulator.change(|it| it.broken_record = 1.0);
    let reports = world.tick().await.unwrap();
    assert!(reports[0].drained && reports[0].failure.is_none(), "{reports:?}");
    assert_eq!((reports[0].lines.delivered, reports[0].lines.rejected, reports[0].listed.blobs), (36, 4, 4));
    // No blob is fetched again.
    world.minutes(5);
    let again = world.tick().await.unwrap();
    assert_eq!((again[0].lines.delivered, again[0].lines.rejected), (0, 0));
    assert_eq!(world.running.requests_of("blob"), 4);
    assert_eq!(world.lines(LogType::Exchange).len(), 36);
}
