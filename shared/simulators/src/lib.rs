//! The vendors' audit APIs on loopback, over real HTTP: the OpenAI audit logs API, and the Microsoft 365 Management
//! Activity API with its token endpoint.
//!
//! The seed and the caller's [`Clock`] decide everything. The same seed gives the same events, and the same request
//! gives the same fault at the same repetition. A ledger records every event that was ever visible, so that a test can
//! compare it with what a collector delivered.
//!
//! The behaviour of an API is a value: [`openai::Behaviours`] and [`microsoft365::Behaviours`] have a field for
//! everything that was ever seen of the vendor, and a script of faults at single requests. [`Faults`] gives a start: no
//! faults, the faults that any client meets in a week, or a storm whose mixture the seed decides. Behaviours can be
//! changed while the simulator runs.
//!
//! A simulator binds 127.0.0.1 only, speaks plain HTTP, and its credentials are public.

mod canonical;
mod dice;
mod faults;
mod fields;
mod gateway;
mod http;
mod ledger;
pub mod microsoft365;
mod moment;
pub mod openai;
mod options;
mod outage;
mod plain;
mod requests;
mod script;
mod server;
mod settings;

pub use faults::{Faults, Transport};
pub use gateway::Gateway;
pub use ledger::Served;
pub use options::{Clock, Options};
pub use outage::Outage;
pub use requests::ReceivedRequest;
pub use script::{Fault, Scripted};
pub use server::Running;
