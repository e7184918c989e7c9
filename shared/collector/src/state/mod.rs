//! A stream's state during a tick: its head, the ledger entries read so far, and the update for the next write.

pub(crate) mod backfill;
pub(crate) mod birth;
pub(crate) mod cache;
pub(crate) mod head_update;
pub(crate) mod ledger_cache;
pub(crate) mod silence_report;
pub(crate) mod stream_state;
