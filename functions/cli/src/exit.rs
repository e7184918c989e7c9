//! Exit codes and errors of commands.

use std::process::ExitCode;

use collector::{PortError, Recovery, StreamReport};

/// The exit codes, in order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything succeeded.
    Success = 0,
    /// The work is not finished and the next tick continues it, or there is a gap: the vendor lost events.
    NextTick = 1,
    /// The arguments, a file that they name, or a variable is wrong.
    Usage = 2,
    /// Somebody must act; the message says how.
    Person = 3,
}

impl Exit {
    /// The exit code of a command that checks something and found faults.
    pub(crate) const FAULTS: Self = Self::NextTick;

    /// Returns the most severe exit code of all streams.
    pub(crate) fn of(reports: &[StreamReport]) -> Self {
        let of_one = |report: &StreamReport| match &report.failure {
            Some(failure) if failure.needs_person => Self::Person,
            Some(_) => Self::NextTick,
            None if !report.drained || !report.gaps.is_empty() => Self::NextTick,
            None => Self::Success,
        };
        reports.iter().map(of_one).max().unwrap_or(Self::Success)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The error of a command that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failed {
    /// The exit code of the command.
    pub(crate) exit: Exit,
    /// The message for the user: what failed and what to do.
    pub(crate) message: String,
}

impl Failed {
    /// An error in the arguments, in a file that they name, or in a variable.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// An error that somebody must act on.
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

/// Converts the error of a source that could not be opened. If it needs a person, it is a usage error here, because the
/// secret and the settings come from the arguments and variables.
pub(crate) fn source_error(error: PortError) -> Failed {
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
    fn the_most_severe_exit_code_counts() {
        check(&[], Exit::Success);
        check(&[(true, None), (true, None)], Exit::Success);
        check(&[(true, None), (false, None)], Exit::NextTick);
        check(&[(false, Some(false)), (true, None)], Exit::NextTick);
        check(&[(false, Some(true)), (false, Some(false))], Exit::Person);
    }

    #[test]
    fn d1_a_gap_is_not_a_success() {
        let gap = Gap { from: 0, to: 1, cause: String::new() };
        let report = StreamReport { drained: true, gaps: vec![gap], ..StreamReport::default() };
        assert_eq!(Exit::of(&[report]), Exit::NextTick);
    }

    #[test]
    fn d2_a_source_that_cannot_be_opened_is_a_usage_error() {
        assert_eq!(source_error(PortError::person("no such file")).exit, Exit::Usage);
        assert_eq!(source_error(PortError::next_tick("busy")).exit, Exit::NextTick);
    }
}
