//! Delivers lines exactly once into the bucket: batches, objects, and the protocol that commits them.

pub(crate) mod batch;
pub(crate) mod delivery;
pub(crate) mod intents;
pub(crate) mod key;
pub(crate) mod object;
pub(crate) mod rejected;
pub(crate) mod restore;
