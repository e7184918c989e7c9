//! Collects the values that do not fit into the line's fields, and writes them under `p_nonconforming`, each by its
//! path.

use std::collections::HashSet;

use crate::event::json::{Document, write_separator, write_string};
use crate::language::masks::Masks;

/// The most values of one event that are put one by one under `p_nonconforming`. If there are more, the whole event is
/// put there instead, so that nothing is lost and a line is never many times as long as its event.
const MAX_VALUES: usize = 10_000;

/// A path, and the JSON of the value at the path.
type NonconformingValue = (String, Vec<u8>);

/// The values of one event for `p_nonconforming`.
#[derive(Debug, Default)]
pub(super) struct Nonconforming {
    values: Vec<NonconformingValue>,
    /// The number of values, including those beyond [`MAX_VALUES`].
    count: u32,
    /// The number of values that are counted but not shown, because they are inside of masked values.
    hidden_count: u32,
}

impl Nonconforming {
    /// Returns the number of values, shown or hidden.
    pub(super) fn count(&self) -> u32 {
        self.count.saturating_add(self.hidden_count)
    }

    /// Counts a value that is not shown, because it is inside of a masked value.
    pub(super) fn count_hidden(&mut self) {
        self.hidden_count = self.hidden_count.saturating_add(1);
    }

    /// Adds a value. Calls `value` only if the limit is not reached.
    pub(super) fn push(&mut self, value: impl FnOnce() -> NonconformingValue) {
        self.count = self.count.saturating_add(1);
        if self.values.len() < MAX_VALUES {
            self.values.push(value());
        }
    }

    /// Writes `p_nonconforming` with a comma before it, unless it is empty.
    pub(super) fn write(mut self, event: &Document<'_>, masks: Option<&Masks>, out: &mut Vec<u8>) {
        if self.values.is_empty() {
            return;
        }
        if self.values.len() < self.count as usize {
            let mut whole = Vec::new();
            write_event(event, masks, &mut whole);
            self.values = vec![("event".to_owned(), whole)];
        }
        make_paths_distinct(&mut self.values);
        out.extend_from_slice(b",\"p_nonconforming\":{");
        for (path, value) in &self.values {
            write_separator(out);
            write_string(path, out);
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.push(b'}');
    }
}

/// Writes a whole event. An object of the line has each key once, so an event with duplicate keys is written as a text.
fn write_event(event: &Document<'_>, masks: Option<&Masks>, out: &mut Vec<u8>) {
    match (masks, event.has_duplicate_keys(Document::ROOT)) {
        (None, false) => event.write(Document::ROOT, out),
        (None, true) => write_string(event.raw(Document::ROOT), out),
        (Some(masks), false) => masks.write(event, Document::ROOT, out),
        (Some(masks), true) => {
            let mut text = Vec::new();
            masks.write_with_duplicates(event, Document::ROOT, &mut text);
            write_string(&String::from_utf8_lossy(&text), out);
        }
    }
}

/// Sorts the values by path. If several have the same path, appends a number to all but the first, so that all paths
/// differ.
fn make_paths_distinct(values: &mut [NonconformingValue]) {
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    if values.windows(2).all(|pair| pair[0].0 != pair[1].0) {
        return;
    }
    let mut taken: HashSet<String> = values.iter().map(|(path, _)| path.clone()).collect();
    let (mut last, mut number) = (None, 1);
    for (path, _) in values {
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
    use crate::event::json;

    #[test]
    fn equal_paths_get_free_numbers() {
        let mut values: Vec<NonconformingValue> =
            ["b", "a", "a#2", "a", "a", "b"].iter().map(|path| ((*path).to_owned(), Vec::new())).collect();
        make_paths_distinct(&mut values);
        let paths: Vec<_> = values.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a", "a#3", "a#4", "a#2", "b", "b#2"]);
    }

    fn written(count: usize) -> String {
        let (mut values, mut out) = (Nonconforming::default(), Vec::new());
        (0..count).for_each(|at| values.push(|| (format!("a[{at}]"), b"1".to_vec())));
        assert_eq!(values.count() as usize, count);
        values.write(&json::parse(br#"{"a":[1]}"#).unwrap(), None, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn c9_an_event_with_too_many_values_and_duplicate_keys_is_set_aside_as_its_text() {
        let (mut values, mut out) = (Nonconforming::default(), Vec::new());
        (0..=MAX_VALUES).for_each(|_| values.push(|| ("a".to_owned(), b"1".to_vec())));
        values.write(&json::parse(br#"{"a":[1],"a":2}"#).unwrap(), None, &mut out);
        assert_eq!(out, br#","p_nonconforming":{"event":"{\"a\":[1],\"a\":2}"}"#);
    }

    #[test]
    fn an_event_with_too_many_values_is_set_aside_as_a_whole() {
        assert_eq!(written(0), "");
        assert_eq!(written(2), r#","p_nonconforming":{"a[0]":1,"a[1]":1}"#);
        assert!(written(MAX_VALUES).contains(r#","a[9999]":1,"#));
        assert_eq!(written(MAX_VALUES + 1), r#","p_nonconforming":{"event":{"a":[1]}}"#);
    }
}
