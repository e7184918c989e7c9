//! One process of a function: from its environment to its last invocation.

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::Duration;

use collector::{Bucket, Clock, Failure, PortError, Secrets, Source, State, StreamReport, Tick, Vendor};
use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::isolated::isolated;
use super::sources::{Opened, open_all, same_id_twice};
use super::{Environment, Failed, logging, metrics};
use crate::aws::{self, DynamoState, S3Bucket, SecretsManager};
use crate::clock::SystemClock;

/// Between the end of the engine's work and the moment Lambda kills the process.
const MARGIN: Duration = Duration::from_secs(5);
/// Between the moment hung work is cut off and that one: for telling what happened.
const CUT_MARGIN: Duration = Duration::from_secs(2);
/// Sources that run at the same time: each holds a batch a stream in memory.
const SOURCES_AT_ONCE: usize = 8;

/// A function's world: its environment, and every port on AWS.
#[derive(Debug)]
pub struct Shell<Se = SecretsManager<SystemClock>, St = DynamoState<SystemClock>, Bu = S3Bucket<SystemClock>> {
    /// The vendor's name, in lower case; in logs and metrics.
    pub vendor: String,
    /// What the deployment says.
    pub environment: Environment,
    /// Secrets.
    pub secrets: Se,
    /// Heads and ledgers.
    pub state: St,
    /// Where objects go.
    pub bucket: Bu,
    /// Time and chance.
    pub clock: SystemClock,
}

/// What an invocation did, for whoever invoked it by hand.
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
    /// upper case; `own` are its own beside the secrets' ARNs) and sets up the AWS clients.
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
            environment,
            clock,
        })
    }
}

impl<Se: Secrets, St: State, Bu: Bucket> Shell<Se, St, Bu> {
    /// Serves invocations until Lambda ends the process. `open` makes a source of its secret's ARN.
    /// What an event holds does not matter: it only says that it is time.
    pub async fn serve<V: Vendor>(
        &self,
        open: impl AsyncFn(&str) -> Result<Source<V>, PortError>,
    ) -> Result<(), PortError> {
        let (warm, open) = (&RefCell::new(Vec::new()), &open);
        let handler = service_fn(move |event: LambdaEvent<IgnoredAny>| async move {
            let killed_at = i64::try_from(event.context.deadline).ok();
            let killed_at = killed_at.and_then(|millis| Timestamp::from_millisecond(millis).ok());
            self.invoke(warm, open, killed_at.unwrap_or_else(|| self.clock.now())).await
        });
        lambda_runtime::run(handler).await.map_err(|error| PortError::next_tick(format!("the Lambda runtime: {error}")))
    }

    /// One tick of every source: `killed_at` is when Lambda kills the process. `warm` keeps sources
    /// between calls. Fails when any stream failed, after all of them ran.
    async fn invoke<V: Vendor>(
        &self,
        warm: &RefCell<Vec<Opened<V>>>,
        open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
        killed_at: Timestamp,
    ) -> Result<Summary, Failed> {
        let arns = &self.environment.secret_arns;
        let (mut sources, mut reports) = open_all(arns, warm.take(), &self.secrets, &self.clock, open).await;
        match same_id_twice(&sources) {
            Some(report) => reports.push(report),
            None => {
                self.rotate(&mut sources);
                reports.extend(self.run_all(&sources, killed_at).await);
            }
        }
        warm.replace(sources);
        self.tell(&reports);
        match Failed::of(&reports) {
            Some(failed) => Err(failed),
            None => Ok(summary(&reports)),
        }
    }

    /// Not always the same ones last: a backlog in the first may take all the time there is.
    fn rotate<V>(&self, sources: &mut [Opened<V>]) {
        let turn = usize::try_from(self.clock.random()).unwrap_or_default();
        sources.rotate_left(turn.checked_rem(sources.len()).unwrap_or_default());
    }

    async fn run_all<V: Vendor>(&self, sources: &[Opened<V>], killed_at: Timestamp) -> Vec<StreamReport> {
        let reports: Vec<Vec<StreamReport>> = stream::iter(sources)
            .map(|source| self.run_one(source, killed_at))
            .buffer_unordered(SOURCES_AT_ONCE)
            .collect()
            .await;
        reports.into_iter().flatten().collect()
    }

    async fn run_one<V: Vendor>(&self, opened: &Opened<V>, killed_at: Timestamp) -> Vec<StreamReport> {
        let tick = Tick {
            state: &self.state,
            bucket: &self.bucket,
            clock: &self.clock,
            settings: &self.environment.settings,
            deadline: killed_at - MARGIN,
        };
        let work = tick.run(&opened.source, &opened.memory);
        let ended = isolated(&self.clock, killed_at - CUT_MARGIN, work).await;
        ended.unwrap_or_else(|error| not_ended(&opened.source, &error))
    }

    fn tell(&self, reports: &[StreamReport]) {
        for report in reports {
            logging::stream(&self.vendor, report);
            metrics::emit(&self.vendor, report, self.clock.now());
        }
    }
}

/// What `main` returns: a failed start is told in the log, in one line.
pub fn exit_code(ended: Result<(), PortError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(failure = error.message, "cannot start");
            ExitCode::FAILURE
        }
    }
}

/// A report for each stream of a source whose own reports are lost.
fn not_ended<V>(source: &Source<V>, error: &PortError) -> Vec<StreamReport> {
    let report = |stream: &collector::Stream| StreamReport {
        source: stream.source.to_string(),
        stream: stream.log_type.table(),
        log_type: stream.log_type.name(),
        failure: Some(Failure::new(&stream.name(), error)),
        ..StreamReport::default()
    };
    source.streams.iter().map(report).collect()
}

fn summary(reports: &[StreamReport]) -> Summary {
    Summary {
        streams: reports.len(),
        delivered: reports.iter().map(|report| report.delivered).sum(),
        objects: reports.iter().map(|report| report.objects).sum(),
        rejected: reports.iter().map(|report| report.rejected).sum(),
    }
}
