//! The client against the simulated vendor: it receives every event that the vendor served, in spite of faults.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Clock, Item, ListRequest, Listed, PortError, Secrets, Tries, Vendor, Window};
use jiff::Timestamp;
use secrecy::SecretString;
use simulators::toy::{Behaviours, KEY, ToySimulator};
use simulators::{Faults, Options};
use toy::{BASE_URL_VARIABLE, Config, Toy};

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
        Ok(SecretString::from(format!(r#"{{"source_id":"toy-1","key":"{KEY}"}}"#)))
    }
}

async fn check(faults: Faults) {
    let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let options = Options { events: 345, ..Options::new(now) };
    let simulator = ToySimulator::with(&options, Behaviours::new(faults), Arc::new(move || now));
    let running = simulator.unwrap().serve(0).unwrap();
    let base_url = format!("http://{}", running.address());
    let config = Config::from_variables(|name| (name == BASE_URL_VARIABLE).then(|| base_url.clone())).unwrap();
    let source = Toy::source(&HttpClient::new().unwrap(), &Key, &NoWaitClock, &config, "key").await.unwrap();

    let window = Window { from: now.as_second() - 8 * 86_400, to: now.as_second() };
    let (mut found, mut cursor) = (BTreeSet::new(), None);
    for _ in 0..100 {
        let (stream, listing) = (&source.streams[0], source.streams[0].listings[0]);
        let request = ListRequest { stream, listing, window, cursor: cursor.as_deref(), tries: Tries::Patient };
        let Listed::Page(page) = source.vendor.list(request).await.unwrap() else { panic!("not a page") };
        for item in page.items {
            let Item::Event(event) = item else { panic!("{item:?} is not an event") };
            found.insert(String::from_utf8(event).unwrap());
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let served: BTreeSet<String> = running.served().into_iter().map(|event| event.raw).collect();
    assert_eq!((found.len(), found), (345, served));
}

#[tokio::test]
async fn every_event_of_a_healthy_vendor_is_received() {
    check(Faults::None).await;
}

#[tokio::test]
async fn every_event_of_a_vendor_with_faults_is_received() {
    check(Faults::Storm).await;
}
