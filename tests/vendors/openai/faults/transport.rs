//! Errors of the transport: server errors, broken connections and damaged answers.

use super::*;
use crate::openai::world::event;

/// Calls per page before it is left to the next tick.
const TRIES: u64 = 4;
/// The time of a call, in seconds.
const CALL_SECONDS: f64 = 0.1;

/// Asserts that three failures of a page cost only retries. A fourth failure fails the window, whose halves are then
/// listed in the same tick.
async fn assert_recovers(fault: Fault, says: &str) {
    for page in [1, 3, 5] {
        let world = five_pages();
        world.script(on_page(page, TRIES - 1, &fault));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!((report.listed.duplicates, report.lines.objects, world.watermark()), (0, 1, 0));
        assert_eq!(world.requests(), REQUESTS_WITHOUT_FAULTS + TRIES - 1);
        // Besides the time of the calls, the waits are half a second, one second and two, each with a jitter of up to
        // half of it. If the vendor asks for a wait of one second, there are three such waits with up to a quarter
        // more.
        let waited = world.elapsed() - CALL_SECONDS * REQUESTS_WITHOUT_FAULTS as f64;
        assert!((1.75..4.3).contains(&waited), "{fault:?} on page {page}: {waited}");
        world.assert_exact();

        let world = five_pages();
        world.script(on_page(page, TRIES, &fault));
        let report = world.tick().await.unwrap();
        assert_failed(&report, false, says);
        assert!(report.failure.as_ref().unwrap().message.ends_with("(after 4 tries)"), "{report:?}");
        assert_eq!(
            (report.lines.delivered, report.listed.duplicates),
            (450, 100 * (page - 1)),
            "{fault:?}: {report:?}"
        );
        assert_eq!((world.pending(), world.watermark()), (vec![], 0), "{fault:?} on page {page}");
        // The other listing is not affected.
        assert_eq!(world.head().listings[openai::TENANT].watermark, world.head().floor + DAY);
        // The newer half has all events; the older one has none and is listed in two pieces.
        assert_eq!(world.requests(), page - 1 + TRIES + PAGES + 2 + 1);
        world.minutes(1);
        assert_drained(&world.tick().await.unwrap(), 0);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f03_a_500_with_json_is_retried() {
    let body = r#"{"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}}"#;
    assert_recovers(Fault::answer(500, body), "HTTP 500 server_error").await;
}

#[tokio::test]
async fn f03_a_502_with_html_is_retried() {
    assert_recovers(Fault::answer(502, "<html><body>Bad gateway</body></html>"), "HTTP 502").await;
}

#[tokio::test]
async fn f03_a_503_without_a_body_is_retried() {
    assert_recovers(Fault::answer(503, ""), "HTTP 503").await;
}

#[tokio::test]
async fn f03_a_503_with_retry_after_is_retried_after_that_wait() {
    let headers = vec![("retry-after".to_owned(), "1".to_owned())];
    assert_recovers(Fault::Answer { status: 503, headers, body: b"slow down".to_vec() }, "HTTP 503").await;
}

#[tokio::test]
async fn f03_a_server_that_forbids_retries_gets_none_and_the_halves_of_the_window_are_listed() {
    let world = five_pages();
    let headers = vec![("x-should-retry".to_owned(), "false".to_owned())];
    world.script(on_page(3, 1, &Fault::Answer { status: 500, headers, body: Vec::new() }));
    let report = world.tick().await.unwrap();
    assert_failed(&report, false, "HTTP 500");
    // The requests are three pages, the pages of the newer half, two pieces of the older half, and the tenant's.
    assert_eq!((report.lines.delivered, world.requests()), (450, 3 + PAGES + 2 + 1));
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f03_a_day_that_always_fails_affects_only_itself() {
    // There are two events per hour for a week.
    let world = World::with_events((0..336).map(|number| event(&format!("e-{number}"), -1_800 * number - 1)).collect());
    // Windows grow if they have few events: the first is a day long, the second two days.
    world.simulator.change(|it| it.broken_spans = vec![broken(-6 * DAY, -5 * DAY, 500)]);
    let worker = world.worker().await;
    let report = tick(&worker).await;
    assert_failed(&report, false, "HTTP 500");
    assert_eq!((report.lines.delivered, world.watermark()), (288, 0));
    assert_eq!(world.pending(), [(-6 * DAY, -5 * DAY)]);
    assert_eq!((report.pending.pending_spans, report.pending.pending_blobs), (2, 0), "one of each listing");
    for _ in 0..5 {
        world.minutes(1);
        let report = tick(&worker).await;
        assert_eq!((report.lines.delivered, report.drained, &report.failure), (0, false, &None), "{report:?}");
        assert!(report.pending.pending_reason.is_some_and(|reason| reason.contains("HTTP 500")));
    }
    assert_eq!(world.pending(), [(-6 * DAY, -5 * DAY)]);
    world.simulator.change(|it| it.broken_spans.clear());
    assert_eq!(world.drain().await.iter().map(|report| report.lines.delivered).sum::<u64>(), 48);
    assert_eq!(world.pending(), []);
    world.assert_exact();
}

#[tokio::test]
async fn f04_a_connection_closed_before_the_answer_is_retried() {
    assert_recovers(Fault::Reset, "no answer").await;
}

#[tokio::test]
async fn f04_an_answer_that_breaks_off_is_retried() {
    assert_recovers(Fault::Cut, "answer").await;
}

#[tokio::test]
async fn f04_half_a_page_in_a_whole_answer_is_no_page() {
    // None of these events is in the vendor's log, so the bucket would reveal them.
    let foreign = event("foreign", -30);
    let half = format!(r#"{{"object":"list","data":[{foreign},{{"id":"foreign-2","ty"#);
    assert_recovers(Fault::answer(200, half), "not a list of events").await;
    let second_half_of_two = format!("{{\"data\":[{foreign}],\"has_more\":false}}\n{{\"data\":[");
    assert_recovers(Fault::answer(200, second_half_of_two), "not a list of events").await;
}

#[tokio::test]
async fn f05_several_documents_in_one_answer_are_one_page() {
    for withheld in [0.0, 1.0] {
        let world = five_pages();
        world.simulator.change(|it| (it.several_documents, it.edge_ids_withheld) = (1.0, withheld));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!(
            (report.listed.duplicates, report.listed.pages, world.requests()),
            (0, REQUESTS_WITHOUT_FAULTS, REQUESTS_WITHOUT_FAULTS)
        );
        assert_eq!(world.watermark(), 0);
        world.assert_exact();
    }
}
