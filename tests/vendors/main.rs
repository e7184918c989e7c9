//! The clients against their simulated vendors: every fault by its name, and storms of all of them.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod microsoft365;
mod openai;
mod rig;
mod seeds;
mod store_faults;
mod ticks;
