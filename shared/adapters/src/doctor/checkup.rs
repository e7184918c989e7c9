//! Runs the steps of a check, each within a time limit, and keeps their results.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use collector::{Clock, time_until};
use jiff::Timestamp;

use super::code::Code;
use super::fault::Fault;
use super::step::{Step, StepName};

/// The time limit of one step.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(25);

/// The steps of one run so far. The run ends at its deadline: a step that would begin later is not checked.
#[derive(Debug)]
pub struct Checkup<C> {
    clock: C,
    deadline: Timestamp,
    source: RefCell<Option<String>>,
    steps: RefCell<Vec<Step>>,
}

impl<C: Clock> Checkup<C> {
    /// Begins a run that ends at `deadline`.
    pub fn new(clock: C, deadline: Timestamp) -> Self {
        Self { clock, deadline, source: RefCell::default(), steps: RefCell::default() }
    }

    /// Returns the clock of the run.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Names the source of the following steps; `None` if they concern all sources.
    pub fn name_source(&self, source: Option<&str>) {
        self.source.replace(source.map(str::to_owned));
    }

    /// Waits for `work` within the time limit of a step.
    pub async fn limited<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let left = time_until(self.clock.now(), self.deadline).min(STEP_TIMEOUT);
        match tokio::time::timeout(left, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let seconds = left.as_secs();
                Err(Fault::new(Code::TimedOut, format!("the step did not end within {seconds} s")))
            }
        }
    }

    /// Runs one step and records its result. `about` names the part that is checked, or is empty. `work` returns a value
    /// for later steps, and a remark or an empty text. Returns `None` if the step failed.
    pub async fn step<T>(
        &self,
        name: StepName,
        about: &str,
        work: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Option<T> {
        if self.clock.now() >= self.deadline {
            self.skip(name, about, "the time of the whole check is over");
            return None;
        }
        match self.limited(work).await {
            Ok((value, note)) => {
                self.pass(name, about, &note);
                Some(value)
            }
            Err(fault) => {
                self.fail(name, about, fault);
                None
            }
        }
    }

    /// Records a step that passed, with a remark or an empty text.
    pub fn pass(&self, name: StepName, about: &str, note: &str) {
        self.record(Step { ok: Some(true), note: some_text(note), ..self.blank(name, about) });
    }

    /// Records a step that failed.
    pub fn fail(&self, name: StepName, about: &str, fault: Fault) {
        let Fault { code, cause, fix } = fault;
        let failed =
            Step { ok: Some(false), code: Some(code), cause: Some(cause), fix: Some(fix), ..self.blank(name, about) };
        self.record(failed);
    }

    /// Records a step that was not checked, and the reason.
    pub fn skip(&self, name: StepName, about: &str, because: &str) {
        self.record(Step { cause: Some(because.to_owned()), ..self.blank(name, about) });
    }

    /// Records that none of these steps was checked, because `failed` failed.
    pub fn skip_after(&self, failed: StepName, names: &[StepName]) {
        let because = format!("the step {} failed", failed.name());
        names.iter().for_each(|name| self.skip(*name, "", &because));
    }

    /// Returns the results so far.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.into_inner()
    }

    fn record(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }

    fn blank(&self, step: StepName, about: &str) -> Step {
        let source = self.source.borrow().clone();
        Step { step, source, about: some_text(about), ok: None, code: None, cause: None, fix: None, note: None }
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn a_step_that_hangs_fails_at_the_deadline_and_later_ones_are_not_checked() {
        let checkup = Checkup::new(SystemClock, SystemClock.now() + Duration::from_millis(30));
        checkup.name_source(Some("acme"));
        assert_eq!(checkup.step(StepName::Host, "", pending::<Result<((), String), Fault>>()).await, None);
        assert_eq!(checkup.step(StepName::Token, "", ready(Ok((7, String::new())))).await, None);
        let steps = checkup.into_steps();
        assert_eq!((steps[0].ok, steps[0].code), (Some(false), Some(Code::TimedOut)));
        assert_eq!((steps[1].ok, steps[1].source.as_deref()), (None, Some("acme")));
    }
}
