//! The exhaustive exploration: every interleaving and every crash of two workers that run the real collector.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::effort::is_whole;
use tests::world::explore::{Explored, explore};
use tests::world::fixtures::{CASES, Case};
use tests::world::mutant::Mutant;

/// The maximum number of states per case in the search for a mutant. After that the search goes to the next case.
const MAX_STATES_OF_MUTANT: usize = 100_000;
/// The maximum number of failures and deaths, together, in the search for mutants.
const FAULTS_OF_MUTANTS: u8 = 1;
/// The number of cases explored in parallel.
const PARALLEL_CASES: usize = 2;

/// Explores all cases, some in parallel, and passes each result to `take`.
fn explore_all(take: impl Fn(&Case, &Explored) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            let faults = if is_whole() { Some(case.faults) } else { case.short_run_faults };
            let Some(faults) = faults else { continue };
            let fixture = case.fixture(faults).unwrap_or_else(|why| panic!("{case:?}: {why}"));
            take(case, &explore(fixture, None));
        }
    };
    std::thread::scope(|scope| (0..PARALLEL_CASES).for_each(|_| drop(scope.spawn(work))));
}

#[test]
fn every_interleaving_and_crash_delivers_every_event_once() {
    let totals = Mutex::new((0, 0));
    explore_all(|case, explored| {
        println!("{case:?}: {} states, {} worlds, {} histories", explored.states, explored.worlds, explored.histories);
        assert!(explored.violation.is_none(), "{case:?}:\n{}", explored.violation.as_deref().unwrap_or_default());
        assert!(explored.is_complete, "{case:?}: something was left unexplored");
        let mut totals = totals.lock().unwrap();
        *totals = (totals.0 + explored.states, totals.1 + explored.adopting);
    });
    let (states, adopting) = totals.into_inner().unwrap();
    println!("{states} states in all");
    // The exploration had real contention: ticks found other ticks' objects and adopted them.
    assert!(adopting > 100, "{adopting}");
}

/// Returns the first case that catches the mutant, among those with the fewest faults, and the steps to the violation.
/// With `bucket_only` only the bucket is checked.
fn caught(mutant: Mutant, bucket_only: bool) -> String {
    let cases = (0..=FAULTS_OF_MUTANTS).flat_map(|faults| CASES.iter().map(move |case| (case, faults)));
    let found = cases.into_iter().find_map(|(case, faults)| {
        let mut fixture = case.fixture(faults).unwrap_or_else(|why| panic!("{case:?}: {why}"));
        fixture.world.mutant = Some(mutant);
        fixture.world.checker.checks_state = !bucket_only;
        Some((case, faults, explore(fixture, Some(MAX_STATES_OF_MUTANT)).violation?))
    });
    let (case, faults, way) = found.unwrap_or_else(|| panic!("{mutant:?} was not caught"));
    let steps = way.lines().count() - 1;
    format!("{mutant:?} in {case:?} with {faults} faults: {steps} steps: {}", way.lines().last().unwrap_or_default())
}

#[test]
fn every_mutant_is_caught_by_an_interleaving() {
    let explored = Mutant::ALL.into_iter().filter(|mutant| mutant.is_caught_by_exploration());
    explored.for_each(|mutant| println!("{}", caught(mutant, false)));
}

#[test]
fn every_mutant_that_loses_or_repeats_events_is_caught_in_the_bucket_alone() {
    let visible =
        Mutant::ALL.into_iter().filter(|mutant| mutant.is_caught_by_exploration() && mutant.is_visible_in_bucket());
    visible.for_each(|mutant| println!("{}", caught(mutant, true)));
}
