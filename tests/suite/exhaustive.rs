//! Every interleaving and every crash of two workers, over the real collector.

use tests::world::explore::{Explored, explore};
use tests::world::fixtures::CASES;
use tests::world::mutant::Mutant;
use tests::world::simulation::Simulation;

/// Cases that run by default: about half a minute. All of them run with `AUDIT_PULL_TESTS=whole`, for very long.
const DEFAULT_CASES: usize = 6;

/// Whether everything is explored, however long that takes.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
fn is_whole() -> bool {
    std::env::var("AUDIT_PULL_TESTS").is_ok_and(|value| value == "whole")
}

/// Whether the cases that run can catch the mutant.
fn is_explored(mutant: Mutant) -> bool {
    let needs_all = [Mutant::PendingNotRecorded, Mutant::VerificationSkipped, Mutant::StaleIntentReused];
    mutant.is_explored() && (is_whole() || !needs_all.contains(&mutant))
}

fn all_cases(change: impl Fn(&mut Simulation)) -> impl Iterator<Item = (String, Explored)> {
    let count = if is_whole() { CASES.len() } else { DEFAULT_CASES };
    CASES.iter().take(count).map(move |case| {
        let mut fixture = case.fixture().unwrap_or_else(|why| panic!("{case:?}: {why}"));
        change(&mut fixture.world);
        (format!("{case:?}"), explore(fixture))
    })
}

#[test]
fn every_interleaving_and_crash_delivers_every_event_once() {
    let (mut states, mut adopting) = (0, 0);
    for (case, explored) in all_cases(|_| ()) {
        println!("{case}: {} states, {} worlds, {} histories", explored.states, explored.worlds, explored.histories);
        assert!(explored.violation.is_none(), "{case}:\n{}", explored.violation.unwrap_or_default());
        assert!(explored.complete, "{case}: something was left unexplored");
        states += explored.states;
        adopting += explored.adopting;
    }
    println!("{states} states in all");
    // Contention was contention: ticks found other ticks' objects and adopted them.
    assert!(adopting > 100, "{adopting}");
}

/// The first case that catches the mutant, and the way. With `bucket_only`, by what a reader of
/// the bucket sees.
fn caught(mutant: Mutant, bucket_only: bool) -> String {
    let cases = all_cases(|world| {
        world.mutant = Some(mutant);
        world.judge.judges_state = !bucket_only;
    });
    let found = cases.filter_map(|(case, explored)| Some((case, explored.violation?))).next();
    let (case, way) = found.unwrap_or_else(|| panic!("{mutant:?} was not caught"));
    format!("{mutant:?} in {case}: {} steps: {}", way.lines().count() - 1, way.lines().last().unwrap_or_default())
}

#[test]
fn every_mutant_is_caught_by_an_interleaving() {
    let explored = Mutant::ALL.into_iter().filter(|mutant| is_explored(*mutant));
    explored.for_each(|mutant| println!("{}", caught(mutant, false)));
}

#[test]
fn every_mutant_that_loses_or_repeats_events_is_caught_in_the_bucket_alone() {
    let visible = Mutant::ALL.into_iter().filter(|mutant| is_explored(*mutant) && mutant.shows_in_bucket());
    visible.for_each(|mutant| println!("{}", caught(mutant, true)));
}
