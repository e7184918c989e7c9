//! The end of a command.

use std::process::ExitCode;

use collector::{PortError, Recovery, StreamReport};

/// The meanings of exit codes, in order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All well.
    Well = 0,
    /// Not finished, and the next tick carries on; or something may be lost at the vendor.
    NextTick = 1,
    /// The command or its environment is wrong.
    Usage = 2,
    /// A person must act.
    Person = 3,
}

impl Exit {
    /// A check found faults.
    pub(crate) const FAULTS: Self = Self::NextTick;

    /// The gravest of the streams' ends.
    pub(crate) fn of(reports: &[StreamReport]) -> Self {
        let of_one = |report: &StreamReport| match &report.failure {
            Some(failure) if failure.needs_person => Self::Person,
            Some(_) => Self::NextTick,
            None if !report.drained || !report.gaps.is_empty() => Self::NextTick,
            None => Self::Well,
        };
        reports.iter().map(of_one).max().unwrap_or(Self::Well)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failed {
    /// The exit code.
    pub(crate) exit: Exit,
    /// The message: what happened and what to do.
    pub(crate) message: String,
}

impl Failed {
    /// The command or its environment is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// A person must act.
    pub(crate) fn person(message: impl Into<String>) -> Self {
        Self { exit: Exit::Person, message: message.into() }
    }
}

impl From<PortError> for Failed {
    fn from(error: PortError) -> Self {
        let exit = match error.recovery {
            Recovery::Again { .. } | Recovery::NextTick | Recovery::Paused | Recovery::PersonIfPersistent => {
                Exit::NextTick
            }
            Recovery::Person => Exit::Person,
        };
        Self { exit, message: error.message }
    }
}

/// The error of a source that could not be set up: its secret and its settings are what the caller named.
pub(crate) fn of_source(error: PortError) -> Failed {
    let failed = Failed::from(error);
    if failed.exit == Exit::Person { Failed::usage(failed.message) } else { failed }
}

#[cfg(test)]
mod tests {
    use collector::{Failure, Gap};

    use super::*;

    fn check(ends: &[(bool, Option<bool>)], exit: Exit) {
        let report = |(drained, needs_person): &(bool, Option<bool>)| StreamReport {
            drained: *drained,
            failure: needs_person.map(|needs_person| Failure { needs_person, message: String::new() }),
            ..StreamReport::default()
        };
        assert_eq!(Exit::of(&ends.iter().map(report).collect::<Vec<_>>()), exit, "{ends:?}");
    }

    #[test]
    fn gravest_end_counts() {
        check(&[], Exit::Well);
        check(&[(true, None), (true, None)], Exit::Well);
        check(&[(true, None), (false, None)], Exit::NextTick);
        check(&[(false, Some(false)), (true, None)], Exit::NextTick);
        check(&[(false, Some(true)), (false, Some(false))], Exit::Person);
    }

    #[test]
    fn d1_a_gap_is_not_all_well() {
        let gap = Gap { from: 0, to: 1, cause: String::new() };
        let report = StreamReport { drained: true, gaps: vec![gap], ..StreamReport::default() };
        assert_eq!(Exit::of(&[report]), Exit::NextTick);
    }

    #[test]
    fn d2_a_source_that_cannot_be_set_up_is_a_wrong_command() {
        assert_eq!(of_source(PortError::person("no such file")).exit, Exit::Usage);
        assert_eq!(of_source(PortError::next_tick("busy")).exit, Exit::NextTick);
    }
}
