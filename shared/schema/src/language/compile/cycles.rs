//! Finds fields of an object that take their values from each other in a cycle.

use std::collections::HashMap;

use crate::language::model::Field;

/// The most field names of a cycle that an error message shows.
const MAX_SHOWN_NAMES: usize = 10;

/// Finds a cycle of fields that take their values from each other. Returns the index of its first field in schema
/// order, and the cycle in words.
///
/// A field that refers to itself does not count here. [`super::check::check_source`] refuses it if it reads exactly its
/// own name; it may read a path that begins with its own name.
pub(super) fn find_cycle(fields: &[Field]) -> Option<(usize, String)> {
    if fields.iter().all(|field| field.transform.is_none()) {
        return None;
    }
    let indices: HashMap<&str, usize> = fields.iter().enumerate().map(|(at, field)| (&*field.name, at)).collect();
    let sources: Vec<Vec<usize>> = fields.iter().enumerate().map(|(at, field)| sources(field, at, &indices)).collect();
    let is_remaining = remaining_fields(&sources);
    let first = is_remaining.iter().position(|is_remaining| *is_remaining)?;
    let cycle = follow_sources(first, &sources, &is_remaining);
    let first = cycle.iter().copied().min()?;
    let from_first = cycle.iter().cycle().skip_while(|at| **at != first).take(cycle.len() + 1);
    let mut names: Vec<&str> = from_first.map(|at| &*fields[*at].name).take(MAX_SHOWN_NAMES + 1).collect();
    if cycle.len() > MAX_SHOWN_NAMES {
        names[MAX_SHOWN_NAMES] = "others";
    }
    Some((first, names.join(" from ")))
}

/// Returns the indices of the other fields that a field takes its value from.
fn sources(field: &Field, own_index: usize, indices: &HashMap<&str, usize>) -> Vec<usize> {
    let paths = field.transform.as_deref().map(|transform| transform.paths(&field.name)).unwrap_or_default();
    let first_names = paths.iter().filter_map(|path| path.first());
    first_names.filter_map(|name| indices.get(name)).copied().filter(|source| *source != own_index).collect()
}

/// Removes fields that take no value from a remaining field, until there are none. Returns `true` for each field that
/// remains: following its sources leads into a cycle.
fn remaining_fields(sources: &[Vec<usize>]) -> Vec<bool> {
    let mut dependents = vec![Vec::new(); sources.len()];
    for (at, source) in sources.iter().enumerate().flat_map(|(at, of)| of.iter().map(move |source| (at, *source))) {
        dependents[source].push(at);
    }
    let mut source_counts: Vec<usize> = sources.iter().map(Vec::len).collect();
    let mut without_sources: Vec<usize> = (0..source_counts.len()).filter(|at| source_counts[*at] == 0).collect();
    let mut is_remaining = vec![true; sources.len()];
    while let Some(field) = without_sources.pop() {
        is_remaining[field] = false;
        for dependent in &dependents[field] {
            source_counts[*dependent] -= 1;
            if source_counts[*dependent] == 0 {
                without_sources.push(*dependent);
            }
        }
    }
    is_remaining
}

/// Follows the first remaining source of each field, from `first` on, until a field comes up again. Returns the cycle.
fn follow_sources(first: usize, sources: &[Vec<usize>], is_remaining: &[bool]) -> Vec<usize> {
    let (mut steps, mut at) = (Vec::new(), first);
    let mut step_of = vec![None; sources.len()];
    while step_of[at].is_none() {
        step_of[at] = Some(steps.len());
        steps.push(at);
        // A remaining field always has a source that remains, too.
        at = sources[at].iter().copied().find(|source| is_remaining[*source]).unwrap_or(at);
    }
    steps.split_off(step_of[at].unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use crate::language::model::Schema;

    fn refused(fields: &[&str]) -> Option<String> {
        let fields: String = fields.iter().map(|field| format!("- {{{field}}}\n")).collect();
        Schema::parse(&format!("schema: A.B\nfields:\n{fields}"), "a.yml").err().map(|error| error.to_string())
    }

    fn check(fields: &[&str], cycle: &str) {
        let (first, _) = cycle.split_once(" from ").unwrap();
        let expected = format!("a.yml: {first}: the field takes its value from itself: {cycle}");
        assert_eq!(refused(fields).as_deref(), Some(&*expected), "{fields:?}");
        let mut backwards = fields.to_vec();
        backwards.reverse();
        assert!(refused(&backwards).unwrap().contains("the field takes its value from itself"), "{fields:?}");
    }

    #[test]
    fn f4_fields_that_take_their_values_from_each_other_are_refused() {
        let rename = "name: a, type: string, rename: {from: b}";
        check(&[rename, "name: b, type: string, copy: {from: a}"], "a from b from a");
        check(&[rename, "name: b, type: string, rename: {from: a}"], "a from b from a");
        check(&["name: a, type: string, copy: {from: b}", "name: b, type: string, copy: {from: a}"], "a from b from a");
        check(
            &[
                "name: x, type: string, copy: {from: c}",
                rename,
                "name: c, type: string, copy: {from: a}",
                "name: b, type: string, concat: {paths: [y, c]}",
                "name: y, type: string",
            ],
            "a from b from c from a",
        );
        check(&[rename, "name: b, type: string, split: {from: a, separator: '/', index: 0}"], "a from b from a");
        check(&[rename, "name: b, type: string, copy: {from: a.x}"], "a from b from a");
        let cycle = ["name: b, type: string, copy: {from: b_}", "name: b_, type: string, copy: {from: b}"];
        let inside = cycle.map(|field| format!("{{{field}}}")).join(", ");
        let outer = format!("name: o, type: object, fields: [{inside}]");
        assert_eq!(
            refused(&[&outer]).as_deref(),
            Some("a.yml: o.b: the field takes its value from itself: b from b_ from b")
        );
    }

    #[test]
    fn f4_chains_without_a_cycle_are_accepted() {
        for fields in [
            &["name: a, type: string, rename: {from: b}", "name: b, type: string"][..],
            &["name: a, type: string, rename: {from: b}", "name: c, type: string, copy: {from: a}"],
            &["name: a, type: string, copy: {from: b}", "name: b, type: string, copy: {from: c}"],
            &["name: a, type: string, concat: {paths: [a, b]}", "name: b, type: string"],
            &["name: a, type: string, split: {from: a, separator: '@', index: 1}"],
            &["name: a, type: string, copy: {from: a.x}"],
        ] {
            assert_eq!(refused(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn f4_a_long_chain_is_followed_without_recursion() {
        let chain: Vec<String> =
            (0..5_000).map(|at| format!("name: f{at}, type: string, copy: {{from: f{}}}", at + 1)).collect();
        let mut chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        assert_eq!(refused(&chain), None);
        chain.push("name: f5000, type: string, copy: {from: f0}");
        let error = refused(&chain).unwrap();
        assert!(error.starts_with("a.yml: f0: the field takes its value from itself: f0 from f1 "), "{error}");
        assert!(error.ends_with(" from f9 from others"), "{error}");
    }
}
