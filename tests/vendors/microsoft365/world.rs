//! One tenant, its content, and one deployment that collects it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Head, PendingWork, PortError, Secrets, Settings, Source, Stream, StreamReport};
use jiff::Timestamp;
use microsoft365::{
    API_URL_VARIABLE, Config, ConfigError, LISTING, LOGIN_URL_VARIABLE, Microsoft365, POLICY, SourceSecret,
};
use schema::LogType;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, Microsoft365Simulator, TENANT_ID};
use simulators::{Options, Running, Served};
use tests::rig::account::{Account, account};
use tests::rig::mortal::Died;
use tests::rig::shelf::Shelf;
use tests::rig::time::{Time, VirtualClock};
use tests::rig::vendor::{Pace, Paced};
use tests::rig::worker::Worker;

/// When every world begins.
pub(crate) const BEGIN: &str = "2026-11-22T06:00:00Z";
/// How long a tick may take, in seconds: the function's time-out less its margins.
pub(crate) const TICK_SECONDS: u64 = 285;
/// Ticks after which a healthy vendor's content must have been had.
const MOST_TICKS: usize = 100;

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
    pub(crate) time: Time,
    pub(crate) simulator: Microsoft365Simulator,
    pub(crate) running: Running,
    pub(crate) shelf: Shelf,
    pub(crate) credential: Credential,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
    /// How long each piece of a trickling blob takes.
    pub(crate) trickle_pause: Duration,
    pub(crate) http: HttpClient,
    engine: VirtualClock,
    client: VirtualClock,
    config: Config,
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
        let time = Time::at(options.now);
        let simulator = Microsoft365Simulator::with(options, behaviours, time.for_simulator()).unwrap();
        let running = simulator.serve(0).unwrap();
        let origin = format!("http://{}", running.address());
        let variable = |name: &str| match name {
            API_URL_VARIABLE => Some(origin.clone()),
            LOGIN_URL_VARIABLE => Some(format!("{origin}/login")),
            _ => None,
        };
        Self {
            engine: VirtualClock::of_engine(&time, ahead, options.seed),
            client: VirtualClock::of_client(&time, ahead, !options.seed),
            config: Config::from_variables(variable).unwrap(),
            time,
            simulator,
            running,
            shelf: Shelf::default(),
            credential: Credential::new(),
            settings: Settings::default(),
            pace: (20, 20),
            trickle_pause: Duration::ZERO,
            http: HttpClient::new().unwrap(),
        }
    }

    /// The streams of the tenant, one a content type.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        self.source_secret().streams()
    }

    /// The stream of one log type.
    pub(crate) fn stream(&self, log_type: LogType) -> Stream {
        self.streams().into_iter().find(|stream| stream.log_type == log_type).unwrap()
    }

    fn source_secret(&self) -> SourceSecret {
        self.parsed_secret().unwrap()
    }

    /// Parses the secret as the deployment does.
    pub(crate) fn parsed_secret(&self) -> Result<SourceSecret, ConfigError> {
        let text = SecretString::from(self.credential.0.cached.borrow().clone());
        SourceSecret::parse(&text, &self.config)
    }

    /// A process that was just started.
    pub(crate) fn worker(&self) -> Worker<'_, Client> {
        let secret = self.source_secret();
        let (secrets, clock) = (self.credential.clone(), self.client.clone());
        let vendor = Microsoft365::new(&secret, secrets, "the secret", self.http.clone(), clock);
        let vendor = Paced::new(vendor, &self.time, self.pace, 7).with_trickle_pause(self.trickle_pause);
        let source = Source { vendor, streams: secret.streams(), policy: POLICY };
        Worker::new(source, &self.shelf, &self.engine, &self.settings)
    }

    /// One tick of a process of its own: a report a stream.
    pub(crate) async fn tick(&self) -> Result<Vec<StreamReport>, Died> {
        self.worker().tick(TICK_SECONDS, None).await
    }

    /// Ticks, five minutes apart, until all streams say that they are drained; the reports of each.
    pub(crate) async fn drain(&self) -> Vec<Vec<StreamReport>> {
        let worker = self.worker();
        let mut ticks = Vec::new();
        for _ in 0..MOST_TICKS {
            let reports = worker.tick(TICK_SECONDS, None).await.unwrap();
            let drained = reports.iter().all(|report| report.drained);
            ticks.push(reports);
            if drained {
                return ticks;
            }
            self.minutes(5);
        }
        panic!("not drained after {MOST_TICKS} ticks: {:?}", ticks.last());
    }

    /// Lets minutes pass.
    pub(crate) fn minutes(&self, minutes: u64) {
        self.time.forward(Duration::from_secs(60 * minutes));
    }

    pub(crate) fn head(&self, log_type: LogType) -> Head {
        self.shelf.head_of(&self.stream(log_type)).unwrap()
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
    pub(crate) fn accounts(&self, served: &[Served]) -> Vec<Account> {
        self.streams().iter().map(|stream| account(&self.shelf, stream, served).unwrap()).collect()
    }

    /// Everything the vendor made available is in the bucket once; how many lines there are.
    #[track_caller]
    pub(crate) fn assert_exact(&self) -> usize {
        let served = self.running.served();
        let accounts = self.accounts(&served);
        for (stream, account) in self.streams().iter().zip(&accounts) {
            assert!(account.is_exact(), "{}: {account:?}", stream.name());
        }
        let lines = accounts.iter().map(|account| account.lines).sum();
        assert_eq!(lines, served.len());
        lines
    }
}
