//! Generates a large input in pieces, as it comes over the network. No piece is kept in memory.

/// The size of a piece, in bytes.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// The text before, between and after the events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing {
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

/// One JSON array with all events, as in a blob.
pub(crate) const ARRAY: Framing = Framing { before: "[", between: ",", after: "]" };
/// One event per line.
pub(crate) const LINES: Framing = Framing { before: "", between: "\n", after: "\n" };

/// An iterator over pieces of an input that consists of events. It ends after at least the requested number of bytes. A
/// piece may end in the middle of an event.
pub(crate) struct Pieces<I> {
    events: I,
    framing: Framing,
    /// The number of bytes that are not generated yet.
    left: u64,
    pending: Vec<u8>,
    has_begun: bool,
    has_ended: bool,
}

impl<I: Iterator<Item = String>> Pieces<I> {
    pub(crate) fn new(events: I, framing: Framing, bytes: u64) -> Self {
        Self { events, framing, left: bytes, pending: Vec::new(), has_begun: false, has_ended: false }
    }

    /// Appends one more event, or the end of the input, to the pending bytes.
    fn grow(&mut self) {
        let before = self.pending.len();
        let separator = if self.has_begun { self.framing.between } else { self.framing.before };
        match self.events.next().filter(|_| self.left > 0) {
            Some(event) => {
                self.pending.extend_from_slice(separator.as_bytes());
                self.pending.extend_from_slice(event.as_bytes());
            }
            None => {
                self.pending.extend_from_slice(self.framing.after.as_bytes());
                self.has_ended = true;
            }
        }
        self.has_begun = true;
        self.left = self.left.saturating_sub((self.pending.len() - before) as u64);
    }
}

impl<I: Iterator<Item = String>> Iterator for Pieces<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        while self.pending.len() < PIECE_BYTES && !self.has_ended {
            self.grow();
        }
        let rest = self.pending.split_off(PIECE_BYTES.min(self.pending.len()));
        let piece = std::mem::replace(&mut self.pending, rest);
        Some(piece).filter(|piece| !piece.is_empty())
    }
}
