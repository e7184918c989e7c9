//! The parts that the storms of both vendors share. A storm is several virtual days of random faults of the vendor, the
//! state and the bucket, with ticks that die at any await.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use collector::Vendor;
use jiff::{SignedDuration, Timestamp};
use simulators::Gateway;
use tests::effort::{is_whole, named_seeds};
use tests::rig::memory_store::MemoryStore;
use tests::rig::time::VirtualTime;
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

use crate::seeds::{Totals, on_all_cores};
use crate::start::start_time;
use crate::store_faults::random_store_faults;
use crate::ticks::{Ended, lifetimes, ticks};

/// Seconds per hour.
pub(crate) const HOUR: i64 = 3_600;
/// Seconds per day.
pub(crate) const DAY: i64 = 86_400;

/// The number of seeds of a whole run.
const SEEDS: u64 = 60;
/// The number of seeds of a short run.
const SHORT_RUN_SEEDS: u64 = 4;
/// The number of ticks, per 1,000, for which a new process starts.
const COLD_STARTS_PER_MILLE: u64 = 200;
/// The number of ticks, per 1,000, during which another process runs a tick.
const CONCURRENT_TICKS_PER_MILLE: u64 = 150;

/// The bounds and choices of one vendor's storm.
pub(crate) struct StormSettings {
    /// The length of the storm in virtual time.
    pub(crate) length_seconds: i64,
    /// The time limit of each tick.
    pub(crate) tick_seconds: u64,
    /// Bounds for the number of polls after which a doomed tick dies; each such tick picks one of them.
    pub(crate) max_lifetimes: [u64; 3],
    /// The possible numbers of failing calls to state and bucket, per 1,000; each seed gets one of them.
    pub(crate) store_faults_per_mille: [u64; 3],
    /// The possible pauses between two ticks.
    pub(crate) pauses_seconds: &'static [i64],
}

/// One vendor's storm.
pub(crate) trait Storm<'a> {
    /// The vendor's client.
    type Client: Vendor;

    /// The settings of the storm.
    const SETTINGS: StormSettings;

    /// Returns the virtual time and the store of the deployment.
    fn time_and_store(&self) -> (&'a VirtualTime, &'a MemoryStore);

    /// Returns the generator of random numbers, which starts from the storm's seed.
    fn rng(&mut self) -> &mut SeededRng;

    /// Changes the vendor's behaviour from time to time; `elapsed_seconds` is the time since the storm began.
    fn change_vendor(&mut self, elapsed_seconds: i64);

    /// Starts a process.
    async fn start_worker(&self) -> Worker<'a, Self::Client>;

    /// Prepares the checks of the ticks that begin now.
    fn before_ticks(&mut self) {}

    /// Checks the ticks that have ended.
    fn after_ticks(&mut self, _ended: &[Ended]) {}
}

/// Runs a storm and counts its ticks. The next tick runs in the same process if the process is alive, otherwise in a
/// new one.
pub(crate) async fn run_storm<'a, S: Storm<'a>>(storm: &mut S, seed: u64) -> Totals {
    let (settings, (time, store)) = (S::SETTINGS, storm.time_and_store());
    let elapsed_seconds = || time.now().as_second() - start_time().as_second();
    let share = storm.rng().pick(&settings.store_faults_per_mille);
    store.script(random_store_faults(seed ^ 0x5EED, share));
    let (mut totals, mut warm) = (Totals::default(), None);
    while elapsed_seconds() < settings.length_seconds {
        storm.change_vendor(elapsed_seconds());
        let worker = match warm.take().filter(|_| !storm.rng().happens(COLD_STARTS_PER_MILLE)) {
            Some(worker) => worker,
            None => storm.start_worker().await,
        };
        let max_polls = lifetimes(storm.rng(), &settings.max_lifetimes);
        let is_concurrent = storm.rng().happens(CONCURRENT_TICKS_PER_MILLE);
        let other = if is_concurrent { Some(storm.start_worker().await) } else { None };
        storm.before_ticks();
        let mut ended: Vec<Ended> = Vec::new();
        warm = ticks(worker, other, max_polls, settings.tick_seconds, |tick| ended.push(tick.clone())).await;
        ended.iter().for_each(|tick| totals.add(tick));
        storm.after_ticks(&ended);
        let pause = storm.rng().pick(settings.pauses_seconds);
        time.advance(Duration::from_secs(pause.unsigned_abs()));
    }
    totals
}

/// Runs all seeds, and returns them with their totals. Asserts that the storms had faults: per seed more ticks, deaths
/// and failures than these minimums.
pub(crate) fn run_seeds(
    run: impl Fn(u64) -> Pin<Box<dyn Future<Output = Totals>>> + Sync,
    [min_ticks, min_deaths, min_failures]: [u64; 3],
) -> (Range<u64>, Totals) {
    let seeds = named_seeds().unwrap_or(0..if is_whole() { SEEDS } else { SHORT_RUN_SEEDS });
    let totals = on_all_cores(&seeds, run);
    let count = seeds.end - seeds.start;
    let has_faults = totals.deaths > min_deaths * count && totals.failures > min_failures * count;
    assert!(totals.ticks > min_ticks * count && has_faults, "{totals:?}");
    (seeds, totals)
}

/// A span that the vendor refuses to list.
pub(crate) struct RefusedSpan {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) status: u16,
}

/// Picks a span of a second to a day, `earliest_seconds` after the start of the storm or later. The span ends a day
/// before the storm does, because nothing pending is retried while nothing new can be listed.
pub(crate) fn refused_span(rng: &mut SeededRng, earliest_seconds: i64, storm_seconds: i64) -> RefusedSpan {
    let length = rng.pick(&[1, 60, HOUR, 5 * HOUR, DAY]);
    let from = rng.between(earliest_seconds, storm_seconds - DAY - length);
    let at = |seconds| start_time() + SignedDuration::from_secs(seconds);
    RefusedSpan { from: at(from), to: at(from + length), status: rng.pick(&[500, 503, 403, 404, 400]) }
}

/// Creates a gateway that answers some requests of an operation (`None`: of all) itself, with a clock that is far off.
pub(crate) fn gateway(rng: &mut SeededRng, operation: Option<&str>) -> Gateway {
    Gateway {
        operation: operation.map(str::to_owned),
        share: rng.pick(&[0.05, 0.2]),
        status: rng.pick(&[502, 502, 404, 403, 200]),
        body: "<html>".to_owned(),
        date_offset_seconds: rng.pick(&[10 * DAY, -10 * DAY, 2 * HOUR, -2 * HOUR]),
    }
}
