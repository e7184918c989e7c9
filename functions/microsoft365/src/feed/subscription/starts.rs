//! The starts of subscriptions, and the restarts of disabled ones that are not reported yet.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use collector::{PortError, UnixSeconds, Window, lock};
use jiff::Timestamp;

use crate::config::content_type::ContentType;
use crate::errors::refusal::Task;

/// Time that the vendor requires between two starts of a content type.
const START_INTERVAL_SECONDS: UnixSeconds = 15 * 60;
/// A head stores a start of this process up to this many seconds later than the start's own time.
const MAX_RECORDING_DELAY_SECONDS: UnixSeconds = 5;
/// The shortest wait before the next start that is taken from the vendor.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
/// The longest wait before the next start that is taken from the vendor.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// A subscription that is disabled again within this time after its last start needs a person.
const REPEATED_DISABLING_SECONDS: UnixSeconds = 86_400;

/// The reason for starting a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The vendor's list does not name the content type.
    NeverStarted,
    /// The subscription was disabled.
    Disabled,
}

/// A start of a content type's subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// The time of the start, by our clock.
    pub(super) at: UnixSeconds,
    /// The time from which another start may be made.
    next_allowed_at: UnixSeconds,
    /// The error of a start that failed.
    pub(super) failed: Option<PortError>,
}

impl Start {
    /// Returns a start at `at` that succeeded, or of which only the time is known.
    pub(super) fn succeeded(at: UnixSeconds) -> Self {
        Self { at, next_allowed_at: at + START_INTERVAL_SECONDS, failed: None }
    }

    /// Returns a start at `now` that failed. The next one may be made after the wait that the vendor named.
    ///
    /// A head stores only the time of a start, and other processes add the usual interval. If the vendor named a longer
    /// wait, the start is therefore dated later, so that other processes honour the wait, too.
    pub(super) fn failed(now: UnixSeconds, wait: Option<Duration>, error: PortError) -> Self {
        let named = |wait: Duration| wait.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER).as_secs().cast_signed();
        let next = now + wait.map_or(START_INTERVAL_SECONDS, named);
        Self { at: now.max(next - START_INTERVAL_SECONDS), next_allowed_at: next, failed: Some(error) }
    }
}

/// A start of a disabled subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restart {
    at: UnixSeconds,
    /// The time of the previous successful start, if it was less than [`REPEATED_DISABLING_SECONDS`] before `at`.
    previous: Option<UnixSeconds>,
}

/// The fault that keeps the vendor from recording a content type.
#[derive(Debug)]
pub(crate) struct NotRecorded {
    pub(crate) fault: PortError,
    /// The window whose records may be lost, if it is known.
    pub(crate) lost: Option<Window>,
}

impl From<PortError> for NotRecorded {
    fn from(fault: PortError) -> Self {
        Self { fault, lost: None }
    }
}

/// The last start of each content type of a tenant.
#[derive(Debug, Default)]
pub(super) struct Starts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: BTreeMap<ContentType, Start>,
    /// Restarts that no report has named yet.
    unreported: BTreeMap<ContentType, Restart>,
}

impl Starts {
    /// Returns the last start of the content type.
    pub(super) fn last(&self, content_type: ContentType) -> Option<Start> {
        self.with(|state| state.last.get(&content_type).cloned())
    }

    /// Returns the last start if the next one may not be made yet at `now`.
    pub(super) fn blocking_start(&self, content_type: ContentType, now: UnixSeconds) -> Option<Start> {
        self.last(content_type).filter(|start| now < start.next_allowed_at)
    }

    /// Records the start that a head stores, if it is later than the last known one.
    pub(super) fn remember(&self, content_type: ContentType, last_start: Option<UnixSeconds>) {
        let Some(at) = last_start else { return };
        self.with(|state| {
            let known = state.last.entry(content_type).or_insert(Start::succeeded(at));
            if known.at + MAX_RECORDING_DELAY_SECONDS < at {
                *known = Start::succeeded(at);
            }
        });
    }

    /// Records a start that this process made.
    pub(super) fn record(&self, content_type: ContentType, start: Start, cause: Cause) {
        self.with(|state| {
            let previous =
                state.last.get(&content_type).filter(|previous| previous.failed.is_none()).map(|previous| previous.at);
            if cause == Cause::Disabled && start.failed.is_none() {
                let previous = previous.filter(|previous| start.at - previous < REPEATED_DISABLING_SECONDS);
                state.unreported.insert(content_type, Restart { at: start.at, previous });
            }
            state.last.insert(content_type, start);
        });
    }

    /// Returns a restart that has not been reported, and marks it as reported.
    pub(super) fn take_unreported(&self, content_type: ContentType) -> Option<Restart> {
        self.with(|state| state.unreported.remove(&content_type))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut lock(&self.state))
    }
}

impl Restart {
    /// Returns the report of the restart. The vendor may not have recorded the time from `listed_from`, the start of
    /// the window to list, until the restart.
    pub(super) fn report(self, listed_from: UnixSeconds, task: Task<'_>) -> NotRecorded {
        let lost = Window { from: listed_from, to: self.at };
        NotRecorded { fault: self.into_error(listed_from, task), lost: (lost.from < lost.to).then_some(lost) }
    }

    fn into_error(self, listed_from: UnixSeconds, task: Task<'_>) -> PortError {
        let time = |second| Timestamp::from_second(second).unwrap_or_default();
        let (at, from) = (time(self.at), time(listed_from));
        let lost = format!("what the vendor would have recorded between {from} and {at} may be lost");
        match self.previous {
            None => PortError::next_tick(format!(
                "{task}: the subscription was disabled; it was started again at {at}, and the next tick lists on; \
                 {lost}; find out who or what disabled it"
            )),
            Some(previous) => PortError::person(format!(
                "{task}: the subscription was disabled again after its start at {}; it was started once more at {at}; \
                 {lost}; stop who or what disables it",
                time(previous)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    const DLP: ContentType = ContentType::Dlp;
    const TASK: Task<'_> = Task { content_type: Some(DLP), activity: "listing content" };

    fn start(at: UnixSeconds) -> Start {
        Start::succeeded(at)
    }

    fn failed(at: UnixSeconds) -> Start {
        Start::failed(at, None, PortError::next_tick("no"))
    }

    #[test]
    fn the_next_start_is_made_after_a_quarter_of_an_hour() {
        let starts = Starts::default();
        assert_eq!(starts.blocking_start(DLP, 1_000), None);
        starts.record(DLP, failed(1_000), Cause::NeverStarted);
        assert_eq!(starts.blocking_start(DLP, 1_899), Some(failed(1_000)));
        assert_eq!(starts.blocking_start(DLP, 1_900), None);
        assert_eq!(starts.blocking_start(ContentType::General, 1_000), None);
    }

    #[test]
    fn the_latest_start_of_any_process_counts() {
        let starts = Starts::default();
        starts.remember(DLP, None);
        assert_eq!(starts.last(DLP), None);
        starts.remember(DLP, Some(500));
        starts.remember(DLP, Some(400));
        assert_eq!(starts.last(DLP), Some(start(500)));
        starts.record(DLP, failed(600), Cause::NeverStarted);
        starts.remember(DLP, Some(600));
        assert_eq!(starts.last(DLP), Some(failed(600)));
        starts.remember(DLP, Some(700));
        assert_eq!(starts.last(DLP), Some(start(700)));
    }

    #[test]
    fn a5_the_next_start_is_made_when_a_named_wait_is_over() {
        for (wait, then) in [(None, 900), (Some(526), 526), (Some(0), 1), (Some(1_200), 1_200), (Some(86_400), 3_600)] {
            let (starts, wait) = (Starts::default(), wait.map(Duration::from_secs));
            starts.record(DLP, Start::failed(10_000, wait, PortError::next_tick("busy")), Cause::NeverStarted);
            assert!(starts.blocking_start(DLP, 10_000 + then - 1).is_some(), "{wait:?}");
            assert!(starts.blocking_start(DLP, 10_000 + then).is_none(), "{wait:?}");
            // The head stores the start a second later, which must not replace the known start. A new process knows
            // only the head's time and assumes the usual interval.
            starts.remember(DLP, Some(10_001));
            assert!(starts.blocking_start(DLP, 10_000 + then).is_none() && starts.last(DLP).unwrap().failed.is_some());
            let (cold, at) = (Starts::default(), starts.last(DLP).unwrap().at);
            cold.remember(DLP, Some(at));
            assert!(cold.blocking_start(DLP, 10_000 + then.max(900) - 1).is_some(), "{wait:?}");
            assert!(cold.blocking_start(DLP, 10_000 + then.max(900)).is_none(), "{wait:?}");
        }
    }

    #[track_caller]
    fn check_report(starts: &Starts, at: UnixSeconds, recovery: Recovery, says: &str) {
        let NotRecorded { fault, lost } = starts.take_unreported(DLP).unwrap().report(0, TASK);
        assert_eq!(fault.recovery, recovery, "{fault}");
        assert!(fault.message.starts_with("DLP.All: listing content: the subscription was disabled"), "{fault}");
        assert!(fault.message.contains(says), "{fault}");
        assert_eq!(lost, Some(Window { from: 0, to: at }));
        assert_eq!(starts.take_unreported(DLP), None);
    }

    #[test]
    fn a_restart_is_reported_once_and_a_second_one_needs_a_person() {
        let starts = Starts::default();
        starts.record(DLP, start(1_000), Cause::NeverStarted);
        assert_eq!(starts.take_unreported(DLP), None);
        let starts = Starts::default();
        starts.record(DLP, start(100_000), Cause::Disabled);
        check_report(
            &starts,
            100_000,
            Recovery::NextTick,
            "between 1970-01-01T00:00:00Z and 1970-01-02T03:46:40Z may be lost",
        );
        starts.record(DLP, start(101_000), Cause::Disabled);
        check_report(&starts, 101_000, Recovery::Person, "disabled again after its start at 1970-01-02T03:46:40Z");
        starts.record(DLP, start(300_000), Cause::Disabled);
        check_report(&starts, 300_000, Recovery::NextTick, "the next tick lists on");
    }

    #[test]
    fn a_window_that_begins_at_the_restart_loses_nothing() {
        let starts = Starts::default();
        starts.record(DLP, start(1_000), Cause::Disabled);
        assert_eq!(starts.take_unreported(DLP).unwrap().report(1_000, TASK).lost, None);
    }

    #[test]
    fn a_failed_restart_is_not_reported() {
        let starts = Starts::default();
        starts.record(DLP, failed(1_000), Cause::Disabled);
        assert_eq!(starts.take_unreported(DLP), None);
        starts.record(DLP, start(2_000), Cause::Disabled);
        check_report(&starts, 2_000, Recovery::NextTick, "started again");
    }
}
