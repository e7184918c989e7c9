//! Where a value stands in its event.

/// Bytes of a path: every value set aside bears one, and names are as long as the vendor likes.
const LONGEST_PATH: usize = 256;

/// From a value up to the event.
pub(super) enum Path<'p> {
    Top,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// The names from the top, places in arrays in brackets; the start of it where it is too long.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, &|index| format!("[{index}]"));
        text
    }

    /// The first of the names, from the value up, that `is_wanted` finds something for.
    pub(super) fn find<T>(&self, is_wanted: &dyn Fn(&str) -> Option<T>) -> Option<T> {
        match self {
            Self::Top => None,
            Self::Name(parent, name) => is_wanted(name).or_else(|| parent.find(is_wanted)),
            Self::Index(parent, _) => parent.find(is_wanted),
        }
    }

    /// Without places in arrays: a field has one name in all elements.
    pub(super) fn write_name(&self, text: &mut String) {
        self.write(text, &|_| "[]".to_owned());
    }

    fn write(&self, text: &mut String, index_text: &dyn Fn(usize) -> String) {
        match self {
            Self::Top => return,
            Self::Name(parent, name) => {
                parent.write(text, index_text);
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(&name[..name.floor_char_boundary(LONGEST_PATH)]);
            }
            Self::Index(parent, index) => {
                parent.write(text, index_text);
                text.push_str(&index_text(*index));
            }
        }
        text.truncate(text.floor_char_boundary(LONGEST_PATH));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places_from_the_top() {
        let path = Path::Index(&Path::Name(&Path::Name(&Path::Top, "a"), "b"), 3);
        assert_eq!(Path::Name(&path, "c").text(), "a.b[3].c");
        let mut name = String::new();
        Path::Name(&path, "c").write_name(&mut name);
        assert_eq!(name, "a.b[].c");
    }

    #[test]
    fn a_path_is_no_longer_than_its_bound() {
        let long = "é".repeat(10_000);
        let path = Path::Name(&Path::Top, &long);
        assert_eq!(Path::Name(&path, &long).text().len(), LONGEST_PATH);
        assert_eq!(Path::Index(&Path::Name(&Path::Top, &"x".repeat(255)), 7).text().len(), LONGEST_PATH);
    }
}
