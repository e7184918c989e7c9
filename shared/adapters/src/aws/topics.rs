//! The subscribers of an SNS topic.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::Subscription;
use collector::{Clock, PortError, retry};

use super::attempt::{SMALL_CALL_TIMEOUT, attempt};
use super::call::{Call, CallError, RETRIES};

/// The ARN of a subscription that nobody has confirmed yet.
const PENDING: &str = "PendingConfirmation";
/// The ARN of a subscription that was deleted.
const DELETED: &str = "Deleted";

/// At most this many pages of up to 100 subscriptions are counted. The count matters only near zero.
const MAX_PAGES: usize = 20;

/// The number of a topic's subscribers. At most 2,000 subscriptions are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subscribers {
    /// Subscriptions that deliver.
    pub confirmed: usize,
    /// Subscriptions that wait for a confirmation.
    pub pending: usize,
}

impl Subscribers {
    /// Adds the subscriptions of one page.
    fn count(&mut self, subscriptions: &[Subscription]) {
        for subscription in subscriptions {
            match subscription.subscription_arn() {
                Some(PENDING) => self.pending += 1,
                Some(DELETED) | None => {}
                Some(_) => self.confirmed += 1,
            }
        }
    }
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
        let (mut subscribers, mut token) = (Subscribers::default(), None);
        for _ in 0..MAX_PAGES {
            let request = self.client.list_subscriptions_by_topic().topic_arn(topic).set_next_token(token);
            let page = retry(&self.clock, &RETRIES, || async {
                let sent = attempt(&self.clock, SMALL_CALL_TIMEOUT, request.clone().send()).await;
                sent.map_err(|error| CallError::of(&error).into_port_error(&call))
            })
            .await?;
            subscribers.count(page.subscriptions());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        Ok(subscribers)
    }
}
