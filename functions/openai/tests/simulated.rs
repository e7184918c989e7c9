//! The client against the simulated vendor: it receives every event that the vendor served, in spite of faults.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Clock, Item, ListRequest, Listed, PortError, Secrets, Source, Tries, Vendor, Window};
use jiff::Timestamp;
use openai::{BASE_URL_VARIABLE, Config, LISTINGS, OpenAi};
use secrecy::SecretString;
use simulators::openai::{ADMIN_KEY, Behaviours, EdgeIds, OpenAiSimulator, UnknownCursor};
use simulators::{Faults, Options};

/// Calls after which a listing counts as endless.
const MAX_CALLS: usize = 2_000;

/// A clock whose sleeps end at once.
struct NoWaitClock;

impl Clock for NoWaitClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {}

    fn random(&self) -> u64 {
        7
    }
}

struct Key;

impl Secrets for Key {
    async fn get(&self, _: &str, _: bool) -> Result<SecretString, PortError> {
        Ok(SecretString::from(ADMIN_KEY))
    }
}

/// Returns the identity in the simulator's ledger: the event's id, or the whole event if it has none.
fn identity(event: &[u8]) -> String {
    let id = serde_json::from_slice::<serde_json::Value>(event)
        .ok()
        .and_then(|event| Some(event.get("id")?.as_str()?.to_owned()));
    id.unwrap_or_else(|| String::from_utf8_lossy(event).into_owned())
}

/// Lists `window` to its end. Like a tick, it repeats a failed call and restarts the window after a lost cursor.
async fn drain(source: &Source<OpenAi<&Key, &NoWaitClock>>, window: Window, found: &mut BTreeSet<String>) {
    for listing in LISTINGS {
        let mut cursor: Option<String> = None;
        for call in 1.. {
            assert!(call <= MAX_CALLS, "{listing} has no end");
            let stream = &source.streams[0];
            let request = ListRequest { stream, listing, window, cursor: cursor.as_deref(), tries: Tries::Patient };
            match source.vendor.list(request).await {
                Ok(Listed::Page(page)) => {
                    for item in &page.items {
                        let Item::Event(event) = item else { panic!("{item:?} is not an event") };
                        found.insert(identity(event));
                    }
                    let Some(next) = page.next else { break };
                    cursor = Some(next);
                }
                Ok(Listed::CursorLost) => cursor = None,
                Ok(Listed::NotOffered | Listed::NotYet { .. }) => panic!("{listing} is not offered"),
                Err(error) => assert!(!error.message.contains(ADMIN_KEY), "{error}"),
            }
        }
    }
}

async fn check(name: &str, behaviours: Behaviours) {
    let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let after_all_events = now + Duration::from_secs(7 * 86_400);
    let options = Options { events: 1_234, ..Options::new(now) };
    let simulator = OpenAiSimulator::with(&options, behaviours, Arc::new(move || after_all_events)).unwrap();
    let running = simulator.serve(0).unwrap();
    let base_url = format!("http://{}{}", running.address(), simulators::openai::BASE_PATH);
    let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
    let source = OpenAi::source(&HttpClient::new().unwrap(), &Key, &NoWaitClock, &config, "key").await.unwrap();

    let window = Window { from: now.as_second() - 8 * 86_400, to: after_all_events.as_second() };
    let mut found = BTreeSet::new();
    drain(&source, window, &mut found).await;
    let served: BTreeSet<String> = running.served().into_iter().map(|event| event.identity).collect();
    assert_eq!(served.len(), 1_234, "{name}");
    assert_eq!(served.difference(&found).count(), 0, "{name}: lost");
    assert_eq!(found.difference(&served).count(), 0, "{name}: never served");
}

#[tokio::test]
async fn every_event_of_a_healthy_vendor_is_received() {
    check("healthy", Behaviours::default()).await;
}

#[tokio::test]
async fn every_event_of_a_vendor_with_faults_is_received() {
    check("some", Behaviours::new(Faults::Some, 1)).await;
    check("storm", Behaviours::new(Faults::Storm, 1)).await;
}

#[tokio::test]
async fn every_event_of_a_vendor_with_other_settings_is_received() {
    let usual = Behaviours::default();
    check("oldest first", Behaviours { ascending: true, ..usual.clone() }).await;
    for edge_ids in [EdgeIds::Null, EdgeIds::Absent] {
        check("no last_id", Behaviours { edge_ids, edge_ids_withheld: 1.0, ..usual.clone() }).await;
    }
    check("short pages", Behaviours { short_pages: 1.0, ..usual.clone() }).await;
    check("several documents", Behaviours { several_documents: 1.0, ..usual.clone() }).await;
    check("another refusal of cursors", Behaviours { unknown_cursor: UnknownCursor::NotFound, ..usual }).await;
}
