//! Reads of a transaction in parts, as [`TornProxy`] makes them.

use std::time::Duration;

use adapters::aws::{DynamoState, dynamodb_client};
use collector::{Head, LedgerHour, LedgerItem, LedgerKind, State, Stream, Written};
use schema::LogType;
use serde_json::json;

use super::dynamodb_server::{self, TABLE, create_table};
use super::torn_proxy::TornProxy;
use super::{ClockWithShortSleeps, Fault, Faults, LONG_TIMEOUT, SHORT_TIMEOUT, sdk};

const HOUR: u32 = 498_000;
const HOURS: u32 = 90;
/// A delay longer than any test, so that no item becomes visible by itself.
const LONGER_THAN_ANY_TEST: Duration = Duration::from_secs(86_400 * 365);

struct World {
    proxy: TornProxy,
    state: DynamoState<ClockWithShortSleeps>,
    stream: Stream,
    hours: Vec<LedgerHour>,
}

async fn world(max_delay: Duration) -> World {
    let proxy = TornProxy::start(dynamodb_server::serve().await, max_delay, 7).await;
    let client = dynamodb_client(&sdk(proxy.url(), LONG_TIMEOUT).await);
    create_table(&client).await;
    let stream = Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["default"],
    };
    let hours = (HOUR..HOUR + HOURS).map(|hour| LedgerHour { kind: LedgerKind::Rows, hour }).collect();
    World { proxy, state: DynamoState::new(client, TABLE, ClockWithShortSleeps), stream, hours }
}

impl World {
    async fn commit(&self, expected: Option<u64>, seq: u64) -> Written {
        let item = |hour: &LedgerHour| LedgerItem {
            kind: hour.kind,
            hour: hour.hour,
            seq,
            entries: vec![seq],
            expires_at: 9_000_000_000,
        };
        let items: Vec<_> = self.hours.iter().map(item).collect();
        self.state.write(&self.stream, expected, &head(seq + 1), &items).await.unwrap()
    }

    /// Returns the head's version and the visible hours of commit `seq`, sorted.
    async fn seen(&self, seq: u64) -> (Option<u64>, Vec<LedgerHour>) {
        let head = self.state.head(&self.stream).await.unwrap();
        let mut visible = self.state.visible_hours(&self.stream, seq, &self.hours).await.unwrap();
        visible.sort_unstable();
        (head.map(|head| head.version), visible)
    }

    /// Returns the `seq` of each item in the first hour.
    async fn ledger(&self) -> Vec<u64> {
        let items = self.state.ledger(&self.stream, LedgerKind::Rows, HOUR, None).await.unwrap();
        items.iter().map(|item| item.seq).collect()
    }
}

fn head(version: u64) -> Head {
    serde_json::from_value(json!({
        "version": version, "id": "torn", "seq": version, "floor": 0, "listings": {}, "written_at": 0
    }))
    .unwrap()
}

#[tokio::test]
async fn the_head_is_visible_before_the_items() {
    let world = world(LONGER_THAN_ANY_TEST).await;
    assert_eq!(world.commit(None, 0).await, Written::Applied);
    assert_eq!(world.seen(0).await, (Some(1), vec![]));
    assert_eq!((world.ledger().await, world.proxy.hidden()), (vec![], world.hours.len()));
    // The next commit is possible although the items are still hidden.
    assert_eq!(world.commit(Some(1), 1).await, Written::Applied);
    world.proxy.reveal().await;
    assert_eq!(world.proxy.hidden(), 0);
    assert_eq!(world.seen(0).await, (Some(2), world.hours.clone()));
    assert_eq!(world.seen(1).await, (Some(2), world.hours.clone()));
    assert_eq!(world.ledger().await, [0, 1]);
}

#[tokio::test]
async fn items_become_visible_one_by_one() {
    let world = world(Duration::from_millis(700)).await;
    assert_eq!(world.commit(None, 0).await, Written::Applied);
    let mut counts = vec![];
    loop {
        let (version, visible) = world.seen(0).await;
        assert_eq!(version, Some(1));
        counts.push(visible.len());
        if visible == world.hours {
            break;
        }
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(world.ledger().await, [0]);
}

#[tokio::test]
async fn a_refused_transaction_shows_nothing() {
    let world = world(Duration::ZERO).await;
    assert_eq!(world.commit(None, 0).await, Written::Applied);
    world.proxy.reveal().await;
    assert_eq!(world.commit(None, 1).await, Written::Refused);
    assert_eq!(world.commit(Some(7), 1).await, Written::Refused);
    assert_eq!((world.proxy.hidden(), world.seen(1).await), (0, (Some(1), vec![])));
}

#[tokio::test]
async fn a_repeated_transaction_is_applied_once() {
    let mut world = world(LONGER_THAN_ANY_TEST).await;
    let (url, faults) = Faults::between(world.proxy.url().to_owned()).await;
    world.state = DynamoState::new(dynamodb_client(&sdk(&url, SHORT_TIMEOUT).await), TABLE, ClockWithShortSleeps);
    faults.next("TransactWriteItems", Fault::LoseAnswer);
    assert_eq!(world.commit(None, 0).await, Written::Applied);
    assert_eq!(faults.seen("TransactWriteItems").len(), 2);
    assert_eq!(world.proxy.hidden(), world.hours.len());
}
