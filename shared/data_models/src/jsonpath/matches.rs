//! The matches of a path, and the limit on the work to find them.

use std::cell::Cell;
use std::rc::Rc;

use super::error::EvaluationError;
use super::location::{self, Step};
use crate::value::{Value, View};

/// The maximum number of steps to evaluate one path on one event. A visit of a value takes one step, and one more step
/// for each 256 bytes of JSON text that it reads.
pub const MAX_STEPS: usize = 200_000;
/// The maximum depth of nested evaluations. It bounds the recursion on nested values.
const MAX_DEPTH: usize = 256;
/// The number of bytes of text that take one step to read.
const BYTES_PER_STEP: usize = 256;
/// The maximum length of a text that a path computes, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1 << 20;

/// A value that a path found.
#[derive(Debug, Clone)]
pub struct Match<'e> {
    /// The value that the path found.
    pub value: Value<'e>,
    pub(super) step: Step<'e>,
    pub(super) parent: Option<Rc<Match<'e>>>,
}

impl<'e> Match<'e> {
    /// Returns the place of the match in the event as a path, such as `events.[0].name`.
    pub fn location(&self) -> String {
        let mut steps = vec![&self.step];
        let mut parent = &self.parent;
        while let Some(of) = parent {
            steps.push(&of.step);
            parent = &of.parent;
        }
        steps.reverse();
        location::text(&steps)
    }

    /// A match for a computed value, or for the event itself, which has no place in the event.
    pub(super) fn computed(value: Value<'e>) -> Self {
        Self { value, step: Step::This, parent: None }
    }

    pub(super) fn inside(self: &Rc<Self>, step: Step<'e>, value: Value<'e>) -> Self {
        Self { value, step, parent: Some(Rc::clone(self)) }
    }
}

pub(super) type Matches<'e> = Vec<Match<'e>>;

/// Counts the steps that one evaluation has left, and its depth.
#[derive(Debug)]
pub(super) struct WorkLimit {
    left: Cell<usize>,
    depth: Cell<usize>,
}

impl WorkLimit {
    pub(super) fn new() -> Self {
        Self { left: Cell::new(MAX_STEPS), depth: Cell::new(0) }
    }

    /// Reads one level of a value and takes the steps for it.
    pub(super) fn read<'e>(&self, value: &Value<'e>) -> Result<View<'e>, EvaluationError> {
        self.take(1 + value.text_bytes() / BYTES_PER_STEP)?;
        Ok(value.view())
    }

    /// Runs `evaluate` one level deeper. Fails at the maximum depth, so that no event overflows the stack.
    pub(super) fn deeper<T>(
        &self,
        evaluate: impl FnOnce() -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        let depth = self.depth.get();
        if depth == MAX_DEPTH {
            return Err(EvaluationError::TooDeep);
        }
        self.depth.set(depth + 1);
        let result = evaluate();
        self.depth.set(depth);
        result
    }

    /// Uses up `steps` of the remaining steps.
    ///
    /// # Errors
    /// Fewer steps remain.
    pub(super) fn take(&self, steps: usize) -> Result<(), EvaluationError> {
        self.left.set(self.left.get().checked_sub(steps).ok_or(EvaluationError::TooMuchWork)?);
        Ok(())
    }
}
