//! How a command ends.

use std::process::ExitCode;

use collector::{PortError, Recovery, StreamReport};

/// What an exit code means; in order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All well.
    Well = 0,
    /// Not finished; the next tick carries on.
    NextTick = 1,
    /// The command or its environment is wrong.
    Usage = 2,
    /// A person must act.
    Person = 3,
}

impl Exit {
    /// The gravest of the streams' ends.
    pub(crate) fn of(reports: &[StreamReport]) -> Self {
        let of_one = |report: &StreamReport| match &report.failure {
            Some(failure) if failure.needs_person => Self::Person,
            Some(_) => Self::NextTick,
            None if !report.drained => Self::NextTick,
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
    /// What to exit with.
    pub(crate) exit: Exit,
    /// What happened and what to do.
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

#[cfg(test)]
mod tests {
    use collector::Failure;

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
}
