//! The client against the simulated vendor: it receives every record that the vendor served, in spite of faults and
//! within the vendor's limits.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::http::HttpClient;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use collector::{
    BlobRef, Body, Clock, Fetched, Item, ListRequest, Listed, PortError, Recovery, Secrets, Stream, Tries, Vendor,
    Window,
};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use microsoft365::{API_URL_VARIABLE, Blob, Config, LISTING, LOGIN_URL_VARIABLE, Microsoft365, POLICY};
use schema::LogType;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulators::microsoft365::{
    Behaviours, CLIENT_ID, CLIENT_SECRET, Certificate, Cloud, Microsoft365Simulator, READ, TENANT_ID,
};
use simulators::{Faults, Options, RunningSimulator};

/// Ticks after which a call that still fails makes the test fail.
const MAX_TICKS: usize = 200;
/// Overlap of two windows. It is longer than the interval at the edge of a window that the vendor leaves out.
const OVERLAP_SECONDS: i64 = 3_600;

/// The clock that client and vendor share. It moves when one of them sleeps, and stores the sleeps.
#[derive(Clone)]
struct VirtualClock {
    milliseconds: Arc<AtomicI64>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl VirtualClock {
    fn at(start: Timestamp) -> Self {
        Self { milliseconds: Arc::new(AtomicI64::new(start.as_millisecond())), waits: Arc::default() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.milliseconds.load(Ordering::SeqCst)).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        // One millisecond is added, so that even a shorter wait moves the clock.
        self.milliseconds.fetch_add(duration.as_millis() as i64 + 1, Ordering::SeqCst);
        self.waits.lock().unwrap().push(duration);
    }

    fn random(&self) -> u64 {
        7
    }
}

/// The source's secret.
#[derive(Clone)]
struct Credential(String);

impl Credential {
    /// Returns a secret with these fields besides the tenant and the client id.
    fn with(mut fields: Value) -> Self {
        fields["tenant_id"] = TENANT_ID.into();
        fields["client_id"] = CLIENT_ID.into();
        Self(fields.to_string())
    }

    fn with_client_secret() -> Self {
        Self::with(json!({ "client_secret": CLIENT_SECRET }))
    }
}

impl Secrets for Credential {
    async fn get(&self, _: &str, _: bool) -> Result<SecretString, PortError> {
        Ok(self.0.clone().into())
    }
}

type Events = BTreeSet<(LogType, String)>;

/// A vendor with seven days of content, its client and their clock.
struct World {
    simulator: Microsoft365Simulator,
    running: RunningSimulator,
    client: Microsoft365<Credential, VirtualClock>,
    clock: VirtualClock,
    streams: Vec<Stream>,
}

impl World {
    fn new(events: usize, behaviours: Behaviours) -> Self {
        Self::with_credential(events, behaviours, &Credential::with_client_secret())
    }

    fn with_credential(events: usize, behaviours: Behaviours, credential: &Credential) -> Self {
        let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        // All late content is visible by now, and no content has expired.
        let clock = VirtualClock::at(now + SignedDuration::from_hours(4));
        let vendor_clock = clock.clone();
        let options = Options { events, ..Options::new(now) };
        let simulator =
            Microsoft365Simulator::with(&options, behaviours, Arc::new(move || vendor_clock.now())).unwrap();
        let running = simulator.serve(0).unwrap();
        let origin = format!("http://{}", running.address());
        let variable = |name: &str| match name {
            API_URL_VARIABLE => Some(origin.clone()),
            LOGIN_URL_VARIABLE => Some(format!("{origin}/login")),
            _ => None,
        };
        let config = Config::from_variables(variable).unwrap();
        let http = HttpClient::new().unwrap();
        let source = Microsoft365::source(&http, credential.clone(), clock.clone(), &config, "secret").now_or_never();
        let source = source.unwrap().unwrap();
        Self { simulator, running, client: source.vendor, clock, streams: source.streams }
    }

    /// Checks that the failed call used up its retries and that the error holds no secret. Then moves the clock to the
    /// next tick, five minutes later.
    fn wait_for_next_tick(&self, error: &PortError) {
        assert!(!matches!(error.recovery, Recovery::Again { .. }), "{error}");
        assert!(!error.message.contains(CLIENT_SECRET), "{error}");
        self.clock.milliseconds.fetch_add(300_000, Ordering::SeqCst);
    }

    async fn drain(&self, stream: &Stream) -> Events {
        for _ in 0..MAX_TICKS {
            match self.client.prepare(stream, None).await {
                Ok(_) => break,
                Err(error) => self.wait_for_next_tick(&error),
            }
        }
        let now = self.clock.now().as_second();
        let retention = POLICY.retention.unwrap();
        let (mut from, mut blobs) = (now - retention.keep_seconds + retention.margin_seconds + 3_600, Vec::new());
        while from < now {
            let window = Window { from, to: (from + POLICY.max_window_seconds).min(now) };
            blobs.extend(self.list(stream, window).await);
            from += POLICY.max_window_seconds - OVERLAP_SECONDS;
        }
        blobs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        blobs.dedup_by(|a, b| a.id == b.id);
        let mut events = Events::new();
        for blob in &blobs {
            assert!(blob.uri.starts_with(&format!("http://{}/", self.running.address())), "{}", blob.uri);
            let records = self.fetch(stream, blob).await;
            events.extend(records.into_iter().map(|record| (stream.log_type, record)));
        }
        events
    }

    /// Lists a window to its end, and again from its start after a lost cursor.
    async fn list(&self, stream: &Stream, window: Window) -> Vec<BlobRef> {
        let (mut blobs, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_TICKS {
            let request =
                ListRequest { stream, listing: LISTING, window, cursor: cursor.as_deref(), tries: Tries::Patient };
            match self.client.list(request).await {
                Ok(Listed::Page(page)) => {
                    blobs.extend(page.items.into_iter().map(|item| match item {
                        Item::Blob(blob) => blob,
                        other => panic!("{other:?} is not a blob"),
                    }));
                    cursor = page.next;
                    if cursor.is_none() {
                        return blobs;
                    }
                }
                Ok(Listed::CursorLost) => cursor = None,
                // The vendor has not applied the start yet.
                Ok(Listed::NotYet { fault: None, .. }) => {}
                Ok(Listed::NotYet { fault: Some(error), .. }) => self.wait_for_next_tick(&error),
                Ok(Listed::NotOffered) => panic!("{} is not offered", stream.name()),
                Err(error) => self.wait_for_next_tick(&error),
            }
        }
        panic!("{} from {} has no end", stream.name(), window.from);
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef) -> Vec<String> {
        for _ in 0..MAX_TICKS {
            let fetched = match self.client.fetch(stream, blob, Tries::Patient).await {
                Ok(Fetched::Body(body)) => whole(body).await,
                Ok(Fetched::Missing) => Err(PortError::next_tick("not there yet")),
                Ok(Fetched::Expired) => panic!("{} expired", blob.id),
                Err(error) => Err(error),
            };
            match fetched {
                Ok(bytes) => return records(&bytes),
                Err(error) => self.wait_for_next_tick(&error),
            }
        }
        panic!("{} cannot be fetched", blob.id);
    }

    fn served(&self) -> Events {
        let served = self.running.served().into_iter();
        served.map(|event| (LogType::from_name(event.log_type).unwrap(), canonical(&event.raw))).collect()
    }
}

async fn whole(mut body: Blob) -> Result<Vec<u8>, PortError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn records(blob: &[u8]) -> Vec<String> {
    let records: Vec<Value> = serde_json::from_slice(blob).unwrap();
    records.iter().map(Value::to_string).collect()
}

fn canonical(raw: &str) -> String {
    serde_json::from_str::<Value>(raw).unwrap().to_string()
}

async fn check(name: &str, behaviours: Behaviours) {
    check_with(name, behaviours, &Credential::with_client_secret()).await;
}

async fn check_with(name: &str, behaviours: Behaviours, credential: &Credential) {
    let world = World::with_credential(500, behaviours, credential);
    let mut found = Events::new();
    for stream in &world.streams {
        found.extend(world.drain(stream).await);
    }
    check_found(name, &world, &found);
}

fn check_found(name: &str, world: &World, found: &Events) {
    let served = world.served();
    let log_types: BTreeSet<_> = served.iter().map(|(log_type, _)| *log_type).collect();
    assert!(served.len() >= 500 && log_types.len() == 5, "{name}: {} of {log_types:?}", served.len());
    assert_eq!(served.difference(found).count(), 0, "{name}: lost");
    assert_eq!(found.difference(&served).count(), 0, "{name}: never served");
}

#[tokio::test]
async fn every_record_of_a_healthy_vendor_is_received() {
    check("healthy", Behaviours::default()).await;
}

#[tokio::test]
async fn every_record_of_a_vendor_with_faults_is_received() {
    check("some", Behaviours::new(Faults::Some, 1)).await;
    for seed in 1..=3 {
        check(&format!("storm {seed}"), Behaviours::new(Faults::Storm, seed)).await;
    }
}

#[tokio::test]
async fn every_record_of_a_vendor_with_other_settings_is_received() {
    let usual = Behaviours::default();
    check("short tokens", Behaviours { token_seconds: 20, ..usual.clone() }).await;
    check("foreign addresses", Behaviours { uri_elsewhere: 1.0, ..usual.clone() }).await;
    check("many pages", Behaviours { page_size: 1, empty_pages: 0.5, next_page_url: 0.5, ..usual.clone() }).await;
    check("marks", Behaviours { byte_order_mark: 1.0, ..usual }).await;
}

#[tokio::test]
async fn concurrent_streams_share_the_limits_of_the_tenant() {
    let world = World::new(1_000, Behaviours { records_per_blob: 2, page_size: 5, ..Behaviours::default() });
    let drained = join_all(world.streams.iter().map(|stream| world.drain(stream))).await;
    check_found("at once", &world, &drained.into_iter().flatten().collect());
    let longest = world.clock.waits.lock().unwrap().iter().max().copied();
    assert!(longest < Some(Duration::from_secs(30)), "throttled: {longest:?}");
}

#[tokio::test]
async fn a_client_secret_works_at_the_older_endpoint() {
    let credential = Credential::with(json!({"client_secret": CLIENT_SECRET, "token_endpoint": "v1"}));
    check_with("v1", Behaviours { token_seconds: 20, ..Behaviours::default() }, &credential).await;
}

#[tokio::test]
async fn a_certificate_works_at_either_endpoint() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let public_key = key.public_key().as_ref().to_vec();
    // The client only needs a certificate that holds the public key.
    let certificate = [b"before".as_slice(), &public_key, b"after"].concat();
    let pem =
        |label: &str, der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate));
    let known = vec![Certificate { thumbprint, public_key }];
    let behaviours =
        Behaviours { client_secrets: Vec::new(), certificates: known, token_seconds: 600, ..Behaviours::default() };
    for endpoint in ["v1", "v2"] {
        let credential = Credential::with(json!({
            "certificate_pem": pem("CERTIFICATE", &certificate), "private_key_pem": pem("PRIVATE KEY", private.as_ref()),
            "token_endpoint": endpoint,
        }));
        check_with(endpoint, behaviours.clone(), &credential).await;
    }
}

#[tokio::test]
async fn a_token_of_another_cloud_needs_a_person_if_that_persists_f65_e3() {
    let world = World::new(100, Behaviours { cloud: Cloud::GccHigh, ..Behaviours::default() });
    let stream = &world.streams[0];
    let now = world.clock.now().as_second();
    let window = Window { from: now - 86_400, to: now };
    let request = ListRequest { stream, listing: LISTING, window, cursor: None, tries: Tries::Patient };
    let error = world.client.list(request).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::PersonIfPersistent, "{error}");
    assert!(error.message.contains("check that cloud and tenant_id"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_for_one_content_type_stops_no_other() {
    let world = World::new(200, Behaviours { roles: vec![READ.to_owned()], ..Behaviours::default() });
    for stream in &world.streams {
        if stream.log_type == LogType::Dlp {
            world.client.prepare(stream, None).await.unwrap();
            let now = world.clock.now().as_second();
            let window = Window { from: now - 86_400, to: now };
            let request = ListRequest { stream, listing: LISTING, window, cursor: None, tries: Tries::Patient };
            let error = world.client.list(request).await.unwrap_err();
            assert_eq!(error.recovery, Recovery::Person, "{error}");
            assert!(error.message.contains("AF10001") && error.message.contains("ActivityFeed.ReadDlp"), "{error}");
        } else {
            assert!(!world.drain(stream).await.is_empty(), "{}", stream.name());
        }
    }
}

#[tokio::test]
async fn the_rate_limiter_stays_below_the_vendors_limit() {
    let world = World::new(100, Behaviours::default());
    let stream = &world.streams[0];
    world.client.prepare(stream, None).await.unwrap();
    let before = world.clock.now();
    let window = Window { from: before.as_second() - 86_400, to: before.as_second() };
    let request = ListRequest { stream, listing: LISTING, window, cursor: None, tries: Tries::Patient };
    for _ in 0..3_000 {
        world.client.list(request).await.unwrap();
    }
    // The vendor throttled no request, because the client would then have waited for half a minute. At the sustained
    // rate, the 2,900 requests after the burst take 109 seconds.
    let longest = world.clock.waits.lock().unwrap().iter().max().copied();
    assert!(longest < Some(Duration::from_secs(1)), "{longest:?}");
    let seconds = world.clock.now().duration_since(before).as_secs();
    assert!((105..125).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_client_that_exceeds_the_vendors_limit_waits() {
    let world = World::new(100, Behaviours::default());
    let stream = &world.streams[0];
    world.client.prepare(stream, None).await.unwrap();
    world.simulator.change(|behaviours| behaviours.per_minute = 30);
    let now = world.clock.now().as_second();
    let window = Window { from: now - 86_400, to: now };
    let request = ListRequest { stream, listing: LISTING, window, cursor: None, tries: Tries::Patient };
    for _ in 0..100 {
        world.client.list(request).await.unwrap();
    }
    let seconds = world.clock.now().as_second() - now;
    assert!((150..400).contains(&seconds), "{seconds}");
}
