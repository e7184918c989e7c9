//! The messages of a fan-out: the body of each, the event in which Lambda passes a batch of them to the worker, and the
//! worker's response.

use collector::PortError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The event source of the messages of a queue.
const SQS: &str = "aws:sqs";
/// The fields of an event from a queue, and of its records.
const RECORDS: &str = "Records";
const EVENT_SOURCE: &str = "eventSource";

/// The body of a message: one tick of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceMessage {
    /// The ARN of the source's secret.
    pub(super) secret_arn: String,
    /// The Unix time from which on a newer message replaces this one.
    pub(super) expires_at: i64,
}

impl SourceMessage {
    /// Returns the text of the message.
    pub(super) fn to_body(&self) -> Result<String, PortError> {
        serde_json::to_string(self).map_err(|error| PortError::next_tick(format!("a message of the fan-out: {error}")))
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        now.as_second() >= self.expires_at
    }
}

/// A message as Lambda passes it to the worker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// SQS's id of the message.
    pub(super) message_id: String,
    /// The text of the message.
    pub(super) body: String,
}

/// Returns the records of an event from a queue; `None` for any other event.
///
/// # Errors
/// A record has no id or no body.
pub(super) fn records(event: &Value) -> Result<Option<Vec<Record>>, PortError> {
    let Some(records) = event.get(RECORDS).and_then(Value::as_array) else { return Ok(None) };
    let is_of_queue = |record: &Value| record.get(EVENT_SOURCE).is_some_and(|source| source == SQS);
    if records.is_empty() || !records.iter().all(is_of_queue) {
        return Ok(None);
    }
    let records: Result<Vec<Record>, _> = records.iter().map(Record::deserialize).collect();
    records.map(Some).map_err(|error| PortError::person(format!("the event of the queue cannot be read: {error}")))
}

/// The worker's response to a batch. Lambda deletes the messages that it does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

impl BatchResponse {
    /// Returns the response that leaves the messages with these ids in the queue.
    pub(super) fn of(failed: Vec<String>) -> Self {
        let failures = failed.into_iter().map(|item_identifier| BatchItemFailure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_event_of_a_queue_has_records() {
        let record = json!({"messageId": "1", "body": "b", "eventSource": "aws:sqs", "attributes": {}});
        let expected = vec![Record { message_id: "1".to_owned(), body: "b".to_owned() }];
        assert_eq!(records(&json!({"Records": [record]})), Ok(Some(expected)));
        for other in [
            Value::Null,
            json!({}),
            json!({"Records": []}),
            json!({"Records": [{"eventSource": "aws:s3"}]}),
            json!({"Records": [record, {"eventSource": "aws:s3"}]}),
        ] {
            assert_eq!(records(&other), Ok(None), "{other}");
        }
        assert!(records(&json!({"Records": [{"eventSource": "aws:sqs", "body": "b"}]})).is_err());
    }

    #[test]
    fn a_response_names_the_failed_messages() {
        let response = serde_json::to_value(BatchResponse::of(vec!["1".to_owned(), "2".to_owned()])).unwrap();
        assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "2"}]}));
        assert_eq!(serde_json::to_value(BatchResponse::of(Vec::new())).unwrap(), json!({"batchItemFailures": []}));
    }
}
