//! The Lambda shell: what a vendor's function does around the engine.
//!
//! A function's `main` starts a [`Shell`], parses what is its vendor's own, and hands over how a
//! source is opened. The shell serves every source at every invocation, in turns where there are many,
//! tells what came of it in logs and metrics, and fails the invocation when a stream failed.

mod claims;
mod environment;
mod failure;
mod in_flight;
mod isolated;
mod logging;
mod metrics;
mod secret_list;
mod shell;
mod sources;
mod turns;
mod watched;

pub use environment::Environment;
pub use failure::Failed;
pub use shell::{Shell, Summary, exit_code};
