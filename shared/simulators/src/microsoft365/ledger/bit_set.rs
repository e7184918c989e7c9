//! A set of small numbers that needs one bit per number up to the largest one.

const WORD_BITS: u32 = u64::BITS;

/// A set of numbers. Bit `number` is 1 if the set contains `number`.
#[derive(Debug, Clone, Default)]
pub(super) struct BitSet(Vec<u64>);

impl BitSet {
    /// Adds a number. Returns `false` if the set contained it before.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = word_and_bit(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        let (word, bit) = word_and_bit(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

fn word_and_bit(number: u32) -> (usize, u64) {
    ((number / WORD_BITS) as usize, 1 << (number % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_the_added_numbers() {
        let mut bits = BitSet::default();
        assert!(!bits.contains(1_000_000));
        for number in [0, 63, 64, 2_000_000] {
            assert!(bits.insert(number) && !bits.insert(number) && bits.contains(number), "{number}");
        }
        assert!([1, 62, 65, 1_999_999, 2_000_001].iter().all(|number| !bits.contains(*number)));
    }
}
