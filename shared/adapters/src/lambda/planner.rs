//! The planner of a fan-out: sends one message per source to the queue of the workers, once per period.
//!
//! The planner only lists the secrets and never reads one. A period without a message costs a source nothing but time,
//! because its next tick lists the same windows.

use std::time::Duration;

use collector::{Bucket, Clock, PortError, State, StreamReport};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::failure::InvocationFailure;
use super::fan_out::{FanOut, Plan};
use super::in_flight::InFlight;
use super::isolated::run_isolated;
use super::secret_list::SecretListCache;
use super::shell::{DEADLINE_MARGIN, Shell};
use super::source_message::SourceMessage;
use super::sources::not_opened;
use crate::aws::{ListObjects, ListSecrets, MAX_MESSAGES_PER_CALL, MessageQueue, TopicSubscribers, with_deadline};

/// At most this many calls send messages at the same time.
const MAX_CONCURRENT_CALLS: usize = 8;
/// The time in which all messages are sent. Further ones are left to the next period.
const MAX_SEND_TIME: Duration = Duration::from_secs(20);

impl<Se: ListSecrets, St: State, Bu: Bucket + ListObjects, To: TopicSubscribers> Shell<Se, St, Bu, To> {
    /// Sends a message for each source. Fails if the secrets could not be listed or a message could not be sent, but only
    /// after all others are sent.
    pub(super) async fn plan(
        &self,
        fan_out: &FanOut,
        queue: &impl MessageQueue,
        listed: &mut SecretListCache,
        killed_at: Timestamp,
    ) -> Result<Plan, InvocationFailure> {
        let (mut arns, not_listed) = listed.arns_now(&self.environment, &self.secrets, &self.clock).await;
        rotate(&mut arns, self.clock.random());
        let now = self.clock.now();
        let cutoff = (now + MAX_SEND_TIME).min(killed_at - DEADLINE_MARGIN);
        let expires_at = now.as_second() + i64::from(fan_out.period_seconds);
        let (messages, not_sent) = send_messages(queue, &self.clock, &arns, expires_at, cutoff).await;
        let plan = Plan { sources: arns.len(), messages };
        tracing::info!(vendor = self.vendor, sources = plan.sources, messages = plan.messages, "plan");
        let not_sent = not_sent.map(|error| not_opened("planner", &lost_messages(plan, &error)));
        let reports: Vec<StreamReport> = not_listed.into_iter().chain(not_sent).collect();
        match InvocationFailure::of(&reports) {
            Some(failed) => {
                self.write_streams(&reports, true);
                Err(failed)
            }
            None => Ok(plan),
        }
    }
}

fn lost_messages(plan: Plan, error: &PortError) -> PortError {
    let message = format!(
        "{} of {} sources got no message in this period, and get the next one: {}",
        plan.sources - plan.messages,
        plan.sources,
        error.message
    );
    PortError { message, ..error.clone() }
}

/// Makes a random source the first one. If the workers are too few, the last messages of a period expire, and they should
/// not be those of the same sources in every period.
fn rotate(arns: &mut [String], random: u64) {
    let first = usize::try_from(random).unwrap_or_default();
    arns.rotate_left(first.checked_rem(arns.len()).unwrap_or_default());
}

/// Sends a message for each secret, until `cutoff` at the latest. Returns the number of sources whose messages were sent,
/// and the first error.
async fn send_messages(
    queue: &impl MessageQueue,
    clock: &impl Clock,
    arns: &[String],
    expires_at: i64,
    cutoff: Timestamp,
) -> (usize, Option<PortError>) {
    let sending = arns.chunks(MAX_MESSAGES_PER_CALL).map(|arns| async move {
        let calls = InFlight::default();
        let work = calls.track("queue: send messages".to_owned(), send_batch(queue, arns, expires_at));
        run_isolated(clock, cutoff, &calls, with_deadline(cutoff, work)).await.flatten().map(|()| arns.len())
    });
    let sending: Vec<_> = sending.collect();
    let results: Vec<_> = stream::iter(sending).buffered(MAX_CONCURRENT_CALLS).collect().await;
    let sent = results.iter().filter_map(|result| result.as_ref().ok()).sum();
    (sent, results.into_iter().find_map(Result::err))
}

async fn send_batch(queue: &impl MessageQueue, arns: &[String], expires_at: i64) -> Result<(), PortError> {
    let bodies = arns.iter().map(|arn| SourceMessage { secret_arn: arn.clone(), expires_at }.to_body());
    let bodies: Vec<String> = bodies.collect::<Result<_, _>>()?;
    queue.send(&bodies).await
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;
    use std::future::pending;

    use super::*;
    use crate::clock::SystemClock;

    /// A queue that refuses or never answers some of its calls.
    #[derive(Default)]
    struct FakeQueue {
        bodies: RefCell<Vec<String>>,
        calls: Cell<usize>,
        running: Cell<usize>,
        max_running: Cell<usize>,
        refuses: Option<usize>,
        is_silent_at: Option<usize>,
    }

    impl MessageQueue for FakeQueue {
        async fn send(&self, bodies: &[String]) -> Result<(), PortError> {
            assert!((1..=MAX_MESSAGES_PER_CALL).contains(&bodies.len()));
            let call = self.calls.replace(self.calls.get() + 1);
            self.running.set(self.running.get() + 1);
            self.max_running.set(self.max_running.get().max(self.running.get()));
            tokio::task::yield_now().await;
            if self.is_silent_at == Some(call) {
                return pending().await;
            }
            self.running.set(self.running.get() - 1);
            if self.refuses == Some(call) {
                return Err(PortError::person("no right"));
            }
            self.bodies.borrow_mut().extend_from_slice(bodies);
            Ok(())
        }
    }

    fn arns(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("arn:{number}")).collect()
    }

    async fn send(queue: &FakeQueue, count: usize) -> (usize, Option<PortError>) {
        let cutoff = SystemClock.now() + Duration::from_millis(200);
        send_messages(queue, &SystemClock, &arns(count), 60, cutoff).await
    }

    #[tokio::test]
    async fn each_of_a_thousand_sources_gets_one_message_in_calls_of_ten_and_eight_at_a_time() {
        let queue = FakeQueue::default();
        assert_eq!(send(&queue, 1_003).await, (1_003, None));
        let bodies = queue.bodies.borrow();
        let sent: Vec<SourceMessage> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        assert!(sent.iter().all(|message| message.expires_at == 60));
        assert_eq!(sent.iter().map(|message| &message.secret_arn).collect::<BTreeSet<_>>().len(), 1_003);
        assert_eq!((bodies.len(), queue.calls.get(), queue.max_running.get()), (1_003, 101, MAX_CONCURRENT_CALLS));
    }

    #[tokio::test]
    async fn a_call_that_fails_or_hangs_costs_only_its_own_messages() {
        let queue = FakeQueue { refuses: Some(1), ..FakeQueue::default() };
        let (sent, error) = send(&queue, 35).await;
        assert_eq!((sent, error.unwrap().message.as_str(), queue.bodies.borrow().len()), (25, "no right", 25));
        let queue = FakeQueue { is_silent_at: Some(3), ..FakeQueue::default() };
        let (sent, error) = send(&queue, 35).await;
        let message = error.unwrap().message;
        assert!(sent == 30 && message.contains("from the queue: send messages"), "{sent}: {message}");
        let message = lost_messages(Plan { sources: 35, messages: 30 }, &PortError::next_tick("slow")).message;
        assert_eq!(message, "5 of 35 sources got no message in this period, and get the next one: slow");
    }

    #[test]
    fn every_source_comes_first_in_some_plan() {
        let mut empty: Vec<String> = Vec::new();
        rotate(&mut empty, 5);
        let firsts: BTreeSet<String> = (0..7)
            .map(|random| {
                let mut arns = arns(7);
                rotate(&mut arns, random);
                arns.swap_remove(0)
            })
            .collect();
        assert_eq!(firsts.len(), 7);
    }
}
