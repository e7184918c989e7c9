//! One tick of a storm, or two at once, any of which may die.

use std::time::Duration;

use collector::{StreamReport, Vendor};
use futures_util::future::join;
use tests::rig::mortal::Died;
use tests::rig::time::Time;
use tests::rig::worker::Worker;
use tests::world::chance::Chance;

/// Ticks that are to die, of 1,000.
const DEATHS: u64 = 300;

/// After how many polls each of two ticks is dead, if it is to die.
pub(crate) type Lives = [Option<u64>; 2];

/// Lives of less than one of `most`.
pub(crate) fn lives(chance: &mut Chance, most: &[u64]) -> Lives {
    std::array::from_fn(|_| {
        chance.happens(DEATHS).then(|| {
            let most = chance.pick(most);
            chance.below(most)
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
    [life, life_of_other]: Lives,
    seconds: u64,
    mut record: impl FnMut(&Ended),
) -> Option<Worker<'a, V>> {
    let Some(other) = other else {
        let ended = worker.tick(seconds, life).await;
        record(&ended);
        return ended.is_ok().then_some(worker);
    };
    let (ended, others) = join(worker.tick(seconds, life), other.tick(seconds, life_of_other)).await;
    record(&ended);
    record(&others);
    ended.is_ok().then_some(worker)
}

/// For so long nothing happens before [`while_time_passes`] lets time pass; this is no virtual time.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs `work`, while a second passes whenever nothing has happened for a moment: it sleeps where nobody else moves time.
pub(crate) async fn while_time_passes<T>(time: &Time, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(MOMENT, work.as_mut()).await {
            return done;
        }
        time.forward(Duration::from_secs(1));
    }
}
