//! A vendor as the command line knows it.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use adapters::http::HttpClient;
use adapters::local::LocalSecrets;
use collector::{Source, SourceCache, Stream, StreamReport, Vendor};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use simulators::{Faults, Options, Running};

use crate::clock::CliClock;
use crate::exit::Failed;
use crate::lake::Lake;

/// One vendor.
#[derive(Debug)]
pub(crate) struct VendorSpec {
    /// The name by which commands take it.
    pub(crate) name: &'static str,
    /// Its API, for `--help`.
    pub(crate) about: &'static str,
    /// The label of its simulated source.
    pub(crate) simulated_label: &'static str,
    /// The longest time of a tick: less than the time to the next one.
    pub(crate) tick_time: SignedDuration,
    /// Its variables, for `--help`.
    pub(crate) variables_help: &'static str,
    /// Reads the secret's text from variables, and names those that are missing.
    pub(crate) secret: fn(Variables<'_>) -> Result<String, Failed>,
    /// Returns the credentials of its simulated source.
    pub(crate) simulated_secret: fn() -> Value,
    /// Opens a source by variables. Fails if one of them is wrong or the secret cannot be used.
    pub(crate) open: for<'a> fn(Opening<'a>, Variables<'_>) -> Later<'a, Opened<'a>>,
    /// Returns its simulator, with these faults, for a seed.
    pub(crate) simulated: fn(Faults, u64) -> Box<dyn Simulated>,
}

/// A reader of variables, such as those of the environment.
pub(crate) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// A value that is computed later.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The parts that a source is opened with.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) http: &'a HttpClient,
    pub(crate) secrets: &'a LocalSecrets,
    pub(crate) clock: &'a CliClock,
    /// The name of the source's secret.
    pub(crate) reference: &'a str,
}

/// A source, or the reason why it is not opened.
pub(crate) type Opened<'a> = Result<Box<dyn AnySource + 'a>, Failed>;

/// A source of any vendor.
pub(crate) trait AnySource {
    /// Returns its streams.
    fn streams(&self) -> &[Stream];

    /// Runs one tick, which ends within `time`.
    fn tick<'a>(
        &'a self,
        lake: &'a Lake,
        cache: &'a SourceCache,
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> Later<'a, Vec<StreamReport>>;
}

impl<V: Vendor> AnySource for Source<V> {
    fn streams(&self) -> &[Stream] {
        &self.streams
    }

    fn tick<'a>(
        &'a self,
        lake: &'a Lake,
        cache: &'a SourceCache,
        clock: &'a CliClock,
        time: SignedDuration,
    ) -> Later<'a, Vec<StreamReport>> {
        Box::pin(lake.tick(self, cache, clock, time))
    }
}

/// A simulator of any vendor, with its behaviours.
pub(crate) trait Simulated: Debug {
    /// Returns the same with the behaviours that a JSON object names.
    ///
    /// # Errors
    /// The object is not understood; the text says why.
    fn changed(&self, json: &str) -> Result<Box<dyn Simulated>, String>;

    /// Returns all behaviours.
    fn to_json(&self) -> String;

    /// Prepares a simulator that serves `options`.
    ///
    /// # Errors
    /// The records or the ledger cannot be used.
    fn prepare(&self, options: &Options, clock: simulators::Clock) -> io::Result<Box<dyn Prepared>>;

    /// Returns the variables that lead a client to the simulator at `origin` and let it in at `now`, where anybody is let
    /// in. None of them is secret.
    fn environment(&self, origin: &str, now: Timestamp) -> Vec<(&'static str, String)>;
}

/// A simulator that is ready to serve.
pub(crate) trait Prepared {
    /// Serves it on 127.0.0.1; port 0 is any that is free.
    ///
    /// # Errors
    /// The port cannot be bound.
    fn serve(&self, port: u16) -> io::Result<Running>;
}

/// Reads variables that are all needed.
///
/// # Errors
/// Some are missing; the message names them.
pub(crate) fn all<const N: usize>(names: [&str; N], variables: Variables<'_>) -> Result<[String; N], Failed> {
    let values = names.map(variables);
    let missing: Vec<_> =
        names.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(values.map(Option::unwrap_or_default));
    }
    Err(Failed::usage(format!("{} not set; set it, or name the secret's file with --secret", missing.join(", "))))
}
