//! One tick of one source: every stream, isolated from each other.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::base::env::Env;
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::report::{Failure, StreamReport};
use crate::base::stream::Stream;
use crate::collect::stream::run_stream;
use crate::state::cache::SourceCache;

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

/// Runs every stream of the source at once. Returns one report per stream, in the source's order; a stream's failure or
/// panic stands in its report and touches no other stream. `cache` is what the process keeps of the source between ticks.
pub async fn run_tick<S: State, B: Bucket, C: Clock, V: Vendor>(
    env: &Env<'_, S, B, C>,
    source: &Source<V>,
    cache: &SourceCache,
) -> Vec<StreamReport> {
    let streams = source.streams.iter().map(|stream| async move {
        let run = AssertUnwindSafe(run_stream(env, (&source.vendor, &source.policy), stream, cache)).catch_unwind();
        run.await.unwrap_or_else(|_| panicked(stream))
    });
    join_all(streams).await
}

fn panicked(stream: &Stream) -> StreamReport {
    let message = format!("{}: a fault in audit-pull stopped this stream; please report it", stream.name());
    StreamReport { failure: Some(Failure { needs_person: true, message }), ..StreamReport::of(stream) }
}
