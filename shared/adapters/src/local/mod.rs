//! The ports on a local disk: everything is in one directory, and no account or server is needed.
//!
//! ```text
//! {lake}/{table}/dt=…/hour=…/…    the objects
//! {lake}/rejected/…               input that cannot become a line
//! {lake}/.audit-pull/state.sqlite heads and ledgers
//! {lake}/.audit-pull/_state/…     birth records
//! {lake}/.audit-pull/ticks/…      the outcome of each stream's last ticks, for `audit-pull status`
//! {lake}/.audit-pull/tmp/…        objects that are being written
//! {lake}/.audit-pull/*.lock       empty files that processes lock for a moment
//! ```
//!
//! Any number of processes may use one lake at once, and each may be killed at any moment. Calls block their thread for
//! as long as the disk takes.

mod bucket;
mod key_list;
mod layout;
mod scratch;
mod secrets;
mod state;
mod tick_records;

pub use bucket::LocalBucket;
pub use scratch::LocalScratch;
pub use secrets::{LocalSecrets, SecretSource};
pub use state::LocalState;
pub use tick_records::{LocalTickRecords, TickError, TickRecord};

/// Returns `true` if the directory is a lake: a tick has written to it.
pub fn is_lake(directory: &std::path::Path) -> bool {
    directory.join(layout::PRIVATE_DIR).is_dir()
}
