//! A stream's state during a tick: its head, what is known of its ledger, and what the next write will say.

pub(crate) mod birth;
pub(crate) mod cache;
pub(crate) mod head_update;
pub(crate) mod ledger_cache;
pub(crate) mod stream_state;
