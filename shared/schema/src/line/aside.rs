//! What has no place in a line's own fields stands under `p_nonconforming`, each value under a path of its own.

use std::collections::HashSet;

/// A path and the JSON of the value there.
pub(super) type Aside = (String, Vec<u8>);

/// Sorts by path, and gives equal paths a number that makes them a path which is not there.
pub(super) fn tell_apart(aside: &mut [Aside]) {
    aside.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut taken: HashSet<String> = aside.iter().map(|(path, _)| path.clone()).collect();
    let (mut last, mut number) = (None, 1);
    for (path, _) in aside {
        if last.as_ref() != Some(path) {
            (last, number) = (Some(path.clone()), 1);
            continue;
        }
        let numbered = loop {
            number += 1;
            let numbered = format!("{path}#{number}");
            if taken.insert(numbered.clone()) {
                break numbered;
            }
        };
        *path = numbered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_paths_get_numbers_that_are_free() {
        let mut aside: Vec<Aside> =
            ["b", "a", "a#2", "a", "a", "b"].iter().map(|path| ((*path).to_owned(), Vec::new())).collect();
        tell_apart(&mut aside);
        let paths: Vec<_> = aside.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a", "a#3", "a#4", "a#2", "b", "b#2"]);
    }
}
