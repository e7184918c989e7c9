//! One memory limit per process, shared by all its sources and streams.

use std::cell::Cell;
use std::rc::Rc;

/// The default limit in bytes for the ledger caches, batches and blob references of one process. With this limit the
/// whole process, including the binary, buffers and compressor, stays well within 256 MB.
pub const MAX_SHARED_BYTES: usize = 96 << 20;

/// A memory limit that all streams of a process share. Clones share the same limit.
///
/// No stream waits for memory. A stream that finds the limit exceeded drops cached ledger hours, which are read again
/// when needed, and delivers its batch early. The process therefore exceeds the limit by at most the memory that its
/// streams need at the same moment.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    used_bytes: Cell<usize>,
    max_used_bytes: Cell<usize>,
    limit_bytes: usize,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::new(MAX_SHARED_BYTES)
    }
}

impl MemoryBudget {
    /// Returns a budget of `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self(Rc::new(Shared { used_bytes: Cell::new(0), max_used_bytes: Cell::new(0), limit_bytes }))
    }

    /// Returns the maximum number of bytes that were in use at one time.
    pub fn max_used_bytes(&self) -> usize {
        self.0.max_used_bytes.get()
    }

    /// Returns the number of bytes in use beyond the limit.
    pub(crate) fn excess_bytes(&self) -> usize {
        self.0.used_bytes.get().saturating_sub(self.0.limit_bytes)
    }

    /// Returns an empty share of the budget.
    pub(crate) fn share(&self) -> MemoryShare {
        MemoryShare { budget: self.clone(), bytes: 0 }
    }
}

/// One holder's share of the budget. Dropping it gives its bytes back.
#[derive(Debug)]
pub(crate) struct MemoryShare {
    budget: MemoryBudget,
    bytes: usize,
}

impl MemoryShare {
    /// Records that the holder now uses `bytes`.
    pub(crate) fn set(&mut self, bytes: usize) {
        let shared = &self.budget.0;
        let used = shared.used_bytes.get().saturating_sub(self.bytes).saturating_add(bytes);
        shared.used_bytes.set(used);
        shared.max_used_bytes.set(shared.max_used_bytes.get().max(used));
        self.bytes = bytes;
    }

    /// Returns the number of bytes that all holders together use beyond the limit.
    pub(crate) fn excess_bytes(&self) -> usize {
        self.budget.excess_bytes()
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_holders_share_one_limit_and_release_their_bytes() {
        let budget = MemoryBudget::new(100);
        let (mut one, mut two) = (budget.share(), budget.share());
        one.set(70);
        assert_eq!(budget.excess_bytes(), 0);
        two.set(50);
        assert_eq!((one.excess_bytes(), two.excess_bytes()), (20, 20));
        one.set(10);
        assert_eq!(budget.excess_bytes(), 0);
        drop(two);
        one.set(100);
        assert_eq!((budget.excess_bytes(), budget.max_used_bytes()), (0, 120));
    }
}
