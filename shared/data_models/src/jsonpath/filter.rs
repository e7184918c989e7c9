//! Evaluates the condition of a filter, `[?(…)]`, on one element.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::{Comparison, Condition, Literal, Path};
use super::error::EvaluationError;
use super::matches::{Match, Matches, WorkLimit};
use super::python;
use crate::value::{Number, Value, View};

/// Evaluates a path that is part of a condition on an element.
type Find<'f, 'e> = &'f dyn Fn(&Path, &Rc<Match<'e>>) -> Result<Matches<'e>, EvaluationError>;

/// Returns `true` if the condition holds for the element.
pub(super) fn holds<'e>(
    condition: &Condition,
    element: &Rc<Match<'e>>,
    find: Find<'_, 'e>,
    work: &WorkLimit,
) -> Result<bool, EvaluationError> {
    match condition {
        Condition::Exists(path) => Ok(!find(path, element)?.is_empty()),
        Condition::Compares(path, comparison, literal) => {
            let found = find(path, element)?;
            any(&found, |value| compares(&work.read(value)?, *comparison, literal))
        }
        Condition::Matches(path, pattern) => {
            let found = find(path, element)?;
            any(&found, |value| match work.read(value)? {
                View::String(text) => python::is_match(pattern, &text),
                other => Err(EvaluationError::no_text(&other)),
            })
        }
        Condition::All(conditions) => {
            let mut all = true;
            // `jsonpath-ng` evaluates all conditions, so an error in the last one must show even if the first is false.
            for condition in conditions {
                all &= holds(condition, element, find, work)?;
            }
            Ok(all)
        }
        Condition::Any(conditions) => {
            for condition in conditions {
                if holds(condition, element, find, work)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn any(
    found: &[Match<'_>],
    holds: impl Fn(&Value<'_>) -> Result<bool, EvaluationError>,
) -> Result<bool, EvaluationError> {
    let mut any = false;
    for at in found {
        any |= holds(&at.value)?;
    }
    Ok(any)
}

/// Compares a value with a literal. If the literal is an integer or a boolean, a text with an integer in it is
/// converted to that integer first.
fn compares(view: &View<'_>, comparison: Comparison, literal: &Literal) -> Result<bool, EvaluationError> {
    let order = match literal {
        Literal::Integer(number) => python::integer(view)?.map(|value| Some(value.cmp(number))),
        Literal::Boolean(number) => python::integer(view)?.map(|value| Some(value.cmp(&i128::from(*number)))),
        Literal::Float(number) => Some(match python::number(view) {
            Some(value) => python::compare_numbers(value, Number::Float(*number)),
            None => None,
        }),
        Literal::String(text) => Some(match view {
            View::String(value) => Some((**value).cmp(text)),
            _ => None,
        }),
    };
    let Some(order) = order else { return Ok(false) };
    match (comparison, order) {
        (Comparison::Equal, order) => Ok(order == Some(Ordering::Equal)),
        (Comparison::NotEqual, order) => Ok(order != Some(Ordering::Equal)),
        (Comparison::MatchWithoutPattern, _) => Err(EvaluationError::NotSupported("=~ without a pattern")),
        (_, None) => Err(EvaluationError::no_order(view, &literal_view(literal))),
        (Comparison::Less, Some(order)) => Ok(order.is_lt()),
        (Comparison::LessOrEqual, Some(order)) => Ok(order.is_le()),
        (Comparison::Greater, Some(order)) => Ok(order.is_gt()),
        (Comparison::GreaterOrEqual, Some(order)) => Ok(order.is_ge()),
    }
}

fn literal_view(literal: &Literal) -> View<'_> {
    match literal {
        Literal::Integer(number) => View::Number(Number::Integer(*number)),
        Literal::Float(number) => View::Number(Number::Float(*number)),
        Literal::Boolean(value) => View::Boolean(*value),
        Literal::String(text) => View::String(text.into()),
    }
}
