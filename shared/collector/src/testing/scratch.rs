//! Scratch storage in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::base::error::PortError;
use crate::base::scratch::Scratch;

/// Scratch storage in memory.
#[derive(Default)]
pub(crate) struct MemoryScratch(RefCell<BTreeMap<usize, Vec<u8>>>);

impl Scratch for MemoryScratch {
    async fn append(&self, part: usize, bytes: &[u8]) -> Result<(), PortError> {
        self.0.borrow_mut().entry(part).or_default().extend_from_slice(bytes);
        Ok(())
    }

    async fn read(&self, part: usize, offset: u64, max: usize) -> Result<Vec<u8>, PortError> {
        let parts = self.0.borrow();
        let bytes = parts.get(&part).map(Vec::as_slice).unwrap_or_default();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[from..bytes.len().min(from.saturating_add(max))].to_vec())
    }
}
