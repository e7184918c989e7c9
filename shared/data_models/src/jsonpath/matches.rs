//! The values that a path found so far, and the bound of the work to find them.

use std::cell::Cell;
use std::rc::Rc;

use super::error::EvaluationError;
use super::location::{self, Step};
use crate::value::{Value, View};

/// The most steps that the evaluation of one path on one event may take: values looked at, and a step for each
/// 256 bytes of text read for it.
pub const MAX_STEPS: usize = 200_000;
/// The most evaluations inside each other, which are at most that many values inside each other.
const MAX_DEPTH: usize = 256;
/// The bytes of text whose reading counts as one step.
const BYTES_PER_STEP: usize = 256;
/// The longest text that a path may make, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1 << 20;

/// A value that a path found.
#[derive(Debug, Clone)]
pub struct Match<'e> {
    /// The value.
    pub value: Value<'e>,
    pub(super) step: Step<'e>,
    pub(super) parent: Option<Rc<Match<'e>>>,
}

impl<'e> Match<'e> {
    /// The place of the match as a path, like `events.[0].name`.
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

    /// A value without a place.
    pub(super) fn computed(value: Value<'e>) -> Self {
        Self { value, step: Step::This, parent: None }
    }

    pub(super) fn inside(self: &Rc<Self>, step: Step<'e>, value: Value<'e>) -> Self {
        Self { value, step, parent: Some(Rc::clone(self)) }
    }
}

pub(super) type Matches<'e> = Vec<Match<'e>>;

/// Counts the steps of one evaluation.
#[derive(Debug)]
pub(super) struct Work {
    left: Cell<usize>,
    depth: Cell<usize>,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { left: Cell::new(MAX_STEPS), depth: Cell::new(0) }
    }

    /// Takes the steps of reading one level of a value.
    pub(super) fn read<'e>(&self, value: &Value<'e>) -> Result<View<'e>, EvaluationError> {
        self.take(1 + value.cost() / BYTES_PER_STEP)?;
        Ok(value.view())
    }

    /// Goes one value deeper, so that no event overflows the stack.
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

    /// Takes steps.
    pub(super) fn take(&self, steps: usize) -> Result<(), EvaluationError> {
        self.left.set(self.left.get().checked_sub(steps).ok_or(EvaluationError::TooMuchWork)?);
        Ok(())
    }
}
