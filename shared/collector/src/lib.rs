//! Windows, delivery and the one loop: the collector without the world.
//!
//! Nothing here reads a clock, a variable, a socket or a random number: all of it comes in
//! through [`ports`], and CI holds the crate's dependencies against an allow-list.

mod ahead;
mod batch;
mod birth;
mod blobs;
mod changes;
mod delivery;
mod drift;
mod error;
mod head;
mod key;
mod known;
mod ledger;
mod object;
mod policy;
pub mod ports;
mod pull;
mod rejected;
mod report;
mod retry;
mod span;
mod stream;
mod tick;
mod window;

pub use drift::Drift;
pub use error::{PortError, Recovery};
pub use head::{Head, ListingState, Sweeping};
pub use ledger::{LedgerHour, LedgerItem, LedgerKind};
pub use policy::{BatchLimits, Compression, Retention, Settings, Silence, Sweep, VendorPolicy};
pub use ports::{
    BlobRef, Body, Bucket, Clock, Fetched, Item, ListRequest, Listed, MAX_COMMIT_HOURS, Page, Prepared, Put, Secrets,
    State, Tries, Vendor, Written,
};
pub use pull::COMMIT_RESERVE;
pub use report::{Failure, Gap, StreamReport};
pub use retry::{RetryPolicy, retry};
pub use stream::{BadSourceId, ListingId, SourceId, Stream};
pub use tick::{Memory, Source, Tick};
pub use window::{UnixSeconds, Window};
