//! A vendor's real client over real HTTP against its simulator, with state, bucket and time in memory.
//!
//! | file | one idea |
//! |---|---|
//! | `time` | virtual time: one shared clock that sleeps and calls advance |
//! | `memory_store` | state and bucket in memory, with fault injection |
//! | `usage` | the units that AWS would bill for the calls of the state and the bucket |
//! | `secret` | a secret that can be rotated |
//! | `vendor` | a client whose calls take virtual time |
//! | `killable` | a tick that can be killed at any of its awaits |
//! | `worker` | one process: a source, its cache and its ticks |
//! | `reconciliation` | the bucket compared with the simulator's ledger |
//!
//! HTTP itself runs on the machine's clock, so that a jump of virtual time causes no time-out.

pub mod killable;
pub mod memory_store;
pub mod reconciliation;
pub mod secret;
pub mod time;
pub mod usage;
pub mod vendor;
pub mod worker;
