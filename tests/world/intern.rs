//! Interning: equal values share a number, so that states are small and cheap to compare.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

/// Hashes a value's `Debug` text to 128 bits. All values of the world have a `Debug` text that shows everything that
/// tells them apart.
pub fn fingerprint(value: &impl Debug) -> u128 {
    let mut text = Fingerprint::new();
    // Writing into a hasher cannot fail.
    let _ = write!(text, "{value:?}");
    text.value()
}

/// Hashes bytes to 128 bits.
pub fn fingerprint_bytes(bytes: &[u8]) -> u128 {
    let mut digest = Fingerprint::new();
    digest.take(bytes);
    digest.value()
}

struct Fingerprint(DefaultHasher, DefaultHasher);

impl Fingerprint {
    fn new() -> Self {
        let (left, mut right) = (DefaultHasher::new(), DefaultHasher::new());
        right.write_u8(1);
        Self(left, right)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn value(&self) -> u128 {
        (u128::from(self.0.finish()) << 64) | u128::from(self.1.finish())
    }
}

impl Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.take(text.as_bytes());
        Ok(())
    }
}

/// A set of values in which each value has a number.
#[derive(Debug)]
pub struct Interner<T> {
    numbers: HashMap<u128, u32>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Debug> Interner<T> {
    /// Returns the value's number. Adds the value if it is not in the set yet.
    pub fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(fingerprint(&value)).or_insert(next);
        if number == next {
            self.values.push(Arc::new(value));
        }
        number
    }

    /// Returns the value with this number, which must come from [`Self::number`].
    pub fn value(&self, number: u32) -> Arc<T> {
        Arc::clone(&self.values[number as usize])
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns `true` if there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
