//! Finds a member by a text search for its name, which in large objects is faster than reading the members one by one.

use std::cell::OnceCell;

use memchr::memmem::{self, Finder};

use super::raw;

/// The size in bytes from which on an object is searched for the name before its members are read one by one.
const MIN_SEARCHED_BYTES: usize = 128;

/// The name of a member that most objects lack. A search for the name's text rules such objects out quickly.
#[derive(Debug)]
pub(super) struct SearchedName {
    name: Box<str>,
    finder: Finder<'static>,
    /// The name has a character that JSON can write as a short escape, such as `\n` or `\/`. The text search does not
    /// find such a spelling, so the members are always read.
    has_short_escape: bool,
}

impl SearchedName {
    /// Prepares the text search for a name.
    pub(super) fn new(name: &str) -> Self {
        let has_short_escape = name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\' | b'/'));
        Self { name: name.into(), finder: Finder::new(name).into_owned(), has_short_escape }
    }

    /// Returns the JSON text of the member with this name; `None` if `object` is not an object or has no such member.
    /// `escapes` must be made from a text that contains `object`.
    pub(super) fn member<'l>(&self, object: &'l [u8], escapes: &UnicodeEscapes<'_>) -> Option<&'l [u8]> {
        let is_possible = object.len() < MIN_SEARCHED_BYTES
            || self.has_short_escape
            || self.finder.find(object).is_some()
            || escapes.are_present();
        is_possible.then(|| raw::member(object, &self.name))?
    }
}

/// Remembers if a text has escapes of the form `\u0000`, with which JSON can write any name. The text is searched once,
/// on the first call that needs the answer.
#[derive(Debug)]
pub(super) struct UnicodeEscapes<'l> {
    text: &'l [u8],
    are_present: OnceCell<bool>,
}

impl<'l> UnicodeEscapes<'l> {
    /// The escapes of a text, which is not searched yet.
    pub(super) fn of(text: &'l [u8]) -> Self {
        Self { text, are_present: OnceCell::new() }
    }

    fn are_present(&self) -> bool {
        *self.are_present.get_or_init(|| memmem::find(self.text, b"\\u").is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member<'l>(name: &str, object: &'l str) -> Option<&'l [u8]> {
        SearchedName::new(name).member(object.as_bytes(), &UnicodeEscapes::of(object.as_bytes()))
    }

    #[test]
    fn a_name_is_found_in_objects_of_any_length_and_spelling() {
        let filler = |length| "x".repeat(length);
        for length in [0, MIN_SEARCHED_BYTES] {
            for (spelled, name) in
                [("UserUPN", "UserUPN"), ("\\u0055serUPN", "UserUPN"), ("a\\/b", "a/b"), ("\\n", "\n")]
            {
                let object = format!("{{\"filler\":\"{}\",\"{spelled}\":1}}", filler(length));
                assert_eq!(member(name, &object), Some(&b"1"[..]), "{object}");
            }
            let object = format!("{{\"filler\":\"{}\",\"x\":{{\"UserUPN\":1}}}}", filler(length));
            assert_eq!(member("UserUPN", &object), None, "{object}");
            assert_eq!(member("User", &object), None, "{object}");
        }
    }
}
