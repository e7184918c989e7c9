//! Which brackets and braces are open, one bit each: an element may be nothing but brackets.

/// The open brackets and braces of one element.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    /// One bit per open one, the outermost first; set for a bracket.
    bits: Vec<u64>,
    depth: usize,
    /// Open brackets among them.
    arrays: usize,
}

const BITS: usize = u64::BITS as usize;

impl Brackets {
    pub(super) fn open_object(&mut self) {
        self.open(false);
    }

    pub(super) fn open_array(&mut self) {
        self.open(true);
    }

    /// Closes the innermost brace, and brackets inside it that were not closed. Without an open brace it closes the
    /// innermost bracket.
    pub(super) fn close_object(&mut self) {
        self.close(false);
    }

    /// Closes the innermost bracket, and braces inside it that were not closed. Without an open bracket it closes the
    /// innermost brace.
    pub(super) fn close_array(&mut self) {
        self.close(true);
    }

    /// Closes the braces inside the innermost bracket.
    pub(super) fn close_to_array(&mut self) {
        while self.arrays > 0 && self.innermost() == Some(false) {
            self.pop();
        }
    }

    pub(super) fn clear(&mut self) {
        (self.depth, self.arrays) = (0, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Returns `true` if only braces are open.
    pub(super) fn are_all_objects(&self) -> bool {
        self.depth > 0 && self.arrays == 0
    }

    /// Returns `true` if the innermost one is a brace.
    pub(super) fn is_in_object(&self) -> bool {
        self.innermost() == Some(false)
    }

    fn open(&mut self, is_array: bool) {
        let (word, bit) = (self.depth / BITS, self.depth % BITS);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        if let Some(word) = self.bits.get_mut(word) {
            *word = *word & !(1 << bit) | u64::from(is_array) << bit;
        }
        self.depth += 1;
        self.arrays += usize::from(is_array);
    }

    fn close(&mut self, is_array: bool) {
        let same = if is_array { self.arrays } else { self.depth - self.arrays };
        while same > 0 && self.innermost().is_some_and(|innermost| innermost != is_array) {
            self.pop();
        }
        self.pop();
    }

    fn innermost(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        self.bits.get(last / BITS).map(|word| word >> (last % BITS) & 1 == 1)
    }

    fn pop(&mut self) {
        let Some(is_array) = self.innermost() else { return };
        self.depth -= 1;
        self.arrays -= usize::from(is_array);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_opened_is_closed_from_the_inside() {
        let mut brackets = Brackets::default();
        for number in 0..200 {
            if number % 3 == 0 { brackets.open_array() } else { brackets.open_object() }
        }
        for number in (0..200).rev() {
            assert_eq!(brackets.is_in_object(), number % 3 != 0);
            if number % 3 == 0 { brackets.close_array() } else { brackets.close_object() }
        }
        assert!(brackets.is_empty() && !brackets.are_all_objects());
        brackets.close_object();
        assert!(brackets.is_empty());
    }

    #[test]
    fn what_was_not_closed_is_closed_with_what_it_is_in() {
        let mut brackets = Brackets::default();
        brackets.open_object();
        brackets.open_array();
        brackets.close_object();
        assert!(brackets.is_empty());
        brackets.open_array();
        brackets.open_object();
        brackets.open_object();
        brackets.close_to_array();
        assert!(!brackets.is_in_object() && !brackets.are_all_objects() && !brackets.is_empty());
        brackets.open_object();
        brackets.close_array();
        assert!(brackets.is_empty());
        brackets.open_object();
        assert!(brackets.are_all_objects());
    }
}
