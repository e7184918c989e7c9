//! Faults: throttling, server errors, and faults of the connection.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use simulators::openai::{ADMIN_KEY, QuotaCode};
use simulators::{Fault, Scripted};

use super::{PATH, check_answer, get, list_all_pages, options, serve_with, try_get};
use crate::client::send;
use crate::{ManualClock, run};

#[test]
fn b25_a_429_has_a_retry_after_or_none() {
    for (retry_after_seconds, header, reset) in
        [(Some(1), Some("1"), "1s"), (Some(90), Some("90"), "1m30s"), (None, None, "1s")]
    {
        check_answer(
            |b| (b.throttled, b.retry_after_seconds) = (1.0, retry_after_seconds),
            "",
            |answer| {
                assert_eq!((answer.status, answer.header("retry-after")), (429, header));
                assert_eq!(answer.header("x-ratelimit-reset-requests"), Some(reset));
                assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
            },
        );
    }
}

#[test]
fn b25_a_429_for_lack_of_credit_names_no_wait() {
    for (quota_code, code) in [
        (QuotaCode::InsufficientQuota, "insufficient_quota"),
        (QuotaCode::CreditBalanceExhausted, "credit_balance_exhausted"),
    ] {
        check_answer(
            |b| (b.quota_exhausted, b.quota_code) = (1.0, quota_code),
            "",
            |answer| {
                assert_eq!((answer.status, answer.header("retry-after")), (429, None));
                assert_eq!(answer.json()["error"]["code"], code);
            },
        );
    }
}

#[test]
fn b25_a_burst_is_throttled_until_the_minute_is_over() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.per_minute = Some(3));
        clock.advance(20);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let answer = get(&running, "limit=1").await;
            let left = answer.header("x-ratelimit-remaining-requests").unwrap().to_owned();
            assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("3"));
            assert_eq!(answer.header("x-ratelimit-reset-requests"), Some("40s"));
            seen.push((answer.status, left, answer.header("retry-after").map(str::to_owned)));
        }
        let left = |left: &str| (200, left.to_owned(), None);
        assert_eq!(seen, [left("2"), left("1"), left("0"), (429, "0".to_owned(), Some("40".to_owned()))]);
        clock.advance(40);
        assert_eq!(get(&running, "limit=1").await.status, 200);
    });
}

#[test]
fn b26_every_reply_has_a_request_id_of_its_own() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |_| {});
        simulator.change(|b| {
            let teapot = Fault::answer(418, "");
            b.script = vec![Scripted::new("audit_logs", 4, Fault::ServerError), Scripted::new("audit_logs", 5, teapot)];
        });
        let mut ids = BTreeSet::new();
        let mut statuses = Vec::new();
        for (target, key) in [
            ("/v1/none", ADMIN_KEY),
            (PATH, "none"),
            (PATH, ADMIN_KEY),
            ("/v1/organization/audit_logs?limit=0", ADMIN_KEY),
            (PATH, ADMIN_KEY),
            (PATH, ADMIN_KEY),
        ] {
            let bearer = format!("Bearer {key}");
            let answer = send(running.address(), "GET", target, &[("authorization", &bearer)], "").await.unwrap();
            statuses.push(answer.status.min(500));
            assert!(answer.header("openai-processing-ms").unwrap().parse::<u32>().is_ok());
            ids.insert(answer.header("x-request-id").unwrap().to_owned());
        }
        assert_eq!(statuses, [404, 401, 200, 400, 500, 418]);
        assert_eq!(ids.len(), 6);
    });
}

#[test]
fn b27_server_errors_have_every_status_and_body() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.transport.server_error = 1.0);
        let mut kinds: BTreeMap<(u16, &str), usize> = BTreeMap::new();
        let mut waits = BTreeSet::new();
        for _ in 0..120 {
            let answer = get(&running, "").await;
            let body = match answer.header("content-type") {
                Some("application/json") => {
                    assert_eq!(answer.header("x-should-retry"), Some("true"));
                    assert_eq!(answer.json()["error"]["type"], "server_error");
                    "json"
                }
                Some("text/html") if answer.text().starts_with("<html>") => "html",
                None if answer.body.is_empty() => "empty",
                other => panic!("{other:?}"),
            };
            *kinds.entry((answer.status, body)).or_default() += 1;
            waits.insert((answer.status, answer.header("retry-after").map(str::to_owned)));
        }
        let all = [500, 502, 503].into_iter().flat_map(|status| ["empty", "html", "json"].map(|body| (status, body)));
        assert!(kinds.keys().copied().eq(all), "{kinds:?}");
        let one = Some("1".to_owned());
        assert_eq!(waits, BTreeSet::from([(500, None), (502, None), (503, None), (503, one)]));
    });
}

#[test]
fn b28_a_body_of_several_documents_is_one_page() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.several_documents = 1.0);
        let answer = get(&running, "limit=30").await;
        let documents: Vec<Value> =
            serde_json::Deserializer::from_slice(&answer.body).into_iter().collect::<Result<_, _>>().unwrap();
        assert!((2..=3).contains(&documents.len()) && answer.text().lines().count() == documents.len());
        assert!(documents.iter().all(|document| document["has_more"] == true));
        let events: Vec<_> =
            documents.iter().flat_map(|document| document["data"].as_array().unwrap().clone()).collect();
        let several = list_all_pages(&running, "limit=30").await;
        simulator.change(|b| b.several_documents = 0.0);
        assert_eq!(json!(events), get(&running, "limit=30").await.json()["data"]);
        assert_eq!(several, list_all_pages(&running, "limit=30").await);
    });
}

#[test]
fn b29_a_connection_may_break_before_or_within_the_answer() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.transport.reset = 1.0);
        assert!(try_get(&running, "").await.is_err());
        simulator.change(|b| (b.transport.reset, b.transport.cut) = (0.0, 1.0));
        for chunked in [0.0, 1.0] {
            simulator.change(|b| b.transport.chunked = chunked);
            assert!(try_get(&running, "").await.is_err());
        }
        simulator.change(|b| b.transport.cut = 0.0);
        let answer = get(&running, "limit=100").await;
        assert_eq!((answer.header("transfer-encoding"), answer.header("content-length")), (Some("chunked"), None));
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(100));
    });
}

#[test]
fn b29_answers_are_compressed_if_the_client_accepts_gzip() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.transport.gzip = 1.0);
        let plain = get(&running, "limit=100").await;
        assert_eq!(plain.header("content-encoding"), None);
        let bearer = format!("Bearer {ADMIN_KEY}");
        let headers = [("authorization", bearer.as_str()), ("accept-encoding", "br, gzip")];
        let target = format!("{PATH}?limit=100");
        let answer = send(running.address(), "GET", &target, &headers, "").await.unwrap();
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let mut body = Vec::new();
        GzDecoder::new(&answer.body[..]).read_to_end(&mut body).unwrap();
        assert!(body == plain.body && answer.body.len() < body.len() / 2);
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a slow answer is slow on the wire")]
fn b29_an_answer_may_be_delayed() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.transport.delay = Duration::from_millis(60));
        let requested = Instant::now();
        assert_eq!(get(&running, "").await.status, 200);
        assert!(requested.elapsed() >= Duration::from_millis(60));
    });
}
