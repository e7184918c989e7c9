//! The faults of state and bucket in a storm.

use std::cell::RefCell;

use collector::PortError;
use tests::rig::memory_store::{Call, Outcome};
use tests::world::rng::SeededRng;

/// Lets `share` of 1,000 calls to state and bucket fail; half of the failed calls take effect nevertheless.
pub(crate) fn random_store_faults(seed: u64, share: u64) -> impl FnMut(Call, u64) -> Outcome + 'static {
    let rng = RefCell::new(SeededRng::new(seed));
    move |_, _| {
        let mut rng = rng.borrow_mut();
        if !rng.happens(share) {
            return Outcome::Succeeds;
        }
        Outcome::Fails { is_applied: rng.happens(500), error: PortError::next_tick("no answer in time") }
    }
}
