//! The environment of one tick: ports, settings and deadline.

use std::time::Duration;

use jiff::Timestamp;
use schema::CustomModels;

use super::policy::Settings;
use super::ports::Clock;
use super::time::UnixSeconds;

/// A tick stops listing this long before its deadline, so that there is time for the last commit.
pub const COMMIT_RESERVE: Duration = Duration::from_secs(8);

/// The ports and settings of one tick.
#[derive(Debug)]
pub struct Env<'a, S, B, C> {
    /// The store of heads and ledgers.
    pub state: &'a S,
    /// The bucket that receives the objects.
    pub bucket: &'a B,
    /// The source of time and random numbers.
    pub clock: &'a C,
    /// The settings that the deployment chose.
    pub settings: &'a Settings,
    /// Custom data models, which replace the built-in ones of their log types.
    pub models: &'a CustomModels,
    /// The time by which the tick must have ended. Listing stops [`COMMIT_RESERVE`] earlier.
    pub deadline: Timestamp,
}

impl<S, B, C: Clock> Env<'_, S, B, C> {
    /// Returns the time by our clock, in whole seconds.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.clock.now().as_second()
    }

    /// Returns the time after which nothing more may be listed.
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
