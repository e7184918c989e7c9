//! One tenant, its content, and one deployment that collects it.

use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Head, PendingWork, Settings, Source, Stream, StreamReport};
use microsoft365::{
    API_URL_VARIABLE, Config, ConfigError, LISTING, LOGIN_URL_VARIABLE, Microsoft365, POLICY, SourceSecret,
};
use schema::LogType;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, Microsoft365Simulator, TENANT_ID};
use simulators::{Options, RunningSimulator, ServedEvent};
use tests::rig::killable::Died;
use tests::rig::memory_store::MemoryStore;
use tests::rig::reconciliation::{Reconciliation, reconcile};
use tests::rig::secret::RotatingSecret;
use tests::rig::time::{DeploymentClocks, VirtualClock, VirtualTime};
use tests::rig::vendor::{Pace, Paced};
use tests::rig::worker::Worker;

pub(crate) use crate::start::start_time;

/// The time limit of a tick, in seconds: the function's time-out less its margins.
pub(crate) const TICK_SECONDS: u64 = 285;
/// Ticks within which the content of a vendor without faults is delivered.
const MAX_TICKS: usize = 100;

/// The deployment's secret: the credential of the app.
#[derive(Debug, Clone)]
pub(crate) struct Credential(RotatingSecret);

impl Credential {
    fn new() -> Self {
        let text = json!({"tenant_id": TENANT_ID, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}).to_string();
        Self(RotatingSecret::new(&text))
    }

    /// Replaces the client secret in the secret store. The cache keeps the old one until a fresh read.
    pub(crate) fn rotate(&self, secret: &str) {
        self.0.rotate(&with_field(&self.0.current(), "client_secret", &json!(secret)));
    }

    /// Sets a field of the secret, also in the cache.
    pub(crate) fn set(&self, field: &str, value: &Value) {
        self.0.change(|text| with_field(text, field, value));
    }

    /// Returns the number of reads that went past the cache.
    pub(crate) fn fresh_reads(&self) -> u32 {
        self.0.fresh_reads()
    }
}

/// Returns the secret with one field changed.
fn with_field(secret: &str, field: &str, value: &Value) -> String {
    let mut fields: Value = serde_json::from_str(secret).unwrap();
    fields[field] = value.clone();
    fields.to_string()
}

pub(crate) type Client = Paced<Microsoft365<RotatingSecret, VirtualClock>>;

/// The tenant and the deployment that collects its content.
pub(crate) struct World {
    pub(crate) time: VirtualTime,
    pub(crate) simulator: Microsoft365Simulator,
    pub(crate) running: RunningSimulator,
    pub(crate) store: MemoryStore,
    pub(crate) credential: Credential,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    /// The virtual time that each piece of a trickling blob takes.
    pub(crate) trickle_pause: Duration,
    pub(crate) http: HttpClient,
    engine: VirtualClock,
    client: VirtualClock,
    config: Config,
}

impl World {
    /// Creates a world with these options and behaviours.
    pub(crate) fn with(options: &Options, behaviours: Behaviours) -> Self {
        Self::with_clock_ahead(options, behaviours, 0)
    }

    /// Creates a world in which the collector's clock is `ahead_seconds` ahead of the vendor's.
    pub(crate) fn with_clock_ahead(options: &Options, behaviours: Behaviours, ahead_seconds: i64) -> Self {
        let time = VirtualTime::at(options.now);
        let simulator = Microsoft365Simulator::with(options, behaviours, time.for_simulator()).unwrap();
        let running = simulator.serve(0).unwrap();
        let origin = format!("http://{}", running.address());
        let variable = |name: &str| match name {
            API_URL_VARIABLE => Some(origin.clone()),
            LOGIN_URL_VARIABLE => Some(format!("{origin}/login")),
            _ => None,
        };
        let DeploymentClocks { engine, client } = DeploymentClocks::new(&time, ahead_seconds, options.seed);
        Self {
            engine,
            client,
            config: Config::from_variables(variable).unwrap(),
            time,
            simulator,
            running,
            store: MemoryStore::default(),
            credential: Credential::new(),
            settings: Settings::default(),
            pace: (20, 20),
            trickle_pause: Duration::ZERO,
            http: HttpClient::new().unwrap(),
        }
    }

    /// Returns the streams of the tenant, one per content type.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        self.source_secret().streams()
    }

    /// Returns the stream of one log type.
    pub(crate) fn stream(&self, log_type: LogType) -> Stream {
        self.streams().into_iter().find(|stream| stream.log_type == log_type).unwrap()
    }

    fn source_secret(&self) -> SourceSecret {
        self.parsed_secret().unwrap()
    }

    /// Parses the secret as the deployment does.
    pub(crate) fn parsed_secret(&self) -> Result<SourceSecret, ConfigError> {
        let text = SecretString::from(self.credential.0.cached());
        SourceSecret::parse(&text, &self.config)
    }

    /// Returns the clock of the collector.
    pub(crate) fn clock(&self) -> &VirtualClock {
        &self.engine
    }

    /// Starts a process.
    pub(crate) fn worker(&self) -> Worker<'_, Client> {
        let secret = self.source_secret();
        let (secrets, clock) = (self.credential.0.clone(), self.client.clone());
        let vendor = Microsoft365::new(&secret, secrets, "the secret", self.http.clone(), clock);
        let vendor = Paced::new(vendor, &self.time, self.pace, 7).with_trickle_pause(self.trickle_pause);
        let source = Source { vendor, streams: secret.streams(), policy: POLICY };
        Worker::new(source, &self.store, &self.engine, &self.settings)
    }

    /// Runs one tick of a new process. Returns one report per stream.
    pub(crate) async fn tick(&self) -> Result<Vec<StreamReport>, Died> {
        self.worker().tick(TICK_SECONDS, None).await
    }

    /// Runs ticks five minutes apart until all streams report that they are drained. Returns the reports of each tick.
    pub(crate) async fn drain(&self) -> Vec<Vec<StreamReport>> {
        let worker = self.worker();
        let mut ticks = Vec::new();
        for _ in 0..MAX_TICKS {
            let reports = worker.tick(TICK_SECONDS, None).await.unwrap();
            let drained = reports.iter().all(|report| report.drained);
            ticks.push(reports);
            if drained {
                return ticks;
            }
            self.minutes(5);
        }
        panic!("not drained after {MAX_TICKS} ticks: {:?}", ticks.last());
    }

    /// Advances the virtual time by minutes.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.time.advance(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn head(&self, log_type: LogType) -> Head {
        self.store.head_of(&self.stream(log_type)).unwrap()
    }

    /// Returns the watermark of a content type, in seconds after the start.
    pub(crate) fn watermark(&self, log_type: LogType) -> i64 {
        self.head(log_type).listings[LISTING].watermark - start_time().as_second()
    }

    /// Returns the pending work of a content type.
    pub(crate) fn pending(&self, log_type: LogType) -> PendingWork {
        self.head(log_type).listings[LISTING].pending.clone()
    }

    /// Compares the bucket with the served events: one comparison per stream.
    pub(crate) fn reconcile(&self, served: &[ServedEvent]) -> Vec<Reconciliation> {
        self.streams().iter().map(|stream| reconcile(&self.store, stream, served).unwrap()).collect()
    }

    /// Asserts that every served event is in the bucket exactly once. Returns the number of lines.
    #[track_caller]
    pub(crate) fn assert_exact(&self) -> usize {
        let served = self.running.served();
        let results = self.reconcile(&served);
        for (stream, result) in self.streams().iter().zip(&results) {
            assert!(result.is_exact(), "{}: {result:?}", stream.name());
        }
        let lines = results.iter().map(|result| result.lines).sum();
        assert_eq!(lines, served.len());
        lines
    }
}
