//! A table of texts that ignores the case of letters.

/// Places of the index. A table has at most half as many entries.
const PLACES: usize = 128;

/// Texts and their values, with an index by the length and by the first and last letter of a text.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    entries: [(&'static str, &'static str); N],
    /// The number of an entry plus one for each place; 0 for a free place. An entry whose place is taken has the next free
    /// place.
    index: [u8; PLACES],
}

impl<const N: usize> Table<N> {
    /// Makes a table. The texts must not be empty, and must differ also without their case.
    pub(super) const fn new(entries: [(&'static str, &'static str); N]) -> Self {
        assert!(N <= PLACES / 2, "the index is too small");
        let mut index = [0; PLACES];
        let mut entry = 0;
        while entry < N {
            let mut place = place(entries[entry].0.as_bytes());
            while index[place] != 0 {
                place = (place + 1) % PLACES;
            }
            entry += 1;
            // There are fewer entries than places.
            index[place] = entry as u8;
        }
        Self { entries, index }
    }

    /// Returns the value of a text.
    pub(super) fn get(&self, text: &str) -> Option<&'static str> {
        let mut place = place(text.as_bytes());
        loop {
            let entry = usize::from(self.index[place]).checked_sub(1)?;
            let (key, value) = self.entries[entry];
            if key.eq_ignore_ascii_case(text) {
                return Some(value);
            }
            place = (place + 1) % PLACES;
        }
    }

    #[cfg(test)]
    fn entries(&self) -> &[(&'static str, &'static str)] {
        &self.entries
    }
}

/// Returns the first place for a text.
const fn place(text: &[u8]) -> usize {
    match text {
        [] => 0,
        [first, .., last] => {
            let ends = first.to_ascii_lowercase() as usize * 7 + last.to_ascii_lowercase() as usize * 3;
            (text.len() * 11 + ends) % PLACES
        }
        [only] => only.to_ascii_lowercase() as usize % PLACES,
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
    fn texts_of_one_place_are_all_found() {
        const SAME: Table<3> = Table::new([("x1y", "1"), ("x2y", "2"), ("x3y", "3")]);
        assert_eq!(["x3y", "X2Y", "x1y", "x4y"].map(|text| SAME.get(text)), [Some("3"), Some("2"), Some("1"), None]);
    }
}
