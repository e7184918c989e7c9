//! Remembers the open brackets and braces of an element with one bit each, because an element may have millions of open
//! brackets.

/// The open brackets and braces of one element.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    /// One bit per open bracket or brace, the outermost first. The bit is set for a bracket.
    bits: Vec<u64>,
    depth: usize,
    /// The innermost open bracket or brace is a brace.
    is_in_object: bool,
}

const BITS: usize = u64::BITS as usize;

impl Brackets {
    /// Opens a bracket if `is_array`, otherwise a brace.
    pub(super) fn open(&mut self, is_array: bool) {
        let (word, bit) = (self.depth / BITS, self.depth % BITS);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        if let Some(word) = self.bits.get_mut(word) {
            *word = *word & !(1 << bit) | u64::from(is_array) << bit;
        }
        self.depth += 1;
        self.is_in_object = !is_array;
    }

    /// Closes the innermost bracket or brace. Returns `false`, and closes nothing, if it is of the other kind or
    /// nothing is open.
    pub(super) fn close(&mut self, is_array: bool) -> bool {
        let is_match = self.innermost() == Some(is_array);
        self.depth -= usize::from(is_match);
        self.is_in_object = self.innermost() == Some(false);
        is_match
    }

    pub(super) fn clear(&mut self) {
        (self.depth, self.is_in_object) = (0, false);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Returns `true` if the innermost open bracket or brace is a brace.
    pub(super) fn is_in_object(&self) -> bool {
        self.is_in_object
    }

    /// Returns `true` if a bracket is the innermost that is open, `false` if a brace is, and `None` if nothing is open.
    fn innermost(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        self.bits.get(last / BITS).map(|word| word >> (last % BITS) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_closed_from_the_inside() {
        let mut brackets = Brackets::default();
        (0..200).for_each(|number| brackets.open(number % 3 == 0));
        for number in (0..200).rev() {
            let is_array = number % 3 == 0;
            assert_eq!(brackets.is_in_object(), !is_array);
            assert!(!brackets.close(!is_array) && brackets.close(is_array));
        }
        assert!(brackets.is_empty() && !brackets.close(true) && !brackets.close(false));
        brackets.open(true);
        brackets.clear();
        assert!(brackets.is_empty());
    }
}
