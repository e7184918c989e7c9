//! Answers that are not what was asked for, or no answers at all.

use super::*;
use crate::openai::world::event;

/// Calls that are made for one page before it is left to the next tick.
const TRIES: u64 = 4;
/// What a call takes, in seconds.
const PACE: f64 = 0.1;

/// Two failures of a page heal within the tick; a page that fails for good costs itself and what comes after it in
/// its window, until the next tick.
async fn passes(fault: Fault, says: &str) {
    for page in [1, 3, 5] {
        let world = five_pages();
        world.script(on_page(page, TRIES - 1, &fault));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!((report.listed.duplicates, report.lines.objects, world.watermark()), (0, 1, 0));
        assert_eq!(world.requests(), HEALTHY + TRIES - 1);
        // Half a second, one and two, each less up to a half, beside what the calls took; where the vendor
        // names a wait of a second, three of these and a quarter.
        let waited = world.elapsed() - PACE * HEALTHY as f64;
        assert!((1.75..4.3).contains(&waited), "{fault:?} on page {page}: {waited}");
        world.assert_exact();

        let world = five_pages();
        world.script(on_page(page, TRIES, &fault));
        let report = world.tick().await.unwrap();
        assert_failed(&report, false, says);
        assert!(report.failure.as_ref().unwrap().message.ends_with("(after 4 tries)"), "{report:?}");
        assert_eq!((report.lines.delivered, world.watermark()), (100 * (page - 1), -DAY), "{fault:?} on page {page}");
        // The other listing is not to blame.
        assert_eq!(world.head().listings[openai::TENANT].watermark, world.head().floor + DAY);
        assert_eq!(world.requests(), page + TRIES);
        let reports = world.drain().await;
        assert_eq!(reports.len(), 1);
        assert_drained(&reports[0], 450 - 100 * (page - 1));
        world.assert_exact();
    }
}

#[tokio::test]
async fn f03_a_500_with_json() {
    let body = r#"{"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}}"#;
    passes(Fault::answer(500, body), "HTTP 500 server_error").await;
}

#[tokio::test]
async fn f03_a_502_with_html() {
    passes(Fault::answer(502, "<html><body>Bad gateway</body></html>"), "HTTP 502").await;
}

#[tokio::test]
async fn f03_a_503_with_nothing() {
    passes(Fault::answer(503, ""), "HTTP 503").await;
}

#[tokio::test]
async fn f03_a_503_that_names_a_wait() {
    let headers = vec![("retry-after".to_owned(), "1".to_owned())];
    passes(Fault::Answer { status: 503, headers, body: b"slow down".to_vec() }, "HTTP 503").await;
}

#[tokio::test]
async fn f03_a_server_that_asks_not_to_be_asked_again_is_left_to_the_next_tick() {
    let world = five_pages();
    let headers = vec![("x-should-retry".to_owned(), "false".to_owned())];
    world.script(on_page(3, 1, &Fault::Answer { status: 500, headers, body: Vec::new() }));
    let report = world.tick().await.unwrap();
    assert_failed(&report, false, "HTTP 500");
    assert_eq!((report.lines.delivered, world.requests()), (200, 4));
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn f03_a_window_that_fails_for_good_costs_only_itself() {
    // Two events an hour, for a week.
    let world = World::of((0..336).map(|number| event(&format!("e-{number}"), -1_800 * number - 1)).collect());
    let begin = crate::openai::world::begin().as_second();
    // Windows grow where there is little: the first is a day long, the second twice that. It fails, and is cut
    // until nothing but what fails is left out.
    let second = format!("effective_at[gte]={}", begin - 6 * DAY);
    let broken = |number| at(number, &second, Fault::answer(500, "")).having("tenant_only=false");
    world.script((1..=2 * TRIES).map(broken).collect());
    let worker = world.worker().await;
    for (tries, delivered) in [(TRIES, 240), (2 * TRIES, 48)] {
        let report = tick(&worker).await;
        assert_failed(&report, false, "HTTP 500");
        assert_eq!((report.lines.delivered, world.watermark()), (delivered, -6 * DAY));
        let of_it = world.running.asked().into_iter().filter(|asked| asked.status == Some(500));
        assert_eq!(of_it.count() as u64, tries);
        world.minutes(1);
    }
    let report = tick(&worker).await;
    assert_drained(&report, 48);
    assert!(world.watermark() >= 120);
    world.assert_exact();
}

#[tokio::test]
async fn f04_a_connection_that_is_closed_before_the_answer() {
    passes(Fault::Reset, "no answer").await;
}

#[tokio::test]
async fn f04_an_answer_that_breaks_off() {
    passes(Fault::Cut, "answer").await;
}

#[tokio::test]
async fn f04_half_a_page_in_a_whole_answer_is_no_page() {
    // None of these events is in the vendor's log: they would be found out in the bucket.
    let foreign = event("foreign", -30);
    let half = format!(r#"{{"object":"list","data":[{foreign},{{"id":"foreign-2","ty"#);
    passes(Fault::answer(200, half), "not a list of events").await;
    let second_half_of_two = format!("{{\"data\":[{foreign}],\"has_more\":false}}\n{{\"data\":[");
    passes(Fault::answer(200, second_half_of_two), "not a list of events").await;
}

#[tokio::test]
async fn f05_several_documents_in_one_answer_are_one_page() {
    for withheld in [0.0, 1.0] {
        let world = five_pages();
        world.simulator.change(|it| (it.several_documents, it.edge_ids_withheld) = (1.0, withheld));
        let report = world.tick().await.unwrap();
        assert_drained(&report, 450);
        assert_eq!((report.listed.duplicates, report.listed.pages, world.requests()), (0, HEALTHY, HEALTHY));
        assert_eq!(world.watermark(), 0);
        world.assert_exact();
    }
}
