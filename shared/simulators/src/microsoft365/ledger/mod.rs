//! The ledger: all content that was available, per content type and blob, with its expiry. It holds the visible blobs
//! and one bit per record.

mod account;
mod bits;
mod read;
mod writer;

pub use account::{Account, Difference, id, identity};
pub use read::{Available, AvailableBlob, Ledger};
pub(super) use writer::{LedgerWriter, VisibleBlob};
