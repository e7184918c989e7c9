//! A real client over real HTTP against its simulated vendor, with state, bucket and time as values.
//!
//! | file | one idea |
//! |---|---|
//! | `time` | virtual time: one clock for everybody, which waits move |
//! | `store` | state and bucket in memory, which fail as told |
//! | `vendor` | a client whose calls take virtual time |
//! | `mortal` | a tick that dies at any of its awaits |
//! | `worker` | one process: a source, its memory, its ticks |
//! | `account` | the bucket held against what the vendor showed |
//!
//! HTTP itself runs on the machine's clock, so that no time-out fires because virtual time jumped.

pub mod killable;
pub mod memory_store;
pub mod reconciliation;
pub mod time;
pub mod vendor;
pub mod worker;
