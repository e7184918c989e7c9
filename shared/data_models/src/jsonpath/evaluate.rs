//! Evaluates a compiled path on an event.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::arithmetic::{self, Side};
use super::ast::{Condition, Literal, Operand, Path, Piece};
use super::error::{EvaluationError, type_name};
use super::location::Step;
use super::matches::{MAX_TEXT_BYTES, Match, Matches, WorkLimit};
use super::{filter, python};
use crate::value::{Number, Value, View};

/// Evaluates a path on an event and returns all matches.
pub(super) fn find<'e>(path: &Path, event: &Value<'e>) -> Result<Matches<'e>, EvaluationError> {
    let work = WorkLimit::new();
    let mut found = apply(path, &Rc::new(Match::computed(event.clone())), &work)?;
    if matches!(found.as_slice(), [only] if only.step == Step::Nothing) {
        found.clear();
    }
    Ok(found)
}

/// Evaluates a path that continues at a match of another path.
pub(super) fn apply<'e>(path: &Path, at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    work.take(1)?;
    match path {
        Path::Root => Ok(vec![root_of(at)]),
        Path::This => Ok(vec![Match::clone(at)]),
        Path::Parent => Ok(vec![parent_of(at)]),
        Path::Fields(names) => fields(names, at, work),
        Path::AnyField => any_field(at, work),
        Path::Index(index) => element(*index, at, work),
        Path::Slice { start, end } => slice(*start, *end, at, work),
        Path::Child(left, right) => each(&apply(left, at, work)?, |at| apply(right, at, work)),
        Path::Descendants(left, right) => each(&apply(left, at, work)?, |at| descendants(right, at, work)),
        Path::Union(left, right) => {
            let mut found = apply(left, at, work)?;
            found.extend(apply(right, at, work)?);
            Ok(found)
        }
        Path::Intersection => Err(EvaluationError::NotSupported("an intersection of paths (`&` between two paths)")),
        Path::Where(left, right) => where_found(left, right, at, work),
        Path::Filter(condition) => filtered(condition, at, work),
        Path::Sorted(keys) => sorted(keys, at, work),
        Path::Length => {
            let length = python::length(&work.read(&at.value)?).and_then(|length| i128::try_from(length).ok());
            let value = |length| Value::from(View::Number(Number::Integer(length)));
            Ok(length
                .map(|length| Match { value: value(length), step: Step::Length, parent: None })
                .into_iter()
                .collect())
        }
        Path::Substitute { pattern, replacement } => {
            let text = text_of(&work.read(&at.value)?)?;
            let replaced = substitute(pattern, replacement, &text)?;
            Ok(if replaced == text { Vec::new() } else { vec![computed_text(replaced)] })
        }
        Path::Split { separator, segment, max_splits } => {
            let View::String(text) = work.read(&at.value)? else { return Ok(Vec::new()) };
            let max_parts = max_splits.map_or(usize::MAX, |splits| splits.saturating_add(1));
            let part = text.splitn(max_parts, *separator).nth(*segment).map(|part| computed_text(part.to_owned()));
            Ok(part.into_iter().collect())
        }
        Path::Text => Ok(vec![computed_text(python::text(work.read(&at.value)?, work)?.into_owned())]),
        Path::Arithmetic { left, operator, right } => {
            arithmetic::apply(side(left, at, work)?, *operator, side(right, at, work)?)
        }
    }
}

fn computed_text<'e>(text: String) -> Match<'e> {
    Match::computed(Value::from(View::String(Cow::Owned(text))))
}

fn each<'e>(
    found: &[Match<'e>],
    then: impl Fn(&Rc<Match<'e>>) -> Result<Matches<'e>, EvaluationError>,
) -> Result<Matches<'e>, EvaluationError> {
    let mut all = Vec::new();
    for at in found {
        all.extend(then(&Rc::new(at.clone()))?);
    }
    Ok(all)
}

fn root_of<'e>(at: &Rc<Match<'e>>) -> Match<'e> {
    let mut root = at;
    while let Some(parent) = &root.parent {
        root = parent;
    }
    Match { value: root.value.clone(), step: Step::Root, parent: None }
}

/// Returns the value that contains this one. For the event itself that is a match with [`Step::Nothing`].
fn parent_of<'e>(at: &Match<'e>) -> Match<'e> {
    let nothing = || Match { value: Value::from(View::Null), step: Step::Nothing, parent: None };
    at.parent.as_deref().map_or_else(nothing, Match::clone)
}

fn fields<'e>(names: &[String], at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    let View::Object(members) = work.read(&at.value)? else { return Ok(Vec::new()) };
    let member = |name: &String| members.iter().find(|(key, _)| key == name);
    let found = names.iter().filter_map(member).cloned();
    Ok(found.map(|(name, value)| at.inside(Step::Field(name), value)).collect())
}

fn any_field<'e>(at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    let View::Object(members) = work.read(&at.value)? else { return Ok(Vec::new()) };
    work.take(members.len())?;
    Ok(members.into_iter().map(|(name, value)| at.inside(Step::Field(name), value)).collect())
}

/// Finds one element of a list, or one character of a text. A negative index counts from the end.
fn element<'e>(index: i64, at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    let view = work.read(&at.value)?;
    if !view.is_true() {
        return Ok(Vec::new());
    }
    let Some(length) = python::length(&view).and_then(|length| i64::try_from(length).ok()) else {
        return Err(EvaluationError::NoElements(type_name(&view)));
    };
    if index >= length {
        return Ok(Vec::new());
    }
    let place = usize::try_from(if index < 0 { index.saturating_add(length) } else { index });
    let place = place.map_err(|_| EvaluationError::NoElement(index))?;
    let value = match view {
        View::List(values) => values.get(place).cloned(),
        View::String(text) => {
            let character = text.chars().nth(place).map(String::from);
            character.map(|character| Value::from(View::String(Cow::Owned(character))))
        }
        view => return Err(EvaluationError::NoElements(type_name(&view))),
    };
    Ok(value.map(|value| at.inside(Step::Index(index), value)).into_iter().collect())
}

/// Finds the elements in a range of a list. A value that is not a list is treated as the only element of a list, unless
/// it is empty.
fn slice<'e>(
    start: Option<i64>,
    end: Option<i64>,
    at: &Rc<Match<'e>>,
    work: &WorkLimit,
) -> Result<Matches<'e>, EvaluationError> {
    let view = work.read(&at.value)?;
    if !view.is_true() {
        return Ok(Vec::new());
    }
    let (values, at) = match view {
        View::List(values) => (values, Rc::clone(at)),
        View::Number(Number::Float(_)) => return Err(EvaluationError::NoElements("a number")),
        _ => {
            let list = Value::from(View::List(vec![at.value.clone()]));
            (vec![at.value.clone()], Rc::new(Match { value: list, ..Match::clone(at) }))
        }
    };
    work.take(values.len())?;
    let length = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let place = |index: i64| (if index < 0 { index.saturating_add(length) } else { index }).clamp(0, length);
    let (start, end) = (start.map_or(0, place), end.map_or(length, place));
    let wanted = (0..).zip(values).filter(|(index, _)| (start..end).contains(index));
    Ok(wanted.map(|(index, value)| at.inside(Step::Index(index), value)).collect())
}

/// Applies a path to a value and to every value nested in it.
fn descendants<'e>(path: &Path, at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    if at.step == Step::Nothing {
        return Err(EvaluationError::NoParent);
    }
    let inner = |at: Match<'e>| work.deeper(|| descendants(path, &Rc::new(at), work));
    let mut found = apply(path, at, work)?;
    match work.read(&at.value)? {
        View::List(values) => {
            for (index, value) in (0..).zip(values) {
                found.extend(inner(at.inside(Step::Index(index), value))?);
            }
        }
        View::Object(members) => {
            for (name, value) in members {
                found.extend(inner(at.inside(Step::Field(name), value))?);
            }
        }
        _ => {}
    }
    Ok(found)
}

fn where_found<'e>(
    left: &Path,
    right: &Path,
    at: &Rc<Match<'e>>,
    work: &WorkLimit,
) -> Result<Matches<'e>, EvaluationError> {
    let mut kept = Vec::new();
    for found in apply(left, at, work)? {
        if !apply(right, &Rc::new(found.clone()), work)?.is_empty() {
            kept.push(found);
        }
    }
    Ok(kept)
}

/// Sorts a list by the keys. Without keys, an object gives the sorted list of its member names.
fn sorted<'e>(keys: &[(Path, bool)], at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    let mut values = match work.read(&at.value)? {
        View::List(values) => values,
        View::Object(members) if keys.is_empty() => {
            members.into_iter().map(|(name, _)| Value::from(View::String(name))).collect()
        }
        view => return Err(EvaluationError::NoElements(type_name(&view))),
    };
    work.take(values.len())?;
    let mut error = None;
    values.sort_by(|left, right| {
        let order = work.take(1).and_then(|()| order(keys, left, right, work));
        order.unwrap_or_else(|cause| {
            error.get_or_insert(cause);
            Ordering::Equal
        })
    });
    error.map_or_else(|| Ok(vec![Match::computed(Value::from(View::List(values)))]), Err)
}

/// Compares two elements by the sort keys. A key counts only if each element has exactly one value for it. Without
/// keys, the elements themselves are compared.
fn order(
    keys: &[(Path, bool)],
    left: &Value<'_>,
    right: &Value<'_>,
    work: &WorkLimit,
) -> Result<Ordering, EvaluationError> {
    if keys.is_empty() {
        return python::order(left, right, work);
    }
    let (left, right) = (Rc::new(Match::computed(left.clone())), Rc::new(Match::computed(right.clone())));
    for (path, is_falling) in keys {
        let (left, right) = (apply(path, &left, work)?, apply(path, &right, work)?);
        let ([left], [right]) = (left.as_slice(), right.as_slice()) else { continue };
        if !python::is_equal(&left.value, &right.value, work)? {
            let order = python::order(&left.value, &right.value, work)?;
            return Ok(if *is_falling { order.reverse() } else { order });
        }
    }
    Ok(Ordering::Equal)
}

fn text_of<'e>(view: &View<'e>) -> Result<Cow<'e, str>, EvaluationError> {
    match view {
        View::String(text) => Ok(text.clone()),
        view => Err(EvaluationError::no_text(view)),
    }
}

/// Replaces each match of a pattern in a text.
fn substitute(pattern: &fancy_regex::Regex, replacement: &[Piece], text: &str) -> Result<String, EvaluationError> {
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for captures in pattern.captures_iter(text) {
        let captures = captures.map_err(|_| EvaluationError::TooMuchWork)?;
        let Some(whole) = captures.get(0) else { continue };
        replaced.push_str(&text[end..whole.start()]);
        for piece in replacement {
            match piece {
                Piece::Text(text) => replaced.push_str(text),
                Piece::Group(group) => replaced.push_str(captures.get(*group).map_or("", |found| found.as_str())),
            }
        }
        end = whole.end();
        if replaced.len() > MAX_TEXT_BYTES {
            return Err(EvaluationError::TooMuchWork);
        }
    }
    replaced.push_str(&text[end..]);
    Ok(replaced)
}

/// Finds the elements of a list, or the values of an object, for which the condition holds.
fn filtered<'e>(condition: &Condition, at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Matches<'e>, EvaluationError> {
    let values = match work.read(&at.value)? {
        View::List(values) => values,
        View::Object(members) => members.into_iter().map(|(_, value)| value).collect(),
        _ => return Ok(Vec::new()),
    };
    let find = |path: &Path, element: &Rc<Match<'e>>| apply(path, element, work);
    let mut kept = Vec::new();
    for (index, value) in (0..).zip(values) {
        // The condition sees the element as the whole event: `$` in the condition means the element.
        if filter::holds(condition, &Rc::new(Match::computed(value.clone())), &find, work)? {
            kept.push(at.inside(Step::Index(index), value));
        }
    }
    Ok(kept)
}

/// Evaluates one side of an arithmetic operation.
fn side<'e>(operand: &Operand, at: &Rc<Match<'e>>, work: &WorkLimit) -> Result<Side<'e>, EvaluationError> {
    match operand {
        Operand::Path(path) => {
            let found = apply(path, at, work)?;
            if found.iter().any(|at| at.step == Step::Nothing) {
                return Err(EvaluationError::NoParent);
            }
            Ok(Side::Found(found.iter().map(|at| work.read(&at.value)).collect::<Result<_, _>>()?))
        }
        Operand::Literal(literal) => Ok(Side::Literal(match literal {
            Literal::Integer(number) => View::Number(Number::Integer(*number)),
            Literal::Float(number) => View::Number(Number::Float(*number)),
            Literal::Boolean(value) => View::Boolean(*value),
            Literal::String(text) => View::String(Cow::Owned(text.clone())),
        })),
    }
}
