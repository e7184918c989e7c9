//! Messages to a queue of Simple Queue Service.

use std::cell::RefCell;
use std::collections::HashSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use collector::{Clock, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};

/// Maximum number of messages per call: the maximum of SQS.
pub const MAX_MESSAGES_PER_CALL: usize = 10;
/// An error repeats at most this much of AWS's own message.
const MAX_TEXT_CHARS: usize = 400;

/// A queue to which messages are sent.
pub trait MessageQueue {
    /// Sends up to [`MAX_MESSAGES_PER_CALL`] messages. After an error some of them may have been sent, and a message may
    /// be in the queue twice if an answer was lost.
    fn send(&self, bodies: &[String]) -> impl Future<Output = Result<(), PortError>>;
}

/// A queue of SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue<C> {
    client: Client,
    url: String,
    clock: C,
}

impl<C: Clock> SqsQueue<C> {
    /// Returns an adapter that sends to the queue at `url` with `client`.
    pub fn new(client: Client, url: &str, clock: C) -> Self {
        Self { client, url: url.to_owned(), clock }
    }

    async fn send_once(&self, call: &Call, bodies: &[String], unsent: &[usize]) -> Result<Answer, PortError> {
        let entries = unsent.iter().filter_map(|number| Some((number, bodies.get(*number)?)));
        let entries: Result<Vec<_>, _> = entries
            .map(|(number, body)| {
                SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body).build()
            })
            .collect();
        let entries = entries.map_err(|error| PortError::person(format!("{}: {error}", call.action)))?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.send()).await;
        let answer = sent.map_err(|error| CallError::of(&error).into_port_error(call))?;
        Ok(Answer::of(&answer))
    }
}

impl<C: Clock> MessageQueue for SqsQueue<C> {
    async fn send(&self, bodies: &[String]) -> Result<(), PortError> {
        let call = call(&self.url);
        let unsent: RefCell<Vec<usize>> = RefCell::new((0..bodies.len()).collect());
        retry(&self.clock, &RETRIES, || async {
            let numbers = unsent.borrow().clone();
            let answer = self.send_once(&call, bodies, &numbers).await?;
            unsent.borrow_mut().retain(|number| !answer.sent.contains(number));
            let left = unsent.borrow().len();
            if left == 0 { Ok(()) } else { Err(refused(&call, left, answer.refusal.as_ref())) }
        })
        .await
    }
}

/// The part of an answer that decides about a retry.
struct Answer {
    /// The numbers of the messages that were accepted.
    sent: HashSet<usize>,
    /// The first message that was refused.
    refusal: Option<BatchResultErrorEntry>,
}

impl Answer {
    fn of(answer: &SendMessageBatchOutput) -> Self {
        let sent = answer.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
        Self { sent, refusal: answer.failed().first().cloned() }
    }
}

fn refused(call: &Call, left: usize, refusal: Option<&BatchResultErrorEntry>) -> PortError {
    let what = format!("{} on {}: {left} messages were not accepted", call.action, call.target);
    let Some(refusal) = refusal else { return PortError::again(what) };
    let text: String = refusal.message().unwrap_or("no message").chars().take(MAX_TEXT_CHARS).collect();
    let what = format!("{what}: {}: {text}", refusal.code());
    if refusal.sender_fault() {
        return PortError::person(format!("{what}; AWS will answer the same again: correct the cause it names"));
    }
    PortError::again(what)
}

fn call(url: &str) -> Call {
    let name = url.rsplit('/').next().unwrap_or(url);
    Call {
        action: "sqs:SendMessage",
        target: format!("queue {name}"),
        denied_advice: format!("grant sqs:SendMessage on {name}"),
        missing_advice: format!("create the queue {name}, or correct FAN_OUT_QUEUE_URL"),
    }
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    #[test]
    fn a_refusal_by_fault_of_the_sender_needs_a_person_and_others_are_retried() {
        let call = call("https://sqs.eu-west-1.amazonaws.com/123456789012/stack-openai-sources");
        let refusal = |is_ours| {
            let entry = BatchResultErrorEntry::builder().id("0").code("Code").message("why").sender_fault(is_ours);
            entry.build().unwrap()
        };
        let error = refused(&call, 2, Some(&refusal(true)));
        assert_eq!(error.recovery, Recovery::Person);
        assert!(error.message.starts_with("sqs:SendMessage on queue stack-openai-sources: 2 messages"), "{error}");
        assert!(error.message.contains("Code: why"), "{error}");
        for refusal in [None, Some(&refusal(false))] {
            assert_eq!(refused(&call, 1, refusal).recovery, Recovery::Again { after: None });
        }
    }
}
