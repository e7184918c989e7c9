//! One tick of a storm, or two at once, any of which may die.

use std::time::Duration;

use collector::{StreamReport, Vendor};
use futures_util::future::join;
use tests::rig::killable::Died;
use tests::rig::time::VirtualTime;
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

/// Ticks that are to die, of 1,000.
const DEATHS_PER_MILLE: u64 = 300;

/// After how many polls each of two ticks is dead, if it is to die.
pub(crate) type Lifetimes = [Option<u64>; 2];

/// Lives of less than one of `most`.
pub(crate) fn lifetimes(rng: &mut SeededRng, most: &[u64]) -> Lifetimes {
    std::array::from_fn(|_| {
        rng.happens(DEATHS_PER_MILLE).then(|| {
            let most = rng.pick(most);
            rng.below(most)
        })
    })
}

/// How a tick ended.
pub(crate) type Ended = Result<Vec<StreamReport>, Died>;

/// A tick of `worker`, and at the same time one of the `other`, if any; the worker, if it lives. `record` is told how
/// each of them ended.
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

/// For so long nothing happens before [`while_time_passes`] lets time pass; this is no virtual time.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs `work`, while a second passes whenever nothing has happened for a moment: it sleeps where nobody else moves time.
pub(crate) async fn while_time_passes<T>(time: &VirtualTime, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(MOMENT, work.as_mut()).await {
            return done;
        }
        time.advance(Duration::from_secs(1));
    }
}
