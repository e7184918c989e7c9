//! One tick of one source: every stream, isolated from each other.

use jiff::Timestamp;

use crate::policy::{Settings, VendorPolicy};
use crate::ports::{Bucket, Clock, State, Vendor};
use crate::report::StreamReport;
use crate::stream::Stream;

/// One tenant of one vendor, ready to be collected.
#[derive(Debug)]
pub struct Source<V> {
    /// Its API.
    pub vendor: V,
    /// What is collected of it.
    pub streams: Vec<Stream>,
    /// How it is listed.
    pub policy: VendorPolicy,
}

/// What a warm process keeps between ticks, only to read less. Losing it costs nothing but reads.
#[derive(Debug, Default)]
pub struct Memory {}

/// The ports and settings of one tick.
#[derive(Debug)]
pub struct Tick<'a, S, B, C> {
    /// Heads and ledgers.
    pub state: &'a S,
    /// Where objects go.
    pub bucket: &'a B,
    /// Time and chance.
    pub clock: &'a C,
    /// What the deployment chose.
    pub settings: &'a Settings,
    /// When the tick must have ended; work stops early enough to commit before it.
    pub deadline: Timestamp,
}

impl<S: State, B: Bucket, C: Clock> Tick<'_, S, B, C> {
    /// Runs every stream of the source at once. One report a stream, in the source's order; a
    /// stream's failure or panic stands in its report and touches no other stream.
    pub async fn run<V: Vendor>(&self, source: &Source<V>, memory: &Memory) -> Vec<StreamReport> {
        let _ = (source, memory);
        Vec::new()
    }
}
