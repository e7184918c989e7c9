//! One tick of one source: every stream, isolated from each other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use schema::Normalizer;

use crate::birth;
use crate::delivery::Delivery;
use crate::known::Known;
use crate::policy::{Settings, VendorPolicy};
use crate::ports::{Bucket, Clock, State, Vendor};
use crate::pull::Pull;
use crate::report::{Failure, StreamReport};
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

/// Entries of ledgers that a process keeps between ticks, all its streams together, at some 20 bytes each.
const MOST_ENTRIES_KEPT: usize = 2 << 20;

/// What a warm process keeps of a source between ticks, only to read less. Losing it costs nothing but reads.
#[derive(Debug)]
pub struct Memory {
    streams: RefCell<HashMap<String, StreamMemory>>,
    /// Of all the source's streams.
    most_entries: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::one_of(1)
    }
}

impl Memory {
    /// That of one of so many sources in the process, which share what may be kept.
    pub fn one_of(sources: usize) -> Self {
        Self { streams: RefCell::default(), most_entries: MOST_ENTRIES_KEPT / sources.max(1) }
    }
}

#[derive(Debug)]
struct StreamMemory {
    head_id: String,
    known: Known,
}

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
        let streams = source.streams.iter().map(|stream| async move {
            let pulled = AssertUnwindSafe(self.run_stream(source, stream, memory)).catch_unwind().await;
            pulled.unwrap_or_else(|_| panicked(stream))
        });
        join_all(streams).await
    }

    async fn run_stream<V: Vendor>(&self, source: &Source<V>, stream: &Stream, memory: &Memory) -> StreamReport {
        let warm = memory.streams.borrow_mut().remove(&stream.name());
        let verified = warm.as_ref().map(|warm| warm.head_id.as_str());
        let head = match birth::open(self, stream, &source.policy, verified).await {
            Ok(head) => head,
            Err(error) => return StreamReport::failed(stream, &error),
        };
        let known = warm.filter(|warm| warm.head_id == head.id).map_or_else(Known::default, |warm| warm.known);
        let normalizer = Normalizer::new(stream.log_type);
        let mut pull = Pull {
            tick: self,
            vendor: &source.vendor,
            stream,
            policy: &source.policy,
            normalizer: &normalizer,
            delivery: Delivery::new(self, stream, source.policy.horizon, head, known),
            cut: source.policy.first_window,
            vendor_now: None,
            vendor_began: None,
            lost: None,
            left_over: false,
            known_in_vain: 0,
        };
        pull.run().await;
        let mut delivery = pull.delivery;
        delivery.known.keep(memory.most_entries / source.streams.len().max(1));
        let kept = StreamMemory { head_id: delivery.head.id, known: delivery.known };
        memory.streams.borrow_mut().insert(stream.name(), kept);
        delivery.report
    }
}

fn panicked(stream: &Stream) -> StreamReport {
    let message = format!("{}: a fault in audit-pull stopped this stream; please report it", stream.name());
    StreamReport { failure: Some(Failure { needs_person: true, message }), ..StreamReport::of(stream) }
}
