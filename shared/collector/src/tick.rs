//! Runs one tick of one source, its streams isolated from each other.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::base::env::Env;
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Bucket, Clock, State, Vendor};
use crate::base::report::{Failure, StreamReport};
use crate::base::stream::Stream;
use crate::collect::stream::run_stream;
use crate::state::backfill::Backfill;
use crate::state::cache::SourceCache;

/// One tenant of one vendor, ready to be collected.
#[derive(Debug)]
pub struct Source<V> {
    /// The client of the vendor's API.
    pub vendor: V,
    /// The streams to collect.
    pub streams: Vec<Stream>,
    /// The rules by which its streams are listed.
    pub policy: VendorPolicy,
}

/// Runs all streams of the source concurrently. Returns one report per stream, in the source's order. A failure or
/// panic of a stream is recorded in its report and affects no other stream. `cache` keeps data of the source between
/// the ticks of one process.
pub async fn run_tick<S: State, B: Bucket, C: Clock, V: Vendor>(
    env: &Env<'_, S, B, C>,
    source: &Source<V>,
    cache: &SourceCache,
) -> Vec<StreamReport> {
    let streams = source.streams.iter().map(|stream| run_isolated(env, source, stream, (cache, None)));
    join_all(streams).await
}

/// Runs one step of a backfill, which takes as long as a tick, in each stream of the source that is not finished.
/// Returns their reports. Ticks of the schedule may run at the same time, and the step may die at any moment.
///
/// A report counts what this step listed and delivered. [`Backfill::unfinished`] names what is left.
pub async fn run_backfill<S: State, B: Bucket, C: Clock, V: Vendor>(
    env: &Env<'_, S, B, C>,
    source: &Source<V>,
    cache: &SourceCache,
    backfill: &Backfill,
) -> Vec<StreamReport> {
    let open = source.streams.iter().filter(|stream| backfill.is_open(stream));
    join_all(open.map(|stream| run_isolated(env, source, stream, (cache, Some(backfill))))).await
}

async fn run_isolated<S: State, B: Bucket, C: Clock, V: Vendor>(
    env: &Env<'_, S, B, C>,
    source: &Source<V>,
    stream: &Stream,
    (cache, backfill): (&SourceCache, Option<&Backfill>),
) -> StreamReport {
    let run = run_stream(env, (&source.vendor, &source.policy), stream, cache, backfill);
    AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|_| panicked(stream))
}

fn panicked(stream: &Stream) -> StreamReport {
    let message = format!("{}: a fault in audit-pull stopped this stream; please report it", stream.name());
    StreamReport { failure: Some(Failure { needs_person: true, message }), ..StreamReport::of(stream) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schema::NO_CUSTOM_MODELS;

    use crate::testing::{NOW, World, stream};

    /// Runs one tick of two streams. The vendor panics for the sources in `panics_for`.
    fn run(panics_for: &'static [&'static str]) -> Vec<StreamReport> {
        let mut world = World::new();
        world.vendor.add_events([NOW - 50]);
        world.vendor.answer = Box::new(|request| {
            assert!(!panics_for.contains(&request.stream.source.as_str()), "a fault");
            None
        });
        let source =
            Source { streams: vec![stream("one"), stream("two")], policy: world.policy.clone(), vendor: world.vendor };
        let (state, bucket, clock, settings) = (&world.state, &world.bucket, &world.clock, &world.settings);
        let deadline = world.clock.now() + world.tick_time;
        let env = Env { state, bucket, clock, settings, models: &NO_CUSTOM_MODELS, deadline };
        let reports = world.clock.run(run_tick(&env, &source, &world.cache));
        assert_eq!(reports.iter().map(|report| report.source.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        reports
    }

    #[test]
    fn ok_every_stream_has_its_report() {
        assert!(run(&[]).iter().all(|report| report.drained && report.lines.delivered == 1));
    }

    #[test]
    fn err_a_panic_stays_in_its_stream() {
        for (panics, at) in [(&["one"], 0), (&["two"], 1)] {
            let reports = run(panics);
            let failure = reports[at].failure.as_ref().unwrap();
            assert!(failure.needs_person && failure.message.contains("please report it"), "{failure:?}");
            assert!(reports[1 - at].drained && reports[1 - at].lines.delivered == 1, "{reports:?}");
        }
    }
}
