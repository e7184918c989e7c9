//! One process of a function, from its start to its last invocation.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Bucket, Clock, Env, MemoryBudget, PortError, Source, State, StreamReport, Vendor, run_tick};
use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use schema::CustomModels;
use serde::Serialize;
use serde_json::Value;

use super::action::Action;
use super::data_models::Models;
use super::environment::Environment;
use super::failure::InvocationFailure;
use super::fan_out::Plan;
use super::in_flight::{CallCounts, InFlight};
use super::isolated::run_isolated;
use super::logging::{self, TickUsage};
use super::metrics::{self, Deployment};
use super::scheduler::{SLOTS, Scheduler};
use super::secret_list::SecretListCache;
use super::silence;
use super::source_message::{BatchResponse, Record};
use super::sources::{Opened, divide, open_all, remove_duplicate_ids};
use super::watched::Watched;
use super::worker::{Assignment, keep_warm};
use crate::aws::{
    self, DynamoState, ListObjects, ListSecrets, S3Bucket, SecretsManager, SnsTopic, SnsTopics, SqsQueue,
    TopicSubscribers,
};
use crate::clock::SystemClock;
use crate::doctor::{Checkup, Findings, Report};
use crate::http::traffic;

/// Time from the deadline of the sources' work to the moment when Lambda kills the process.
pub(super) const DEADLINE_MARGIN: Duration = Duration::from_secs(5);
/// Time from the cut-off of hanging sources to the moment when Lambda kills the process. The reports are written in
/// this time.
const REPORT_MARGIN: Duration = Duration::from_secs(2);
/// Time from the cut-off of messages on silent streams to the moment when Lambda kills the process.
const MESSAGE_MARGIN: Duration = Duration::from_secs(1);

/// The settings of a function and its ports, which are those on AWS except in tests.
#[derive(Debug)]
pub struct Shell<
    Se = SecretsManager<SystemClock>,
    St = DynamoState<SystemClock>,
    Bu = S3Bucket<SystemClock>,
    To = SnsTopics<SystemClock>,
> {
    /// The vendor's name in lower case, for logs and metrics.
    pub vendor: String,
    /// The settings of the deployment.
    pub environment: Environment,
    /// The store of the sources' secrets.
    pub secrets: Se,
    /// The store of heads and ledgers.
    pub state: St,
    /// The bucket for the objects.
    pub bucket: Bu,
    /// The topics of alarms, whose subscribers the connection check counts.
    pub topics: To,
    /// The topic for messages on silent streams; `None` if none is sent.
    pub alarm_topic: Option<SnsTopic<SystemClock>>,
    /// The queue of a fan-out's planner; `None` for any other function.
    pub queue: Option<SqsQueue<SystemClock>>,
    /// The clock, which is also the source of random numbers.
    pub clock: SystemClock,
    /// The memory for ledger caches, batches and blob references, which all sources share.
    pub memory: MemoryBudget,
}

/// The state that a process keeps between two invocations.
struct Warm<V> {
    /// The sources in the order in which the next tick serves them.
    sources: Vec<Opened<V>>,
    listed: SecretListCache,
    models: Models,
}

impl<V> Default for Warm<V> {
    fn default() -> Self {
        Self { sources: Vec::new(), listed: SecretListCache::default(), models: Models::default() }
    }
}

/// One tick of some sources.
struct Tick<V> {
    /// The ARNs of their secrets.
    arns: Vec<String>,
    /// Those that are open from earlier ticks, in the order in which this tick serves them.
    known: Vec<Opened<V>>,
    /// Reports from before the tick, which are written with its own.
    reports: Vec<StreamReport>,
    began: Timestamp,
    /// The time at which Lambda kills the process.
    killed_at: Timestamp,
    /// The sources are those of a fan-out's messages.
    is_fan_out: bool,
}

/// The result of an invocation, for a person who started it by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Streams that have a report.
    pub streams: usize,
    /// Lines delivered.
    pub delivered: u64,
    /// Objects delivered.
    pub objects: u64,
    /// Inputs that could not become a line.
    pub rejected: u64,
}

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Response {
    /// The result of a tick.
    Summary(Summary),
    /// The result of the ticks of a fan-out's messages.
    Batch(BatchResponse),
    /// The counts of a planner's invocation.
    Plan(Plan),
    /// The results of a connection check.
    Doctor(Report),
}

impl Shell {
    /// Starts logging, reads the environment and sets up the AWS clients. `vendor` and `own` are those of
    /// [`Environment::read`].
    pub async fn start(vendor: &str, own: &[&str]) -> Result<Self, PortError> {
        logging::start();
        let environment = Environment::read(vendor, own)?;
        let sdk = aws::load().await;
        let clock = SystemClock;
        Ok(Self {
            vendor: vendor.to_ascii_lowercase(),
            secrets: SecretsManager::new(aws::secrets_client(&sdk), clock),
            state: DynamoState::new(aws::dynamodb_client(&sdk), &environment.table, clock),
            bucket: S3Bucket::new(aws::s3_client(&sdk), &environment.bucket, clock),
            topics: SnsTopics::new(aws::sns_client(&sdk), clock),
            queue: environment.fan_out.as_ref().map(|it| SqsQueue::new(aws::sqs_client(&sdk), &it.queue_url, clock)),
            alarm_topic: environment.alarm_topic.as_ref().map(|arn| SnsTopic::new(aws::sns_client(&sdk), arn, clock)),
            memory: MemoryBudget::new(environment.shared_bytes),
            environment,
            clock,
        })
    }
}

impl<Se: ListSecrets, St: State, Bu: Bucket + ListObjects, To: TopicSubscribers> Shell<Se, St, Bu, To> {
    /// Serves invocations until Lambda ends the process. `open` opens the source of a secret's ARN, and `check` checks
    /// everything that it needs at the vendor. An invocation is a tick unless its event asks for another action.
    pub async fn serve<V: Vendor>(
        &self,
        open: impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        check: impl AsyncFn(&Checkup<SystemClock>, &str) -> Findings,
    ) -> Result<(), PortError> {
        let (warm, open, check) = (&RefCell::new(Warm::default()), &open, &check);
        let handler = service_fn(move |event: LambdaEvent<Value>| async move {
            let mut kept = warm.take();
            // On the heap, here and below, because the compiler cannot lay out futures that are nested this deep.
            let response = Box::pin(self.respond(&mut kept, open, check, &event)).await;
            warm.replace(kept);
            response
        });
        lambda_runtime::run(handler).await.map_err(|error| PortError::next_tick(format!("the Lambda runtime: {error}")))
    }

    /// Does what an invocation asks for. `warm` is the state that the process keeps.
    async fn respond<V: Vendor>(
        &self,
        warm: &mut Warm<V>,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        check: &impl AsyncFn(&Checkup<SystemClock>, &str) -> Findings,
        event: &LambdaEvent<Value>,
    ) -> Result<Response, InvocationFailure> {
        let killed_at = i64::try_from(event.context.deadline).ok();
        let killed_at = killed_at.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let killed_at = killed_at.unwrap_or_else(|| self.clock.now());
        let action = Action::of(&event.payload)?;
        if let (Some(fan_out), Some(queue)) = (&self.environment.fan_out, &self.queue) {
            return match action {
                Action::Tick => {
                    Box::pin(self.plan(fan_out, queue, &mut warm.listed, killed_at)).await.map(Response::Plan)
                }
                Action::Doctor | Action::Messages(_) => Err(PortError::person(
                    "this function only plans, and has no right to more; invoke the one without -planner in its name",
                )
                .into()),
            };
        }
        match action {
            Action::Tick => Box::pin(self.tick_all(warm, open, killed_at)).await.map(Response::Summary),
            Action::Messages(records) => {
                let function_arn = &event.context.invoked_function_arn;
                let response = Box::pin(self.tick_messages(warm, open, &records, function_arn, killed_at)).await;
                Ok(Response::Batch(response))
            }
            Action::Doctor => Ok(Response::Doctor(Box::pin(self.examine(check, killed_at)).await)),
        }
    }

    /// Runs one tick of every source. Fails if a stream failed, but only after all streams have run.
    async fn tick_all<V: Vendor>(
        &self,
        warm: &mut Warm<V>,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        killed_at: Timestamp,
    ) -> Result<Summary, InvocationFailure> {
        let (known, began) = (std::mem::take(&mut warm.sources), self.clock.now());
        let (arns, not_listed) = Box::pin(warm.listed.arns(&self.environment, &self.secrets, &self.clock)).await;
        let tick = Tick { arns, known, reports: not_listed.into_iter().collect(), began, killed_at, is_fan_out: false };
        let (served, reports) = Box::pin(self.tick(tick, &mut warm.models, open)).await;
        warm.sources = served;
        match InvocationFailure::of(&reports) {
            Some(failed) => Err(failed),
            None => Ok(summary(&reports)),
        }
    }

    /// Runs one tick of the sources that the messages name. Other sources stay open for later messages.
    async fn tick_messages<V: Vendor>(
        &self,
        warm: &mut Warm<V>,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        records: &[Record],
        function_arn: &str,
        killed_at: Timestamp,
    ) -> BatchResponse {
        let began = self.clock.now();
        let Assignment { arns, reports, failed } = Assignment::of(records, &self.environment, function_arn, began);
        let (known, others) = divide(std::mem::take(&mut warm.sources), &arns);
        let tick = Tick { arns, known, reports, began, killed_at, is_fan_out: true };
        let (served, _) = Box::pin(self.tick(tick, &mut warm.models, open)).await;
        warm.sources = keep_warm(others, served);
        BatchResponse::of(failed)
    }

    /// Runs one tick of some sources, and writes its reports. Returns the sources in the order of their next tick, and the
    /// reports.
    async fn tick<V: Vendor>(
        &self,
        tick: Tick<V>,
        models: &mut Models,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
    ) -> (Vec<Opened<V>>, Vec<StreamReport>) {
        let Tick { arns, known, mut reports, began, killed_at, is_fan_out } = tick;
        let (is_cold, earlier_traffic) = (known.is_empty(), traffic());
        let (opened, not_opened) =
            Box::pin(open_all(&arns, known, &self.memory, &self.secrets, &self.clock, open)).await;
        let (mut sources, not_run) = remove_duplicate_ids(opened);
        reports.extend(not_opened.into_iter().chain(not_run));
        reports.extend(Box::pin(models.load(&self.environment, &self.bucket, &self.clock)).await);
        if is_cold {
            self.rotate(&mut sources);
        }
        let (served, turn_reports) = Box::pin(self.run_all(sources, models.custom(), killed_at)).await;
        reports.extend(turn_reports);
        let usage = TickUsage {
            duration_milliseconds: u64::try_from(self.clock.now().duration_since(began).as_millis())
                .unwrap_or_default(),
            calls: take_counts(&served),
            vendor_traffic: traffic().since(earlier_traffic),
        };
        self.write_reports(&reports, &usage, is_fan_out);
        Box::pin(self.send_messages(&served, &reports, killed_at)).await;
        (served, reports)
    }

    /// Makes a random source the first one. A new process does not know which sources were served last, and should not always
    /// serve the same ones first.
    fn rotate<V>(&self, sources: &mut [Opened<V>]) {
        let first = usize::try_from(self.clock.random()).unwrap_or_default();
        sources.rotate_left(first.checked_rem(sources.len()).unwrap_or_default());
    }

    /// Serves every source, and returns the sources in the order of the next tick, with all reports.
    async fn run_all<V: Vendor>(
        &self,
        sources: Vec<Opened<V>>,
        models: &CustomModels,
        killed_at: Timestamp,
    ) -> (Vec<Opened<V>>, Vec<StreamReport>) {
        let scheduler = RefCell::new(Scheduler::new(sources, self.clock.now(), killed_at - DEADLINE_MARGIN));
        join_all((0..SLOTS).map(|_| self.serve_turns(&scheduler, models))).await;
        scheduler.into_inner().close(Opened::failed, |opened| opened.calls.describe())
    }

    /// Serves one turn after another until there are none left.
    async fn serve_turns<V: Vendor>(&self, scheduler: &RefCell<Scheduler<Opened<V>>>, models: &CustomModels) {
        loop {
            let next = scheduler.borrow_mut().next(self.clock.now());
            let Some(turn) = next else { return };
            let reports = Box::pin(self.run_one(&turn.source, models, turn.end)).await;
            scheduler.borrow_mut().end_turn(turn, reports, self.clock.now());
        }
    }

    async fn run_one<V: Vendor>(
        &self,
        opened: &Opened<V>,
        models: &CustomModels,
        deadline: Timestamp,
    ) -> Vec<StreamReport> {
        let calls = &opened.calls;
        calls.clear_abandoned();
        let (state, bucket) = (&Watched::new(&self.state, calls), &Watched::new(&self.bucket, calls));
        let settings = &self.environment.settings;
        let env = Env { state, bucket, clock: &self.clock, settings, models, deadline };
        let work = aws::with_deadline(deadline, Box::pin(run_tick(&env, &opened.source, &opened.cache)));
        let ended = run_isolated(&self.clock, deadline + (DEADLINE_MARGIN - REPORT_MARGIN), calls, work).await;
        ended.unwrap_or_else(|error| opened.failed(&error))
    }

    fn write_reports(&self, reports: &[StreamReport], usage: &TickUsage, is_fan_out: bool) {
        logging::log_tick(&self.vendor, reports, usage);
        self.write_streams(reports, is_fan_out);
    }

    /// Writes the reports to the log and to the metrics.
    pub(super) fn write_streams(&self, reports: &[StreamReport], is_fan_out: bool) {
        for report in reports {
            logging::log_report(&self.vendor, report);
        }
        let deployment = Deployment { stack: &self.environment.stack, vendor: &self.vendor, is_fan_out };
        metrics::emit(deployment, reports, self.environment.detailed_metrics, self.clock.now());
    }

    /// Sends the messages on silent streams. A failure is only logged.
    async fn send_messages<V>(&self, sources: &[Opened<V>], reports: &[StreamReport], killed_at: Timestamp) {
        let Some(topic) = &self.alarm_topic else { return };
        let (cutoff, calls) = (killed_at - MESSAGE_MARGIN, InFlight::default());
        let deployment = format!("stack {}, {}", self.environment.stack, self.vendor);
        let (ports, no_data_seconds) = ((&self.state, &self.clock, topic), self.environment.settings.no_data_seconds);
        let sending = silence::send_messages(ports, &deployment, no_data_seconds, sources, reports);
        let sending = calls.track("alarm topic: send messages".to_owned(), aws::with_deadline(cutoff, sending));
        if let Err(error) = run_isolated(&self.clock, cutoff, &calls, sending).await {
            tracing::error!(failure = error.message, "messages on silent streams not sent");
        }
    }
}

/// Returns the calls of all sources in this tick.
fn take_counts<V>(sources: &[Opened<V>]) -> CallCounts {
    sources.iter().map(|opened| opened.calls.take_counts()).fold(CallCounts::default(), CallCounts::plus)
}

fn summary(reports: &[StreamReport]) -> Summary {
    Summary {
        streams: reports.len(),
        delivered: reports.iter().map(|report| report.lines.delivered).sum(),
        objects: reports.iter().map(|report| report.lines.objects).sum(),
        rejected: reports.iter().map(|report| report.lines.rejected).sum(),
    }
}
