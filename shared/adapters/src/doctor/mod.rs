//! The connection check of a set-up: its steps, their causes and fixes, and the checks of the stores.
//!
//! A vendor's crate checks its secret, host, token, permissions and first pages with a [`Checkup`]; the functions here
//! check the bucket, the table and the state through the collector's ports, so that they work on AWS and on a local
//! disk.

mod checkup;
mod clock_skew;
mod code;
mod fault;
mod findings;
mod render;
mod source;
mod step;
mod store;
mod store_fault;

pub use checkup::{Checkup, STEP_TIMEOUT};
pub use clock_skew::check_clock;
pub use code::{Code, Severity};
pub use fault::Fault;
#[cfg(feature = "lambda")]
pub(crate) use fault::topic_fault_code;
#[cfg(feature = "http")]
pub use fault::{connection_fault, is_html};
pub use findings::Findings;
pub use render::{Report, render};
pub use source::check_source;
pub use step::{Step, StepName};
pub use store::{PROBE_SOURCE, Stores, check_stores};
