//! The time between the moment when a record happened and the moment when it became available.

use jiff::Timestamp;

use super::super::behaviours::Behaviours;
use crate::moment::after_milliseconds;
use crate::seeded_rng::SeededRng;

const MINUTE_MILLISECONDS: i64 = 60_000;
const HOUR_MILLISECONDS: i64 = 60 * MINUTE_MILLISECONDS;
const DAY_MILLISECONDS: i64 = 24 * HOUR_MILLISECONDS;

/// Returns a random time at which a record happened, in seconds since 1970. `created` is the time at which its blob
/// became available. Usually the two times are 60 to 90 whole minutes apart, so that several records of a blob have the
/// same time.
pub(in super::super) fn random_event_seconds(
    created: Timestamp,
    is_delayed: bool,
    behaviours: &Behaviours,
    rng: &mut SeededRng,
) -> i64 {
    let age_milliseconds = if rng.chance(behaviours.days_old_records) {
        rng.between(DAY_MILLISECONDS, 6 * DAY_MILLISECONDS)
    } else if is_delayed || rng.chance(behaviours.slow_records) {
        rng.between(90 * MINUTE_MILLISECONDS, DAY_MILLISECONDS)
    } else if rng.chance(behaviours.quick_records) {
        rng.between(2, 10) * MINUTE_MILLISECONDS
    } else {
        rng.between(60, 90) * MINUTE_MILLISECONDS
    };
    after_milliseconds(created, -age_milliseconds).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts a thousand records by their latency: up to 10 minutes, up to 90 minutes, up to a day, and longer.
    fn latency_counts(is_delayed: bool, behaviours: &Behaviours) -> [usize; 4] {
        let created = Timestamp::constant(1_795_338_000, 0);
        let mut rng = SeededRng::new(1, "latency", 0);
        let mut latency_counts = [0; 4];
        for _ in 0..1_000 {
            let minutes = (created.as_second() - random_event_seconds(created, is_delayed, behaviours, &mut rng)) / 60;
            assert!((2..=6 * 24 * 60).contains(&minutes), "{minutes}");
            latency_counts[[10, 90, 24 * 60].iter().filter(|end| minutes > **end).count()] += 1;
        }
        latency_counts
    }

    #[test]
    fn b58_most_records_take_about_an_hour_some_minutes_and_some_a_day() {
        let healthy = latency_counts(false, &Behaviours::default());
        assert!(healthy[1] > 800 && healthy[0] > 30 && healthy[2] > 5, "{healthy:?}");
        let slow =
            latency_counts(false, &Behaviours { slow_records: 1.0, days_old_records: 0.0, ..Behaviours::default() });
        assert_eq!(slow[2] + slow[1], 1_000, "{slow:?}");
        let quick = latency_counts(
            false,
            &Behaviours { quick_records: 1.0, slow_records: 0.0, days_old_records: 0.0, ..Behaviours::default() },
        );
        assert_eq!(quick, [1_000, 0, 0, 0]);
    }

    #[test]
    fn b58_records_that_an_outage_delayed_happened_during_it() {
        let delayed = latency_counts(true, &Behaviours { days_old_records: 0.0, ..Behaviours::default() });
        assert!(delayed[2] > 950 && delayed[3] == 0, "{delayed:?}");
    }

    #[test]
    fn b59_new_blobs_may_have_old_records() {
        let old = latency_counts(false, &Behaviours { days_old_records: 1.0, ..Behaviours::default() });
        assert_eq!(old, [0, 0, 0, 1_000]);
    }
}
