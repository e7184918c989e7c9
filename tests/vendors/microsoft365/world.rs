//! One tenant, its content, and one deployment that collects it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Head, PendingWork, PortError, Secrets, Settings, Source, Stream, StreamReport};
use jiff::Timestamp;
use microsoft365::{API_URL, Config, ConfigError, LISTING, LOGIN_URL, Microsoft365, Overrides, POLICY, streams};
use schema::LogType;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, Microsoft365Simulator, TENANT_ID};
use simulators::{Options, Running, Served};
use tests::rig::killable::Died;
use tests::rig::memory_store::MemoryStore;
use tests::rig::reconciliation::{Reconciliation, reconcile};
use tests::rig::time::{VirtualClock, VirtualTime};
use tests::rig::vendor::{Pace, Paced};
use tests::rig::worker::Worker;

/// When every world begins.
pub(crate) const BEGIN: &str = "2026-11-22T06:00:00Z";
/// How long a tick may take, in seconds: the function's time-out less its margins.
pub(crate) const TICK_SECONDS: u64 = 285;
/// Ticks after which a healthy vendor's content must have been had.
const MAX_TICKS: usize = 100;

/// The secret store: what is cached, what is current, and how often the current one was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Credential(Rc<Kept>);

#[derive(Debug)]
struct Kept {
    cached: RefCell<String>,
    current: RefCell<String>,
    fresh_reads: Cell<u32>,
}

impl Credential {
    fn new() -> Self {
        let text = json!({"tenant_id": TENANT_ID, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}).to_string();
        let kept = Kept { cached: text.clone().into(), current: text.into(), fresh_reads: Cell::new(0) };
        Self(Rc::new(kept))
    }

    /// From now on the store holds another client secret; who has read it already does not know.
    pub(crate) fn rotate(&self, secret: &str) {
        let rotated = with(&self.0.current.borrow(), "client_secret", &json!(secret));
        self.0.current.replace(rotated);
    }

    /// The secret has this field as well; whoever reads it finds it.
    pub(crate) fn set(&self, field: &str, value: &Value) {
        for text in [&self.0.cached, &self.0.current] {
            let changed = with(&text.borrow(), field, value);
            text.replace(changed);
        }
    }

    /// How often the current one was asked for.
    pub(crate) fn fresh_reads(&self) -> u32 {
        self.0.fresh_reads.get()
    }
}

/// The secret with one field changed.
fn with(secret: &str, field: &str, value: &Value) -> String {
    let mut fields: Value = serde_json::from_str(secret).unwrap();
    fields[field] = value.clone();
    fields.to_string()
}

impl Secrets for Credential {
    async fn get(&self, _: &str, fresh: bool) -> Result<SecretString, PortError> {
        if fresh {
            self.0.fresh_reads.set(self.0.fresh_reads.get() + 1);
            self.0.cached.replace(self.0.current.borrow().clone());
        }
        Ok(SecretString::from(self.0.cached.borrow().clone()))
    }
}

pub(crate) type Client = Paced<Microsoft365<Credential, VirtualClock>>;

/// The tenant and the deployment.
pub(crate) struct World {
    pub(crate) time: VirtualTime,
    pub(crate) simulator: Microsoft365Simulator,
    pub(crate) running: Running,
    pub(crate) store: MemoryStore,
    pub(crate) credential: Credential,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    /// How long each piece of a trickling blob takes.
    pub(crate) trickle_pause: Duration,
    pub(crate) http: HttpClient,
    engine: VirtualClock,
    client: VirtualClock,
    overrides: Overrides,
}

pub(crate) fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

impl World {
    /// What `options` say, under these behaviours.
    pub(crate) fn with(options: &Options, behaviours: Behaviours) -> Self {
        Self::skewed(options, behaviours, 0)
    }

    /// The same, our own clock that many seconds ahead of the vendor's.
    pub(crate) fn skewed(options: &Options, behaviours: Behaviours, ahead: i64) -> Self {
        let time = VirtualTime::at(options.now);
        let simulator = Microsoft365Simulator::with(options, behaviours, time.for_simulator()).unwrap();
        let running = simulator.serve(0).unwrap();
        let origin = format!("http://{}", running.address());
        let variable = |name: &str| match name {
            API_URL => Some(origin.clone()),
            LOGIN_URL => Some(format!("{origin}/login")),
            _ => None,
        };
        Self {
            engine: VirtualClock::of_engine(&time, ahead, options.seed),
            client: VirtualClock::of_client(&time, ahead, !options.seed),
            overrides: Overrides::read(variable).unwrap(),
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

    /// The streams of the tenant, one a content type.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        streams(&self.config())
    }

    /// The stream of one log type.
    pub(crate) fn stream(&self, log_type: LogType) -> Stream {
        self.streams().into_iter().find(|stream| stream.log_type == log_type).unwrap()
    }

    fn config(&self) -> Config {
        self.configured().unwrap()
    }

    /// What the deployment makes of the secret.
    pub(crate) fn configured(&self) -> Result<Config, ConfigError> {
        let text = SecretString::from(self.credential.0.cached.borrow().clone());
        Config::parse(&text, &self.overrides)
    }

    /// A process that was just started.
    pub(crate) fn worker(&self) -> Worker<'_, Client> {
        let config = self.config();
        let (secrets, clock) = (self.credential.clone(), self.client.clone());
        let vendor = Microsoft365::new(&config, secrets, "the secret", self.http.clone(), clock);
        let vendor = Paced::new(vendor, &self.time, self.pace, 7).with_trickle_pause(self.trickle_pause);
        let source = Source { vendor, streams: streams(&config), policy: POLICY };
        Worker::new(source, &self.store, &self.engine, &self.settings)
    }

    /// One tick of a process of its own: a report a stream.
    pub(crate) async fn tick(&self) -> Result<Vec<StreamReport>, Died> {
        self.worker().tick(TICK_SECONDS, None).await
    }

    /// Ticks, five minutes apart, until all streams say that they are drained; the reports of each.
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

    /// Lets minutes pass.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.time.advance(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn head(&self, log_type: LogType) -> Head {
        self.store.head_of(&self.stream(log_type)).unwrap()
    }

    /// The watermark of a content type, in seconds after the beginning.
    pub(crate) fn watermark(&self, log_type: LogType) -> i64 {
        self.head(log_type).listings[LISTING].watermark - begin().as_second()
    }

    /// What is pending of a content type.
    pub(crate) fn pending(&self, log_type: LogType) -> PendingWork {
        self.head(log_type).listings[LISTING].pending.clone()
    }

    /// How what `served` holds stands in the bucket, one account a stream.
    pub(crate) fn reconcile(&self, served: &[Served]) -> Vec<Reconciliation> {
        self.streams().iter().map(|stream| reconcile(&self.store, stream, served).unwrap()).collect()
    }

    /// Everything the vendor made available is in the bucket once; how many lines there are.
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
