//! What has no place in a line's own fields stands under `p_nonconforming`, each value under a path of its own.

use std::collections::HashSet;

use crate::event::json::{Document, write_separator, write_string};
use crate::language::masks::Masks;

/// Values of one event that are set aside one by one. Of an event with more, the event itself is set aside, once: a line
/// is never many times as long as its event, and nothing is lost.
const MOST_ASIDE: usize = 10_000;

/// A path and the JSON of the value there.
type Aside = (String, Vec<u8>);

/// The values of one event that are set aside.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    values: Vec<Aside>,
    count: u32,
    /// Values inside of masked ones, which are counted and not shown.
    hidden: u32,
}

impl SetAside {
    /// The values that have no place in the line's own fields.
    pub(super) fn count(&self) -> u32 {
        self.count.saturating_add(self.hidden)
    }

    /// Counts a value that stands inside of a masked one.
    pub(super) fn hide(&mut self) {
        self.hidden = self.hidden.saturating_add(1);
    }

    /// Sets a value aside; `value` makes it, if there is room.
    pub(super) fn push(&mut self, value: impl FnOnce() -> Aside) {
        self.count = self.count.saturating_add(1);
        if self.values.len() < MOST_ASIDE {
            self.values.push(value());
        }
    }

    /// Writes `p_nonconforming`, a comma before it, if there is anything to write.
    pub(super) fn write(mut self, event: &Document<'_>, masks: Option<&Masks>, out: &mut Vec<u8>) {
        if self.values.is_empty() {
            return;
        }
        if self.values.len() < self.count as usize {
            let mut whole = Vec::new();
            write_event(event, masks, &mut whole);
            self.values = vec![("event".to_owned(), whole)];
        }
        tell_apart(&mut self.values);
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

/// Writes all of an event. An object in the line has each key once: an event that has one twice is kept as its text.
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

/// Sorts by path, and gives equal paths a number that makes them a path which is not there.
fn tell_apart(aside: &mut [Aside]) {
    aside.sort_by(|(a, _), (b, _)| a.cmp(b));
    if aside.windows(2).all(|pair| pair[0].0 != pair[1].0) {
        return;
    }
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
    use crate::event::json;

    #[test]
    fn equal_paths_get_numbers_that_are_free() {
        let mut aside: Vec<Aside> =
            ["b", "a", "a#2", "a", "a", "b"].iter().map(|path| ((*path).to_owned(), Vec::new())).collect();
        tell_apart(&mut aside);
        let paths: Vec<_> = aside.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a", "a#3", "a#4", "a#2", "b", "b#2"]);
    }

    fn written(count: usize) -> String {
        let (mut aside, mut out) = (SetAside::default(), Vec::new());
        (0..count).for_each(|at| aside.push(|| (format!("a[{at}]"), b"1".to_vec())));
        assert_eq!(aside.count() as usize, count);
        aside.write(&json::parse(br#"{"a":[1]}"#).unwrap(), None, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn c9_an_event_with_too_many_and_a_key_twice_is_set_aside_as_its_text() {
        let (mut aside, mut out) = (SetAside::default(), Vec::new());
        (0..=MOST_ASIDE).for_each(|_| aside.push(|| ("a".to_owned(), b"1".to_vec())));
        aside.write(&json::parse(br#"{"a":[1],"a":2}"#).unwrap(), None, &mut out);
        assert_eq!(out, br#","p_nonconforming":{"event":"{\"a\":[1],\"a\":2}"}"#);
    }

    #[test]
    fn of_an_event_with_too_many_the_event_is_set_aside() {
        assert_eq!(written(0), "");
        assert_eq!(written(2), r#","p_nonconforming":{"a[0]":1,"a[1]":1}"#);
        assert!(written(MOST_ASIDE).contains(r#","a[9999]":1,"#));
        assert_eq!(written(MOST_ASIDE + 1), r#","p_nonconforming":{"event":{"a":[1]}}"#);
    }
}
