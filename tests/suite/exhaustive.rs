//! Every interleaving and every crash of two workers, over the real collector.

use tests::world::explore::{Explored, explore};
use tests::world::fixtures::CASES;
use tests::world::mutant::Mutant;
use tests::world::simulation::Simulation;

fn all_cases(change: impl Fn(&mut Simulation)) -> impl Iterator<Item = (String, Explored)> {
    CASES.iter().map(move |case| {
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
        world.judges_state = !bucket_only;
    });
    let found = cases.filter_map(|(case, explored)| Some((case, explored.violation?))).next();
    let (case, way) = found.unwrap_or_else(|| panic!("{mutant:?} was not caught"));
    format!("{mutant:?} in {case}: {} steps: {}", way.lines().count() - 1, way.lines().last().unwrap_or_default())
}

#[test]
fn every_mutant_is_caught_by_an_interleaving() {
    Mutant::ALL.into_iter().for_each(|mutant| println!("{}", caught(mutant, false)));
}

#[test]
fn every_mutant_that_loses_or_repeats_events_is_caught_in_the_bucket_alone() {
    // A watermark that is lowered costs a longer listing, and nothing in the bucket.
    let visible = Mutant::ALL.into_iter().filter(|mutant| *mutant != Mutant::CommitOverWatermark);
    visible.for_each(|mutant| println!("{}", caught(mutant, true)));
}
