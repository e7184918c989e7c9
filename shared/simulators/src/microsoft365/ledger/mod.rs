//! The ledger: what was made available, by content type and blob, and until when. What is kept is which
//! blobs were shown, and a bit a record.

mod account;
mod bits;
mod book;
mod read;

pub use account::{Account, Difference, id, identity};
pub(super) use book::{Book, Shown};
pub use read::{Available, AvailableBlob, Ledger};
