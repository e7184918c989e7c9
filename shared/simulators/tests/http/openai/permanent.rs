//! Faults that last: spans that cannot be listed, outages and gateways.

use simulators::openai::{ADMIN_KEY, BrokenSpan};
use simulators::{Fault, Gateway, Outage, Scripted};

use super::{check_answer, get, list_all_pages, options, serve_with, try_get};
use crate::client::send;
use crate::{ManualClock, run};

/// Returns the status of the answer to each query, from a simulator with these broken spans.
fn statuses(spans: Vec<BrokenSpan>, windows: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.broken_spans = spans);
        for window in windows {
            statuses.push(get(&running, window).await.status);
        }
    });
    statuses
}

/// Returns a broken span from 06:00 to 07:00 on 2026-11-22.
fn span(tenant_only: Option<bool>) -> BrokenSpan {
    let [from, to] = ["2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z"].map(|text| text.parse().unwrap());
    BrokenSpan { from, to, status: 500, tenant_only, retry_after_seconds: None }
}

#[test]
fn broken_spans_refuse_every_overlapping_window() {
    let windows = [
        "effective_at[gte]=1795320000&effective_at[lt]=1795327200", // The window ends where the span begins.
        "effective_at[gte]=1795320000&effective_at[lt]=1795327201",
        "effective_at[gte]=1795329000&effective_at[lte]=1795329000",
        "effective_at[gte]=1795330799",
        "effective_at[gte]=1795330800", // The window begins where the span ends.
        "effective_at[gt]=1795330799",
        "effective_at[lt]=1795327200&tenant_only=true",
        "effective_at[lt]=1795330800&tenant_only=true",
        "effective_at[gte]=1795329000&effective_at[lt]=1795329000", // The window is empty.
        "",
    ];
    assert_eq!(statuses(vec![span(None)], &windows), [200, 500, 500, 500, 200, 200, 200, 500, 200, 500]);
}

#[test]
fn broken_spans_may_concern_one_listing_only() {
    let windows = ["", "tenant_only=false", "tenant_only=true"];
    assert_eq!(statuses(vec![span(Some(true))], &windows), [200, 200, 500]);
    assert_eq!(statuses(vec![span(Some(false))], &windows), [500, 500, 200]);
    let second = BrokenSpan { status: 403, ..span(None) };
    assert_eq!(statuses(vec![span(Some(true)), second], &windows), [403, 403, 500]);
}

#[test]
fn broken_spans_answer_with_an_error_of_the_api() {
    for (status, kind) in
        [(400, "invalid_request_error"), (403, "invalid_request_error"), (429, "requests"), (503, "server_error")]
    {
        check_answer(
            |b| b.broken_spans = vec![BrokenSpan { status, ..span(None) }],
            "",
            |answer| {
                assert_eq!((answer.status, answer.headers_named("date").len()), (status, 1));
                assert_eq!(answer.json()["error"]["type"], kind);
            },
        );
    }
}

#[test]
fn an_outage_answers_every_request_with_one_status_for_a_span_of_time() {
    run(async {
        let clock = ManualClock::new();
        let [from, to] = ["2026-11-22T10:00:00Z", "2026-11-24T10:00:00Z"].map(|text| text.parse().unwrap());
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| {
            b.outages = vec![Outage { from, to, status: 503 }];
            b.script = vec![Scripted::new("audit_logs", 2, Fault::answer(418, ""))];
        });
        assert_eq!(get(&running, "").await.status, 200);
        clock.advance(3_600);
        for target in ["/v1/organization/audit_logs", "/v1/none"] {
            let answer = send(running.address(), "GET", target, &[], "").await.unwrap();
            assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (503, Some("server_error")));
        }
        clock.advance(2 * 86_400 - 1);
        assert_eq!(get(&running, "").await.status, 503);
        clock.advance(1);
        assert_eq!(get(&running, "").await.status, 418, "scripts do not count the requests of an outage");
        simulator.change(|b| b.outages = vec![Outage { from, to: jiff::Timestamp::MAX, status: 500 }]);
        clock.advance(365 * 86_400);
        assert_eq!(get(&running, "").await.status, 500);
    });
}

#[test]
fn a_gateway_answers_with_a_page_and_a_date_of_its_own() {
    run(async {
        let clock = ManualClock::new();
        let operation = Some("audit_logs".to_owned());
        let gateway =
            Gateway { operation, share: 1.0, status: 502, body: "<html>".to_owned(), date_offset_seconds: 864_000 };
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.gateway = vec![gateway.clone()]);
        let answer = get(&running, "").await;
        assert_eq!((answer.status, answer.text().as_str()), (502, "<html>"));
        assert_eq!(answer.headers_named("date"), ["Wed, 02 Dec 2026 09:00:00 GMT"]);
        assert_eq!((answer.header("content-type"), answer.header("x-request-id")), (Some("text/html"), None));
        let bearer = format!("Bearer {ADMIN_KEY}");
        let elsewhere = send(running.address(), "GET", "/v1/none", &[("authorization", &bearer)], "").await.unwrap();
        assert_eq!((elsewhere.status, elsewhere.headers_named("date")), (404, vec!["Sun, 22 Nov 2026 09:00:00 GMT"]));
        simulator.change(|b| b.gateway = vec![Gateway { operation: None, share: 0.3, ..gateway }]);
        let mut pages = 0;
        for _ in 0..200 {
            pages += usize::from(try_get(&running, "limit=1").await.unwrap().status == 502);
        }
        assert!((30..90).contains(&pages), "{pages}");
        simulator.change(|b| b.gateway.clear());
        assert!(!list_all_pages(&running, "limit=100").await.is_empty());
    });
}
