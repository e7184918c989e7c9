//! The vendors' audit APIs on loopback: the OpenAI audit logs API and the Microsoft 365 Management
//! Activity API with its token endpoint, over real HTTP.
//!
//! Everything is decided by a seed and by the time the caller's [`Clock`] tells: the same seed
//! gives the same events, and the same request, asked for the same time again, the same misfortune.
//! A simulator keeps a ledger of every event it ever made visible, so that a test can hold what
//! a collector delivered against it.
//!
//! What an API does is a value: [`openai::Behaviours`] and [`microsoft365::Behaviours`] have a switch
//! or a share for everything it was ever seen doing, a script for what must go wrong at one request,
//! and a start from [`Faults`]: nothing, what any client meets in a week, or a storm whose mixture
//! the seed decides. They can be changed while the simulator is served.
//!
//! It binds 127.0.0.1 only, speaks plain HTTP, and its credentials are public.

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
pub use requests::Asked;
pub use script::{Fault, Scripted};
pub use server::Running;
