//! The error of a failed port call, and the [`Recovery`] that cures it.

use std::fmt::Display;
use std::time::Duration;

/// The way to recover from a failure. The adapter that receives the original error decides it, because only the adapter
/// knows that error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Try again within this tick, and not before `after` if the other side asked for a wait.
    Again {
        /// The wait that the other side asked for (`Retry-After`); `None` if it named none.
        after: Option<Duration>,
    },
    /// Leave the work to the next tick; nothing is lost by waiting.
    NextTick,
    /// Leave the work to the next tick. The call was not made, because the other side had asked for a pause that is not
    /// over. The failure therefore says nothing about the window or blob.
    Paused,
    /// Leave the work to the next tick, because the failure may pass by itself. A person must act if it persists: see
    /// [`PortError::after_failures`].
    PersonIfPersistent,
    /// A person must act (bad credential, missing permission, auditing off); the message says how.
    Person,
}

/// A [`Recovery::PersonIfPersistent`] failure needs a person once it has occurred in this many ticks, or attempts, in a
/// row.
pub const PERSISTENT_AFTER: u32 = 3;

/// A failed call of a port.
///
/// `message` says what happened and what to do, in one sentence, and never holds a secret:
/// adapters build it from names, status codes and vendor error codes, not from headers,
/// requests or secret values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// The way to recover.
    pub recovery: Recovery,
    /// One sentence that says what happened and what to do.
    pub message: String,
}

impl PortError {
    /// Returns a failure that is worth another try now.
    pub fn again(message: impl Into<String>) -> Self {
        Self { recovery: Recovery::Again { after: None }, message: message.into() }
    }

    /// Returns a failure that is worth another try after the wait that the other side asked for.
    pub fn again_after(after: Duration, message: impl Into<String>) -> Self {
        Self { recovery: Recovery::Again { after: Some(after) }, message: message.into() }
    }

    /// Returns a failure after which the next tick tries again.
    pub fn next_tick(message: impl Into<String>) -> Self {
        Self { recovery: Recovery::NextTick, message: message.into() }
    }

    /// Returns the failure of a call that was not made, because the other side asked for a pause.
    pub fn paused(message: impl Into<String>) -> Self {
        Self { recovery: Recovery::Paused, message: message.into() }
    }

    /// Returns a failure that may pass by itself, and that only a person can cure if it persists.
    pub fn person_if_persistent(message: impl Into<String>) -> Self {
        Self { recovery: Recovery::PersonIfPersistent, message: message.into() }
    }

    /// Returns a failure that only a person can cure.
    pub fn person(message: impl Into<String>) -> Self {
        Self { recovery: Recovery::Person, message: message.into() }
    }

    /// Returns the failure with `context` and a colon before its message. The context is a place or a task, such as
    /// `bucket` or `logging in`.
    #[must_use]
    pub fn with_context(self, context: impl Display) -> Self {
        Self { message: format!("{context}: {}", self.message), ..self }
    }

    /// Turns [`Recovery::Again`] into [`Recovery::NextTick`] and leaves any other recovery as it is.
    #[must_use]
    pub fn for_next_tick(self) -> Self {
        match self.recovery {
            Recovery::Again { .. } => Self { recovery: Recovery::NextTick, ..self },
            Recovery::NextTick | Recovery::Paused | Recovery::PersonIfPersistent | Recovery::Person => self,
        }
    }

    /// Returns the failure as the last of `failures` failures in a row: [`Recovery::PersonIfPersistent`] becomes
    /// [`Recovery::Person`] from [`PERSISTENT_AFTER`] failures on.
    #[must_use]
    pub fn after_failures(&self, failures: u32) -> Self {
        if self.recovery != Recovery::PersonIfPersistent || failures < PERSISTENT_AFTER {
            return self.clone();
        }
        Self::person(format!("{} (it failed {PERSISTENT_AFTER} times in a row, or more often)", self.message))
    }

    /// Returns the number of [`Recovery::PersonIfPersistent`] failures in a row, this failure included. `before` is
    /// their number before this failure. Any other failure resets the number to 0.
    pub(crate) fn refusals_after(&self, before: u32) -> u32 {
        if self.recovery == Recovery::PersonIfPersistent { before.saturating_add(1) } else { 0 }
    }

    /// Returns `true` if the failure needs a person, now or if it persists. Most such failures hold for all calls, so
    /// it rarely helps to try other parts of the work.
    pub fn is_refusal(&self) -> bool {
        matches!(self.recovery, Recovery::Person | Recovery::PersonIfPersistent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_an_error_has_its_message_and_its_recovery() {
        let second = Duration::from_secs(1);
        let all = [
            (PortError::again("busy"), Recovery::Again { after: None }),
            (PortError::again_after(second, "busy"), Recovery::Again { after: Some(second) }),
            (PortError::next_tick("busy"), Recovery::NextTick),
            (PortError::paused("busy"), Recovery::Paused),
            (PortError::person_if_persistent("busy"), Recovery::PersonIfPersistent),
            (PortError::person("busy"), Recovery::Person),
        ];
        for (error, recovery) in all {
            assert_eq!((error.recovery, error.to_string().as_str()), (recovery, "busy"));
        }
    }

    #[test]
    fn ok_an_error_gets_a_context_and_waits_for_the_next_tick() {
        let in_context = PortError::person("refused").with_context("logging in");
        assert_eq!((in_context.recovery, in_context.message.as_str()), (Recovery::Person, "logging in: refused"));
        assert_eq!(PortError::again("busy").for_next_tick(), PortError::next_tick("busy"));
        assert_eq!(PortError::again_after(Duration::MAX, "busy").for_next_tick(), PortError::next_tick("busy"));
        for other in [PortError::next_tick("no"), PortError::paused("no"), PortError::person("no")] {
            assert_eq!(other.clone().for_next_tick(), other);
        }
    }

    #[test]
    fn e3_a_failure_that_may_pass_needs_a_person_once_it_persists() {
        let doubtful = PortError::person_if_persistent("refused");
        assert_eq!([1, 2].map(|failures| doubtful.after_failures(failures)), [doubtful.clone(), doubtful.clone()]);
        for failures in [PERSISTENT_AFTER, u32::MAX] {
            let error = doubtful.after_failures(failures);
            assert_eq!(error.recovery, Recovery::Person);
            assert_eq!(error.message, "refused (it failed 3 times in a row, or more often)");
        }
        let other = PortError::next_tick("busy");
        assert_eq!(other.after_failures(PERSISTENT_AFTER), other);
    }
}
