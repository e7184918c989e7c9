//! A time limit for a future.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::ports::Clock;

/// Waits for `work` for at most `limit`. Returns `None` if it does not end in that time.
pub(crate) async fn with_time_limit<T>(
    clock: &impl Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(work), pin!(clock.sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::testing::World;

    #[test]
    fn work_that_does_not_end_is_given_up_at_its_limit() {
        let world = World::new();
        let limit = Duration::from_secs(3);
        let began = world.clock.now();
        assert_eq!(world.clock.run(with_time_limit(&world.clock, limit, ready(1))), Some(1));
        assert_eq!(world.clock.now(), began);
        assert_eq!(world.clock.run(with_time_limit(&world.clock, limit, pending::<u8>())), None);
        assert_eq!(world.clock.now(), began + limit);
    }
}
