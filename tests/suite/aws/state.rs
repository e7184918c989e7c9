//! The DynamoDB adapter: the answers of DynamoDB and the adapter's reactions.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::aws::{DynamoState, dynamodb_client};
use collector::{
    Head, HeadTimes, LastCommit, LedgerHour, LedgerItem, LedgerKind, PortError, Recovery, State, Stream, Written,
};
use futures_util::future::join_all;
use schema::LogType;
use serde_json::{Value, json};

use super::dynamodb_server::{self, TABLE, create_table};
use super::{ATTEMPTS, ClockWithShortSleeps, Fault, Faults, LONG_TIMEOUT, SHORT_TIMEOUT, assert_error, sdk};
use crate::conformance;

const HOUR: u32 = 498_000;
const TRANSACT: &str = "TransactWriteItems";

struct World {
    state: DynamoState<ClockWithShortSleeps>,
    faults: Faults,
    stream: Stream,
}

async fn world(call_timeout: Duration) -> World {
    let (url, faults) = Faults::between(dynamodb_server::serve().await).await;
    let client = dynamodb_client(&sdk(&url, call_timeout).await);
    create_table(&client).await;
    let stream = Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: "Acme".to_owned(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["organization"],
    };
    World { state: DynamoState::new(client, TABLE, ClockWithShortSleeps), faults, stream }
}

impl World {
    async fn write(&self, expected: Option<u64>, version: u64, items: &[LedgerItem]) -> Result<Written, PortError> {
        self.state.write(&self.stream, expected, &head(version), items).await
    }

    async fn ledger(&self) -> Result<Vec<LedgerItem>, PortError> {
        self.state.ledger(&self.stream, LedgerKind::Rows, HOUR, None).await
    }

    async fn head(&self) -> Result<Option<Head>, PortError> {
        self.state.head(&self.stream).await
    }

    /// Looks up `count` hours from [`HOUR`] on. Returns those that show the item of commit 0.
    async fn visible_hours(&self, count: u32) -> Result<Vec<LedgerHour>, PortError> {
        let mut visible = self.state.visible_hours(&self.stream, 0, &hours(count)).await?;
        visible.sort_unstable();
        Ok(visible)
    }

    /// Writes commit 0 with an item in each of `count` hours from [`HOUR`] on.
    async fn commit(&self, count: u32) {
        let items: Vec<_> =
            hours(count).into_iter().map(|LedgerHour { hour, .. }| LedgerItem { hour, ..item(0) }).collect();
        assert_eq!(self.write(None, 1, &items).await, Ok(Written::Applied));
    }

    /// Returns the idempotency tokens of all transactions, in order.
    fn tokens(&self) -> Vec<String> {
        let token = |body: &axum::body::Bytes| {
            serde_json::from_slice::<Value>(body).unwrap()["ClientRequestToken"].as_str().unwrap().to_owned()
        };
        self.faults.seen(TRANSACT).iter().map(token).collect()
    }
}

fn head(version: u64) -> Head {
    Head {
        version,
        id: "birth".to_owned(),
        seq: version,
        intent: Some(format!("key-{version}")),
        floor: 1,
        listings: BTreeMap::new(),
        restoring: None,
        last_commit: LastCommit::default(),
        times: HeadTimes { written_at: 2, ..HeadTimes::default() },
    }
}

fn item(seq: u64) -> LedgerItem {
    LedgerItem {
        kind: LedgerKind::Rows,
        hour: HOUR,
        seq,
        entries: vec![seq, u64::MAX - seq],
        expires_at: 9_000_000_000,
    }
}

fn hours(count: u32) -> Vec<LedgerHour> {
    (HOUR..HOUR + count).map(|hour| LedgerHour { kind: LedgerKind::Rows, hour }).collect()
}

fn key_of(hour: u32) -> Value {
    json!({"pk": {"S": format!("acme#openai_audit#{hour}")}, "sk": {"N": "0"}})
}

/// Creates the answer to a batch read that found the item of one hour and left the items of `unread` hours unread.
fn partly_read(found: u32, unread: &[u32]) -> Fault {
    let keys: Vec<Value> = unread.iter().map(|hour| key_of(*hour)).collect();
    let unprocessed = json!({TABLE: {"Keys": keys, "ConsistentRead": true, "ProjectionExpression": "pk"}});
    let body = json!({"Responses": {TABLE: [{"pk": key_of(found)["pk"]}]}, "UnprocessedKeys": unprocessed});
    Fault::answer(200, body.to_string())
}

fn error(status: u16, code: &str) -> Fault {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Fault::answer(status, json!({"__type": code, "message": "in a test"}).to_string())
}

fn canceled(codes: &[&str]) -> Fault {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code, "Message": "in a test"})).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    Fault::answer(400, body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let url = dynamodb_server::serve().await;
    let client = dynamodb_client(&sdk(&url, LONG_TIMEOUT).await);
    create_table(&client).await;
    let first = DynamoState::new(client.clone(), TABLE, ClockWithShortSleeps);
    conformance::state(&first).await;
    conformance::state_reopened(&first, &DynamoState::new(client, TABLE, ClockWithShortSleeps)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_sixteen_is_applied() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.write(None, 1, &[]).await, Ok(Written::Applied));
    for version in 1..10 {
        // Half of the racers write the head alone, by a plain put, and half write it in a transaction.
        let items: Vec<_> = (0..16).map(|racer| if racer % 2 == 0 { vec![] } else { vec![item(version)] }).collect();
        let writes = items.iter().map(|items| world.write(Some(version), version + 1, items));
        let written: Vec<Written> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(written.iter().filter(|written| **written == Written::Applied).count(), 1, "{written:?}");
        assert_eq!(world.head().await.unwrap().unwrap().version, version + 1);
    }
}

#[tokio::test]
async fn retries_use_one_idempotency_token() {
    let world = world(SHORT_TIMEOUT).await;
    for fault in [
        canceled(&["None", "TransactionConflict"]),
        canceled(&["ThrottlingError", "None"]),
        error(400, "TransactionInProgressException"),
        error(400, "ProvisionedThroughputExceededException"),
        error(500, "InternalServerError"),
        Fault::LoseAnswer,
    ] {
        world.faults.next(TRANSACT, fault);
    }
    assert_eq!(world.write(None, 1, &[item(0)]).await, Ok(Written::Applied));
    assert_eq!(world.write(Some(1), 2, &[item(1)]).await, Ok(Written::Applied));
    assert!(world.faults.are_spent());
    let tokens = world.tokens();
    assert_eq!(tokens.len(), 8);
    assert!(tokens[..7].iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_ne!(tokens[7], tokens[0], "another write, another token");
    assert_eq!(world.ledger().await, Ok(vec![item(0), item(1)]));
}

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_applied_once() {
    let world = world(SHORT_TIMEOUT).await;
    world.faults.next(TRANSACT, Fault::LoseAnswer);
    assert_eq!(world.write(None, 1, &[item(0)]).await, Ok(Written::Applied));
    assert_eq!(world.head().await, Ok(Some(head(1))));
    assert_eq!(world.ledger().await, Ok(vec![item(0)]));
}

/// A plain put has no idempotency token, so its repetition fails on the condition. The head shows that the first put
/// was applied.
#[tokio::test]
async fn a_put_repeated_after_a_lost_answer_is_refused_though_the_first_was_applied() {
    let world = world(SHORT_TIMEOUT).await;
    world.faults.next("PutItem", Fault::LoseAnswer);
    assert_eq!(world.write(None, 1, &[]).await, Ok(Written::Refused));
    assert_eq!(world.head().await, Ok(Some(head(1))));
    world.faults.next("PutItem", Fault::Swallow);
    assert_eq!(world.write(Some(1), 2, &[]).await, Ok(Written::Applied));
    assert_eq!(world.head().await, Ok(Some(head(2))));
}

#[tokio::test]
async fn a_refused_transaction_is_not_retried() {
    let world = world(LONG_TIMEOUT).await;
    assert_eq!(world.write(None, 1, &[]).await, Ok(Written::Applied));
    assert_eq!(world.write(None, 1, &[item(0)]).await, Ok(Written::Refused));
    assert_eq!(world.write(Some(2), 3, &[item(0)]).await, Ok(Written::Refused));
    assert_eq!(world.tokens().len(), 2);
    assert_eq!(world.ledger().await, Ok(vec![]));
}

#[tokio::test]
async fn a_put_that_conflicts_with_a_transaction_is_retried() {
    let world = world(LONG_TIMEOUT).await;
    world.faults.next("PutItem", error(400, "TransactionConflictException"));
    world.faults.next("PutItem", error(400, "ThrottlingException"));
    world.faults.next("PutItem", error(503, "ServiceUnavailable"));
    assert_eq!(world.write(None, 1, &[]).await, Ok(Written::Applied));
    assert_eq!(world.faults.seen("PutItem").len(), 4);
}

#[tokio::test]
async fn err_tries_are_bounded() {
    let world = world(LONG_TIMEOUT).await;
    world.faults.next_times(ATTEMPTS * 2, TRANSACT, &canceled(&["TransactionConflict", "None"]));
    assert_error(world.write(None, 1, &[item(0)]).await, Recovery::NextTick, &["TransactionConflict", TABLE, "acme/"]);
    assert_eq!(world.tokens().len(), ATTEMPTS);
    world.faults.next_times(ATTEMPTS * 2, "GetItem", &error(400, "ThrottlingException"));
    assert_error(world.head().await, Recovery::NextTick, &["dynamodb:GetItem", "ThrottlingException"]);
    assert_eq!(world.faults.seen("GetItem").len(), ATTEMPTS);
}

#[tokio::test]
async fn err_not_allowed() {
    let world = world(LONG_TIMEOUT).await;
    for operation in ["GetItem", "PutItem", "Query", "BatchGetItem", TRANSACT] {
        world.faults.next(operation, error(400, "AccessDeniedException"));
    }
    assert_error(world.head().await, Recovery::Person, &["grant dynamodb:GetItem", TABLE]);
    assert_error(world.ledger().await, Recovery::Person, &["grant dynamodb:Query", TABLE]);
    assert_error(world.visible_hours(1).await, Recovery::Person, &["grant dynamodb:BatchGetItem", TABLE]);
    assert_error(world.write(None, 1, &[]).await, Recovery::Person, &["grant dynamodb:PutItem", TABLE]);
    assert_error(world.write(None, 1, &[item(0)]).await, Recovery::Person, &["grant dynamodb:PutItem", TABLE]);
    assert_eq!(world.head().await, Ok(None));
}

#[tokio::test]
async fn err_no_such_table() {
    let url = dynamodb_server::serve().await;
    let state = DynamoState::new(dynamodb_client(&sdk(&url, LONG_TIMEOUT).await), "elsewhere", ClockWithShortSleeps);
    let stream = world(LONG_TIMEOUT).await.stream;
    assert_error(state.head(&stream).await, Recovery::Person, &["ResourceNotFoundException", "create table elsewhere"]);
    let written = state.write(&stream, None, &head(1), &[item(0)]).await;
    assert_error(written, Recovery::Person, &["create table elsewhere"]);
}

#[tokio::test]
async fn err_permanent_errors_are_not_retried() {
    let world = world(LONG_TIMEOUT).await;
    world.faults.next(TRANSACT, error(400, "IdempotentParameterMismatchException"));
    assert_error(world.write(None, 1, &[item(0)]).await, Recovery::NextTick, &["IdempotentParameterMismatch"]);
    world.faults.next(TRANSACT, canceled(&["None", "ValidationError"]));
    assert_error(world.write(None, 1, &[item(0)]).await, Recovery::Person, &["ValidationError", "in a test"]);
    world.faults.next("PutItem", error(400, "ValidationException"));
    assert_error(world.write(None, 1, &[]).await, Recovery::Person, &["ValidationException"]);
    assert_eq!(world.tokens().len(), 2);
    let too_many: Vec<_> = (0..100).map(item).collect();
    assert_error(world.write(None, 1, &too_many).await, Recovery::Person, &["100 ledger items", "at most 99"]);
}

#[tokio::test]
async fn reads_are_consistent_and_made_again() {
    let world = world(SHORT_TIMEOUT).await;
    assert_eq!(world.write(None, 1, &[item(0)]).await, Ok(Written::Applied));
    world.faults.next("Query", Fault::Swallow);
    world.faults.next("Query", error(500, "InternalServerError"));
    assert_eq!(world.ledger().await, Ok(vec![item(0)]));
    assert!(world.head().await.unwrap().is_some());
    let heads = world.faults.seen("GetItem");
    let queries = world.faults.seen("Query");
    let consistent =
        |body: &axum::body::Bytes| serde_json::from_slice::<Value>(body).unwrap()["ConsistentRead"] == true;
    assert_eq!((heads.len(), queries.len()), (1, 3));
    assert!(heads.iter().chain(&queries).all(consistent));
}

#[tokio::test]
async fn visible_hours_are_one_consistent_read_of_keys() {
    let world = world(LONG_TIMEOUT).await;
    world.commit(3).await;
    assert_eq!(world.visible_hours(4).await, Ok(hours(3)));
    let seen = world.faults.seen("BatchGetItem");
    let [body] = &seen[..] else { panic!("{} batch reads", seen.len()) };
    let keys: Vec<Value> = (HOUR..HOUR + 4).map(key_of).collect();
    let expected = json!({"Keys": keys, "ConsistentRead": true, "ProjectionExpression": "pk"});
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), json!({"RequestItems": {TABLE: expected}}));
}

#[tokio::test]
async fn without_hours_nothing_is_read_and_a_repeated_hour_is_read_once() {
    let world = world(LONG_TIMEOUT).await;
    world.commit(1).await;
    assert_eq!(world.visible_hours(0).await, Ok(vec![]));
    assert_eq!(world.faults.seen("BatchGetItem").len(), 0);
    let twice = [hours(1), hours(1)].concat();
    assert_eq!(world.state.visible_hours(&world.stream, 0, &twice).await, Ok(hours(1)));
}

#[tokio::test]
async fn keys_that_were_left_unread_are_read_again() {
    let world = world(SHORT_TIMEOUT).await;
    world.commit(3).await;
    world.faults.next("BatchGetItem", error(400, "ThrottlingException"));
    world.faults.next("BatchGetItem", partly_read(HOUR + 1, &[HOUR, HOUR + 2, HOUR + 3]));
    world.faults.next("BatchGetItem", Fault::Swallow);
    world.faults.next("BatchGetItem", partly_read(HOUR, &[HOUR + 2, HOUR + 3]));
    assert_eq!(world.visible_hours(4).await, Ok(hours(3)));
    assert!(world.faults.are_spent());
    let seen = world.faults.seen("BatchGetItem");
    let last: Value = serde_json::from_slice(seen.last().unwrap()).unwrap();
    assert_eq!(last["RequestItems"][TABLE]["Keys"], json!([key_of(HOUR + 2), key_of(HOUR + 3)]));
}

#[tokio::test]
async fn err_unread_keys_are_read_again_within_a_bound() {
    let world = world(LONG_TIMEOUT).await;
    world.commit(2).await;
    world.faults.next_times(ATTEMPTS * 2, "BatchGetItem", &partly_read(HOUR, &[HOUR + 1]));
    assert_error(world.visible_hours(2).await, Recovery::NextTick, &["left 1 of the keys unprocessed", TABLE, "acme/"]);
    assert_eq!(world.faults.seen("BatchGetItem").len(), ATTEMPTS);
    assert_error(world.visible_hours(100).await, Recovery::Person, &["100 ledger hours", "at most 99"]);
}
