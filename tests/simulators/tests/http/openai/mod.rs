//! The audit logs API.

mod records;
mod script;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use simulators::openai::{
    ADMIN_KEY, AuditLogging, BASE_PATH, Behaviours, EdgeIds, Key, OpenAiSimulator, UnknownCursor,
};
use simulators::{Faults, Options, Running};

use crate::client::{Answer, send};
use crate::{Hand, run};

const PATH: &str = "/v1/organization/audit_logs";

fn options(hand: &Hand) -> Options {
    Options { events: 400, ..Options::new(hand.now()) }
}

async fn ask(running: &Running, query: &str) -> std::io::Result<Answer> {
    let target = format!("{BASE_PATH}/organization/audit_logs?{query}");
    send(running.address(), "GET", &target, &[("authorization", &format!("Bearer {ADMIN_KEY}"))], "").await
}

async fn get(running: &Running, query: &str) -> Answer {
    ask(running, query).await.unwrap()
}

/// All events of a listing, page by page, as raw text.
async fn walk(running: &Running, query: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    for _ in 0..1_000 {
        let after = events.last().map_or_else(String::new, |event| format!("&after={}", event["id"].as_str().unwrap()));
        let answer = get(running, &format!("{query}{after}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut more = false;
        for document in serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>() {
            let mut document = document.unwrap();
            let page = document["data"].take();
            events.extend(page.as_array().unwrap().iter().cloned());
            more = document["has_more"].as_bool().unwrap();
        }
        if !more {
            return events;
        }
    }
    panic!("a thousand pages and no end");
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn served(running: &Running) -> BTreeMap<String, Value> {
    let served = running.served().into_iter();
    served.map(|event| (event.identity, serde_json::from_str(&event.raw).unwrap())).collect()
}

#[test]
fn both_listings_together_are_the_ledger() {
    run(async {
        let hand = Hand::new();
        let running = OpenAiSimulator::start(options(&hand), 0, hand.clock()).unwrap();
        let early = [walk(&running, "limit=7").await, walk(&running, "limit=100&tenant_only=true").await].concat();
        assert!(running.pending() > 0, "nothing is late");
        hand.pass(5);
        let all = [walk(&running, "limit=7").await, walk(&running, "limit=100&tenant_only=true").await].concat();
        assert_eq!(running.pending(), 0);
        assert!(early.len() < all.len());
        assert_eq!((all.len(), ids(&all).len()), (400, 400));
        let listed: BTreeMap<_, _> =
            all.iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event.clone())).collect();
        assert_eq!(served(&running), listed);
        assert_eq!(running.counts(), [("OpenAI.Audit", 400)]);
        assert!(running.requests() > 60);
        running.stop().await;
    });
}

#[test]
fn what_is_listed_has_the_documented_shape() {
    run(async {
        let hand = Hand::new();
        let running = OpenAiSimulator::start(options(&hand), 0, hand.clock()).unwrap();
        let events = walk(&running, "limit=100").await;
        let seconds: Vec<_> = events.iter().map(|event| event["effective_at"].as_i64().unwrap()).collect();
        assert!(seconds.is_sorted_by(|one, next| one >= next));
        let crowd = seconds.chunk_by(|one, next| one == next).map(<[i64]>::len).max();
        assert!(crowd > Some(20), "{crowd:?} events in the fullest second");
        let types: HashSet<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert!(types.len() > 50, "{}", types.len());
        assert!(events.iter().all(|event| event["object"] == "organization.audit_log"));
        let created = events.iter().find(|event| event["type"] == "api_key.created").unwrap();
        assert!(created["api_key.created"]["data"]["scopes"].is_array(), "{created}");
        assert!(
            events
                .iter()
                .filter(|event| event["type"] == "login.succeeded")
                .all(|event| event.get("login.succeeded").is_none())
        );
        let answer = get(&running, "limit=3").await;
        let page = answer.json();
        assert_eq!((&page["object"], &page["has_more"]), (&json!("list"), &json!(true)));
        assert_eq!((&page["first_id"], &page["last_id"]), (&page["data"][0]["id"], &page["data"][2]["id"]));
        assert!(answer.header("x-request-id").is_some() && answer.header("openai-processing-ms").is_some());
        assert_eq!(answer.header("date"), Some("Sun, 22 Nov 2026 09:00:00 GMT"));
    });
}

#[test]
fn the_exact_boundary_has_no_more() {
    run(async {
        let hand = Hand::new();
        let record =
            |number: i64| json!({"id": format!("e{number}"), "type": "user.added", "effective_at": number}).to_string();
        let records = Some((0..40).map(record).collect());
        let running = OpenAiSimulator::start(Options { records, ..options(&hand) }, 0, hand.clock()).unwrap();
        assert_eq!(get(&running, "limit=40").await.json()["has_more"], false);
        assert_eq!(get(&running, "limit=39").await.json()["has_more"], true);
        assert_eq!(get(&running, "limit=20&after=e20").await.json()["has_more"], false);
        let empty = get(&running, "effective_at[gte]=40").await.json();
        assert_eq!(empty, json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false}));
        assert_eq!(running.served().len(), 40);
    });
}

#[test]
fn err_statuses_and_the_parameter_at_fault() {
    run(async {
        let hand = Hand::new();
        let running = OpenAiSimulator::start(options(&hand), 0, hand.clock()).unwrap();
        for (query, param) in [("limit=0", "limit"), ("after=no", "after"), ("event_types=user.added", "event_types")] {
            let answer = get(&running, query).await;
            assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!(param)));
        }
        let bearer = format!("Bearer {ADMIN_KEY}");
        for (method, target, authorization, status) in [
            ("GET", "/v1/organization/users", bearer.as_str(), 404),
            ("POST", PATH, &bearer, 405),
            ("GET", PATH, "Bearer sk-admin-unknown", 401),
            ("GET", PATH, "Basic eDp5", 401),
        ] {
            let answer =
                send(running.address(), method, target, &[("authorization", authorization)], "").await.unwrap();
            assert_eq!(answer.status, status, "{target}");
            assert!(answer.json()["error"]["message"].is_string() && answer.header("x-request-id").is_some());
        }
    });
}

/// What one change of behaviour does to the first page.
fn check(change: impl FnOnce(&mut Behaviours), query: &str, expect: impl FnOnce(Answer)) {
    run(async {
        let hand = Hand::new();
        let simulator = OpenAiSimulator::new(&options(&hand), hand.clock()).unwrap();
        simulator.change(change);
        let running = simulator.serve(0).unwrap();
        expect(get(&running, query).await);
    });
}

#[test]
fn behaviours_one_by_one() {
    check(
        |b| b.keys = vec![Key { until: Timestamp::UNIX_EPOCH, ..Key::new(ADMIN_KEY) }],
        "",
        |answer| {
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_api_key")));
        },
    );
    check(
        |b| b.keys = vec![Key { may_read_audit_logs: false, ..Key::new(ADMIN_KEY) }],
        "",
        |answer| {
            assert!(
                answer.status == 401
                    && answer.text().contains("api.audit_logs.read")
                    && answer.json()["error"]["code"].is_null()
            );
        },
    );
    check(
        |b| (b.keys, b.error_as_string) = (Vec::new(), 1.0),
        "",
        |answer| assert!(answer.json()["error"].is_string()),
    );
    check(|b| b.audit_logging = AuditLogging::OffEmpty, "", |answer| assert_eq!(answer.json()["data"], json!([])));
    check(|b| b.audit_logging = AuditLogging::OffForbidden, "", |answer| assert_eq!(answer.status, 403));
    check(|b| b.unknown_cursor = UnknownCursor::NotFound, "after=no", |answer| assert_eq!(answer.status, 404));
    check(
        |b| b.unknown_cursor = UnknownCursor::FirstPage,
        "after=no",
        |answer| {
            assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(20));
        },
    );
    check(
        |b| (b.edge_ids, b.edge_ids_withheld) = (EdgeIds::Null, 1.0),
        "",
        |answer| {
            assert_eq!((&answer.json()["last_id"], &answer.json()["has_more"]), (&Value::Null, &json!(true)));
        },
    );
    check(
        |b| (b.edge_ids, b.edge_ids_withheld) = (EdgeIds::Absent, 1.0),
        "",
        |answer| {
            assert_eq!(answer.json().get("last_id"), None);
        },
    );
    check(
        |b| b.short_pages = 1.0,
        "limit=100",
        |answer| {
            assert!(answer.json()["data"].as_array().unwrap().len() < 100 && answer.json()["has_more"] == true);
        },
    );
    check(|b| b.tenant_only_refused = Some(403), "tenant_only=true", |answer| assert_eq!(answer.status, 403));
    check(|b| b.tenant_only_refused = Some(403), "", |answer| assert_eq!(answer.status, 200));
    check(|b| b.kept_since = Timestamp::MAX, "", |answer| assert_eq!(answer.json()["data"], json!([])));
    check(
        |b| b.throttled = 1.0,
        "",
        |answer| {
            assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
            assert_eq!(answer.header("x-ratelimit-reset-requests"), Some("1s"));
        },
    );
    check(
        |b| b.per_minute = Some(0),
        "",
        |answer| assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60"))),
    );
    check(
        |b| b.quota_exhausted = 1.0,
        "",
        |answer| {
            assert_eq!((answer.status, answer.header("retry-after")), (429, None));
            assert_eq!(answer.json()["error"]["code"], "insufficient_quota");
        },
    );
    check(
        |b| b.several_documents = 1.0,
        "",
        |answer| {
            assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "one document only");
        },
    );
    check(
        |b| b.transport.chunked = 1.0,
        "",
        |answer| {
            assert_eq!(
                (answer.header("transfer-encoding"), &answer.json()["object"]),
                (Some("chunked"), &json!("list"))
            );
        },
    );
    check(|b| b.transport.server_error = 1.0, "", |answer| assert!(answer.status >= 500));
}

#[test]
fn the_same_seed_is_the_same_story() {
    let story = |seed| {
        let mut story = Vec::new();
        run(async {
            let hand = Hand::new();
            let options = Options { seed, faults: Faults::Storm, ..options(&hand) };
            let running = OpenAiSimulator::start(options, 0, hand.clock()).unwrap();
            for query in ["limit=5", "limit=5", "limit=7", "tenant_only=true", "limit=5"] {
                story.push(ask(&running, query).await.map(|answer| (answer.status, answer.body)).ok());
            }
            let identities: Vec<_> = running.served().into_iter().map(|event| event.identity).collect();
            story.push(Some((0, identities.join(" ").into_bytes())));
        });
        story
    };
    assert_eq!(story(3), story(3));
    assert_ne!(story(3), story(4));
}

#[test]
fn events_go_on_happening_and_some_show_up_late() {
    run(async {
        let hand = Hand::new();
        let options = Options { ahead_seconds: 86_400, span_seconds: 86_400, ..options(&hand) };
        let behaviours = Behaviours { late: 0.3, latest_seconds: 7_200, ..Behaviours::default() };
        let running = OpenAiSimulator::with(&options, behaviours, hand.clock()).unwrap().serve(0).unwrap();
        let mut late = 0;
        for _ in 0..27 {
            hand.pass(3_600);
            let known = served(&running);
            let _ = get(&running, "limit=1").await;
            let before = hand.now().as_second() - 3_600;
            late += served(&running)
                .iter()
                .filter(|(id, event)| !known.contains_key(*id) && event["effective_at"].as_i64() < Some(before - 1))
                .count();
        }
        assert_eq!((running.pending(), running.served().len()), (0, 400));
        assert!(late > 5, "{late}");
    });
}
