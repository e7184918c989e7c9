//! Fields of an object that take their values from each other in a circle.

use std::collections::HashMap;

use crate::language::model::Field;

/// Names of a circle that are shown.
const MAX_SHOWN_NAMES: usize = 10;

/// Finds a circle of fields that take their values from each other: the place of its first field in schema order, and
/// the circle in words.
///
/// A field that takes a value from under its own name is no circle of several fields; whether it makes sense is for
/// [`super::check::check_source`] to say.
pub(super) fn find_cycle(fields: &[Field]) -> Option<(usize, String)> {
    if fields.iter().all(|field| field.transform.is_none()) {
        return None;
    }
    let places: HashMap<&str, usize> = fields.iter().enumerate().map(|(at, field)| (&*field.name, at)).collect();
    let sources: Vec<Vec<usize>> = fields.iter().enumerate().map(|(at, field)| sources(field, at, &places)).collect();
    let is_in_circle = without_ends(&sources);
    let first = is_in_circle.iter().position(|is_left| *is_left)?;
    let circle = walk(first, &sources, &is_in_circle);
    let first = circle.iter().copied().min()?;
    let turned = circle.iter().cycle().skip_while(|at| **at != first).take(circle.len() + 1);
    let mut names: Vec<&str> = turned.map(|at| &*fields[*at].name).take(MAX_SHOWN_NAMES + 1).collect();
    if circle.len() > MAX_SHOWN_NAMES {
        names[MAX_SHOWN_NAMES] = "others";
    }
    Some((first, names.join(" from ")))
}

/// The other fields that a field takes its value from.
fn sources(field: &Field, own: usize, places: &HashMap<&str, usize>) -> Vec<usize> {
    let paths = field.transform.as_deref().map(|transform| transform.paths(&field.name)).unwrap_or_default();
    let first_names = paths.iter().filter_map(|path| path.first());
    first_names.filter_map(|name| places.get(name)).copied().filter(|source| *source != own).collect()
}

/// Leaves out, again and again, fields that take nothing from those left. Every field left leads to a circle.
fn without_ends(sources: &[Vec<usize>]) -> Vec<bool> {
    let mut takers = vec![Vec::new(); sources.len()];
    for (at, source) in sources.iter().enumerate().flat_map(|(at, of)| of.iter().map(move |source| (at, *source))) {
        takers[source].push(at);
    }
    let mut open: Vec<usize> = sources.iter().map(Vec::len).collect();
    let mut ends: Vec<usize> = (0..open.len()).filter(|at| open[*at] == 0).collect();
    let mut is_left = vec![true; sources.len()];
    while let Some(end) = ends.pop() {
        is_left[end] = false;
        for taker in &takers[end] {
            open[*taker] -= 1;
            if open[*taker] == 0 {
                ends.push(*taker);
            }
        }
    }
    is_left
}

/// Goes from a field that is left to its first source that is left, until it comes round.
fn walk(first: usize, sources: &[Vec<usize>], is_left: &[bool]) -> Vec<usize> {
    let (mut way, mut at) = (Vec::new(), first);
    let mut step_of = vec![None; sources.len()];
    while step_of[at].is_none() {
        step_of[at] = Some(way.len());
        way.push(at);
        // Each field that is left has a source that is left.
        at = sources[at].iter().copied().find(|source| is_left[*source]).unwrap_or(at);
    }
    way.split_off(step_of[at].unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use crate::language::model::Schema;

    fn refused(fields: &[&str]) -> Option<String> {
        let fields: String = fields.iter().map(|field| format!("- {{{field}}}\n")).collect();
        Schema::parse(&format!("schema: A.B\nfields:\n{fields}"), "a.yml").err().map(|error| error.to_string())
    }

    fn check(fields: &[&str], circle: &str) {
        let (first, _) = circle.split_once(" from ").unwrap();
        let expected = format!("a.yml: {first}: the field takes its value from itself: {circle}");
        assert_eq!(refused(fields).as_deref(), Some(&*expected), "{fields:?}");
        let mut backwards = fields.to_vec();
        backwards.reverse();
        assert!(refused(&backwards).unwrap().contains("the field takes its value from itself"), "{fields:?}");
    }

    #[test]
    fn f4_err_fields_that_take_their_values_from_each_other() {
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
        let circle = ["name: b, type: string, copy: {from: b_}", "name: b_, type: string, copy: {from: b}"];
        let inside = circle.map(|field| format!("{{{field}}}")).join(", ");
        let outer = format!("name: o, type: object, fields: [{inside}]");
        assert_eq!(
            refused(&[&outer]).as_deref(),
            Some("a.yml: o.b: the field takes its value from itself: b from b_ from b")
        );
    }

    #[test]
    fn f4_ok_chains_without_a_circle() {
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
    fn f4_a_long_chain_is_followed_without_depth() {
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
