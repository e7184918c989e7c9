//! Describes a vendor to the command line: the types that each module of `vendors` fills in.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use adapters::doctor::{Checkup, Findings};
use adapters::http::HttpClient;
use collector::{Backfill, Source, SourceCache, Stream, StreamReport, Vendor, VendorPolicy};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulators::{Faults, Options, RunningSimulator};

use crate::clock::CliClock;
use crate::exit::Failed;
use crate::lake::Lake;
use crate::place::stores::AnySecrets;

/// The parts of one vendor that the command line needs.
#[derive(Debug)]
pub(crate) struct VendorSpec {
    /// The name of the vendor in arguments.
    pub(crate) name: &'static str,
    /// The name of the vendor's API, for `--help`.
    pub(crate) about: &'static str,
    /// The label of the vendor's simulated source. It is also the name of that source's secret.
    pub(crate) simulated_label: &'static str,
    /// The maximum time of a tick. It is less than the interval of the vendor's schedule.
    pub(crate) max_tick_time: SignedDuration,
    /// The rules by which the vendor's streams are listed.
    pub(crate) policy: &'static VendorPolicy,
    /// The environment variables of the vendor, for `--help`.
    pub(crate) variables_help: &'static str,
    /// Builds the text of the secret from variables. Fails if variables are missing, and names them.
    pub(crate) secret: fn(Variables<'_>) -> Result<String, Failed>,
    /// Returns the credentials that the vendor's simulator accepts.
    pub(crate) simulated_secret: fn() -> Value,
    /// Opens a source with settings from variables. Fails if one of them is wrong or the secret cannot be used.
    pub(crate) open: for<'a> fn(SourceParts<'a>, Variables<'_>) -> BoxFuture<'a, OpenResult<'a>>,
    /// Checks a source with settings from variables, and records each step. Fails if one of the settings is wrong.
    pub(crate) check: for<'a> fn(SourceParts<'a>, Variables<'_>, &'a Checkup<CliClock>) -> BoxFuture<'a, CheckResult>,
    /// Returns the vendor's simulator with these faults. The second argument is the seed for all random choices.
    pub(crate) simulated: fn(Faults, u64) -> Box<dyn VendorSimulator>,
}

/// Returns the value of a variable by its name, usually of an environment variable.
pub(crate) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// A boxed future.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The parts that are needed to open a source.
#[derive(Clone, Copy)]
pub(crate) struct SourceParts<'a> {
    pub(crate) http: &'a HttpClient,
    pub(crate) secrets: &'a AnySecrets,
    pub(crate) clock: &'a CliClock,
    /// The name of the source's secret.
    pub(crate) secret_name: &'a str,
}

/// An opened source, or the error that prevented it.
pub(crate) type OpenResult<'a> = Result<Box<dyn AnySource + 'a>, Failed>;

/// The findings of a checked source, or the error in a setting that prevented the check.
pub(crate) type CheckResult = Result<Findings, Failed>;

/// A source of any vendor.
pub(crate) trait AnySource {
    /// Returns the streams of the source.
    fn streams(&self) -> &[Stream];

    /// Returns the vendor's policy.
    fn policy(&self) -> &VendorPolicy;

    /// Runs one tick of the source. Its deadline is `time` from now.
    fn tick<'a>(
        &'a self,
        lake: &'a Lake,
        cache: &'a SourceCache,
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> BoxFuture<'a, Vec<StreamReport>>;

    /// Runs one step of a backfill of the source. Its deadline is `time` from now.
    fn backfill<'a>(
        &'a self,
        lake: &'a Lake,
        progress: (&'a SourceCache, &'a Backfill),
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> BoxFuture<'a, Vec<StreamReport>>;
}

impl<V: Vendor> AnySource for Source<V> {
    fn streams(&self) -> &[Stream] {
        &self.streams
    }

    fn policy(&self) -> &VendorPolicy {
        &self.policy
    }

    fn tick<'a>(
        &'a self,
        lake: &'a Lake,
        cache: &'a SourceCache,
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> BoxFuture<'a, Vec<StreamReport>> {
        Box::pin(lake.tick(self, cache, clock, time))
    }

    fn backfill<'a>(
        &'a self,
        lake: &'a Lake,
        progress: (&'a SourceCache, &'a Backfill),
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> BoxFuture<'a, Vec<StreamReport>> {
        Box::pin(lake.backfill(self, progress, clock, time))
    }
}

/// The simulator of any vendor, with its behaviours.
pub(crate) trait VendorSimulator: Debug {
    /// Returns the simulator with some behaviours changed: those in the JSON object `json`.
    ///
    /// # Errors
    /// The object is not valid. The error is the reason.
    fn with_behaviours(&self, json: &str) -> Result<Box<dyn VendorSimulator>, String>;

    /// Returns all behaviours as a JSON object.
    fn to_json(&self) -> String;

    /// Prepares the simulator with the events and the ledger in `options`.
    ///
    /// # Errors
    /// The file of records or the ledger cannot be used.
    fn prepare(&self, options: &Options, clock: simulators::Clock) -> io::Result<Box<dyn PreparedSimulator>>;

    /// Returns the environment variables with which a client finds the simulator at `origin` and is accepted at `now`.
    /// None of them is secret, because the simulator accepts anybody.
    fn environment(&self, origin: &str, now: Timestamp) -> Vec<(&'static str, String)>;
}

/// A simulator whose events are ready.
pub(crate) trait PreparedSimulator {
    /// Starts to serve on 127.0.0.1. Port 0 chooses a free port.
    ///
    /// # Errors
    /// The port cannot be bound.
    fn serve(&self, port: u16) -> io::Result<RunningSimulator>;
}

/// Returns the values of variables that are all required.
///
/// # Errors
/// Some are missing. The message names them.
pub(crate) fn required<const N: usize>(names: [&str; N], variables: Variables<'_>) -> Result<[String; N], Failed> {
    let values = names.map(variables);
    let missing: Vec<_> =
        names.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(values.map(Option::unwrap_or_default));
    }
    Err(Failed::usage(format!("{} not set; set it, or name the secret's file with --secret", missing.join(", "))))
}
