//! The path of a value in its event.

/// The longest text of a path, in bytes. Longer texts are truncated, because each value under `p_nonconforming` has one
/// and vendors may send long names.
const MAX_PATH_BYTES: usize = 256;

/// A path as a linked list, from a value up to the event.
pub(super) enum Path<'p> {
    Top,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// Returns the names from the top, with indices of arrays in brackets, as in `a.b[3].c`. A path that is too long is
    /// truncated.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, &|index| format!("[{index}]"));
        text
    }

    /// Calls `find_for` with each name of the path, from the value up to the event. Returns the first result that is
    /// not `None`.
    pub(super) fn find<T>(&self, find_for: &dyn Fn(&str) -> Option<T>) -> Option<T> {
        match self {
            Self::Top => None,
            Self::Name(parent, name) => find_for(name).or_else(|| parent.find(find_for)),
            Self::Index(parent, _) => parent.find(find_for),
        }
    }

    /// Appends the path with `[]` for each index of an array, so that a field has the same path in all elements.
    pub(super) fn write_name(&self, text: &mut String) {
        self.write(text, &|_| "[]".to_owned());
    }

    fn write(&self, text: &mut String, index_text: &dyn Fn(usize) -> String) {
        match self {
            Self::Top => return,
            Self::Name(parent, name) => {
                parent.write(text, index_text);
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(&name[..name.floor_char_boundary(MAX_PATH_BYTES)]);
            }
            Self::Index(parent, index) => {
                parent.write(text, index_text);
                text.push_str(&index_text(*index));
            }
        }
        text.truncate(text.floor_char_boundary(MAX_PATH_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_names_and_indices_from_the_top() {
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
        assert_eq!(Path::Name(&path, &long).text().len(), MAX_PATH_BYTES);
        assert_eq!(Path::Index(&Path::Name(&Path::Top, &"x".repeat(255)), 7).text().len(), MAX_PATH_BYTES);
    }
}
