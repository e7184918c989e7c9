//! Ticks that race in a store that shows commits in parts: the real adapter for DynamoDB behind a [`TornProxy`], the
//! real collector, and a vendor and a bucket in memory that check every object.

use std::time::Duration;

use adapters::aws::{DynamoState, dynamodb_client};
use adapters::clock::SystemClock;
use collector::{
    Clock, Env, Head, LastCommit, LedgerHour, LedgerItem, LedgerKind, PortError, SourceCache, State, Stream, Written,
    run_tick,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use schema::NO_CUSTOM_MODELS;
use tests::world::fixtures::{Case, PriorState, VendorData};
use tests::world::ports::Ports;
use tests::world::rng::SeededRng;

use super::dynamodb_server::{self, TABLE, create_table};
use super::torn_proxy::TornProxy;
use super::{LONG_TIMEOUT, sdk};

/// The number of worlds, each with its own store and delays.
const WORLDS: u64 = 40;
/// The number of concurrent ticks.
const RACERS: u64 = 3;
/// The maximum time for which an item stays hidden.
const MAX_DELAY: Duration = Duration::from_millis(800);
/// Ticks after the race within which a single worker has delivered the rest.
const MAX_TICKS: usize = 10;

/// A clock that starts at a given moment of the world's time and advances in real time.
#[derive(Debug, Clone, Copy)]
struct WorldTime {
    begins: Timestamp,
    began: Timestamp,
    seed: u64,
}

impl Clock for WorldTime {
    fn now(&self) -> Timestamp {
        self.begins.saturating_add(SystemClock.now().duration_since(self.began)).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }

    fn random(&self) -> u64 {
        SystemClock.random() ^ self.seed
    }
}

/// A state that can hide the last commit of its heads, so that no tick verifies it.
struct Store {
    state: DynamoState<WorldTime>,
    hides_last_commit: bool,
}

impl State for Store {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let head = self.state.head(stream).await?;
        Ok(head.map(|head| match self.hides_last_commit {
            true => Head { last_commit: LastCommit::default(), ..head },
            false => head,
        }))
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        self.state.write(stream, expected, head, items).await
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        self.state.ledger(stream, kind, hour, after_seq).await
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        self.state.visible_hours(stream, seq, hours).await
    }
}

/// Runs a race in one world, then a single worker. Returns the identities of all lines in any order.
async fn race(seed: u64, hides_last_commit: bool) -> Vec<String> {
    let proxy = TornProxy::start(dynamodb_server::serve().await, MAX_DELAY, seed).await;
    let client = dynamodb_client(&sdk(proxy.url(), LONG_TIMEOUT).await);
    create_table(&client).await;
    // Each object has one line, so that each tick commits several times.
    let mut world = Case::new(VendorData::Events, PriorState::Nothing, 1).fixture(0).unwrap().world;
    world.checker.checks_state = false;
    let scenario = world.scenario.clone();
    let time = WorldTime { begins: world.now(), began: SystemClock.now(), seed };
    let store = Store { state: DynamoState::new(client, TABLE, time), hides_last_commit };
    let ports = Ports::direct(world, seed);
    let source = scenario.source(ports.clone());
    let tick = async |cache: &SourceCache| {
        let deadline = time.now() + Duration::from_secs(scenario.tick_seconds.unsigned_abs());
        let env = Env {
            state: &store,
            bucket: &ports,
            clock: &time,
            settings: &scenario.settings,
            models: &NO_CUSTOM_MODELS,
            deadline,
        };
        run_tick(&env, &source, cache).await
    };
    let mut rng = SeededRng::new(seed);
    let starts: Vec<_> = (0..RACERS).map(|_| Duration::from_millis(rng.below(900))).collect();
    join_all(starts.into_iter().map(async |start| {
        time.sleep(start).await;
        tick(&SourceCache::default()).await
    }))
    .await;
    let cache = SourceCache::default();
    for tried in 1.. {
        if tick(&cache).await.iter().all(|report| report.drained) {
            break;
        }
        assert!(tried < MAX_TICKS, "world {seed}: not drained after {tried} ticks");
    }
    let queue = ports.queue();
    let queue = queue.borrow();
    let store = &queue.world().unwrap().store;
    let objects = store.objects_of(&scenario.settings.prefix, &scenario.streams[0].stream);
    objects.flat_map(|(_, object)| object.lines.iter().map(|line| line.identity.clone())).collect()
}

/// Counts the worlds with duplicated lines. Asserts that every world has every line.
async fn worlds_with_duplicates(hides_last_commit: bool) -> usize {
    let worlds = join_all((0..WORLDS).map(|seed| race(seed, hides_last_commit))).await;
    let mut count = 0;
    for mut lines in worlds {
        let all = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 3, "{lines:?}");
        count += usize::from(lines.len() < all);
    }
    count
}

#[tokio::test]
async fn forty_worlds_that_show_commits_in_parts_deliver_nothing_twice() {
    assert_eq!(worlds_with_duplicates(false).await, 0);
}

/// The ticks really race: without the verification of last commits some events are delivered twice.
#[tokio::test]
async fn without_verification_some_of_the_forty_deliver_events_twice() {
    assert!(worlds_with_duplicates(true).await > 0);
}
