//! One vendor of a demo: its simulator, its source, and the counts of its ticks.

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters::http::HttpClient;
use adapters::local::{LocalSecrets, SecretSource};
use collector::{Clock, Drift, SourceCache, Stream, StreamReport};
use serde_json::Value;
use simulators::{Faults, Options, RunningSimulator};

use crate::clock::CliClock;
use crate::exit::Failed;
use crate::lake::Lake;
use crate::place::stores::AnySecrets;
use crate::simulate;
use crate::vendor::{AnySource, SourceParts, VendorSpec};
use crate::vendors::VENDORS;

/// One vendor of a demo.
pub(super) struct DemoVendor<'a> {
    vendor: &'static VendorSpec,
    running: RunningSimulator,
    source: Box<dyn AnySource + 'a>,
    cache: SourceCache,
    milliseconds: i64,
    seen: BTreeMap<String, StreamCounts>,
}

/// The counts of one stream, summed over all ticks so far.
#[derive(Debug, Default)]
struct StreamCounts {
    events: u64,
    repeats: u64,
    drift: Drift,
}

impl<'a> DemoVendor<'a> {
    /// Starts the vendor's simulator, and opens a source that pulls from it.
    ///
    /// # Errors
    /// The simulator cannot listen on a port, or the source cannot be opened.
    pub(super) async fn start(
        vendor: &'static VendorSpec,
        options: &Options,
        http: &'a HttpClient,
        secrets: &'a AnySecrets,
        clock: &'a CliClock,
    ) -> Result<Self, Failed> {
        let simulated = (vendor.simulated)(Faults::None, options.seed);
        let simulators_clock = clock.clone();
        let running = simulate::serve(&*simulated, options, 0, Arc::new(move || simulators_clock.now()))?;
        let environment = simulated.environment(&simulate::origin(&running), clock.now());
        let environment: BTreeMap<_, _> = environment.into_iter().collect();
        let variables = move |name: &str| environment.get(name).cloned();
        let opening = SourceParts { http, secrets, clock, secret_name: vendor.simulated_label };
        let source = (vendor.open)(opening, &variables).await?;
        Ok(Self { vendor, running, source, cache: SourceCache::default(), milliseconds: 0, seen: BTreeMap::new() })
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.source.streams().iter()
    }

    /// Returns the number of different events of the stream that the simulator has shown.
    pub(super) fn served(&self, stream: &Stream) -> u64 {
        let counts = self.running.counts();
        let of_stream = counts.iter().find(|(log_type, _)| *log_type == stream.log_type.name());
        of_stream.map_or(0, |(_, count)| *count)
    }

    /// Returns the number of events that the simulator will show later.
    pub(super) fn pending(&self) -> u64 {
        self.running.pending() as u64
    }

    /// Returns the number of all events of the vendor, including the events that will be shown later.
    pub(super) fn total(&self) -> u64 {
        self.running.counts().iter().map(|(_, count)| count).sum::<u64>() + self.pending()
    }

    /// Returns the number of duplicates: events that the vendor listed again and the collector did not deliver again.
    pub(super) fn repeats(&self, stream: &Stream) -> u64 {
        self.seen.get(&stream.name()).map_or(0, |seen| seen.repeats)
    }

    /// Returns the drift of the lines that were delivered for the stream.
    pub(super) fn drift(&self, stream: &Stream) -> Drift {
        self.seen.get(&stream.name()).map(|seen| seen.drift.clone()).unwrap_or_default()
    }

    /// Returns the number of the stream's listed events per second. It is computed from the time of the vendor's ticks,
    /// which all its streams share.
    pub(super) fn events_per_second(&self, stream: &Stream) -> u64 {
        let events = self.seen.get(&stream.name()).map_or(0, |seen| seen.events);
        events * 1_000 / self.milliseconds.max(1).unsigned_abs()
    }

    /// Runs one tick of the vendor's source and adds its counts.
    pub(super) async fn tick(&mut self, lake: &Lake, clock: &CliClock) -> Vec<StreamReport> {
        let begun = clock.now();
        let reports = self.source.tick(lake, &self.cache, clock, self.vendor.max_tick_time).await;
        self.milliseconds += clock.now().as_millisecond() - begun.as_millisecond();
        for (stream, report) in self.source.streams().iter().zip(&reports) {
            let seen = self.seen.entry(stream.name()).or_default();
            seen.events += report.listed.events;
            seen.repeats += report.listed.duplicates;
            seen.drift.merge(&report.lines.drift);
        }
        reports
    }
}

/// Returns the secrets of all simulated sources. `id` becomes part of their source ids, so that different demos can
/// share a lake.
pub(super) fn secrets(id: &str) -> AnySecrets {
    AnySecrets::Local(LocalSecrets::new(VENDORS.map(|vendor| {
        let mut secret = (vendor.simulated_secret)();
        secret["source_id"] = Value::from(format!("demo-{}-{id}", vendor.name));
        secret["source_label"] = Value::from(vendor.simulated_label);
        (vendor.simulated_label.to_owned(), SecretSource::Text(secret.to_string().into()))
    })))
}
