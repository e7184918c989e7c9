//! Evaluates `left + right`, `left - right` and `left * right` by Python's rules.

use std::borrow::Cow;

use super::ast::Operator;
use super::error::EvaluationError;
use super::matches::{MAX_TEXT_BYTES, Match, Matches};
use super::python;
use crate::value::{Number, Value, View};

/// Applies the operator to each pair of values from the two sides. A literal forms a pair with each value of the other
/// side. The result is empty if any pair has no result, or if two paths found different numbers of values.
pub(super) fn apply<'e>(left: Side<'e>, operator: Operator, right: Side<'e>) -> Result<Matches<'e>, EvaluationError> {
    let pairs: Vec<(View<'e>, View<'e>)> = match (left, right) {
        (Side::Found(left), Side::Found(right)) if left.len() == right.len() => left.into_iter().zip(right).collect(),
        (Side::Found(_), Side::Found(_)) => return Ok(Vec::new()),
        (Side::Found(left), Side::Literal(right)) => left.into_iter().map(|left| (left, right.clone())).collect(),
        (Side::Literal(left), Side::Found(right)) => right.into_iter().map(|right| (left.clone(), right)).collect(),
        (Side::Literal(left), Side::Literal(right)) => vec![(left, right)],
    };
    let mut results = Vec::new();
    for (left, right) in pairs {
        match result(left, operator, right)? {
            Some(view) => results.push(Match::computed(Value::from(view))),
            None => return Ok(Vec::new()),
        }
    }
    Ok(results)
}

/// The operand values on one side of an operation.
pub(super) enum Side<'e> {
    /// The values that a path found.
    Found(Vec<View<'e>>),
    /// A literal in the path.
    Literal(View<'e>),
}

/// Returns the result for one pair; `None` if the operator does not apply to values of these types.
fn result<'e>(left: View<'e>, operator: Operator, right: View<'e>) -> Result<Option<View<'e>>, EvaluationError> {
    if let (Some(left), Some(right)) = (python::number(&left), python::number(&right)) {
        return numbers(left, operator, right).map(|number| Some(View::Number(number)));
    }
    match (left, operator, right) {
        (View::String(left), Operator::Add, View::String(right)) => {
            check_size(left.len() + right.len())?;
            Ok(Some(View::String(Cow::Owned(left.into_owned() + &right))))
        }
        (View::List(mut left), Operator::Add, View::List(right)) => {
            check_size(left.len() + right.len())?;
            left.extend(right);
            Ok(Some(View::List(left)))
        }
        (left, Operator::Multiply, right) => match (python::number(&left), python::number(&right)) {
            (None, Some(Number::Integer(times))) => repeated(left, times),
            (Some(Number::Integer(times)), None) => repeated(right, times),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn numbers(left: Number, operator: Operator, right: Number) -> Result<Number, EvaluationError> {
    if let (Number::Integer(left), Number::Integer(right)) = (left, right) {
        let result = match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
        };
        return result.map(Number::Integer).ok_or(EvaluationError::TooMuchWork);
    }
    let (left, right) = (left.as_float(), right.as_float());
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
    };
    // JSON has no infinity and no NaN.
    if result.is_finite() { Ok(Number::Float(result)) } else { Err(EvaluationError::TooMuchWork) }
}

fn repeated<'e>(view: View<'e>, times: i128) -> Result<Option<View<'e>>, EvaluationError> {
    let times = usize::try_from(times.max(0)).map_err(|_| EvaluationError::TooMuchWork)?;
    match view {
        View::String(text) => {
            check_size(text.len().saturating_mul(times))?;
            Ok(Some(View::String(Cow::Owned(text.repeat(times)))))
        }
        View::List(values) => {
            check_size(values.len().saturating_mul(times))?;
            let count = values.len() * times;
            Ok(Some(View::List(values.into_iter().cycle().take(count).collect())))
        }
        _ => Ok(None),
    }
}

fn check_size(size: usize) -> Result<(), EvaluationError> {
    if size > MAX_TEXT_BYTES { Err(EvaluationError::TooMuchWork) } else { Ok(()) }
}
