//! Random numbers that depend only on the seed. Each request has a generator of its own, so its answer does not depend
//! on the requests before it.

use std::collections::HashMap;

/// Number of different requests whose repetitions are counted. Beyond it, all counts start again from 0.
const MAX_COUNTED_REQUESTS: usize = 100_000;

/// Counts how often each request was made, so that each repetition gets other random numbers.
#[derive(Debug)]
pub(crate) struct RequestRngs {
    seed: u64,
    counts: HashMap<String, u64>,
}

impl RequestRngs {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counts: HashMap::new() }
    }

    /// Counts a request for the URL `target`, and returns the generator for this repetition of the request.
    pub(crate) fn rng(&mut self, target: &str) -> SeededRng {
        if self.counts.len() >= MAX_COUNTED_REQUESTS {
            self.counts.clear();
        }
        let number = self.counts.entry(target.to_owned()).or_default();
        *number += 1;
        SeededRng::new(self.seed, target, *number)
    }
}

/// A random number generator that is fully determined by its arguments.
#[derive(Debug)]
pub(crate) struct SeededRng(fastrand::Rng);

impl SeededRng {
    /// Returns the generator for one purpose. The purpose is any text, such as the URL of a request. Each `number`
    /// gives a different sequence.
    pub(crate) fn new(seed: u64, purpose: &str, number: u64) -> Self {
        Self(fastrand::Rng::with_seed(mix(seed ^ hash(purpose)) ^ mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// Returns `true` with the probability `share` (0 to 1).
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.0.f64() < share
    }

    /// Returns a random share: 0 with a probability of 30 %, otherwise from 0 to `max`. It is rounded to four decimals,
    /// so that it is the same after it was written to text and read again.
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

/// Does the same as [`SeededRng::chance`], but draws no random number if `share` is 0. So a behaviour that is off does
/// not change the random numbers of the other behaviours.
pub(crate) fn happens(share: f64, rng: &mut SeededRng) -> bool {
    share > 0.0 && rng.chance(share)
}

/// Returns the FNV-1a hash of `text`. Unlike the hash of the standard library, it never changes between Rust versions.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Scrambles the bits of a number, so that similar numbers give unrelated seeds (the last step of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_arguments_give_the_same_numbers() {
        let hex_of = |seed, about, number| SeededRng::new(seed, about, number).hex(16);
        assert_eq!(hex_of(1, "a", 0), hex_of(1, "a", 0));
        for other in [hex_of(2, "a", 0), hex_of(1, "b", 0), hex_of(1, "a", 1)] {
            assert_ne!(hex_of(1, "a", 0), other);
        }
    }

    #[test]
    fn a_repeated_request_gets_other_numbers() {
        let mut request_rngs = RequestRngs::new(1);
        let first = request_rngs.rng("a").hex(16);
        let again = request_rngs.rng("a").hex(16);
        assert_ne!(first, again);
        assert_eq!(RequestRngs::new(1).rng("a").hex(16), first);
    }

    #[test]
    fn a_guid_has_five_groups_of_hex_digits() {
        let guid = SeededRng::new(1, "guid", 0).guid();
        assert_eq!(guid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{guid}");
    }

    #[test]
    fn chance_is_true_with_its_probability() {
        let mut rng = SeededRng::new(7, "shares", 0);
        assert!((0..1_000).all(|_| !rng.chance(0.0)));
        assert!((0..1_000).all(|_| rng.chance(1.0)));
        let hits = (0..10_000).filter(|_| rng.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
    }
}
