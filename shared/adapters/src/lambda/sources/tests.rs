use std::cell::{Cell, RefCell};
use std::future::pending;

use collector::{
    BlobRef, Body, Fetched, ListRequest, Listed, Prepared, Stream, Sweep, Tries, UnixSeconds, VendorPolicy,
};
use schema::LogType;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";

/// A store of secrets, and the cache of a process that reads them.
#[derive(Default)]
struct FakeSecretStore {
    stored: RefCell<BTreeMap<String, String>>,
    cached: RefCell<BTreeMap<String, String>>,
    reads: Cell<usize>,
    failure: RefCell<Option<PortError>>,
    is_silent: Cell<bool>,
}

impl FakeSecretStore {
    fn store(&self, name: &str, text: &str) {
        self.stored.borrow_mut().insert(format!("{ARN}{name}"), text.to_owned());
    }
}

impl Secrets for FakeSecretStore {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        let cached = self.cached.borrow().get(reference).cloned();
        if let Some(text) = cached.filter(|_| !fresh) {
            return Ok(text.into());
        }
        self.reads.set(self.reads.get() + 1);
        if self.is_silent.get() {
            return pending().await;
        }
        if let Some(error) = self.failure.borrow().clone() {
            return Err(error);
        }
        let text = self.stored.borrow()[reference].clone();
        self.cached.borrow_mut().insert(reference.to_owned(), text.clone());
        Ok(text.into())
    }
}

struct FakeClock(Cell<i64>);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.get()).unwrap()
    }

    async fn sleep(&self, _: Duration) {}

    fn random(&self) -> u64 {
        0
    }
}

/// A vendor that no test calls.
#[derive(Debug)]
struct UnusedVendor;

struct EmptyBody;

impl Body for EmptyBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }
}

impl Vendor for UnusedVendor {
    type Body = EmptyBody;

    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        Ok(Prepared::NotYet)
    }

    async fn list(&self, _: ListRequest<'_>) -> Result<Listed, PortError> {
        Ok(Listed::CursorLost)
    }

    async fn fetch(&self, _: &Stream, _: &BlobRef, _: Tries) -> Result<Fetched<EmptyBody>, PortError> {
        Ok(Fetched::Missing)
    }
}

const SWEEPS: &[Sweep] = &[];

fn source(id: &str, label: &str) -> Source<UnusedVendor> {
    let stream = Stream {
        source: id.to_owned().try_into().unwrap(),
        label: label.to_owned(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["all"],
    };
    let policy = VendorPolicy {
        tick_seconds: 60,
        overlap_seconds: 0,
        sweeps: SWEEPS,
        first_window_seconds: 60,
        max_window_seconds: 60,
        retention: None,
        dedup_horizon_seconds: 60,
        split_after_pages: None,
        silence: None,
        no_data_advice: "",
        start_delay: None,
        fetches_ahead: 0,
    };
    Source { vendor: UnusedVendor, streams: vec![stream], policy }
}

/// The store, the clock and the sources of a process. A secret's text is `id label`; any other text is invalid.
struct World {
    store: FakeSecretStore,
    clock: FakeClock,
    arns: Vec<String>,
    warm: RefCell<Vec<Opened<UnusedVendor>>>,
}

impl World {
    fn new(names: &[&str]) -> Self {
        let arns = names.iter().map(|name| format!("{ARN}{name}")).collect();
        Self { store: FakeSecretStore::default(), clock: FakeClock(Cell::new(1_000)), arns, warm: RefCell::default() }
    }

    /// Runs a tick after `seconds`. Returns the labels of the sources that run, and the errors of the others.
    async fn tick(&self, seconds: i64) -> (Vec<String>, Vec<String>) {
        self.clock.0.set(self.clock.0.get() + seconds);
        let open = async |arn: &str| {
            let text = self.store.get(arn, false).await?;
            let (id, label) = text.expose_secret().split_once(' ').ok_or_else(|| PortError::person("it has a typo"))?;
            Ok(source(id, label))
        };
        let budget = MemoryBudget::new(1 << 20);
        let warm = self.warm.take();
        let (opened, mut reports) = open_all(&self.arns, warm, &budget, &self.store, &self.clock, &open).await;
        let (opened, equal) = remove_duplicate_ids(opened);
        reports.extend(equal);
        let labels = opened.iter().map(|opened| opened.source.streams[0].label.clone()).collect();
        self.warm.replace(opened);
        (labels, reports.into_iter().map(|report| report.failure.unwrap().message).collect())
    }
}

#[tokio::test]
async fn b1_a_corrected_secret_is_taken_on_the_next_tick() {
    let world = World::new(&["acme", "other"]);
    world.store.store("acme", "typo");
    world.store.store("other", "other well");
    let (labels, messages) = world.tick(0).await;
    assert_eq!((labels, messages), (vec!["well".to_owned()], vec!["acme: it has a typo".to_owned()]));
    world.store.store("acme", "acme corrected");
    let (labels, messages) = world.tick(60).await;
    assert_eq!((labels, messages), (vec!["corrected".to_owned(), "well".to_owned()], vec![]));
}

#[tokio::test]
async fn b1_a_working_secret_that_gets_a_typo_recovers_on_the_tick_after_its_correction() {
    let world = World::new(&["acme"]);
    world.store.store("acme", "acme one");
    world.tick(0).await;
    world.store.store("acme", "typo");
    assert_eq!(world.tick(600).await.1, ["acme: it has a typo"]);
    world.store.store("acme", "acme two");
    assert_eq!(world.tick(60).await.0, ["two"]);
}

#[tokio::test]
async fn b2_a_change_of_a_working_secret_is_taken_within_ten_minutes() {
    let world = World::new(&["acme"]);
    world.store.store("acme", "acme one");
    world.tick(0).await;
    world.store.store("acme", "acme two");
    let mut labels = Vec::new();
    for _ in 0..10 {
        labels.extend(world.tick(60).await.0);
    }
    assert_eq!((labels[0].as_str(), labels[9].as_str()), ("one", "two"));
    // The secret is not read on every tick.
    assert_eq!(world.store.reads.get(), 2);
}

#[tokio::test]
async fn b2_a_working_source_goes_on_when_its_secret_cannot_be_read_again() {
    let world = World::new(&["acme"]);
    world.store.store("acme", "acme one");
    world.tick(0).await;
    world.store.failure.replace(Some(PortError::next_tick("throttled")));
    assert_eq!(world.tick(600).await, (vec!["one".to_owned()], vec![]));
    world.store.is_silent.set(true);
    assert_eq!(world.tick(60).await, (vec!["one".to_owned()], vec![]));
    world.store.is_silent.set(false);
    world.store.failure.replace(Some(PortError::person("deleted")));
    assert_eq!(world.tick(60).await, (vec![], vec!["acme: deleted".to_owned()]));
}

#[tokio::test]
async fn b3_two_sources_with_equal_ids_stop_and_all_others_run() {
    let world = World::new(&["one", "two", "three"]);
    world.store.store("one", "acme one");
    world.store.store("two", "acme two");
    world.store.store("three", "other three");
    let (labels, messages) = world.tick(0).await;
    assert_eq!(labels, ["three"]);
    assert_eq!(messages.len(), 2);
    for (message, name) in messages.iter().zip(["one", "two"]) {
        assert!(
            message.starts_with(&format!("{name}: source_id \"acme\" stands in the secrets one and two")),
            "{message}"
        );
    }
    // Both sources run as soon as their ids differ.
    world.store.store("two", "acme-two two");
    let (labels, messages) = world.tick(60).await;
    assert_eq!((labels.len(), messages), (3, vec![]));
}
