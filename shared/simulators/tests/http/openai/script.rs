//! Scripted faults, and the counts of requests.

use std::time::Duration;

use simulators::openai::OpenAiSimulator;
use simulators::{Fault, Scripted};

use super::{get, list_all_pages, options, try_get};
use crate::{ManualClock, run};

#[test]
fn a_broken_connection_ends_without_an_answer() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        let fault = |number, fault| Scripted::new("audit_logs", number, fault);
        let refusal =
            Fault::Answer { status: 418, headers: vec![("x-tea".into(), "pot".into())], body: b"sh\xFFrt".into() };
        simulator.change(|b| {
            b.script = vec![
                fault(1, Fault::Reset),
                fault(2, Fault::Cut),
                fault(3, refusal),
                fault(4, Fault::Throttled { retry_after: Some(7) }),
                fault(5, Fault::ServerError),
                fault(6, Fault::Delay(Duration::from_millis(20))),
            ];
        });
        let running = simulator.serve(0).unwrap();
        assert!(try_get(&running, "").await.is_err());
        assert!(try_get(&running, "").await.is_err());
        let answer = get(&running, "").await;
        assert_eq!((answer.status, answer.header("x-tea"), &answer.body[..]), (418, Some("pot"), &b"sh\xFFrt"[..]));
        let answer = get(&running, "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
        assert!(get(&running, "").await.status >= 500);
        assert_eq!(get(&running, "").await.status, 200);
        assert_eq!(running.requests(), 6);
    });
}

#[test]
fn a_scripted_date_replaces_the_usual_one() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        let page = |status, header: &str| {
            let headers = vec![
                (header.to_owned(), "Wed, 02 Dec 2026 09:00:00 GMT".to_owned()),
                ("content-type".to_owned(), "text/html".to_owned()),
            ];
            Fault::Answer { status, headers, body: b"<html>gateway</html>".into() }
        };
        simulator.change(|b| {
            b.script = vec![
                Scripted::new("audit_logs", 1, page(502, "date")),
                Scripted::new("audit_logs", 2, page(200, "Date")),
            ];
        });
        let running = simulator.serve(0).unwrap();
        for (status, date) in [
            (502, "Wed, 02 Dec 2026 09:00:00 GMT"),
            (200, "Wed, 02 Dec 2026 09:00:00 GMT"),
            (200, "Sun, 22 Nov 2026 09:00:00 GMT"),
        ] {
            let answer = get(&running, "").await;
            assert_eq!((answer.status, answer.headers_named("date")), (status, vec![date]));
        }
    });
}

#[test]
fn a_script_can_choose_the_third_page_of_one_listing() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        let fault = Fault::answer(503, "");
        simulator.change(|b| {
            b.script = vec![Scripted::new("audit_logs", 2, fault).having("after").having("tenant_only=true")];
        });
        let running = simulator.serve(0).unwrap();
        let organization = list_all_pages(&running, "limit=50").await;
        assert!(organization.len() > 150, "{}", organization.len());
        let mut statuses = Vec::new();
        let mut after = String::new();
        for _ in 0..5 {
            let answer = get(&running, &format!("tenant_only=true&limit=20{after}")).await;
            statuses.push(answer.status);
            if answer.status == 200 {
                after = format!("&after={}", answer.json()["last_id"].as_str().unwrap());
            }
        }
        assert_eq!(statuses, [200, 200, 503, 200, 200]);
    });
}

#[test]
fn a_new_script_starts_counting_again() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        let running = simulator.serve(0).unwrap();
        assert_eq!(get(&running, "").await.status, 200);
        simulator.change(|b| b.script = vec![Scripted::new("audit_logs", 1, Fault::Throttled { retry_after: None })]);
        let answer = get(&running, "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, None));
        assert_eq!(get(&running, "").await.status, 200);
    });
}

#[test]
fn requests_are_counted_by_operation_and_by_time() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        simulator.change(|b| b.script = vec![Scripted::new("audit_logs", 3, Fault::Reset)]);
        let running = simulator.serve(0).unwrap();
        let start = clock.now();
        for _ in 0..4 {
            let _ = try_get(&running, "limit=0").await;
            clock.advance(10);
        }
        let elsewhere = crate::client::send(running.address(), "GET", "/v1/users", &[], "").await.unwrap();
        assert_eq!(elsewhere.status, 404);
        assert_eq!((running.requests(), running.requests_of("audit_logs"), running.requests_of("other")), (5, 4, 1));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(running.requests_between(at(10), at(30)), 2);
        assert_eq!(running.requests_between(at(0), at(41)), 5);
        let requested = running.received_requests();
        assert_eq!(
            requested.iter().map(|requested| requested.status).collect::<Vec<_>>(),
            [Some(400), Some(400), None, Some(400), Some(404)]
        );
        assert_eq!((requested[2].at, requested[2].operation), (at(20), "audit_logs"));
        assert_eq!(requested[2].target, "/v1/organization/audit_logs?limit=0");
    });
}
