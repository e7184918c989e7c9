//! What goes wrong with state and bucket in a storm.

use std::cell::RefCell;

use collector::PortError;
use tests::rig::shelf::{Call, Fate};
use tests::world::chance::Chance;

/// So many of 1,000 calls to state and bucket fail, done or not.
pub(crate) fn trouble(seed: u64, share: u64) -> impl FnMut(Call, u64) -> Fate + 'static {
    let chance = RefCell::new(Chance::new(seed));
    move |_, _| {
        let mut chance = chance.borrow_mut();
        if !chance.happens(share) {
            return Fate::Well;
        }
        Fate::Fails { done: chance.happens(500), error: PortError::next_tick("no answer in time") }
    }
}
