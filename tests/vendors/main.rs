//! The real clients against their simulators: one test per known fault, and storms of all faults.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod microsoft365;
mod monthly_cost;
mod openai;
mod rig;
mod seeds;
mod start;
mod store_faults;
mod storm;
mod ticks;
