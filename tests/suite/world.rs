//! The random runs: the real collector with faults at any call, several workers and virtual hours.

use std::ops::Range;
use std::sync::Arc;

use tests::effort::is_whole;
use tests::world::mutant::Mutant;
use tests::world::ports::Ports;
use tests::world::random_run::{Outcome, run};
use tests::world::random_scenario;
use tests::world::random_streams::BEGIN;
use tests::world::rng::SeededRng;
use tests::world::simulation::Simulation;

use crate::conformance;

/// The number of seeds of a whole run.
const SEEDS: u64 = 10_000;
/// The number of seeds of a short run.
const SHORT_RUN_SEEDS: u64 = 1_000;
/// The number of seeds within which every mutant must be caught.
const SEEDS_FOR_MUTANTS: u64 = 1_000;
/// The minimum share of seeds with each kind of permanent fault, in percent of the seeds whose scenarios can have it.
const MIN_FAULTY_PERCENT: u64 = 30;
/// The number of lines of a failing seed's trace that are printed.
const TRACE_TAIL_LINES: usize = 120;

/// The totals of all seeds.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    calls: u64,
    faults: u64,
    deaths: u64,
    adopted: u64,
    restored: u64,
    permanent_fault_calls: u64,
    max_delivery_ticks: u64,
    long_fault_runs: u64,
    gaps: u64,
    /// Number of seeds with broken spans.
    with_broken_spans: u64,
    /// Number of seeds with blobs.
    with_blobs: u64,
    /// Number of seeds with broken blobs.
    with_broken_blobs: u64,
    /// Seeds with a wrong clock.
    with_wrong_clock: u64,
    /// Seeds with an outage of the vendor.
    with_outage: u64,
}

impl Totals {
    fn of(outcome: &Outcome) -> Self {
        let permanent_faults = &outcome.permanent_faults;
        Self {
            calls: outcome.calls,
            faults: outcome.faults,
            deaths: outcome.deaths,
            adopted: outcome.adopted,
            restored: outcome.restored,
            permanent_fault_calls: outcome.permanent_fault_calls,
            max_delivery_ticks: outcome.delivery_ticks,
            long_fault_runs: outcome.long_fault_runs,
            gaps: outcome.gaps,
            with_broken_spans: u64::from(!permanent_faults.spans.is_empty()),
            with_blobs: u64::from(outcome.has_blobs),
            with_broken_blobs: u64::from(!permanent_faults.blobs.is_empty()),
            with_wrong_clock: u64::from(permanent_faults.clock.per_mille > 0),
            with_outage: u64::from(!permanent_faults.outages.is_empty()),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            faults: self.faults + other.faults,
            deaths: self.deaths + other.deaths,
            adopted: self.adopted + other.adopted,
            restored: self.restored + other.restored,
            permanent_fault_calls: self.permanent_fault_calls + other.permanent_fault_calls,
            max_delivery_ticks: self.max_delivery_ticks.max(other.max_delivery_ticks),
            long_fault_runs: self.long_fault_runs + other.long_fault_runs,
            gaps: self.gaps + other.gaps,
            with_broken_spans: self.with_broken_spans + other.with_broken_spans,
            with_blobs: self.with_blobs + other.with_blobs,
            with_broken_blobs: self.with_broken_blobs + other.with_broken_blobs,
            with_wrong_clock: self.with_wrong_clock + other.with_wrong_clock,
            with_outage: self.with_outage + other.with_outage,
        }
    }
}

/// Runs the seeds on all cores and adds up their totals.
fn on_all_cores(seeds: Range<u64>, take: impl Fn(u64) -> Totals + Sync) -> Totals {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let take = &take;
        let parts: Vec<_> = (0..cores)
            .map(|core| {
                let own = seeds.clone().skip(core).step_by(cores);
                scope.spawn(move || own.map(take).fold(Totals::default(), Totals::plus))
            })
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .fold(Totals::default(), Totals::plus)
    })
}

fn check(seed: u64) -> Outcome {
    let outcome = run(seed, false, |_| ());
    if let Some(broken) = &outcome.violation {
        let trace = run(seed, true, |_| ()).trace;
        let lines: Vec<&str> = trace.lines().collect();
        let tail = lines[lines.len().saturating_sub(TRACE_TAIL_LINES)..].join("\n");
        panic!("seed {seed}: {broken}\nthe end of its trace (the seed replays it):\n{tail}");
    }
    outcome
}

#[test]
fn thousands_of_seeds_lose_nothing_and_deliver_nothing_twice() {
    let seeds = if is_whole() { SEEDS } else { SHORT_RUN_SEEDS };
    let totals = on_all_cores(0..seeds, |seed| Totals::of(&check(seed)));
    let Totals { calls, faults, deaths, adopted, restored, permanent_fault_calls, max_delivery_ticks, .. } = totals;
    let Totals {
        with_broken_spans,
        with_blobs,
        with_broken_blobs,
        with_wrong_clock,
        with_outage,
        long_fault_runs,
        gaps,
        ..
    } = totals;
    println!(
        "{seeds} seeds: {calls} calls, {faults} faults, {deaths} deaths, {adopted} lines adopted, {restored} streams restored; \
         seeds with broken spans: {with_broken_spans}, with broken blobs: {with_broken_blobs} of {with_blobs}, with a wrong clock: {with_wrong_clock}, with down \
         times: {with_outage}; {permanent_fault_calls} calls failed because of them; healthy events arrived within {max_delivery_ticks} ticks; \
         {long_fault_runs} seeds had permanent_faults for days, with {gaps} gaps"
    );
    // The runs had faults.
    assert!(calls > 100 * seeds && faults > 10 * seeds && deaths > seeds && adopted > seeds / 10, "{totals:?}");
    assert!(restored > seeds / 100, "{totals:?}");
    // The vendors had permanent faults of every kind, and calls met them.
    let share = |part: u64, whole: u64| part * 100 / whole.max(1);
    let shares = [
        share(with_broken_spans, seeds),
        share(with_broken_blobs, with_blobs),
        share(with_wrong_clock, seeds),
        share(with_outage, seeds),
    ];
    assert!(
        shares.iter().all(|share| *share >= MIN_FAULTY_PERCENT) && permanent_fault_calls > seeds,
        "{shares:?} {totals:?}"
    );
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [0, 7, 4_711] {
        assert_eq!(run(seed, true, |_| ()), run(seed, true, |_| ()), "seed {seed}");
    }
    assert_ne!(run(1, false, |_| ()).trace_hash, run(2, false, |_| ()).trace_hash);
}

/// Returns the first seed that catches the mutant. With `bucket_only` only the bucket is checked.
fn caught(mutant: Mutant, bucket_only: bool) -> Option<(u64, String)> {
    (0..SEEDS_FOR_MUTANTS).find_map(|seed| {
        let outcome = run(seed, false, |world| {
            world.mutant = Some(mutant);
            world.checker.checks_state = !bucket_only;
        });
        outcome.violation.map(|broken| (seed, broken))
    })
}

#[test]
fn every_mutant_is_caught_by_a_seed() {
    for mutant in Mutant::ALL.into_iter().filter(|mutant| mutant.is_caught_by_seeds()) {
        let (seed, broken) = caught(mutant, false).unwrap_or_else(|| panic!("{mutant:?} was not caught"));
        println!("{mutant:?}: seed {seed}: {broken}");
    }
}

#[test]
fn every_mutant_that_loses_or_repeats_events_is_caught_in_the_bucket_alone() {
    for mutant in Mutant::ALL.into_iter().filter(|mutant| mutant.is_caught_by_seeds() && mutant.is_visible_in_bucket())
    {
        let (seed, broken) = caught(mutant, true).unwrap_or_else(|| panic!("{mutant:?} was not caught"));
        println!("{mutant:?}: seed {seed}: {broken}");
    }
}

/// The world's state and bucket keep the ports' contracts. Its bucket parses every object of lines and refuses the
/// suite's objects, so only the contract of replacements is checked.
#[tokio::test]
async fn the_world_conforms() {
    let scenario = Arc::new(random_scenario::scenario(&mut SeededRng::new(1)));
    let prefix = scenario.settings.prefix.clone();
    let ports = Ports::direct(Simulation::new(scenario, BEGIN), 1);
    conformance::state(&ports).await;
    conformance::replacements(&ports, &prefix).await;
}
