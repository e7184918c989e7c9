//! Time, measured so that what else a machine does hardly matters.

use std::time::{Duration, Instant};

/// The work that is measured. Its argument is the index of the chunk to process.
pub(crate) type Contestant<'a> = Box<dyn FnMut(usize) + 'a>;

/// The one door to the stopwatch.
#[expect(clippy::disallowed_methods, reason = "a benchmark is about the time that really passes")]
pub(crate) fn stopwatch() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    START.with(Instant::elapsed)
}

/// So often contestants begin anew, in other memory: where it lies makes them faster or slower.
const PASSES: usize = 3;

/// The least time that each contestant took for each chunk, by contestant and chunk.
///
/// The contestants take turns, `rounds` times a chunk or a few times more: what slows the machine down slows all of
/// them down, and the quickest of many short runs is one that nothing else interrupted. Before each run, and outside
/// of its time, `before` puts the processor's caches in the same state for all.
pub(crate) fn fastest<'a, const N: usize>(
    rounds: usize,
    chunks: usize,
    contestants: impl Fn() -> [Contestant<'a>; N],
    before: impl Fn(usize),
    now: impl Fn() -> Duration,
) -> [Vec<Duration>; N] {
    let mut least = std::array::from_fn(|_| vec![Duration::MAX; chunks]);
    for _ in 0..PASSES.min(rounds) {
        let mut contestants = contestants();
        for chunk in 0..chunks {
            for _ in 0..rounds.div_ceil(PASSES) {
                for (contestant, least) in contestants.iter_mut().zip(&mut least) {
                    before(chunk);
                    let began = now();
                    contestant(chunk);
                    least[chunk] = now().saturating_sub(began).min(least[chunk]);
                }
            }
        }
    }
    least
}
