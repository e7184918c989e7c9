//! A blob as it comes over the wire: in pieces, none of which is kept.

/// Bytes of a piece.
pub(crate) const PIECE: usize = 64 << 10;

/// The text before, between and after events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Framing {
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

/// One JSON array: a blob.
pub(crate) const ARRAY: Framing = Framing { before: "[", between: ",", after: "]" };
/// One event a line.
pub(crate) const LINES: Framing = Framing { before: "", between: "\n", after: "\n" };

/// Events in pieces, cut wherever it happens to be, until there are at least so many bytes.
pub(crate) struct Pieces<I> {
    events: I,
    framing: Framing,
    /// Bytes that are still to come.
    left: u64,
    pending: Vec<u8>,
    has_begun: bool,
    has_ended: bool,
}

impl<I: Iterator<Item = String>> Pieces<I> {
    pub(crate) fn new(events: I, framing: Framing, bytes: u64) -> Self {
        Self { events, framing, left: bytes, pending: Vec::new(), has_begun: false, has_ended: false }
    }

    /// Makes another event, or the end.
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
        while self.pending.len() < PIECE && !self.has_ended {
            self.grow();
        }
        let rest = self.pending.split_off(PIECE.min(self.pending.len()));
        let piece = std::mem::replace(&mut self.pending, rest);
        Some(piece).filter(|piece| !piece.is_empty())
    }
}
