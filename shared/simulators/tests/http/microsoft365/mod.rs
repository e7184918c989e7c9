//! Tests of the Management Activity API and its token endpoint. `tests/FAULTS.md` explains the numbers in test names.

mod admission;
mod blobs;
mod faults;
mod ledger;
mod listing;
mod pages;
mod permanent;
mod records;
mod repeats;
mod scale;
mod subscriptions;
mod switches;
mod token;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, ContentType, Microsoft365Simulator, TENANT_ID};
use simulators::{Options, RunningSimulator};

use crate::ManualClock;
use crate::client::{Answer, send};

const FORM_HEADER: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PUBLISHER: &str = "PublisherIdentifier=3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10";
const COMMERCIAL_AUDIENCE: &str = "https://manage.office.com";
const FEED: &str = "/api/v1.0/3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10/activity/feed";

/// A simulator with a running server and a clock that the test sets.
struct World {
    clock: ManualClock,
    simulator: Microsoft365Simulator,
    running: RunningSimulator,
}

impl World {
    /// Returns a tenant with 500 records, which became available in the last six days.
    fn new(behaviours: Behaviours) -> Self {
        Self::with(behaviours, |_| ())
    }

    fn with(behaviours: Behaviours, change: impl FnOnce(&mut Options)) -> Self {
        let clock = ManualClock::new();
        let mut options = Options { events: 500, ..Options::new(clock.now()) };
        change(&mut options);
        let simulator = Microsoft365Simulator::with(&options, behaviours, clock.clock()).unwrap();
        let running = simulator.serve(0).unwrap();
        Self { clock, simulator, running }
    }

    async fn client(&self) -> Client<'_> {
        Client::new(&self.running).await
    }

    /// Returns a client that has started the subscriptions to these content types.
    async fn client_with_subscriptions(&self, content_types: &[ContentType]) -> Client<'_> {
        let client = self.client().await;
        for content_type in content_types {
            let answer = client.start(*content_type).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        client
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn hours_ago(&self, hours: i64) -> Timestamp {
        self.now() - SignedDuration::from_hours(hours)
    }
}

/// Returns the default behaviours, but with tokens that outlast every test.
fn long_lived_tokens() -> Behaviours {
    Behaviours { token_seconds: 10_000_000, ..Behaviours::default() }
}

/// A client of the API that has a token.
struct Client<'a> {
    running: &'a RunningSimulator,
    token: String,
}

/// Returns [`CLIENT_SECRET`] encoded as a form needs it.
fn encoded_secret() -> String {
    [('%', "%25"), ('+', "%2B"), ('/', "%2F"), ('=', "%3D"), ('&', "%26")]
        .iter()
        .fold(CLIENT_SECRET.to_owned(), |secret, (from, to)| secret.replace(*from, to))
}

/// Requests a token with the right secret. `target` is the form field that names the API: `resource=…` or `scope=…`.
async fn token(running: &RunningSimulator, path: &str, target: &str) -> Answer {
    let body =
        format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={}&{target}", encoded_secret());
    send(running.address(), "POST", path, &[FORM_HEADER], &body).await.unwrap()
}

impl<'a> Client<'a> {
    async fn new(running: &'a RunningSimulator) -> Self {
        Self::with_token_for(running, TENANT_ID, COMMERCIAL_AUDIENCE).await
    }

    /// Returns a client with a token for this tenant and this API.
    async fn with_token_for(running: &'a RunningSimulator, tenant: &str, audience: &str) -> Self {
        let path = format!("/login/{tenant}/oauth2/v2.0/token");
        let answer = token(running, &path, &format!("scope={audience}/.default")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { running, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
    }

    async fn send(&self, method: &str, target: &str) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        send(self.running.address(), method, target, &[("authorization", &authorization)], "").await.unwrap()
    }

    async fn get(&self, target: &str) -> Answer {
        self.send("GET", target).await
    }

    async fn feed(&self, method: &str, what: &str) -> Answer {
        let and = if what.contains('?') { '&' } else { '?' };
        self.send(method, &format!("{FEED}/{what}{and}{PUBLISHER}")).await
    }

    async fn start(&self, content_type: ContentType) -> Answer {
        self.feed("POST", &format!("subscriptions/start?contentType={}", content_type.name())).await
    }

    async fn stop(&self, content_type: ContentType) -> Answer {
        self.feed("POST", &format!("subscriptions/stop?contentType={}", content_type.name())).await
    }

    async fn list(&self, content_type: ContentType, window: &str) -> Answer {
        self.feed("GET", &format!("subscriptions/content?contentType={}{window}", content_type.name())).await
    }

    async fn window(&self, content_type: ContentType, from: Timestamp, to: Timestamp) -> Answer {
        self.list(content_type, &format!("&startTime={}&endTime={}", format_time(from), format_time(to))).await
    }

    /// Returns the items of each page, from the page `first` to the last one.
    async fn pages(&self, first: Answer) -> Vec<Vec<Value>> {
        let mut answer = first;
        let mut pages = Vec::new();
        for _ in 0..10_000 {
            assert_eq!(answer.status, 200, "{}", answer.text());
            pages.push(answer.json().as_array().unwrap().clone());
            let Some(next) = self.next(&answer) else { return pages };
            answer = self.get(&next).await;
        }
        panic!("ten thousand pages and no end");
    }

    /// Returns the path of the next page; `None` if `answer` is the last page.
    fn next(&self, answer: &Answer) -> Option<String> {
        let next = answer.header("NextPageUri").or_else(|| answer.header("NextPageUrl"));
        next.map(|next| self.path(next))
    }

    /// Returns the items of all pages of a window.
    async fn items(&self, content_type: ContentType, from: Timestamp, to: Timestamp) -> Vec<Value> {
        self.pages(self.window(content_type, from, to).await).await.concat()
    }

    fn path(&self, uri: &str) -> String {
        uri.strip_prefix(&format!("http://{}", self.running.address())).unwrap_or_else(|| panic!("{uri}")).to_owned()
    }

    /// Fetches the blob that `item` describes, and returns its records.
    async fn records(&self, item: &Value) -> Vec<Value> {
        let answer = self.get(&self.path(item["contentUri"].as_str().unwrap())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    /// Returns the items of the last seven days, day by day, from the oldest day to the newest.
    async fn all_items(&self, content_type: ContentType, now: Timestamp) -> Vec<Value> {
        let mut items = Vec::new();
        for day in (0..7).rev() {
            let to = now - SignedDuration::from_hours(24 * day);
            items.extend(self.items(content_type, to - SignedDuration::from_hours(24), to).await);
        }
        items
    }

    /// Returns the records of all blobs of the last seven days, including repeated ones.
    async fn all_records(&self, content_type: ContentType, now: Timestamp) -> Vec<Value> {
        let mut records = Vec::new();
        for item in self.all_items(content_type, now).await {
            records.extend(self.records(&item).await);
        }
        records
    }
}

fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Returns the status and the error code of an answer. The code is empty if the answer is no error.
fn status_and_code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn item_time(item: &Value, name: &str) -> Timestamp {
    item[name].as_str().unwrap().parse().unwrap()
}
