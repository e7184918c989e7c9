//! Randomness by seed. Each question has dice of its own, so its answer does not depend on the questions before it.

use std::collections::HashMap;

/// Questions whose count is remembered. Beyond that, all counts restart.
const MAX_QUESTIONS: usize = 100_000;

/// Counts how often each question was asked, so that each repetition gets new dice.
#[derive(Debug)]
pub(crate) struct Questions {
    seed: u64,
    counts: HashMap<String, u64>,
}

impl Questions {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counts: HashMap::new() }
    }

    /// Returns the dice for a question. They depend on how often this question was asked before.
    pub(crate) fn dice(&mut self, question: &str) -> Dice {
        if self.counts.len() >= MAX_QUESTIONS {
            self.counts.clear();
        }
        let number = self.counts.entry(question.to_owned()).or_default();
        *number += 1;
        Dice::new(self.seed, question, *number)
    }
}

/// The dice for one question.
#[derive(Debug)]
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    /// Returns the dice for the repetition `number` of the question `about`, under `seed`.
    pub(crate) fn new(seed: u64, about: &str, number: u64) -> Self {
        Self(fastrand::Rng::with_seed(mix(seed ^ hash(about)) ^ mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// Returns `true` in `share` (0 to 1) of all cases.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.0.f64() < share
    }

    /// Returns a share of up to `max`, or 0. It has few digits, so that it survives a round trip through text.
    pub(crate) fn share(&mut self, max: f64) -> f64 {
        if self.chance(0.7) { (self.0.f64() * max * 10_000.0).round() / 10_000.0 } else { 0.0 }
    }

    /// Returns a number from 0 up to, but not including, `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end.max(1))
    }

    /// Returns a number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        self.0.i64(from..=to.max(from))
    }

    /// Returns one of `items`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Puts `items` in a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// Returns `length` hex digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| self.0.digit(16)).collect()
    }

    /// Returns `length` letters and digits.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        (0..length).map(|_| self.0.alphanumeric()).collect()
    }

    /// Returns a random GUID in lower case.
    pub(crate) fn guid(&mut self) -> String {
        format!("{}-{}-4{}-a{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }
}

/// Returns the same as [`Dice::chance`], but throws no dice for a share of 0. So a behaviour that is off changes no
/// other.
pub(crate) fn happens(share: f64, dice: &mut Dice) -> bool {
    share > 0.0 && dice.chance(share)
}

/// Returns the FNV-1a hash. It is stable between builds, which the standard hasher does not promise.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Spreads a number over all bits (the finaliser of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_gets_the_same_dice() {
        let ask = |seed, about, number| Dice::new(seed, about, number).hex(16);
        assert_eq!(ask(1, "a", 0), ask(1, "a", 0));
        for other in [ask(2, "a", 0), ask(1, "b", 0), ask(1, "a", 1)] {
            assert_ne!(ask(1, "a", 0), other);
        }
    }

    #[test]
    fn a_repeated_question_gets_new_dice() {
        let mut questions = Questions::new(1);
        let first = questions.dice("a").hex(16);
        let again = questions.dice("a").hex(16);
        assert_ne!(first, again);
        assert_eq!(Questions::new(1).dice("a").hex(16), first);
    }

    #[test]
    fn a_guid_has_its_form() {
        let guid = Dice::new(1, "guid", 0).guid();
        assert_eq!(guid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{guid}");
    }

    #[test]
    fn a_chance_has_its_share() {
        let mut dice = Dice::new(7, "shares", 0);
        assert!((0..1_000).all(|_| !dice.chance(0.0)));
        assert!((0..1_000).all(|_| dice.chance(1.0)));
        let hits = (0..10_000).filter(|_| dice.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
    }
}
