//! When an event can be seen.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use crate::dice::Dice;
use crate::moment::after_milliseconds;
use crate::options::Options;

/// Late events that show up soon after the start happened at most this long before it, seconds.
pub(super) const LATE_WITHIN: i64 = 240;

/// What happened before the start can be seen at the start, what happens later when it happens, and
/// if it is late, seconds to hours after that.
pub(super) fn visible_at(
    second: i64,
    is_late: bool,
    options: &Options,
    behaviours: &Behaviours,
    dice: &mut Dice,
) -> Timestamp {
    let at = Timestamp::from_second(second).unwrap_or(options.now);
    if !is_late {
        return at.max(options.now);
    }
    if at >= options.now || !behaviours.late_past_soon {
        return after_milliseconds(at, lateness(behaviours, dice)).max(options.now);
    }
    // Later than any collector looks back is no lateness but a loss.
    if at < after_milliseconds(options.now, -LATE_WITHIN * 1_000) {
        options.now
    } else {
        after_milliseconds(options.now, dice.between(1_000, 3_000))
    }
}

/// How late a late event is, milliseconds: most a little, some anything, some nearly as late as can be.
fn lateness(behaviours: &Behaviours, dice: &mut Dice) -> i64 {
    let longest = behaviours.latest_seconds.max(1).saturating_mul(1_000);
    if dice.chance(behaviours.near_latest) {
        dice.between(longest - longest / 20, longest)
    } else if dice.chance(0.9) {
        dice.between(1_000, longest / 100 + 1_000).min(longest)
    } else {
        dice.between(1_000, longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);
    const DAY: i64 = 86_400;

    /// How many seconds after they happened a thousand late events can be seen; they happen `offset` from the start.
    fn seconds_late(offset: i64, behaviours: &Behaviours) -> Vec<i64> {
        let options = Options::new(NOW);
        let second = NOW.as_second() + offset;
        let at = |number| visible_at(second, true, &options, behaviours, &mut Dice::new(1, "late", number));
        (0..1_000).map(|number| at(number).as_second() - second).collect()
    }

    #[test]
    fn minutes_rarely_hours_and_never_beyond_the_bound() {
        let behaviours = Behaviours { latest_seconds: 26 * 3_600, ..Behaviours::default() };
        let late = seconds_late(10, &behaviours);
        let hours = late.iter().filter(|seconds| **seconds > 3_600).count();
        assert!((50..150).contains(&hours), "{hours}");
        assert!(late.iter().all(|seconds| (1..=26 * 3_600).contains(seconds)));
    }

    #[test]
    fn a_share_comes_near_the_bound() {
        let behaviours = Behaviours { latest_seconds: DAY, near_latest: 0.3, ..Behaviours::default() };
        let late = seconds_late(10, &behaviours);
        let near = late.iter().filter(|seconds| **seconds >= DAY - DAY / 20).count();
        assert!((250..400).contains(&near), "{near}");
        assert!(late.iter().all(|seconds| *seconds <= DAY));
    }

    #[test]
    fn those_of_the_past_come_soon_or_in_their_time() {
        let soon = Behaviours { latest_seconds: DAY, near_latest: 1.0, ..Behaviours::default() };
        assert!(seconds_late(-100, &soon).iter().all(|seconds| (101..=103).contains(seconds)));
        assert!(seconds_late(-3_600, &soon).iter().all(|seconds| *seconds == 3_600), "no longer late at the start");
        let in_time = Behaviours { late_past_soon: false, ..soon };
        assert!(seconds_late(-3_600, &in_time).iter().all(|seconds| *seconds >= DAY - DAY / 20));
        assert!(seconds_late(-2 * DAY, &in_time).iter().all(|seconds| *seconds == 2 * DAY));
    }
}
