//! One organization, its audit log, and one deployment that collects it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Clock, Head, PortError, Secrets, Settings, Source, Stream, StreamReport};
use jiff::Timestamp;
use openai::{Config, OpenAi, SourceSecret};
use secrecy::SecretString;
use simulators::openai::{ADMIN_KEY, BASE_PATH, Behaviours, OpenAiSimulator};
use simulators::{Options, Running};
use tests::rig::killable::Died;
use tests::rig::memory_store::MemoryStore;
use tests::rig::reconciliation::{Reconciliation, reconcile};
use tests::rig::time::{VirtualClock, VirtualTime};
use tests::rig::vendor::{Pace, Paced};
use tests::rig::worker::Worker;

/// When every world begins.
pub(crate) const BEGIN: &str = "2026-11-22T06:00:00Z";
/// How long a tick may take, in seconds: the function's time-out less its margins.
pub(crate) const TICK_SECONDS: u64 = 50;
/// Ticks after which a healthy vendor's log must have been had.
const MAX_TICKS: usize = 400;

/// The secret store: what is cached, what is current, and how often the current one was asked for.
#[derive(Debug)]
pub(crate) struct Key {
    cached: RefCell<String>,
    current: RefCell<String>,
    pub(crate) fresh_reads: Cell<u32>,
}

impl Key {
    fn new() -> Self {
        Self { cached: ADMIN_KEY.to_owned().into(), current: ADMIN_KEY.to_owned().into(), fresh_reads: Cell::new(0) }
    }

    /// From now on the secret holds another key; who has read it already does not know.
    pub(crate) fn rotate(&self, key: &str) {
        self.current.replace(key.to_owned());
    }
}

impl Secrets for Key {
    async fn get(&self, _: &str, fresh: bool) -> Result<SecretString, PortError> {
        if fresh {
            self.fresh_reads.set(self.fresh_reads.get() + 1);
            self.cached.replace(self.current.borrow().clone());
        }
        Ok(SecretString::from(self.cached.borrow().clone()))
    }
}

pub(crate) type Client<'a> = Paced<OpenAi<'a, Key, VirtualClock>>;

/// The organization and the deployment.
pub(crate) struct World {
    pub(crate) time: VirtualTime,
    pub(crate) simulator: OpenAiSimulator,
    pub(crate) running: Running,
    pub(crate) store: MemoryStore,
    pub(crate) key: Key,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    engine: VirtualClock,
    client: VirtualClock,
    config: Config,
    http: HttpClient,
}

/// The stream that is collected.
pub(crate) fn stream() -> Stream {
    let secret = SourceSecret::parse("the secret", &SecretString::from(ADMIN_KEY)).unwrap();
    secret.streams(&openai::LISTINGS).remove(0)
}

/// An event of that id, so many seconds after the world's beginning.
pub(crate) fn event(id: &str, seconds: i64) -> String {
    let at = begin().as_second() + seconds;
    format!(r#"{{"id":"{id}","type":"login.succeeded","effective_at":{at},"actor":null}}"#)
}

pub(crate) fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

fn config(address: SocketAddr) -> Config {
    let base_url = format!("http://{address}{BASE_PATH}");
    Config::from_variables(|name| (name == "OPENAI_BASE_URL").then(|| base_url.clone())).unwrap()
}

impl World {
    /// What `options` say, under these behaviours.
    pub(crate) fn with(options: &Options, behaviours: Behaviours) -> Self {
        Self::skewed(options, behaviours, 0)
    }

    /// The same, our own clock that many seconds ahead of the vendor's.
    pub(crate) fn skewed(options: &Options, behaviours: Behaviours, ahead: i64) -> Self {
        let time = VirtualTime::at(options.now);
        let simulator = OpenAiSimulator::with(options, behaviours, time.for_simulator()).unwrap();
        let running = simulator.serve(0).unwrap();
        let config = config(running.address());
        let seed = options.seed;
        Self {
            engine: VirtualClock::of_engine(&time, ahead, seed),
            client: VirtualClock::of_client(&time, ahead, !seed),
            time,
            simulator,
            running,
            store: MemoryStore::default(),
            key: Key::new(),
            settings: Settings::default(),
            pace: (100, 100),
            config,
            http: HttpClient::new().unwrap(),
        }
    }

    /// Sets our own clock that many seconds ahead of the vendor's.
    pub(crate) fn set_clock(&mut self, ahead: i64) {
        let seeds = (self.engine.random(), self.client.random());
        self.engine = VirtualClock::of_engine(&self.time, ahead, seeds.0);
        self.client = VirtualClock::of_client(&self.time, ahead, seeds.1);
    }

    /// From now on the vendor is asked at that address.
    pub(crate) fn ask_at(&mut self, address: SocketAddr) {
        self.config = config(address);
    }

    /// A healthy organization with these events, all visible at the beginning.
    pub(crate) fn of(records: Vec<String>) -> Self {
        Self::with(&Options { records: Some(records), ..Options::new(begin()) }, Behaviours::default())
    }

    /// The same, chance beginning with `seed`.
    pub(crate) fn of_seed(records: Vec<String>, seed: u64) -> Self {
        Self::with(&Options { records: Some(records), seed, ..Options::new(begin()) }, Behaviours::default())
    }

    /// A healthy organization with `count` events, a minute apart up to the beginning.
    pub(crate) fn of_minutes(count: i64) -> Self {
        Self::of((0..count).map(|number| event(&format!("audit_log-{number:05}"), -60 * (number + 1))).collect())
    }

    /// A healthy organization with these events, each of which shows up so many seconds after the beginning.
    pub(crate) fn showing(records: Vec<(String, i64)>) -> Self {
        let at = |second| Timestamp::from_second(begin().as_second() + second).unwrap();
        let (records, seconds): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let visible_at = seconds.into_iter().map(at).collect();
        let options = Options { records: Some(records), visible_at, ..Options::new(begin()) };
        Self::with(&options, Behaviours::default())
    }

    /// A process that was just started.
    pub(crate) async fn worker(&self) -> Worker<'_, Client<'_>> {
        self.paced(self.pace).await
    }

    /// A process that was just started, whose calls take as long as `pace` says.
    pub(crate) async fn paced(&self, pace: Pace) -> Worker<'_, Client<'_>> {
        let source = OpenAi::source(&self.http, &self.key, &self.client, &self.config, "the secret").await.unwrap();
        let Source { vendor, streams, policy } = source;
        let vendor = Paced::new(vendor, &self.time, pace, 7);
        Worker::new(Source { vendor, streams, policy }, &self.store, &self.engine, &self.settings)
    }

    /// One tick of a process of its own.
    pub(crate) async fn tick(&self) -> Result<StreamReport, Died> {
        self.worker().await.tick(TICK_SECONDS, None).await.map(only)
    }

    /// Ticks, a minute apart, until one says that it is drained; all reports.
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

    /// Lets minutes pass.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.time.advance(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn head(&self) -> Head {
        self.store.head_of(&stream()).unwrap()
    }

    /// The watermark of the organization's listing, in seconds after the beginning.
    pub(crate) fn watermark(&self) -> i64 {
        self.head().listings[openai::ORGANIZATION].watermark - begin().as_second()
    }

    /// The pending spans of the organization's listing, in seconds after the beginning.
    pub(crate) fn pending(&self) -> Vec<(i64, i64)> {
        self.pending_of(openai::ORGANIZATION)
    }

    /// The pending spans of a listing, in seconds after the beginning.
    pub(crate) fn pending_of(&self, listing: &str) -> Vec<(i64, i64)> {
        let spans = &self.head().listings[listing].pending.spans;
        spans.iter().map(|span| (span.from - begin().as_second(), span.to - begin().as_second())).collect()
    }

    /// Everything the vendor showed is in the bucket once; how it stands there.
    #[track_caller]
    pub(crate) fn assert_exact(&self) -> Reconciliation {
        let served = self.running.served();
        let result = reconcile(&self.store, &stream(), &served).unwrap();
        assert!(result.is_exact(), "{result:?}");
        assert_eq!(result.lines + result.rejected, served.len());
        result
    }
}

/// The report of the only stream.
pub(crate) fn only(reports: Vec<StreamReport>) -> StreamReport {
    let [report] = <[StreamReport; 1]>::try_from(reports).unwrap();
    report
}
