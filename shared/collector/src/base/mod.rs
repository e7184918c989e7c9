//! Values, ports and errors that every other part of the collector speaks in.

pub(crate) mod drift;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod head;
pub(crate) mod ledger;
pub(crate) mod limit;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod pending;
pub(crate) mod policy;
pub(crate) mod ports;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod secret;
pub(crate) mod stream;
pub(crate) mod time;
