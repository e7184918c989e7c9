//! The errors of parsing and of evaluating a path.

use crate::value::View;

/// A text is not a valid path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {reason}", at + 1)]
pub struct PathError {
    /// The byte offset at which parsing failed.
    pub at: usize,
    /// The reason as readable text.
    pub reason: String,
}

impl PathError {
    pub(super) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }
}

/// A path cannot be evaluated on an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// Values of these two types cannot be ordered.
    #[error("{0} and {1} have no order")]
    NoOrder(&'static str, &'static str),
    /// The path needs a number, but the value has this type.
    #[error("{0} is no number")]
    NoNumber(&'static str),
    /// The path needs a value with elements, but the value has this type.
    #[error("{0} has no elements")]
    NoElements(&'static str),
    /// The path needs a text, but the value has this type.
    #[error("{0} is no text")]
    NoText(&'static str),
    /// A negative index lies before the beginning of the list.
    #[error("the list has no element {0}")]
    NoElement(i64),
    /// The path asks for the parent of the event itself.
    #[error("the event itself has no parent")]
    NoParent,
    /// `jsonpath-ng` parses this operator but cannot evaluate it, and neither can this library.
    #[error("{0} cannot be evaluated")]
    NotSupported(&'static str),
    /// The event is nested more deeply than the evaluation allows.
    #[error("the event is nested too deeply for the path")]
    TooDeep,
    /// The evaluation takes too many steps, or a result would be too large or not finite.
    #[error("the path takes too much work on this event")]
    TooMuchWork,
}

impl EvaluationError {
    pub(super) fn no_order(left: &View<'_>, right: &View<'_>) -> Self {
        Self::NoOrder(type_name(left), type_name(right))
    }

    pub(super) fn no_number(view: &View<'_>) -> Self {
        Self::NoNumber(type_name(view))
    }

    pub(super) fn no_text(view: &View<'_>) -> Self {
        Self::NoText(type_name(view))
    }
}

pub(super) fn type_name(view: &View<'_>) -> &'static str {
    match view {
        View::Null => "null",
        View::Boolean(_) => "a boolean",
        View::Number(_) => "a number",
        View::String(_) => "a text",
        View::List(_) => "a list",
        View::Object(_) => "an object",
    }
}
