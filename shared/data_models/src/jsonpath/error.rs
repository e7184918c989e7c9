//! The errors of a text that is no path, and of a path that cannot be evaluated.

use crate::value::View;

/// A text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {reason}", at + 1)]
pub struct PathError {
    /// The byte at which the text stops being a path, from 0.
    pub at: usize,
    /// The fault at that place.
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
    /// Values of these types have no order.
    #[error("{0} and {1} have no order")]
    NoOrder(&'static str, &'static str),
    /// A value of this type is no number.
    #[error("{0} is no number")]
    NoNumber(&'static str),
    /// A value of this type has no elements.
    #[error("{0} has no elements")]
    NoElements(&'static str),
    /// A value of this type is no text.
    #[error("{0} is no text")]
    NoText(&'static str),
    /// An index from the end of a list lies before its beginning.
    #[error("the list has no element {0}")]
    NoElement(i64),
    /// Around the event itself there is nothing.
    #[error("the event itself has no parent")]
    NoParent,
    /// The operator exists in the dialect, and the reference does not evaluate it.
    #[error("{0} cannot be evaluated")]
    NotSupported(&'static str),
    /// The path would go too deep into values inside each other.
    #[error("the event is nested too deeply for the path")]
    TooDeep,
    /// The evaluation would take too many steps, or its result is too large.
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
