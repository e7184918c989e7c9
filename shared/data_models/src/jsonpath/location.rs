//! The text of a match's place in the event, as the reference prints it.

use std::borrow::Cow;

/// A step from a value to one inside it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step<'e> {
    /// `$`
    Root,
    /// A value that was computed, or the event itself.
    This,
    /// The surroundings of the event, which are nothing.
    Nothing,
    /// `` `len` ``
    Length,
    Field(Cow<'e, str>),
    Index(i64),
}

/// Writes the steps from the event on. Where the chain begins anew, at `$` for instance, only the rest is written.
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
