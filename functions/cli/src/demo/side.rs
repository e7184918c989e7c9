//! One vendor of a demo: its simulator, its source, and what its ticks came to.

use std::collections::BTreeMap;

use adapters::http::HttpClient;
use adapters::local::{LocalSecrets, SecretSource};
use collector::{Clock, Drift, Source, SourceCache, Stream, StreamReport, Vendor};
use microsoft365::Microsoft365;
use openai::OpenAi;
use serde_json::json;
use simulators::Running;

use super::clock::DemoClock;
use crate::config::{self, VendorName};
use crate::exit::Failed;
use crate::lake::Lake;
use crate::{simulate, sources};

pub(super) type OpenAiSide<'a> = Side<OpenAi<&'a LocalSecrets, &'a DemoClock>>;
pub(super) type Microsoft365Side = Side<Microsoft365<LocalSecrets, DemoClock>>;

impl VendorName {
    /// The name of the simulated source, and of its secret.
    fn label(self) -> &'static str {
        match self {
            Self::Openai => "OpenAI (simulated)",
            Self::Microsoft365 => "Microsoft 365 (simulated)",
        }
    }
}

/// One vendor of a demo.
pub(super) struct Side<V> {
    vendor: VendorName,
    running: Running,
    source: Source<V>,
    cache: SourceCache,
    milliseconds: i64,
    seen: BTreeMap<String, Seen>,
}

/// The counts of a stream over the ticks so far.
#[derive(Debug, Default)]
struct Seen {
    events: u64,
    repeats: u64,
    drift: Drift,
}

impl<V> Side<V> {
    fn new(vendor: VendorName, running: Running, source: Source<V>) -> Self {
        Self { vendor, running, source, cache: SourceCache::default(), milliseconds: 0, seen: BTreeMap::new() }
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.source.streams.iter()
    }

    /// Distinct events the simulator made visible.
    pub(super) fn served(&self, stream: &Stream) -> u64 {
        let counts = self.running.counts();
        let of_stream = counts.iter().find(|(log_type, _)| *log_type == stream.log_type.name());
        of_stream.map_or(0, |(_, count)| *count)
    }

    /// Events still to become visible.
    pub(super) fn pending(&self) -> u64 {
        self.running.pending() as u64
    }

    /// Events, visible or to come.
    pub(super) fn total(&self) -> u64 {
        self.running.counts().iter().map(|(_, count)| count).sum::<u64>() + self.pending()
    }

    /// Events listed again and not delivered again.
    pub(super) fn repeats(&self, stream: &Stream) -> u64 {
        self.seen.get(&stream.name()).map_or(0, |seen| seen.repeats)
    }

    /// The drift of the delivered lines.
    pub(super) fn drift(&self, stream: &Stream) -> Drift {
        self.seen.get(&stream.name()).map(|seen| seen.drift.clone()).unwrap_or_default()
    }

    /// Events a second of the time of the vendor's ticks, which its streams shared.
    pub(super) fn events_per_second(&self, stream: &Stream) -> u64 {
        let events = self.seen.get(&stream.name()).map_or(0, |seen| seen.events);
        events * 1_000 / self.milliseconds.max(1).unsigned_abs()
    }
}

impl<V: Vendor> Side<V> {
    /// One tick.
    pub(super) async fn tick(&mut self, lake: &Lake, clock: &DemoClock) -> Vec<StreamReport> {
        let begun = clock.now();
        let reports = lake.tick(&self.source, &self.cache, clock, self.vendor.time_of_a_tick()).await;
        self.milliseconds += clock.now().as_millisecond() - begun.as_millisecond();
        for (stream, report) in self.source.streams.iter().zip(&reports) {
            let seen = self.seen.entry(stream.name()).or_default();
            seen.events += report.listed.events;
            seen.repeats += report.listed.duplicates;
            seen.drift.merge(&report.lines.drift);
        }
        reports
    }
}

/// The simulated OpenAI organization.
pub(super) async fn openai<'a>(
    running: Running,
    http: &HttpClient,
    secrets: &'a LocalSecrets,
    clock: &'a DemoClock,
) -> Result<OpenAiSide<'a>, Failed> {
    let config = config::openai(variables(VendorName::Openai, &running))?;
    let source = sources::openai(http, secrets, clock, &config, VendorName::Openai.label()).await?;
    Ok(Side::new(VendorName::Openai, running, source))
}

/// The simulated Microsoft 365 tenant.
pub(super) async fn microsoft365(
    running: Running,
    http: &HttpClient,
    secrets: &LocalSecrets,
    clock: &DemoClock,
) -> Result<Microsoft365Side, Failed> {
    let config = config::microsoft365(variables(VendorName::Microsoft365, &running))?;
    let label = VendorName::Microsoft365.label();
    let source = sources::microsoft365(http, secrets, clock.clone(), &config, label).await?;
    Ok(Side::new(VendorName::Microsoft365, running, source))
}

/// The secrets of both; `id` sets one demo's lines on a lake apart from another's.
pub(super) fn secrets(id: &str) -> LocalSecrets {
    let openai = json!({
        "source_id": format!("demo-openai-{id}"),
        "source_label": VendorName::Openai.label(),
        "admin_key": simulators::openai::ADMIN_KEY,
    });
    let microsoft365 = json!({
        "source_id": format!("demo-microsoft365-{id}"),
        "source_label": VendorName::Microsoft365.label(),
        "tenant_id": simulators::microsoft365::TENANT_ID,
        "client_id": simulators::microsoft365::CLIENT_ID,
        "client_secret": simulators::microsoft365::CLIENT_SECRET,
    });
    let text = |secret: serde_json::Value| SecretSource::Text(secret.to_string().into());
    LocalSecrets::new([
        (VendorName::Openai.label().to_owned(), text(openai)),
        (VendorName::Microsoft365.label().to_owned(), text(microsoft365)),
    ])
}

fn variables(vendor: VendorName, running: &Running) -> impl Fn(&str) -> Option<String> {
    let pairs: BTreeMap<_, _> = simulate::environment(vendor, running).into_iter().collect();
    move |name| pairs.get(name).cloned()
}
