//! Simulators of the vendors' audit APIs, over real HTTP on 127.0.0.1: the OpenAI audit logs API, and the Microsoft 365
//! Management Activity API with its token endpoint.
//!
//! A simulator depends only on its seed and on the caller's [`Clock`]. The same seed gives the same events, and the
//! n-th repetition of a request always has the same fault. A ledger records every event that clients could ever see, so
//! that a test can compare it with what a collector delivered.
//!
//! [`openai::Behaviours`] and [`microsoft365::Behaviours`] describe how an API behaves: they have a field for
//! everything unusual that the vendor was ever seen to do, and a script of faults at single requests. [`Faults`]
//! chooses a preset: no faults, the faults that any client sees within a week, or a storm whose mixture the seed
//! decides. A test can change the behaviours while the simulator runs.
//!
//! A simulator speaks plain HTTP, and its credentials are public constants.

mod canonical;
mod faults;
mod fields;
mod gateway;
mod http;
mod json_form;
mod ledger;
pub mod microsoft365;
mod moment;
pub mod openai;
mod options;
mod outage;
mod seeded_rng;

mod requests;
mod script;
mod server;
mod settings;

pub use faults::{Faults, Transport};
pub use gateway::Gateway;
pub use ledger::ServedEvent;
pub use options::{Clock, Options};
pub use outage::Outage;
pub use requests::ReceivedRequest;
pub use script::{Fault, Scripted};
pub use server::RunningSimulator;
