//! The connection check as an action of the function, with the function's own rights.

use collector::{Bucket, PortError, State};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::secret_list::SecretListCache;
use super::shell::{DEADLINE_MARGIN, Shell};
use crate::aws::{ListObjects, ListSecrets, TopicSubscribers, with_deadline};
use crate::clock::SystemClock;
use crate::doctor::{
    Checkup, Code, Fault, Findings, Report, Step, StepName, Stores, check_clock, check_stores, topic_fault_code,
};

/// At most this many sources are checked in one run, so that the answer fits into Lambda's limit of 6 MB.
const MAX_SOURCES: usize = 200;
/// At most this many sources are checked at the same time.
const MAX_CONCURRENT_SOURCES: usize = 8;

impl<Se: ListSecrets, St: State, Bu: Bucket + ListObjects, To: TopicSubscribers> Shell<Se, St, Bu, To> {
    /// Checks every source, the bucket, the table, the streams' state and the alarm topic. `killed_at` is the time at which
    /// Lambda kills the process.
    pub(super) async fn examine(
        &self,
        check: &impl AsyncFn(&Checkup<SystemClock>, &str) -> Findings,
        killed_at: Timestamp,
    ) -> Report {
        let deadline = killed_at - DEADLINE_MARGIN;
        Report::new(with_deadline(deadline, Box::pin(self.examine_until(check, deadline))).await)
    }

    async fn examine_until(
        &self,
        check: &impl AsyncFn(&Checkup<SystemClock>, &str) -> Findings,
        deadline: Timestamp,
    ) -> Vec<Step> {
        let checkup = || Checkup::new(self.clock, deadline);
        let shared = checkup();
        let (arns, not_listed) = SecretListCache::default().arns(&self.environment, &self.secrets, &self.clock).await;
        if let Some(failure) = not_listed.and_then(|report| report.failure) {
            shared.fail(StepName::Secret, "", Fault::of_secret_store(&PortError::person(failure.message)));
        }
        if arns.len() > MAX_SOURCES {
            shared.skip(StepName::Secret, "", &format!("only the first {MAX_SOURCES} of {} sources are", arns.len()));
        }
        let checking = arns.iter().take(MAX_SOURCES).map(|arn| {
            let checkup = checkup();
            async move {
                let findings = check(&checkup, arn).await;
                check_clock(&checkup, findings.vendor_ahead);
                (checkup.into_steps(), findings)
            }
        });
        let checking: Vec<_> = checking.collect();
        let checked: Vec<(Vec<Step>, Findings)> =
            stream::iter(checking).buffered(MAX_CONCURRENT_SOURCES).collect().await;
        let (mut steps, sources): (Vec<_>, Vec<_>) = checked.into_iter().unzip();
        let prefix = &self.environment.settings.prefix;
        check_stores(&shared, Stores { state: Ok(&self.state), bucket: Ok(&self.bucket), prefix }, &sources).await;
        self.check_alarms(&shared).await;
        steps.push(shared.into_steps());
        steps.into_iter().flatten().collect()
    }

    /// Checks that the alarm topic has a subscriber who has confirmed.
    async fn check_alarms(&self, checkup: &Checkup<SystemClock>) {
        let Some(topic) = &self.environment.alarm_topic else {
            return checkup.skip(
                StepName::Alarms,
                "",
                "ALARM_TOPIC_ARN is not set, so this function knows no alarm topic",
            );
        };
        let counted = async {
            let subscribers = self.topics.subscribers(topic).await;
            let subscribers = subscribers.map_err(|error| Fault::of(topic_fault_code(&error), &error))?;
            match (subscribers.confirmed, subscribers.pending) {
                (0, 0) => Err(Fault::new(Code::NoSubscriber, "nobody is subscribed to the alarm topic")),
                (0, pending) => {
                    let cause =
                        format!("{pending} subscriptions to the alarm topic are not confirmed, and there is no other");
                    Err(Fault::new(Code::NoSubscriber, cause))
                }
                (confirmed, _) => Ok(((), format!("{confirmed} subscribers"))),
            }
        };
        checkup.step(StepName::Alarms, "", counted).await;
    }
}
