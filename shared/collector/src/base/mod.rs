//! The values, ports and errors that all other modules of the collector use.

pub(crate) mod drift;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod head;
pub(crate) mod ledger;
pub(crate) mod limit;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod object_list;
pub(crate) mod pending;
pub(crate) mod policy;
pub(crate) mod ports;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod scratch;
pub(crate) mod secret;
pub(crate) mod silence;
pub(crate) mod stream;
pub(crate) mod time;
