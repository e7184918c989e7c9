//! The Lambda shell: everything that a vendor's function does around the collector.
//!
//! A function's `main` starts a [`Shell`], parses its vendor's own settings, and passes a closure that opens a source.
//! At each tick the shell serves every source, logs a line and writes metrics for each stream, and fails the
//! invocation if a stream failed.
//!
//! With a fan-out, two functions share this work: a planner sends one message per source to a queue (`planner`), and a
//! worker gets the messages in batches and serves their sources (`worker`).

mod action;
mod claims;
mod data_models;
mod doctor;
mod environment;
mod failure;
mod fan_out;
mod in_flight;
mod isolated;
mod logging;
mod methods;
mod metrics;
mod planner;
mod run_function;
mod scheduler;
mod secret_list;
mod shell;
mod silence;
mod source_message;
mod sources;
mod watched;
mod worker;

pub use environment::{Environment, ModelsPlace};
pub use failure::InvocationFailure;
pub use fan_out::FanOut;
pub use in_flight::CallCounts;
pub use logging::{TickUsage, log_lines};
pub use metrics::{Deployment, metrics_record, stream_record};
pub use run_function::{exit_code, run_function};
pub use shell::{Shell, Summary};
