//! How long it took a record from when it happened to when it became available.

use jiff::Timestamp;

use super::super::behaviours::Behaviours;
use crate::dice::Dice;
use crate::moment::after_milliseconds;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When a record happened that became available at `created`, seconds since 1970. An hour to an hour
/// and a half before as a rule, and in whole minutes, so that records share seconds.
pub(in super::super) fn happened(created: Timestamp, held_up: bool, behaviours: &Behaviours, dice: &mut Dice) -> i64 {
    let before = if dice.chance(behaviours.days_old) {
        dice.between(DAY, 6 * DAY)
    } else if held_up || dice.chance(behaviours.slow) {
        dice.between(90 * MINUTE, DAY)
    } else if dice.chance(behaviours.quick) {
        dice.between(2, 10) * MINUTE
    } else {
        dice.between(60, 90) * MINUTE
    };
    after_milliseconds(created, -before).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shares of a thousand records that took up to ten minutes, up to an hour and a half, up to a
    /// day, and longer.
    fn shares(held_up: bool, behaviours: &Behaviours) -> [usize; 4] {
        let created = Timestamp::constant(1_795_338_000, 0);
        let mut dice = Dice::new(1, "latency", 0);
        let mut shares = [0; 4];
        for _ in 0..1_000 {
            let minutes = (created.as_second() - happened(created, held_up, behaviours, &mut dice)) / 60;
            assert!((2..=6 * 24 * 60).contains(&minutes), "{minutes}");
            shares[[10, 90, 24 * 60].iter().filter(|end| minutes > **end).count()] += 1;
        }
        shares
    }

    #[test]
    fn b58_most_take_an_hour_or_so_some_are_quick_and_some_take_a_day() {
        let healthy = shares(false, &Behaviours::default());
        assert!(healthy[1] > 800 && healthy[0] > 30 && healthy[2] > 5, "{healthy:?}");
        let slow = shares(false, &Behaviours { slow: 1.0, days_old: 0.0, ..Behaviours::default() });
        assert_eq!(slow[2] + slow[1], 1_000, "{slow:?}");
        let quick = shares(false, &Behaviours { quick: 1.0, slow: 0.0, days_old: 0.0, ..Behaviours::default() });
        assert_eq!(quick, [1_000, 0, 0, 0]);
    }

    #[test]
    fn b58_what_an_outage_held_up_happened_while_it_lasted() {
        let held_up = shares(true, &Behaviours { days_old: 0.0, ..Behaviours::default() });
        assert!(held_up[2] > 950 && held_up[3] == 0, "{held_up:?}");
    }

    #[test]
    fn b59_old_records_come_in_new_blobs() {
        let old = shares(false, &Behaviours { days_old: 1.0, ..Behaviours::default() });
        assert_eq!(old, [0, 0, 0, 1_000]);
    }
}
