//! The subscribers of an SNS topic.

use aws_sdk_sns::Client;
use collector::{Clock, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};

/// The ARN of a subscription that nobody has confirmed yet.
const PENDING: &str = "PendingConfirmation";
/// The ARN of a subscription that was deleted.
const DELETED: &str = "Deleted";

/// The number of a topic's subscribers. Only the first page of up to 100 subscriptions is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subscribers {
    /// Subscriptions that deliver.
    pub confirmed: usize,
    /// Subscriptions that wait for a confirmation.
    pub pending: usize,
}

/// Counts the subscribers of topics.
pub trait TopicSubscribers {
    /// Counts the subscribers of the topic with this ARN.
    fn subscribers(&self, topic: &str) -> impl Future<Output = Result<Subscribers, PortError>>;
}

/// The topics of SNS.
#[derive(Debug)]
pub struct SnsTopics<C> {
    client: Client,
    clock: C,
}

impl<C: Clock> SnsTopics<C> {
    /// Returns the adapter of this client.
    pub fn new(client: Client, clock: C) -> Self {
        Self { client, clock }
    }
}

impl<C: Clock> TopicSubscribers for SnsTopics<C> {
    async fn subscribers(&self, topic: &str) -> Result<Subscribers, PortError> {
        let call = Call {
            action: "sns:ListSubscriptionsByTopic",
            target: format!("topic {topic}"),
            denied_advice: format!(
                "grant sns:ListSubscriptionsByTopic on {topic}, or look at its subscriptions in the console"
            ),
            missing_advice: format!("create the topic {topic}, or correct its ARN"),
        };
        let page = retry(&self.clock, &RETRIES, || async {
            let sent = self.client.list_subscriptions_by_topic().topic_arn(topic).send();
            attempt(&self.clock, SMALL_CALL_TIMEOUT, sent)
                .await
                .map_err(|error| CallError::of(&error).into_port_error(&call))
        })
        .await?;
        let mut subscribers = Subscribers::default();
        for subscription in page.subscriptions() {
            match subscription.subscription_arn() {
                Some(PENDING) => subscribers.pending += 1,
                Some(DELETED) | None => {}
                Some(_) => subscribers.confirmed += 1,
            }
        }
        Ok(subscribers)
    }
}
