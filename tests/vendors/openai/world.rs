//! One organization, its audit log, and one deployment that collects it.

use std::net::SocketAddr;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Clock, Head, Settings, Source, Stream, StreamReport};
use jiff::Timestamp;
use openai::{Config, OpenAi, SourceSecret};
use secrecy::SecretString;
use simulators::openai::{ADMIN_KEY, BASE_PATH, Behaviours, OpenAiSimulator};
use simulators::{Options, RunningSimulator};
use tests::rig::killable::Died;
use tests::rig::memory_store::MemoryStore;
use tests::rig::reconciliation::{Reconciliation, reconcile};
use tests::rig::secret::RotatingSecret;
use tests::rig::time::{DeploymentClocks, VirtualClock, VirtualTime};
use tests::rig::vendor::{Pace, Paced};
use tests::rig::worker::Worker;

pub(crate) use crate::start::start_time;

/// The time limit of a tick, in seconds: the function's time-out less its margins.
pub(crate) const TICK_SECONDS: u64 = 50;
/// Ticks within which the log of a vendor without faults is delivered.
const MAX_TICKS: usize = 400;

pub(crate) type Client<'a> = Paced<OpenAi<&'a RotatingSecret, &'a VirtualClock>>;

/// The organization and the deployment that collects its log.
pub(crate) struct World {
    pub(crate) time: VirtualTime,
    pub(crate) simulator: OpenAiSimulator,
    pub(crate) running: RunningSimulator,
    pub(crate) store: MemoryStore,
    pub(crate) key: RotatingSecret,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    engine: VirtualClock,
    client: VirtualClock,
    config: Config,
    http: HttpClient,
}

/// Returns the stream that is collected.
pub(crate) fn stream() -> Stream {
    let secret = SourceSecret::parse("the secret", &SecretString::from(ADMIN_KEY)).unwrap();
    secret.streams(&openai::LISTINGS).remove(0)
}

/// Creates an event with this id, `seconds` after the start.
pub(crate) fn event(id: &str, seconds: i64) -> String {
    let at = start_time().as_second() + seconds;
    format!(r#"{{"id":"{id}","type":"login.succeeded","effective_at":{at},"actor":null}}"#)
}

fn config(address: SocketAddr) -> Config {
    let base_url = format!("http://{address}{BASE_PATH}");
    Config::from_variables(|name| (name == "OPENAI_BASE_URL").then(|| base_url.clone())).unwrap()
}

impl World {
    /// Creates a world with these options and behaviours.
    pub(crate) fn with(options: &Options, behaviours: Behaviours) -> Self {
        Self::with_clock_ahead(options, behaviours, 0)
    }

    /// Creates a world in which the collector's clock is `ahead_seconds` ahead of the vendor's.
    pub(crate) fn with_clock_ahead(options: &Options, behaviours: Behaviours, ahead_seconds: i64) -> Self {
        let time = VirtualTime::at(options.now);
        let simulator = OpenAiSimulator::with(options, behaviours, time.for_simulator()).unwrap();
        let running = simulator.serve(0).unwrap();
        let config = config(running.address());
        let DeploymentClocks { engine, client } = DeploymentClocks::new(&time, ahead_seconds, options.seed);
        Self {
            engine,
            client,
            time,
            simulator,
            running,
            store: MemoryStore::default(),
            key: RotatingSecret::new(ADMIN_KEY),
            settings: Settings::default(),
            pace: (100, 100),
            config,
            http: HttpClient::new().unwrap(),
        }
    }

    /// Sets the collector's clock `ahead` seconds ahead of the vendor's.
    pub(crate) fn set_clock(&mut self, ahead: i64) {
        let seeds = (self.engine.random(), self.client.random());
        self.engine = VirtualClock::of_engine(&self.time, ahead, seeds.0);
        self.client = VirtualClock::of_client(&self.time, ahead, seeds.1);
    }

    /// Sends the requests to this address from now on.
    pub(crate) fn ask_at(&mut self, address: SocketAddr) {
        self.config = config(address);
    }

    /// Creates an organization without faults whose log has these events, all visible at the start.
    pub(crate) fn with_events(records: Vec<String>) -> Self {
        Self::with(&Options { records: Some(records), ..Options::new(start_time()) }, Behaviours::default())
    }

    /// Creates the world of [`Self::with_events`] with the random numbers of `seed`.
    pub(crate) fn with_events_and_seed(records: Vec<String>, seed: u64) -> Self {
        Self::with(&Options { records: Some(records), seed, ..Options::new(start_time()) }, Behaviours::default())
    }

    /// Creates an organization without faults whose log has `count` events, a minute apart up to the start.
    pub(crate) fn with_event_per_minute(count: i64) -> Self {
        Self::with_events(
            (0..count).map(|number| event(&format!("audit_log-{number:05}"), -60 * (number + 1))).collect(),
        )
    }

    /// Creates an organization without faults whose log has these events; each becomes visible at its second after the
    /// start.
    pub(crate) fn with_visible_times(records: Vec<(String, i64)>) -> Self {
        let at = |second| Timestamp::from_second(start_time().as_second() + second).unwrap();
        let (records, seconds): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let visible_at = seconds.into_iter().map(at).collect();
        let options = Options { records: Some(records), visible_at, ..Options::new(start_time()) };
        Self::with(&options, Behaviours::default())
    }

    /// Starts a process.
    pub(crate) async fn worker(&self) -> Worker<'_, Client<'_>> {
        self.paced(self.pace).await
    }

    /// Starts a process whose calls take a time within `pace`.
    pub(crate) async fn paced(&self, pace: Pace) -> Worker<'_, Client<'_>> {
        let source = OpenAi::source(&self.http, &self.key, &self.client, &self.config, "the secret").await.unwrap();
        let Source { vendor, streams, policy } = source;
        let vendor = Paced::new(vendor, &self.time, pace, 7);
        Worker::new(Source { vendor, streams, policy }, &self.store, &self.engine, &self.settings)
    }

    /// Runs one tick of a new process.
    pub(crate) async fn tick(&self) -> Result<StreamReport, Died> {
        self.worker().await.tick(TICK_SECONDS, None).await.map(only)
    }

    /// Runs ticks a minute apart until one reports that it is drained. Returns all reports.
    pub(crate) async fn drain(&self) -> Vec<StreamReport> {
        let worker = self.worker().await;
        let mut reports = Vec::new();
        for _ in 0..MAX_TICKS {
            let report = only(worker.tick(TICK_SECONDS, None).await.unwrap());
            let drained = report.drained;
            reports.push(report);
            if drained {
                return reports;
            }
            self.minutes(1);
        }
        panic!("not drained after {MAX_TICKS} ticks: {:?}", reports.last());
    }

    /// Advances the virtual time by minutes.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.time.advance(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn head(&self) -> Head {
        self.store.head_of(&stream()).unwrap()
    }

    /// Returns the watermark of the organization's listing, in seconds after the start.
    pub(crate) fn watermark(&self) -> i64 {
        self.head().listings[openai::ORGANIZATION].watermark - start_time().as_second()
    }

    /// Returns the pending spans of the organization's listing, in seconds after the start.
    pub(crate) fn pending(&self) -> Vec<(i64, i64)> {
        self.pending_of(openai::ORGANIZATION)
    }

    /// Returns the pending spans of a listing, in seconds after the start.
    pub(crate) fn pending_of(&self, listing: &str) -> Vec<(i64, i64)> {
        let spans = &self.head().listings[listing].pending.spans;
        spans.iter().map(|span| (span.from - start_time().as_second(), span.to - start_time().as_second())).collect()
    }

    /// Asserts that every served event is in the bucket exactly once. Returns the comparison.
    #[track_caller]
    pub(crate) fn assert_exact(&self) -> Reconciliation {
        let served = self.running.served();
        let result = reconcile(&self.store, &stream(), &served).unwrap();
        assert!(result.is_exact(), "{result:?}");
        assert_eq!(result.lines + result.rejected, served.len());
        result
    }
}

/// Returns the report of the only stream.
pub(crate) fn only(reports: Vec<StreamReport>) -> StreamReport {
    let [report] = <[StreamReport; 1]>::try_from(reports).unwrap();
    report
}
