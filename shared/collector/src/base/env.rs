//! What one tick works with: ports, settings and its deadline.

use std::time::Duration;

use jiff::Timestamp;
use schema::CustomModels;

use super::policy::Settings;
use super::ports::Clock;
use super::time::UnixSeconds;

/// Before its deadline a tick lists nothing more for this long: time kept for the last commit.
pub const COMMIT_RESERVE: Duration = Duration::from_secs(8);

/// The ports and settings of one tick.
#[derive(Debug)]
pub struct Env<'a, S, B, C> {
    /// Heads and ledgers.
    pub state: &'a S,
    /// Where objects go.
    pub bucket: &'a B,
    /// Time and chance.
    pub clock: &'a C,
    /// What the deployment chose.
    pub settings: &'a Settings,
    /// The data models of one's own, in the place of the built-in ones.
    pub models: &'a CustomModels,
    /// When the tick must have ended; work stops [`COMMIT_RESERVE`] earlier.
    pub deadline: Timestamp,
}

impl<S, B, C: Clock> Env<'_, S, B, C> {
    /// Our clock, in whole seconds.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.clock.now().as_second()
    }

    /// When nothing more may be listed.
    pub(crate) fn cutoff(&self) -> Timestamp {
        self.deadline.saturating_sub(COMMIT_RESERVE).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, World};

    #[test]
    fn ok_listing_ends_before_the_deadline() {
        let world = World::new();
        let mut env = world.env();
        assert_eq!(env.now(), NOW);
        assert_eq!(env.deadline.duration_since(env.cutoff()), COMMIT_RESERVE.try_into().unwrap());
        env.deadline = Timestamp::MIN;
        assert_eq!(env.cutoff(), Timestamp::MIN);
    }
}
