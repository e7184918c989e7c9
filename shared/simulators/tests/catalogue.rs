//! Checks `tests/FAULTS.md`, which explains the numbers in test names: it has a row for each number, and every test
//! that it names exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Returns the rows of the tables: for each number, the file and the name of each of its tests.
fn rows(page: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut rows = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| number")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, what, tests] = cells.as_slice() else { panic!("not three cells: {line}") };
        assert!(!what.is_empty(), "{line}");
        let test = |entry: &str| {
            let (path, name) = entry.split_once(": ").unwrap_or_else(|| panic!("no test: {entry}"));
            (path.trim_matches('`').to_owned(), name.trim_matches('`').to_owned())
        };
        let tests = tests.split("<br>").map(test).collect();
        assert!(rows.insert((*number).to_owned(), tests).is_none(), "{number} stands there twice");
    }
    rows
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the text of a file. `path` starts at the root of the repository and has `/` on every operating system.
fn read(path: &str) -> String {
    let file = path.split('/').fold(root(), |file, part| file.join(part));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_number_has_a_row_and_every_test_of_a_row_exists() {
    let rows = rows(&read("tests/FAULTS.md"));
    let faults = (1..=70).map(|number| format!("F{number:02}"));
    let field = [('A', 8), ('B', 7), ('C', 11), ('D', 11), ('E', 4), ('F', 5)];
    let field = field.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")));
    for number in faults.chain((1..=71).map(|number| format!("B{number:02}"))).chain(field) {
        assert!(rows.contains_key(&number), "{number} is missing");
    }
    let mut texts = BTreeMap::new();
    for (number, tests) in &rows {
        for (path, name) in tests {
            let text = texts.entry(path.clone()).or_insert_with(|| read(path));
            assert!(text.contains(&format!("fn {name}(")), "{number}: {path} has no test {name}");
            let part = number.to_lowercase();
            assert!(name.split('_').any(|word| word == part), "{number}: {name} does not bear the number");
        }
    }
}
