//! Prints the place of a match in the event in the format of `jsonpath-ng`.

use std::borrow::Cow;

/// One step from a value to a value inside it. The steps from the event to a match form the location of the match.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step<'e> {
    /// The path restarted at `$`, the event itself.
    Root,
    /// A value that was computed, or the event itself.
    This,
    /// The parent of the event, which does not exist.
    Nothing,
    /// The step from a value to its length, by the operator `` `len` ``.
    Length,
    Field(Cow<'e, str>),
    Index(i64),
}

/// Prints the steps from the event to a match. If a `$` restarts the path in between, only the steps after the last `$`
/// are printed.
pub(super) fn text(steps: &[&Step<'_>]) -> String {
    let is_named = |step: &Step<'_>| !matches!(step, Step::Root | Step::This | Step::Nothing);
    let start = steps.iter().rposition(|step| **step == Step::Root).unwrap_or(0);
    let named: Vec<String> = steps[start..].iter().filter(|step| is_named(step)).map(|step| one(step)).collect();
    match (named.is_empty(), steps.last()) {
        (false, _) => named.join("."),
        (true, Some(Step::Root)) => "$".to_owned(),
        (true, _) => "`this`".to_owned(),
    }
}

fn one(step: &Step<'_>) -> String {
    match step {
        Step::Root => "$".to_owned(),
        Step::This | Step::Nothing => "`this`".to_owned(),
        Step::Length => "`len`".to_owned(),
        Step::Field(name) => name.to_string(),
        Step::Index(index) => format!("[{index}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_joined_by_dots() {
        let (root, this, field, index) = (Step::Root, Step::This, Step::Field("a".into()), Step::Index(-1));
        assert_eq!(text(&[&root, &field, &index, &this]), "a.[-1]");
        assert_eq!(text(&[&root]), "$");
        assert_eq!(text(&[&this]), "`this`");
        assert_eq!(text(&[&this, &Step::Length]), "`len`");
    }
}
