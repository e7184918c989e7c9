//! What the parser notes about a value or a key, one bit per fact.

/// A string with a backslash in it.
pub(super) const ESCAPED: u8 = 1;
/// A value whose bytes may not be copied to a line as they are: white space between tokens, a lone surrogate, or a key
/// given twice, at any depth.
pub(super) const UNTIDY: u8 = 2;
/// An object that has a key twice.
pub(super) const REPEATS: u8 = 4;
/// A value that is not in canonical form as it was sent: white space between tokens, escapes, or keys that are not
/// sorted, at any depth.
pub(super) const LOOSE: u8 = 8;
/// An object that has a key twice, or a value with such an object in it.
pub(super) const REPEATS_INSIDE: u8 = 16;
/// What white space between tokens makes of a value.
pub(super) const SPACED: u8 = UNTIDY | LOOSE;
/// What a value has because of what is in it.
pub(super) const INHERITED: u8 = UNTIDY | LOOSE | REPEATS_INSIDE;
