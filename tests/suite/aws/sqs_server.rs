//! The part of Simple Queue Service that the adapter uses.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::faults::serve;

/// A queue, and what it does with the next messages that it gets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    bodies: Vec<String>,
    /// The number of messages in each call so far.
    calls: Vec<usize>,
    /// The coming refusals: the number of messages that pass before, and the sender's fault.
    refusals: VecDeque<(usize, bool)>,
}

impl Queue {
    /// Serves an empty queue. Returns the service's address and the queue.
    pub(crate) async fn serve() -> (String, Self) {
        let queue = Self::default();
        (serve(Router::new().fallback(post(answer)).with_state(queue.clone())).await, queue)
    }

    /// Refuses one message, after this number of further messages.
    pub(crate) fn refuse_after(&self, messages: usize, is_fault_of_sender: bool) {
        self.0.lock().unwrap().refusals.push_back((messages, is_fault_of_sender));
    }

    /// Removes and returns all messages.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().bodies)
    }

    /// Returns the number of messages in each call so far.
    pub(crate) fn calls(&self) -> Vec<usize> {
        self.0.lock().unwrap().calls.clone()
    }
}

impl Inner {
    /// Takes a message. Returns the sender's fault if it is refused.
    fn take_message(&mut self, body: &str) -> Option<bool> {
        match self.refusals.front_mut() {
            Some((0, is_fault)) => {
                let is_fault = *is_fault;
                self.refusals.pop_front();
                return Some(is_fault);
            }
            Some((messages, _)) => *messages -= 1,
            None => {}
        }
        self.bodies.push(body.to_owned());
        None
    }
}

async fn answer(State(queue): State<Queue>, headers: HeaderMap, body: String) -> Json<Value> {
    assert_eq!(headers["x-amz-target"], "AmazonSQS.SendMessageBatch");
    let request: Value = serde_json::from_str(&body).unwrap();
    assert!(request["QueueUrl"].as_str().unwrap().ends_with("/123456789012/sources"), "{request}");
    let entries = request["Entries"].as_array().unwrap();
    let mut inner = queue.0.lock().unwrap();
    inner.calls.push(entries.len());
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match inner.take_message(entry["MessageBody"].as_str().unwrap()) {
            None => successful.push(json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0"})),
            Some(fault) => {
                failed.push(json!({"Id": entry["Id"], "SenderFault": fault, "Code": "Refused", "Message": "why"}));
            }
        }
    }
    Json(json!({"Successful": successful, "Failed": failed}))
}
