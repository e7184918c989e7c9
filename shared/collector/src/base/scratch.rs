//! The port for data that does not fit into memory.

use std::future::Future;

use super::error::PortError;

/// Temporary storage of a command: numbered parts, each a sequence of bytes. It is empty at first, and its content is
/// deleted with it.
pub trait Scratch {
    /// Appends `bytes` to a part.
    fn append(&self, part: usize, bytes: &[u8]) -> impl Future<Output = Result<(), PortError>>;

    /// Returns the bytes of a part from `offset` on, at most `max` of them, and fewer only at the end of the part. A
    /// part that was never written is empty.
    fn read(&self, part: usize, offset: u64, max: usize) -> impl Future<Output = Result<Vec<u8>, PortError>>;
}
