//! The buffers of a normaliser. Each event reuses the buffers of the event before, because allocating them would take
//! longer than the work itself.

use std::sync::{Mutex, PoisonError};

use crate::event::json::DocumentBuffers;
use crate::line::context::ContextCache;
use crate::line::writer::Scratch;

/// The largest buffers that are reused, in bytes, so that one huge event does not occupy its memory forever. Remembered
/// shapes do not count: their number has a limit of its own.
const MAX_REUSED_BYTES: usize = 1 << 20;

/// The buffers for one event.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) document: DocumentBuffers,
    pub(crate) identity: Vec<u8>,
    pub(crate) line: Scratch,
    pub(crate) context: ContextCache,
    /// The members of `p_udm`, as JSON.
    pub(crate) udm: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            document: DocumentBuffers::with_shapes(),
            identity: Vec::new(),
            line: Scratch::default(),
            context: ContextCache::default(),
            udm: Vec::new(),
        }
    }
}

impl Buffers {
    /// Returns `true` if the next event should use these buffers. It should not if an input that is not JSON lost the
    /// remembered shapes, or if no more shapes can be remembered. In both cases new buffers are faster after a few
    /// events.
    fn is_reusable(&self) -> bool {
        self.document.is_reusable() && self.size() <= MAX_REUSED_BYTES
    }

    fn size(&self) -> usize {
        self.document.size() + self.identity.capacity() + self.line.size() + self.udm.capacity()
    }
}

/// Holds the buffers between two events. A thread that asks for them while another thread uses them gets new ones.
#[derive(Debug, Default)]
pub(crate) struct BufferPool(Mutex<Option<Box<Buffers>>>);

impl BufferPool {
    /// Takes the buffers out of the pool, or makes new ones.
    pub(crate) fn take(&self) -> Box<Buffers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// Puts the buffers back for the next event, if they are reusable.
    pub(crate) fn give_back(&self, buffers: Box<Buffers>) {
        if buffers.is_reusable() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffers);
        }
    }
}

impl Clone for BufferPool {
    /// Returns an empty pool: clones do not share buffers.
    fn clone(&self) -> Self {
        Self::default()
    }
}
