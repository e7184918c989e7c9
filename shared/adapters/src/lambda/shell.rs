//! One process of a function: from its environment to its last invocation.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Bucket, Clock, Env, MemoryBudget, PortError, Source, State, StreamReport, Vendor, run_tick};
use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use schema::CustomModels;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::data_models::Models;
use super::environment::Environment;
use super::failure::Failed;
use super::isolated::isolated;
use super::logging;
use super::metrics;
use super::secret_list::Listed;
use super::sources::{Opened, open_all, take_equal_ids};
use super::turns::{PLACES, Turns};
use super::watched::Watched;
use crate::aws::{self, DynamoState, ListObjects, ListSecrets, S3Bucket, SecretsManager};
use crate::clock::SystemClock;

/// Between the end of the engine's work and the moment Lambda kills the process.
const MARGIN: Duration = Duration::from_secs(5);
/// Between the moment hung work is cut off and that one: for telling what happened.
const CUT_MARGIN: Duration = Duration::from_secs(2);

/// A function's world: its environment, and every port on AWS.
#[derive(Debug)]
pub struct Shell<Se = SecretsManager<SystemClock>, St = DynamoState<SystemClock>, Bu = S3Bucket<SystemClock>> {
    /// The vendor's name, in lower case; in logs and metrics.
    pub vendor: String,
    /// The settings of the deployment.
    pub environment: Environment,
    /// Secrets.
    pub secrets: Se,
    /// Heads and ledgers.
    pub state: St,
    /// The bucket that objects are written to.
    pub bucket: Bu,
    /// Time and chance.
    pub clock: SystemClock,
    /// The parts that all sources of the process share.
    pub memory: MemoryBudget,
}

/// The state that a process keeps between invocations.
struct Warm<V> {
    /// The sources in the order in which they shall be served.
    sources: Vec<Opened<V>>,
    listed: Listed,
    models: Models,
}

/// The result of an invocation, for a person who invoked it by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Streams run.
    pub streams: usize,
    /// Lines put.
    pub delivered: u64,
    /// Objects put.
    pub objects: u64,
    /// Inputs that cannot become a line.
    pub rejected: u64,
}

impl Shell {
    /// Starts logging, reads the environment of the vendor whose variables begin with `vendor` (in
    /// upper case; `own` are its own beside those of its secrets) and sets up the AWS clients.
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
            memory: MemoryBudget::new(environment.shared_bytes),
            environment,
            clock,
        })
    }
}

impl<Se: ListSecrets, St: State, Bu: Bucket + ListObjects> Shell<Se, St, Bu> {
    /// Serves invocations until Lambda ends the process. `open` makes a source of its secret's ARN.
    /// What an event holds does not matter: it only says that it is time.
    pub async fn serve<V: Vendor>(
        &self,
        open: impl AsyncFn(&str) -> Result<Source<V>, PortError>,
    ) -> Result<(), PortError> {
        let (warm, open) =
            (&RefCell::new(Warm { sources: Vec::new(), listed: Listed::default(), models: Models::default() }), &open);
        let handler = service_fn(move |event: LambdaEvent<IgnoredAny>| async move {
            let killed_at = i64::try_from(event.context.deadline).ok();
            let killed_at = killed_at.and_then(|millis| Timestamp::from_millisecond(millis).ok());
            // On the heap, here and below: futures nested this deep exceed what the compiler can lay out.
            Box::pin(self.invoke(warm, open, killed_at.unwrap_or_else(|| self.clock.now()))).await
        });
        lambda_runtime::run(handler).await.map_err(|error| PortError::next_tick(format!("the Lambda runtime: {error}")))
    }

    /// One tick of every source: `killed_at` is when Lambda kills the process. `warm` keeps sources
    /// between calls. Fails when any stream failed, after
    /// all of them ran.
    async fn invoke<V: Vendor>(
        &self,
        warm: &RefCell<Warm<V>>,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        killed_at: Timestamp,
    ) -> Result<Summary, Failed> {
        let (known, mut listed, mut models) = {
            let mut warm = warm.borrow_mut();
            (std::mem::take(&mut warm.sources), std::mem::take(&mut warm.listed), std::mem::take(&mut warm.models))
        };
        let is_cold = known.is_empty();
        let (arns, not_listed) = Box::pin(listed.arns(&self.environment, &self.secrets, &self.clock)).await;
        let (opened, mut reports) =
            Box::pin(open_all(&arns, known, &self.memory, &self.secrets, &self.clock, open)).await;
        let (mut sources, not_run) = take_equal_ids(opened);
        reports.extend(not_run);
        reports.extend(not_listed);
        reports.extend(Box::pin(models.load(&self.environment, &self.bucket, &self.clock)).await);
        if is_cold {
            self.rotate(&mut sources);
        }
        let (served, told) = Box::pin(self.run_all(sources, models.custom(), killed_at)).await;
        reports.extend(told);
        warm.replace(Warm { sources: served, listed, models });
        self.tell(&reports);
        match Failed::of(&reports) {
            Some(failed) => Err(failed),
            None => Ok(summary(&reports)),
        }
    }

    /// A process that knows of no tick before it does not always begin with the same ones.
    fn rotate<V>(&self, sources: &mut [Opened<V>]) {
        let first = usize::try_from(self.clock.random()).unwrap_or_default();
        sources.rotate_left(first.checked_rem(sources.len()).unwrap_or_default());
    }

    /// Every source in its turn. They come back in the order of the next tick.
    async fn run_all<V: Vendor>(
        &self,
        sources: Vec<Opened<V>>,
        models: &CustomModels,
        killed_at: Timestamp,
    ) -> (Vec<Opened<V>>, Vec<StreamReport>) {
        let turns = RefCell::new(Turns::new(sources, self.clock.now(), killed_at - MARGIN));
        join_all((0..PLACES).map(|_| self.serve_turns(&turns, models))).await;
        turns.into_inner().close(Opened::failed, |opened| opened.calls.describe())
    }

    /// One place: a turn after the other, as long as there are any.
    async fn serve_turns<V: Vendor>(&self, turns: &RefCell<Turns<Opened<V>>>, models: &CustomModels) {
        loop {
            let next = turns.borrow_mut().next(self.clock.now());
            let Some(turn) = next else { return };
            let reports = Box::pin(self.run_one(&turn.source, models, turn.end)).await;
            turns.borrow_mut().ended(turn, reports, self.clock.now());
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
        let ended = isolated(&self.clock, deadline + (MARGIN - CUT_MARGIN), calls, work).await;
        ended.unwrap_or_else(|error| opened.failed(&error))
    }

    fn tell(&self, reports: &[StreamReport]) {
        for report in reports {
            logging::stream(&self.vendor, report);
            metrics::emit(&self.vendor, report, self.clock.now());
        }
    }
}

fn summary(reports: &[StreamReport]) -> Summary {
    Summary {
        streams: reports.len(),
        delivered: reports.iter().map(|report| report.lines.delivered).sum(),
        objects: reports.iter().map(|report| report.lines.objects).sum(),
        rejected: reports.iter().map(|report| report.lines.rejected).sum(),
    }
}
