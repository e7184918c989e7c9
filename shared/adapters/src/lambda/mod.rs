//! The Lambda shell: what a vendor's function does around the engine.
//!
//! A function's `main` starts a [`Shell`], parses what is its vendor's own, and hands over how a
//! source is opened. The shell serves every source at every invocation, in turns where there are many,
//! tells what came of it in logs and metrics, and fails the invocation when a stream failed.

mod claims;
mod data_models;
mod environment;
mod failure;
mod in_flight;
mod isolated;
mod logging;
mod methods;
mod metrics;
mod run_function;
mod secret_list;
mod shell;
mod sources;
mod turns;
mod watched;

pub use environment::{Environment, ModelsPlace};
pub use failure::Failed;
pub use run_function::{exit_code, run_function};
pub use shell::{Shell, Summary};
