//! Restores row ids from objects, for hours whose ledger has expired.

use super::object;
use crate::base::error::PortError;
use crate::base::stream::Stream;
use crate::state::backfill::Backfill;

/// Adds the row ids of the stream's object at `key` to those that the backfill knows, so that their events are not
/// delivered again.
///
/// # Errors
/// Needs a person if the object cannot be read, or if the span has too many rows for the memory.
pub fn restore_rows(backfill: &Backfill, stream: &Stream, key: &str, object: &[u8]) -> Result<(), PortError> {
    let rows = object::read_row_ids(key, object).map_err(|why| {
        PortError::person(format!(
            "{}: the object {key} cannot be read to restore the ledger of its time ({why}); move it elsewhere if it is \
             not one of ours",
            stream.name()
        ))
    })?;
    backfill.restore(stream, rows)
}
