//! One tick of a storm, or two concurrent ones; each may die.

use std::time::Duration;

use collector::{StreamReport, Vendor};
use futures_util::future::join;
use tests::rig::killable::Died;
use tests::rig::time::VirtualTime;
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

/// The number of ticks, per 1,000, that are to die.
const DEATHS_PER_MILLE: u64 = 300;

/// For each of two ticks: the number of polls after which it dies, or `None` if it lives.
pub(crate) type Lifetimes = [Option<u64>; 2];

/// Picks lifetimes, in polls, below one of the bounds `max`.
pub(crate) fn lifetimes(rng: &mut SeededRng, max: &[u64]) -> Lifetimes {
    std::array::from_fn(|_| {
        rng.happens(DEATHS_PER_MILLE).then(|| {
            let max = rng.pick(max);
            rng.below(max)
        })
    })
}

/// The reports of a tick that has ended, or [`Died`].
pub(crate) type Ended = Result<Vec<StreamReport>, Died>;

/// Runs a tick of `worker` and, concurrently, one of `other` if there is one. Returns the worker if it lives. `record`
/// gets the end of each tick.
pub(crate) async fn ticks<'a, V: Vendor>(
    worker: Worker<'a, V>,
    other: Option<Worker<'a, V>>,
    [max_polls, other_max_polls]: Lifetimes,
    seconds: u64,
    mut record: impl FnMut(&Ended),
) -> Option<Worker<'a, V>> {
    let Some(other) = other else {
        let ended = worker.tick(seconds, max_polls).await;
        record(&ended);
        return ended.is_ok().then_some(worker);
    };
    let (ended, others) = join(worker.tick(seconds, max_polls), other.tick(seconds, other_max_polls)).await;
    record(&ended);
    record(&others);
    ended.is_ok().then_some(worker)
}

/// The real time without progress after which [`while_time_passes`] advances the virtual time.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs `work` and advances the virtual time by a second whenever there is no progress, because nothing else advances
/// it then.
pub(crate) async fn while_time_passes<T>(time: &VirtualTime, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(MOMENT, work.as_mut()).await {
            return done;
        }
        time.advance(Duration::from_secs(1));
    }
}
