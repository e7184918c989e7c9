//! The ports on a local disk: everything is in one directory, and no account or server is needed.
//!
//! ```text
//! {lake}/{table}/dt=…/hour=…/…    the objects
//! {lake}/rejected/…               input that cannot become a line
//! {lake}/.audit-pull/state.sqlite heads and ledgers
//! {lake}/.audit-pull/_state/…     birth records
//! {lake}/.audit-pull/tmp/…        objects that are being written
//! {lake}/.audit-pull/*.lock       empty files that processes lock for a moment
//! ```
//!
//! Any number of processes may use one lake at once, and each may be killed at any moment. Calls block their thread for
//! as long as the disk takes.

mod bucket;
mod layout;
mod secrets;
mod state;

pub use bucket::LocalBucket;
pub use secrets::{LocalSecrets, SecretSource};
pub use state::LocalState;
