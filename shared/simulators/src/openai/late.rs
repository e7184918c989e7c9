//! The time at which an event becomes visible.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use crate::moment::after_milliseconds;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// If [`Behaviours::late_past_soon`] is set, an event from before the start is late only if it happened at most this
/// many seconds before the start.
pub(super) const LATE_SPAN_SECONDS: i64 = 240;

/// Returns the time at which an event becomes visible.
///
/// An event that is not late is visible when it happens, or from the start if it happened before the start. A late
/// event becomes visible seconds to hours later.
pub(super) fn visible_at(
    event_second: i64,
    is_late: bool,
    options: &Options,
    behaviours: &Behaviours,
    rng: &mut SeededRng,
) -> Timestamp {
    let at = Timestamp::from_second(event_second).unwrap_or(options.now);
    if !is_late {
        return at.max(options.now);
    }
    if at >= options.now || !behaviours.late_past_soon {
        return after_milliseconds(at, random_delay_milliseconds(behaviours, rng)).max(options.now);
    }
    // An older event is visible at once: collectors look back only some minutes, so they would miss it.
    if at < after_milliseconds(options.now, -LATE_SPAN_SECONDS * 1_000) {
        options.now
    } else {
        after_milliseconds(options.now, rng.between(1_000, 3_000))
    }
}

/// Returns a random delay of a late event in milliseconds: usually short, sometimes of any length up to the longest,
/// and for a share of [`Behaviours::near_max_delay`] nearly the longest.
fn random_delay_milliseconds(behaviours: &Behaviours, rng: &mut SeededRng) -> i64 {
    let max_delay_milliseconds = behaviours.max_delay_seconds.max(1).saturating_mul(1_000);
    if rng.chance(behaviours.near_max_delay) {
        rng.between(max_delay_milliseconds - max_delay_milliseconds / 20, max_delay_milliseconds)
    } else if rng.chance(0.9) {
        rng.between(1_000, max_delay_milliseconds / 100 + 1_000).min(max_delay_milliseconds)
    } else {
        rng.between(1_000, max_delay_milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);
    const DAY: i64 = 86_400;

    /// Returns the delays of a thousand late events in seconds. The events happen `offset` seconds after the start.
    fn seconds_late(offset: i64, behaviours: &Behaviours) -> Vec<i64> {
        let options = Options::new(NOW);
        let event_second = NOW.as_second() + offset;
        let at = |number| visible_at(event_second, true, &options, behaviours, &mut SeededRng::new(1, "late", number));
        (0..1_000).map(|number| at(number).as_second() - event_second).collect()
    }

    #[test]
    fn late_events_take_minutes_and_rarely_hours_within_the_bound() {
        let behaviours = Behaviours { max_delay_seconds: 26 * 3_600, ..Behaviours::default() };
        let late = seconds_late(10, &behaviours);
        let hours = late.iter().filter(|seconds| **seconds > 3_600).count();
        assert!((50..150).contains(&hours), "{hours}");
        assert!(late.iter().all(|seconds| (1..=26 * 3_600).contains(seconds)));
    }

    #[test]
    fn a_share_of_late_events_takes_nearly_the_longest_delay() {
        let behaviours = Behaviours { max_delay_seconds: DAY, near_max_delay: 0.3, ..Behaviours::default() };
        let late = seconds_late(10, &behaviours);
        let near = late.iter().filter(|seconds| **seconds >= DAY - DAY / 20).count();
        assert!((250..400).contains(&near), "{near}");
        assert!(late.iter().all(|seconds| *seconds <= DAY));
    }

    #[test]
    fn late_events_of_the_past_become_visible_soon_or_after_their_delay() {
        let soon = Behaviours { max_delay_seconds: DAY, near_max_delay: 1.0, ..Behaviours::default() };
        assert!(seconds_late(-100, &soon).iter().all(|seconds| (101..=103).contains(seconds)));
        assert!(seconds_late(-3_600, &soon).iter().all(|seconds| *seconds == 3_600), "no longer late at the start");
        let in_time = Behaviours { late_past_soon: false, ..soon };
        assert!(seconds_late(-3_600, &in_time).iter().all(|seconds| *seconds >= DAY - DAY / 20));
        assert!(seconds_late(-2 * DAY, &in_time).iter().all(|seconds| *seconds == 2 * DAY));
    }
}
