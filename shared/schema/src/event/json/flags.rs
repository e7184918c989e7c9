//! The facts that the parser notes about a value or a key, one bit each.

/// The string contains an escape.
pub(super) const ESCAPED: u8 = 1;
/// The bytes of the value cannot be copied to a line: they have white space between tokens, a lone surrogate or a
/// duplicate key, at any depth.
pub(super) const NOT_COPYABLE: u8 = 2;
/// The object has duplicate keys.
pub(super) const DUPLICATE_KEYS: u8 = 4;
/// The value was not sent in canonical form: it has white space between tokens, escapes, or unsorted or duplicate keys,
/// at any depth.
pub(super) const NOT_CANONICAL: u8 = 8;
/// The value is an object with duplicate keys, or has such an object in it.
pub(super) const DUPLICATE_KEYS_INSIDE: u8 = 16;
/// The flags of a value with white space between its tokens.
pub(super) const SPACED: u8 = NOT_COPYABLE | NOT_CANONICAL;
/// The flags that an array or object inherits from the values in it.
pub(super) const INHERITED: u8 = NOT_COPYABLE | NOT_CANONICAL | DUPLICATE_KEYS_INSIDE;
