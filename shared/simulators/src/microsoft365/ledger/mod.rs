//! The ledger: every blob that was ever available, with its records and its expiry. It needs a few dozen bytes per blob
//! and one bit per record.

mod bit_set;
mod read;
mod tally;
mod writer;

pub use read::{AvailableBlob, AvailableRecord, Ledger};
pub use tally::{Difference, RecordTally, id_number, identity};
pub(super) use writer::{LedgerWriter, VisibleBlob};
