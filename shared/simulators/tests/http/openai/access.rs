//! Access: API keys, scopes, and audit logging that is off.

use jiff::SignedDuration;
use serde_json::json;
use simulators::openai::{ADMIN_KEY, AuditLogging, Key};

use super::{PATH, check_answer, get, list_all_pages, list_both_listings, options, page_ids, serve_with, try_get_as};
use crate::client::send;
use crate::{ManualClock, run};

#[test]
fn b01_only_one_path_and_one_method_are_served() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |_| {});
        let bearer = format!("Bearer {ADMIN_KEY}");
        for (method, target, status) in [
            ("GET", "/v1/organization/users", 404),
            ("GET", "/organization/audit_logs", 404),
            ("POST", PATH, 405),
            ("DELETE", PATH, 405),
            ("GET", PATH, 200),
        ] {
            let answer = send(running.address(), method, target, &[("authorization", &bearer)], "").await.unwrap();
            assert_eq!(answer.status, status, "{method} {target}");
            if status != 200 {
                let error = answer.json()["error"].as_object().unwrap().clone();
                assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "param", "type"]);
                assert!(error["message"].is_string() && error["type"] == "invalid_request_error");
            }
        }
    });
}

#[test]
fn b02_only_a_known_admin_key_is_accepted() {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, |b| b.keys.push(Key::new("sk-proj-known")));
        for (name, value) in [
            ("accept", "application/json"),
            ("authorization", "Basic eDp5"),
            ("authorization", "Bearer"),
            ("authorization", "Bearer sk-admin-unknown"),
            ("authorization", "Bearer sk-proj-known"),
        ] {
            let answer = send(running.address(), "GET", PATH, &[(name, value)], "").await.unwrap();
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("invalid_api_key")), "{value}");
        }
    });
}

#[test]
fn b03_the_answer_to_a_key_without_the_scope_names_the_scope() {
    let keys = vec![Key { may_read_audit_logs: false, ..Key::new(ADMIN_KEY) }];
    check_answer(
        |b| b.keys = keys,
        "",
        |answer| {
            let error = answer.json()["error"].take();
            assert!(answer.status == 401 && error["message"].as_str().unwrap().contains("api.audit_logs.read"));
            assert!(error["param"].is_null() && error["code"].is_null() && error["type"] == "invalid_request_error");
        },
    );
}

#[test]
fn b04_an_error_may_be_a_plain_string() {
    check_answer(
        |b| (b.keys, b.error_as_string) = (Vec::new(), 1.0),
        "",
        |answer| assert!(answer.status == 401 && answer.json()["error"].is_string()),
    );
}

#[test]
fn b05_audit_logging_can_be_off_in_two_ways() {
    for forbidden in [AuditLogging::OffForbidden, AuditLogging::OnForbidden] {
        check_answer(|b| b.audit_logging = forbidden, "", |answer| assert_eq!(answer.status, 403));
    }
    check_answer(
        |b| b.audit_logging = AuditLogging::OffEmpty,
        "",
        |answer| {
            let empty = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
            assert_eq!((answer.status, answer.json()), (200, empty));
        },
    );
}

#[test]
fn b05_b24_logging_switched_on_later_shows_only_later_events() {
    run(async {
        let clock = ManualClock::new();
        let options = simulators::Options { span_seconds: 3_600, ahead_seconds: 7_200, ..options(&clock) };
        let (simulator, running) = serve_with(&options, &clock, |b| b.audit_logging = AuditLogging::OffEmpty);
        clock.advance(1_800);
        assert!(page_ids(&get(&running, "").await).is_empty() && running.served().is_empty());
        clock.advance(1_800);
        let on_at = clock.now().as_second();
        simulator.change(|b| b.audit_logging = AuditLogging::On);
        clock.advance(3_700);
        let events = list_all_pages(&running, "limit=100").await;
        assert!(events.len() > 20, "{}", events.len());
        assert!(events.iter().all(|event| event["effective_at"].as_i64() >= Some(on_at)));
        assert!(running.served().len() < 300);
    });
}

#[test]
fn b05_events_logged_while_lists_were_refused_are_listed_afterwards() {
    run(async {
        let clock = ManualClock::new();
        let options = simulators::Options { ahead_seconds: 3_600, ..options(&clock) };
        let (simulator, running) = serve_with(&options, &clock, |b| b.audit_logging = AuditLogging::OnForbidden);
        clock.advance(3_600);
        assert!(get(&running, "").await.status == 403 && running.served().is_empty());
        simulator.change(|b| (b.audit_logging, b.late_events) = (AuditLogging::On, 0.0));
        clock.advance(300);
        assert_eq!(list_both_listings(&running).await.len(), 400);
    });
}

#[test]
fn b15_the_tenant_listing_is_refused_while_the_behaviour_is_set() {
    run(async {
        let clock = ManualClock::new();
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.tenant_only_refused = Some(403));
        assert_eq!(get(&running, "tenant_only=true").await.status, 403);
        assert_eq!(get(&running, "tenant_only=false").await.status, 200);
        simulator.change(|b| b.tenant_only_refused = Some(400));
        let answer = get(&running, "tenant_only=true").await;
        assert_eq!((answer.status, &answer.json()["error"]["param"]), (400, &json!("tenant_only")));
        simulator.change(|b| b.tenant_only_refused = None);
        assert_eq!(page_ids(&get(&running, "tenant_only=true").await).len(), 20);
    });
}

#[test]
fn b31_keys_rotate_with_an_overlap() {
    run(async {
        let clock = ManualClock::new();
        let at = clock.now() + SignedDuration::from_secs(100);
        let keys = Key::rotated(ADMIN_KEY, "sk-admin-new", at, SignedDuration::from_secs(30));
        let (simulator, running) = serve_with(&options(&clock), &clock, |b| b.keys = keys.into());
        let statuses =
            async || [ADMIN_KEY, "sk-admin-new"].map(|key| try_get_as(&running, key, "limit=1")).map(Box::pin);
        let mut seen = Vec::new();
        for seconds in [69, 1, 29, 1] {
            clock.advance(seconds);
            let [old, new] = statuses().await;
            seen.push((old.await.unwrap().status, new.await.unwrap().status));
        }
        assert_eq!(seen, [(200, 401), (200, 200), (200, 200), (401, 200)]);
        simulator.change(|b| b.keys = vec![Key::new(ADMIN_KEY)]);
        assert_eq!(get(&running, "").await.status, 200);
    });
}
