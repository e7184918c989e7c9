//! Heads and ledgers in one DynamoDB table.
//!
//! | `pk` (S) | `sk` (N) | attributes |
//! |---|---|---|
//! | `{source}#{table}` | 0 | `version` (N), `head` (S, JSON) |
//! | `{source}#{table}#{hour}` | seq | `entries` (B), `expires_at` (N, the table's TTL) |
//! | `{source}#{table}#blob#{hour}` | seq | the same as in the row above |

mod item;
mod outcome;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use collector::{
    Clock, Head, LedgerHour, LedgerItem, LedgerKind, MAX_COMMIT_HOURS, PortError, State, Stream, Written, retry,
};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};
use item::{Item, LedgerPartition};

/// DynamoDB's limit of items in one transaction.
const MAX_TRANSACTION_ITEMS: usize = 100;
/// More pages than this in one ledger hour are an error. A page holds up to 1 MB, which is 125,000 entries.
const MAX_LEDGER_PAGES: usize = 256;

/// Heads and ledgers in a table with the partition key `pk` (S) and the sort key `sk` (N).
#[derive(Debug)]
pub struct DynamoState<C> {
    client: Client,
    table: String,
    clock: C,
}

impl<C: Clock> DynamoState<C> {
    /// Returns the adapter of the table with this name.
    pub fn new(client: Client, table: impl Into<String>, clock: C) -> Self {
        Self { client, table: table.into(), clock }
    }

    fn call(&self, action: &'static str, stream: &Stream) -> Call {
        let table = &self.table;
        Call {
            action,
            target: format!("table {table} for {}", stream.name()),
            denied_advice: format!("grant {action} on table {table}, and kms:Decrypt on its key where it has one"),
            missing_advice: format!("create table {table} with keys pk (S) and sk (N), or correct its name"),
        }
    }

    fn damaged(&self, stream: &Stream, what: &str) -> PortError {
        PortError::person(format!("table {} for {}: {what}", self.table, stream.name()))
    }

    /// Returns a put of `head` that succeeds only if the stored head has version `expected`, or does not exist for
    /// `None`.
    fn conditional_put(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
    ) -> Result<ConditionalPut, PortError> {
        let item = item::of_head(stream, head).map_err(|error| self.damaged(stream, &error))?;
        Ok(match expected {
            None => ConditionalPut { item, condition: "attribute_not_exists(pk)", names: None, values: None },
            Some(version) => ConditionalPut {
                item,
                condition: "#version = :expected",
                names: Some([("#version".to_owned(), item::VERSION.to_owned())].into()),
                values: Some([(":expected".to_owned(), AttributeValue::N(version.to_string()))].into()),
            },
        })
    }

    async fn put_head(&self, call: &Call, put: &ConditionalPut) -> Result<Written, PortError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(put.item.clone()))
            .condition_expression(put.condition)
            .set_expression_attribute_names(put.names.clone())
            .set_expression_attribute_values(put.values.clone());
        match attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await {
            Ok(_) => Ok(Written::Applied),
            Err(error) => outcome::of_put(&error, call),
        }
    }

    /// Writes head and ledger items in one transaction. `token` makes the call idempotent: DynamoDB does not repeat a
    /// transaction that has succeeded under the same token.
    async fn transact(&self, call: &Call, token: &str, actions: &[TransactWriteItem]) -> Result<Written, PortError> {
        let request = self.client.transact_write_items().client_request_token(token);
        let request = request.set_transact_items(Some(actions.to_vec()));
        match attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await {
            Ok(_) => Ok(Written::Applied),
            Err(error) => outcome::of_transaction(&error, call),
        }
    }

    fn transaction(
        &self,
        call: &Call,
        stream: &Stream,
        head: ConditionalPut,
        items: &[LedgerItem],
    ) -> Result<Vec<TransactWriteItem>, PortError> {
        if items.len() >= MAX_TRANSACTION_ITEMS {
            let max = MAX_TRANSACTION_ITEMS - 1;
            let (target, count) = (&call.target, items.len());
            return Err(PortError::person(format!(
                "{target}: {count} ledger items in one write, at most {max} fit: cut batches at fewer ledger hours"
            )));
        }
        let head = Put::builder()
            .table_name(&self.table)
            .set_item(Some(head.item))
            .condition_expression(head.condition)
            .set_expression_attribute_names(head.names)
            .set_expression_attribute_values(head.values)
            .build();
        let ledger = items.iter().map(|ledger_item| {
            Put::builder().table_name(&self.table).set_item(Some(item::of_ledger(stream, ledger_item))).build()
        });
        std::iter::once(head)
            .chain(ledger)
            .map(|put| put.map(|put| TransactWriteItem::builder().put(put).build()))
            .collect::<Result<_, _>>()
            .map_err(|error| PortError::person(format!("{}: {error}", call.target)))
    }

    async fn ledger_page(
        &self,
        call: &Call,
        partition: &LedgerPartition<'_>,
        after_seq: Option<u64>,
        start: Option<Item>,
    ) -> Result<QueryOutput, PortError> {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.key()))
            .set_exclusive_start_key(start);
        if let Some(seq) = after_seq {
            request = request
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", AttributeValue::N(seq.to_string()));
        }
        let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
        sent.map_err(|error| CallError::of(&error).into_port_error(call))
    }

    /// Returns a consistent read of these keys, which returns only the partition key of each item found.
    fn existence_request(&self, call: &Call, keys: Vec<Item>) -> Result<RequestItems, PortError> {
        let query = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .projection_expression(item::PARTITION)
            .build()
            .map_err(|error| PortError::person(format!("{}: {error}", call.target)))?;
        Ok([(self.table.clone(), query)].into())
    }

    /// Reads all keys of `query` and returns the items found.
    ///
    /// DynamoDB may leave keys unread, because the answer is too large or the table is throttled. They are read again
    /// after a backoff, like a failed call, and each such read is one attempt of [`RETRIES`].
    async fn batch_get(&self, call: &Call, query: RequestItems) -> Result<Vec<Item>, PortError> {
        let (unread, found) = (RefCell::new(query), RefCell::new(Vec::new()));
        retry(&self.clock, &RETRIES, || async {
            let request = self.client.batch_get_item().set_request_items(Some(unread.borrow().clone()));
            let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
            let answer = sent.map_err(|error| CallError::of(&error).into_port_error(call))?;
            found.borrow_mut().extend(answer.responses.unwrap_or_default().into_values().flatten());
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            let count: usize = unprocessed.values().map(|table| table.keys().len()).sum();
            if count == 0 {
                return Ok(());
            }
            unread.replace(unprocessed);
            Err(PortError::again(format!("{} on {}: left {count} of the keys unprocessed", call.action, call.target)))
        })
        .await?;
        Ok(found.into_inner())
    }
}

impl<C: Clock> State for DynamoState<C> {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let call = self.call("dynamodb:GetItem", stream);
        let answer = retry(&self.clock, &RETRIES, || async {
            let request = self.client.get_item().table_name(&self.table).consistent_read(true);
            let request = request.set_key(Some(item::head_key(stream)));
            let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
            sent.map_err(|error| CallError::of(&error).into_port_error(&call))
        })
        .await?;
        let Some(item) = answer.item else { return Ok(None) };
        item::to_head(&item).map(Some).map_err(|problem| self.damaged(stream, &problem))
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let put = self.conditional_put(stream, expected, head)?;
        let call = self.call("dynamodb:PutItem", stream);
        if items.is_empty() {
            return retry(&self.clock, &RETRIES, || self.put_head(&call, &put)).await;
        }
        let actions = self.transaction(&call, stream, put, items)?;
        // The token has 32 of the 36 characters that DynamoDB allows. All attempts of one write share it.
        let token = format!("{:016x}{:016x}", self.clock.random(), self.clock.random());
        retry(&self.clock, &RETRIES, || self.transact(&call, &token, &actions)).await
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let call = self.call("dynamodb:Query", stream);
        let partition = LedgerPartition { stream, kind, hour };
        let (mut found, mut start) = (Vec::new(), None);
        for _ in 0..MAX_LEDGER_PAGES {
            let page =
                retry(&self.clock, &RETRIES, || self.ledger_page(&call, &partition, after_seq, start.clone())).await?;
            for item in page.items() {
                found.push(partition.to_ledger(item).map_err(|problem| {
                    let advice = "nothing but this program may write there: run `audit-pull rebuild --force`";
                    self.damaged(stream, &format!("{problem}; {advice}"))
                })?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
        Err(PortError::person(format!(
            "{}: the ledger of hour {hour} has more than {MAX_LEDGER_PAGES} pages; report this with the stream's volume",
            call.target
        )))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let call = self.call("dynamodb:BatchGetItem", stream);
        let partition = |hour: &LedgerHour| LedgerPartition { stream, kind: hour.kind, hour: hour.hour };
        // DynamoDB refuses a request that contains a key twice.
        let by_partition: BTreeMap<String, LedgerHour> =
            hours.iter().map(|hour| (partition(hour).key(), *hour)).collect();
        if by_partition.len() > MAX_COMMIT_HOURS {
            let (target, count) = (&call.target, by_partition.len());
            return Err(PortError::person(format!(
                "{target}: cannot look up {count} ledger hours at once, at most {MAX_COMMIT_HOURS} are possible; report this"
            )));
        }
        if by_partition.is_empty() {
            return Ok(Vec::new());
        }
        let keys = by_partition.values().map(|hour| item::ledger_key(&partition(hour), seq)).collect();
        let found = self.batch_get(&call, self.existence_request(&call, keys)?).await?;
        Ok(found.iter().filter_map(|item| by_partition.get(item::partition_of(item)?).copied()).collect())
    }
}

/// The keys of a batch read, by table.
type RequestItems = HashMap<String, KeysAndAttributes>;

/// A put and the condition under which it succeeds.
struct ConditionalPut {
    item: Item,
    condition: &'static str,
    names: Option<HashMap<String, String>>,
    values: Option<Item>,
}
