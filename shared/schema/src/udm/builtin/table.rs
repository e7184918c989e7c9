//! A hash table, built at compile time, of texts whose case does not matter.

/// The length of the index. A table has at most half as many entries, so the index always has free places.
const INDEX_PLACES: usize = 128;

/// Texts and their values, with a hash index over the length and the first and last letter of each text.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    entries: [(&'static str, &'static str); N],
    /// Holds at each place the number of an entry, counted from 1, or 0 if the place is free. An entry whose place is
    /// taken gets the next free one.
    index: [u8; INDEX_PLACES],
}

impl<const N: usize> Table<N> {
    /// Builds a table. The texts must not be empty, and must differ in more than the case of letters.
    pub(super) const fn new(entries: [(&'static str, &'static str); N]) -> Self {
        assert!(N <= INDEX_PLACES / 2, "the index is too small");
        let mut index = [0; INDEX_PLACES];
        let mut entry = 0;
        while entry < N {
            let mut place = place(entries[entry].0.as_bytes());
            while index[place] != 0 {
                place = (place + 1) % INDEX_PLACES;
            }
            entry += 1;
            // The number fits in a byte, because a table has at most half as many entries as `INDEX_PLACES`.
            index[place] = entry as u8;
        }
        Self { entries, index }
    }

    /// Returns the value of a text; `None` if the table does not have the text.
    pub(super) fn get(&self, text: &str) -> Option<&'static str> {
        let mut place = place(text.as_bytes());
        loop {
            let entry = usize::from(self.index[place]).checked_sub(1)?;
            let (key, value) = self.entries[entry];
            if key.eq_ignore_ascii_case(text) {
                return Some(value);
            }
            place = (place + 1) % INDEX_PLACES;
        }
    }

    #[cfg(test)]
    fn entries(&self) -> &[(&'static str, &'static str)] {
        &self.entries
    }
}

/// Returns the place at which the search for a text begins.
const fn place(text: &[u8]) -> usize {
    match text {
        [] => 0,
        [first, .., last] => {
            let ends = first.to_ascii_lowercase() as usize * 7 + last.to_ascii_lowercase() as usize * 3;
            (text.len() * 11 + ends) % INDEX_PLACES
        }
        [only] => only.to_ascii_lowercase() as usize % INDEX_PLACES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table<4> = Table::new([("a", "1"), ("Ab", "2"), ("cab", "3"), ("cAxb", "4")]);

    #[test]
    fn a_text_is_found_in_any_letter_case() {
        for (key, value) in TABLE.entries() {
            for text in [(*key).to_owned(), key.to_ascii_lowercase(), key.to_ascii_uppercase()] {
                assert_eq!(TABLE.get(&text), Some(*value), "{text}");
            }
        }
        for text in ["", "b", "cb", "c\u{e4}b", "abc"] {
            assert_eq!(TABLE.get(text), None, "{text}");
        }
    }

    #[test]
    fn texts_with_the_same_place_in_the_index_are_all_found() {
        const SAME: Table<3> = Table::new([("x1y", "1"), ("x2y", "2"), ("x3y", "3")]);
        assert_eq!(["x3y", "X2Y", "x1y", "x4y"].map(|text| SAME.get(text)), [Some("3"), Some("2"), Some("1"), None]);
    }
}
