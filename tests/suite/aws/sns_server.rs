//! The part of Simple Notification Service that the adapter uses.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::Url;

use super::faults::serve;

/// The ARN of the one topic.
pub(crate) const TOPIC_ARN: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

/// The messages that were published to the topic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Topic {
    messages: Arc<Mutex<Vec<Message>>>,
    is_denied: Arc<AtomicBool>,
}

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Topic {
    /// Serves a topic without messages. Returns its address and the topic.
    pub(crate) async fn serve() -> (String, Self) {
        let topic = Self::default();
        (serve(Router::new().route("/", post(answer)).with_state(topic.clone())).await, topic)
    }

    /// From now on denies the right to publish, or grants it again.
    pub(crate) fn deny(&self, is_denied: bool) {
        self.is_denied.store(is_denied, Ordering::Relaxed);
    }

    /// Returns all messages so far.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }
}

async fn answer(State(topic): State<Topic>, body: String) -> (StatusCode, String) {
    let form = Url::parse(&format!("http://form/?{body}")).unwrap();
    let fields: HashMap<String, String> = form.query_pairs().into_owned().collect();
    assert_eq!((fields["Action"].as_str(), fields["TopicArn"].as_str()), ("Publish", TOPIC_ARN));
    if topic.is_denied.load(Ordering::Relaxed) {
        let error = "<Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no right</Message></Error>";
        return (StatusCode::FORBIDDEN, format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"));
    }
    let message = Message { subject: fields["Subject"].clone(), text: fields["Message"].clone() };
    topic.messages.lock().unwrap().push(message);
    let result = "<PublishResult><MessageId>1</MessageId></PublishResult>";
    (StatusCode::OK, format!("<PublishResponse>{result}</PublishResponse>"))
}
