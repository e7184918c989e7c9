//! Recovery: the check of a lake against its state, and the restoration of a lost state from the lake.
//!
//! Nothing here runs in a tick. Both commands see the world through ports, read one object at a time, and keep a bounded
//! number of row ids in memory.

pub(crate) mod findings;
pub(crate) mod ledger_check;
pub(crate) mod line_check;
pub(crate) mod place;
pub(crate) mod rebuild;
pub(crate) mod rebuild_report;
pub(crate) mod restored_head;
pub(crate) mod restorer;
pub(crate) mod row_spill;
pub(crate) mod verify;
pub(crate) mod walk;
