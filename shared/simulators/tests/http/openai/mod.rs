//! Tests of the audit logs API. `tests/FAULTS.md` explains the numbers in test names.

mod access;
mod content;
mod cursors;
mod faults;
mod ledger;
mod list;
mod permanent;
mod records;
mod scale;
mod script;
mod switches;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Value, json};
use simulators::openai::{ADMIN_KEY, BASE_PATH, Behaviours, OpenAiSimulator};
use simulators::{Options, RunningSimulator};

use crate::client::{Answer, send};
use crate::{ManualClock, run};

const PATH: &str = "/v1/organization/audit_logs";

/// Returns options for 400 events in the last six days.
fn options(clock: &ManualClock) -> Options {
    Options { events: 400, ..Options::new(clock.now()) }
}

/// Returns the JSON of events with these ids and these times, in seconds since 1970.
fn events_json<'a>(events: impl IntoIterator<Item = (&'a str, i64)>) -> Option<Vec<String>> {
    let event = |(id, second)| json!({"id": id, "type": "user.added", "effective_at": second}).to_string();
    Some(events.into_iter().map(event).collect())
}

/// Returns a simulator with these options and with the default behaviours after `change`, and its running server.
fn serve_with(
    options: &Options,
    clock: &ManualClock,
    change: impl FnOnce(&mut Behaviours),
) -> (OpenAiSimulator, RunningSimulator) {
    let mut behaviours = Behaviours::default();
    change(&mut behaviours);
    let simulator = OpenAiSimulator::with(options, behaviours, clock.clock()).unwrap();
    let running = simulator.serve(0).unwrap();
    (simulator, running)
}

async fn try_get(running: &RunningSimulator, query: &str) -> io::Result<Answer> {
    try_get_as(running, ADMIN_KEY, query).await
}

async fn try_get_as(running: &RunningSimulator, key: &str, query: &str) -> io::Result<Answer> {
    let target = format!("{BASE_PATH}/organization/audit_logs?{query}");
    send(running.address(), "GET", &target, &[("authorization", &format!("Bearer {key}"))], "").await
}

async fn get(running: &RunningSimulator, query: &str) -> Answer {
    try_get(running, query).await.unwrap()
}

/// Makes one request to a simulator with the default behaviours after `change`, and passes the answer to `expect`.
fn check_answer(change: impl FnOnce(&mut Behaviours), query: &str, expect: impl FnOnce(Answer)) {
    run(async {
        let clock = ManualClock::new();
        let (_, running) = serve_with(&options(&clock), &clock, change);
        expect(get(&running, query).await);
    });
}

/// Returns the ids of the page's events, in order. Fails if the answer is no page.
fn page_ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the events of all pages of a listing. It continues after each page's `last_id`, or after the id of the last
/// event if the page has no `last_id`.
async fn list_all_pages(running: &RunningSimulator, query: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    let mut after = String::new();
    for _ in 0..1_000 {
        let answer = get(running, &format!("{query}{after}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let (mut more, mut last) = (false, Value::Null);
        for document in serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>() {
            let mut document = document.unwrap();
            events.extend(document["data"].take().as_array().unwrap().iter().cloned());
            (more, last) = (document["has_more"].as_bool().unwrap(), document["last_id"].take());
        }
        if !more {
            return events;
        }
        let last = last.as_str().or_else(|| events.last()?["id"].as_str());
        after = last.map_or_else(String::new, |last| format!("&after={last}"));
    }
    panic!("a thousand pages and no end");
}

/// Returns all events: those of the organization, and those that need `tenant_only=true`.
async fn list_both_listings(running: &RunningSimulator) -> Vec<Value> {
    [list_all_pages(running, "limit=100").await, list_all_pages(running, "limit=100&tenant_only=true").await].concat()
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn seconds(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["effective_at"].as_i64().unwrap()).collect()
}

fn served_by_id(running: &RunningSimulator) -> BTreeMap<String, Value> {
    let served = running.served().into_iter();
    served.map(|event| (event.identity, serde_json::from_str(&event.raw).unwrap())).collect()
}
