//! When subscriptions were started, and which of them because they were found disabled.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use collector::{PortError, UnixSeconds, Window};
use jiff::Timestamp;

use crate::content_type::ContentType;
use crate::refusal::Task;

/// The vendor wants this long between two starts of a content type, in seconds.
const BETWEEN_STARTS: UnixSeconds = 15 * 60;
/// A head notes a start of this process a moment after it was made, in seconds.
const NOTED_WITHIN: UnixSeconds = 5;
/// A wait before the next start that the vendor names is kept from this on, and up to an hour.
const MIN_NAMED_WAIT: Duration = Duration::from_secs(1);
const MAX_NAMED_WAIT: Duration = Duration::from_secs(3_600);
/// A subscription found disabled again within this of its last start needs a person, in seconds.
const AGAIN_WITHIN: UnixSeconds = 86_400;

/// Why a content type is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// As far as we know nobody ever did.
    NeverStarted,
    /// It was started once, and then disabled.
    Disabled,
}

/// The last start of a content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// When, in our time.
    pub(super) at: UnixSeconds,
    /// Before this no other one is made.
    next: UnixSeconds,
    /// Why it came to nothing, if it did.
    pub(super) failed: Option<PortError>,
}

impl Start {
    /// A start at `at` that did not fail, or of which nothing else is known.
    pub(super) fn made(at: UnixSeconds) -> Self {
        Self { at, next: at + BETWEEN_STARTS, failed: None }
    }

    /// A start at `now` that failed. The next one may be made when the wait that the vendor named is over.
    ///
    /// The head remembers only when a start was made. Where the wait is longer than the usual one, the start is dated
    /// later, so that other processes keep the wait, too.
    pub(super) fn failed(now: UnixSeconds, wait: Option<Duration>, error: PortError) -> Self {
        let named = |wait: Duration| wait.clamp(MIN_NAMED_WAIT, MAX_NAMED_WAIT).as_secs().cast_signed();
        let next = now + wait.map_or(BETWEEN_STARTS, named);
        Self { at: now.max(next - BETWEEN_STARTS), next, failed: Some(error) }
    }
}

/// A start of what was found disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restart {
    at: UnixSeconds,
    /// The start before it, if that is not long ago.
    before: Option<UnixSeconds>,
}

/// Why a content type is not recorded, where that is a fault.
#[derive(Debug)]
pub(crate) struct NotRecorded {
    pub(crate) fault: PortError,
    /// What may be lost by it, once that is known.
    pub(crate) lost: Option<Window>,
}

impl From<PortError> for NotRecorded {
    fn from(fault: PortError) -> Self {
        Self { fault, lost: None }
    }
}

/// The starts of a tenant.
#[derive(Debug, Default)]
pub(super) struct Starts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: BTreeMap<ContentType, Start>,
    untold: BTreeMap<ContentType, Restart>,
}

impl Starts {
    /// The last start of the content type.
    pub(super) fn last(&self, content_type: ContentType) -> Option<Start> {
        self.with(|state| state.last.get(&content_type).cloned())
    }

    /// The last start, if it is too short ago for another one at `now`.
    pub(super) fn lately(&self, content_type: ContentType, now: UnixSeconds) -> Option<Start> {
        self.last(content_type).filter(|start| now < start.next)
    }

    /// What a head remembers of an earlier process's start.
    pub(super) fn remember(&self, content_type: ContentType, last_start: Option<UnixSeconds>) {
        let Some(at) = last_start else { return };
        self.with(|state| {
            let known = state.last.entry(content_type).or_insert(Start::made(at));
            if known.at + NOTED_WITHIN < at {
                *known = Start::made(at);
            }
        });
    }

    /// It was started.
    pub(super) fn started(&self, content_type: ContentType, start: Start, cause: Cause) {
        self.with(|state| {
            let before = state.last.get(&content_type).filter(|before| before.failed.is_none()).map(|before| before.at);
            if cause == Cause::Disabled && start.failed.is_none() {
                let before = before.filter(|before| start.at - before < AGAIN_WITHIN);
                state.untold.insert(content_type, Restart { at: start.at, before });
            }
            state.last.insert(content_type, start);
        });
    }

    /// A start of what was disabled, of which nobody was told yet.
    pub(super) fn untold_restart(&self, content_type: ContentType) -> Option<Restart> {
        self.with(|state| state.untold.remove(&content_type))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Restart {
    /// Tells of it. Everything that became available after `listed_from`, the start of what is to be
    /// listed now, may be lost.
    pub(super) fn told(self, listed_from: UnixSeconds, task: Task<'_>) -> NotRecorded {
        let lost = Window { from: listed_from, to: self.at };
        NotRecorded { fault: self.into_error(listed_from, task), lost: (lost.from < lost.to).then_some(lost) }
    }

    fn into_error(self, listed_from: UnixSeconds, task: Task<'_>) -> PortError {
        let time = |second| Timestamp::from_second(second).unwrap_or_default();
        let (at, from) = (time(self.at), time(listed_from));
        let lost = format!("what the vendor would have recorded between {from} and {at} may be lost");
        match self.before {
            None => PortError::next_tick(format!(
                "{task}: the subscription was disabled; it was started again at {at}, and the next tick lists on; \
                 {lost}; find out who or what disabled it"
            )),
            Some(before) => PortError::person(format!(
                "{task}: the subscription was disabled again after its start at {}; it was started once more at {at}; \
                 {lost}; stop who or what disables it",
                time(before)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use collector::Recovery;

    use super::*;

    const DLP: ContentType = ContentType::Dlp;
    const TASK: Task<'_> = Task { content_type: Some(DLP), doing: "listing content" };

    fn start(at: UnixSeconds) -> Start {
        Start::made(at)
    }

    fn failed(at: UnixSeconds) -> Start {
        Start::failed(at, None, PortError::next_tick("no"))
    }

    #[test]
    fn a_quarter_of_an_hour_between_starts() {
        let starts = Starts::default();
        assert_eq!(starts.lately(DLP, 1_000), None);
        starts.started(DLP, failed(1_000), Cause::NeverStarted);
        assert_eq!(starts.lately(DLP, 1_899), Some(failed(1_000)));
        assert_eq!(starts.lately(DLP, 1_900), None);
        assert_eq!(starts.lately(ContentType::General, 1_000), None);
    }

    #[test]
    fn the_later_start_counts_whoever_made_it() {
        let starts = Starts::default();
        starts.remember(DLP, None);
        assert_eq!(starts.last(DLP), None);
        starts.remember(DLP, Some(500));
        starts.remember(DLP, Some(400));
        assert_eq!(starts.last(DLP), Some(start(500)));
        starts.started(DLP, failed(600), Cause::NeverStarted);
        starts.remember(DLP, Some(600));
        assert_eq!(starts.last(DLP), Some(failed(600)));
        starts.remember(DLP, Some(700));
        assert_eq!(starts.last(DLP), Some(start(700)));
    }

    #[test]
    fn a5_the_next_start_is_made_when_a_named_wait_is_over() {
        for (wait, then) in [(None, 900), (Some(526), 526), (Some(0), 1), (Some(1_200), 1_200), (Some(86_400), 3_600)] {
            let (starts, wait) = (Starts::default(), wait.map(Duration::from_secs));
            starts.started(DLP, Start::failed(10_000, wait, PortError::next_tick("busy")), Cause::NeverStarted);
            assert!(starts.lately(DLP, 10_000 + then - 1).is_some(), "{wait:?}");
            assert!(starts.lately(DLP, 10_000 + then).is_none(), "{wait:?}");
            // The head has noted it meanwhile, and other processes know no other wait than the usual one.
            starts.remember(DLP, Some(10_001));
            assert!(starts.lately(DLP, 10_000 + then).is_none() && starts.last(DLP).unwrap().failed.is_some());
            let (cold, at) = (Starts::default(), starts.last(DLP).unwrap().at);
            cold.remember(DLP, Some(at));
            assert!(cold.lately(DLP, 10_000 + then.max(900) - 1).is_some(), "{wait:?}");
            assert!(cold.lately(DLP, 10_000 + then.max(900)).is_none(), "{wait:?}");
        }
    }

    #[track_caller]
    fn check_told(starts: &Starts, at: UnixSeconds, recovery: Recovery, says: &str) {
        let NotRecorded { fault, lost } = starts.untold_restart(DLP).unwrap().told(0, TASK);
        assert_eq!(fault.recovery, recovery, "{fault}");
        assert!(fault.message.starts_with("DLP.All: listing content: the subscription was disabled"), "{fault}");
        assert!(fault.message.contains(says), "{fault}");
        assert_eq!(lost, Some(Window { from: 0, to: at }));
        assert_eq!(starts.untold_restart(DLP), None);
    }

    #[test]
    fn a_restart_is_told_once_and_the_next_one_needs_a_person() {
        let starts = Starts::default();
        starts.started(DLP, start(1_000), Cause::NeverStarted);
        assert_eq!(starts.untold_restart(DLP), None);
        let starts = Starts::default();
        starts.started(DLP, start(100_000), Cause::Disabled);
        check_told(
            &starts,
            100_000,
            Recovery::NextTick,
            "between 1970-01-01T00:00:00Z and 1970-01-02T03:46:40Z may be lost",
        );
        starts.started(DLP, start(101_000), Cause::Disabled);
        check_told(&starts, 101_000, Recovery::Person, "disabled again after its start at 1970-01-02T03:46:40Z");
        starts.started(DLP, start(300_000), Cause::Disabled);
        check_told(&starts, 300_000, Recovery::NextTick, "the next tick lists on");
    }

    #[test]
    fn nothing_is_lost_of_what_is_to_come() {
        let starts = Starts::default();
        starts.started(DLP, start(1_000), Cause::Disabled);
        assert_eq!(starts.untold_restart(DLP).unwrap().told(1_000, TASK).lost, None);
    }

    #[test]
    fn a_failed_restart_is_no_restart() {
        let starts = Starts::default();
        starts.started(DLP, failed(1_000), Cause::Disabled);
        assert_eq!(starts.untold_restart(DLP), None);
        starts.started(DLP, start(2_000), Cause::Disabled);
        check_told(&starts, 2_000, Recovery::NextTick, "started again");
    }
}
