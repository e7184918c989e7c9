//! The embedded default: one directory, no account, no server.
//!
//! ```text
//! {lake}/{table}/dt=…/hour=…/…    the objects
//! {lake}/rejected/…               input that cannot become a line
//! {lake}/.audit-pull/state.sqlite heads and ledgers
//! {lake}/.audit-pull/_state/…     birth records
//! {lake}/.audit-pull/tmp/…        objects that are being written
//! {lake}/.audit-pull/*.lock       files whose locks processes hold for a moment; empty
//! ```
//!
//! Any number of processes may use one lake at once, and each may be killed at any moment.
//! Calls block the thread they run on, for as long as the disk takes.

mod bucket;
mod layout;
mod secrets;
mod state;

pub use bucket::LocalBucket;
pub use secrets::{LocalSecrets, SecretSource};
pub use state::LocalState;
