//! Measures times in a way that other load on the machine hardly affects.

use std::time::{Duration, Instant};

/// One of the functions whose times are compared. Its argument is the index of the chunk to process.
pub(crate) type Contestant<'a> = Box<dyn FnMut(usize) + 'a>;

/// Returns the time since this function was first called. No other function of the benchmark reads a clock.
#[expect(clippy::disallowed_methods, reason = "a benchmark is about the time that really passes")]
pub(crate) fn stopwatch() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    START.with(Instant::elapsed)
}

/// The number of times that all contestants are created again. Each time their buffers are at other addresses, which
/// changes their speed.
const PASSES: usize = 3;

/// Returns for each contestant and each chunk the shortest time that it took.
///
/// The contestants take turns, at least `rounds` times per chunk, so that other load slows down all of them. The
/// shortest of many short runs is one that nothing interrupted. `before` runs before each run, outside the measured
/// time, and puts the processor's caches into the same state for all.
pub(crate) fn fastest<'a, const N: usize>(
    rounds: usize,
    chunks: usize,
    contestants: impl Fn() -> [Contestant<'a>; N],
    before: impl Fn(usize),
    now: impl Fn() -> Duration,
) -> [Vec<Duration>; N] {
    let mut shortest = std::array::from_fn(|_| vec![Duration::MAX; chunks]);
    for _ in 0..PASSES.min(rounds) {
        let mut contestants = contestants();
        for chunk in 0..chunks {
            for _ in 0..rounds.div_ceil(PASSES) {
                for (contestant, shortest) in contestants.iter_mut().zip(&mut shortest) {
                    before(chunk);
                    let began = now();
                    contestant(chunk);
                    shortest[chunk] = now().saturating_sub(began).min(shortest[chunk]);
                }
            }
        }
    }
    shortest
}
