//! Windows, delivery and the one loop: the collector without the world.
//!
//! Nothing here reads a clock, a variable, a socket or a random number: all of it comes in
//! through the ports, and CI holds the crate's dependencies against an allow-list.
//!
//! Imports go downwards only, which CI checks: `tick` → `collect` → `deliver` → `state` → `plan` → `base`.

mod base;
mod collect;
mod deliver;
mod plan;
mod state;
#[cfg(test)]
mod testing;
mod tick;

pub use base::drift::Drift;
pub use base::env::{COMMIT_RESERVE, Env};
pub use base::error::{PERSISTENT_AFTER, PortError, Recovery};
pub use base::head::{Head, HeadTimes, LastCommit, ListingState, NotOffered, SweepProgress};
pub use base::ledger::{LedgerHour, LedgerItem, LedgerKind, MAX_COMMIT_HOURS, MAX_ROW_HOURS};
pub use base::lock::lock;
pub use base::memory::{MAX_SHARED_BYTES, MemoryBudget};
pub use base::pending::{PendingBlob, PendingSpan, PendingWork, Schedule};
pub use base::policy::{BatchLimits, Compression, Retention, Settings, Silence, StartDelay, Sweep, VendorPolicy};
pub use base::ports::{
    BlobRef, Body, Bucket, Clock, Fetched, Item, ListRequest, Listed, NoBody, Page, Prepared, Put, Secrets, State,
    Tries, Vendor, Written,
};
pub use base::progress::ProgressCounts;
pub use base::report::{Failure, Gap, LineCounts, ListedCounts, Notes, PendingReport, StreamReport};
pub use base::retry::{RetryPolicy, retry};
pub use base::secret::read_again;
pub use base::stream::{BadSourceId, ListingId, SourceId, Stream};
pub use base::time::{UnixSeconds, Window, time_until};
pub use state::cache::SourceCache;
pub use tick::{Source, run_tick};
