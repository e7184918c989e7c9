//! Memory that a normaliser works in, kept from one event to the next: to ask for it anew each time would take longer
//! than the work itself.

use std::sync::{Mutex, PoisonError};

use crate::event::json::DocumentBuffers;
use crate::line::context::ContextCache;
use crate::line::writer::Scratch;

/// More than this is not kept, in bytes: one huge event must not cost its memory for ever. What is remembered of shapes is
/// bounded by their number, and comes on top.
const MOST_KEPT: usize = 1 << 20;

/// What one event needs.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) parts: DocumentBuffers,
    pub(crate) identity: Vec<u8>,
    pub(crate) line: Scratch,
    pub(crate) context: ContextCache,
    /// The values of `p_udm`.
    pub(crate) udm: Vec<u8>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            parts: DocumentBuffers::with_shapes(),
            identity: Vec::new(),
            line: Scratch::default(),
            context: ContextCache::default(),
            udm: Vec::new(),
        }
    }
}

impl Memory {
    /// Whether it is worth keeping. After an input that is not JSON, and when no more shapes can be remembered, it is not:
    /// to begin anew takes a few events, to go on without shapes would cost every event to come.
    fn is_reusable(&self) -> bool {
        self.parts.is_reusable() && self.size() <= MOST_KEPT
    }

    fn size(&self) -> usize {
        self.parts.size() + self.identity.capacity() + self.line.size() + self.udm.capacity()
    }
}

/// The memory between two events. Who finds it taken by another thread works in fresh memory.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Box<Memory>>>);

impl Kept {
    pub(crate) fn take(&self) -> Box<Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, memory: Box<Memory>) {
        if memory.is_reusable() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(memory);
        }
    }
}

impl Clone for Kept {
    /// Memory is not shared: a clone begins without.
    fn clone(&self) -> Self {
        Self::default()
    }
}
