//! Pauses: once the vendor has refused a request for being too many, the tenant asks nothing for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// The pause when the vendor names none, as it mostly does not; doubled each time it is refused
/// again without an answer in between.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// No pause of our own is longer.
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(300);
/// A pause the vendor names is kept up to this; the next refusal names the next one.
const LONGEST_NAMED_PAUSE: Duration = Duration::from_secs(900);
/// One that it names as nothing at all is one still.
const SHORTEST_NAMED_PAUSE: Duration = Duration::from_secs(1);
/// A pause is lengthened by up to a quarter, by chance, but not by more than this.
const MOST_JITTER: Duration = Duration::from_secs(5);

/// The tenant's pauses. All its streams keep them together.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    until: Timestamp,
    /// Counts the pauses: a request of an earlier era says nothing about this one.
    era: u64,
    /// Pauses since the last answer.
    in_a_row: u32,
}

impl Pauses {
    /// What is left of the pause at `now`, if there is one.
    pub(crate) fn left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.with(|state| state.until).duration_since(now);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    /// The era a request is sent in.
    pub(crate) fn era(&self) -> u64 {
        self.with(|state| state.era)
    }

    /// A request of that era was answered: the vendor has time for us again.
    pub(crate) fn answered(&self, era: u64) {
        self.with(|state| {
            if era == state.era {
                state.in_a_row = 0;
            }
        });
    }

    /// A request of that era was one too many; the vendor may have named a wait. The end of a new
    /// pause, or `None` where the request was on its way already when the present one began.
    pub(crate) fn begin(&self, era: u64, named: Option<Duration>, now: Timestamp, random: u64) -> Option<Timestamp> {
        self.with(|state| {
            let is_new = era == state.era;
            if !is_new && named.is_none() {
                return None;
            }
            let own = FIRST_PAUSE.saturating_mul(1 << state.in_a_row.min(8)).min(LONGEST_OWN_PAUSE);
            let wait =
                jittered(named.map_or(own, |named| named.clamp(SHORTEST_NAMED_PAUSE, LONGEST_NAMED_PAUSE)), random);
            state.until = state.until.max(now.saturating_add(wait).unwrap_or(now));
            if is_new {
                state.era += 1;
                state.in_a_row = state.in_a_row.saturating_add(1);
            }
            is_new.then_some(state.until)
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Never sooner than that, and not always at the same moment after it.
fn jittered(wait: Duration, random: u64) -> Duration {
    wait + (wait / 4).min(MOST_JITTER).mul_f64((random % 1_000) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_CHANCE: u64 = 0;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn left(pauses: &Pauses, second: i64) -> f64 {
        pauses.left(at(second)).unwrap_or_default().as_secs_f64()
    }

    #[test]
    fn a_pause_holds_and_ends() {
        let pauses = Pauses::default();
        assert_eq!(left(&pauses, 0), 0.0);
        assert_eq!(pauses.begin(pauses.era(), None, at(0), NO_CHANCE), Some(at(30)));
        assert_eq!([left(&pauses, 0), left(&pauses, 29), left(&pauses, 30)], [30.0, 1.0, 0.0]);
    }

    #[test]
    fn what_was_on_its_way_begins_no_further_pause() {
        let pauses = Pauses::default();
        let era = pauses.era();
        assert!(pauses.begin(era, None, at(0), NO_CHANCE).is_some());
        assert_eq!(pauses.begin(era, None, at(5), NO_CHANCE), None);
        assert_eq!(left(&pauses, 5), 25.0);
        // But a wait it brings is kept.
        assert_eq!(pauses.begin(era, Some(Duration::from_secs(60)), at(5), NO_CHANCE), None);
        assert_eq!(left(&pauses, 5), 60.0);
    }

    #[test]
    fn pauses_in_a_row_grow_until_an_answer() {
        let pauses = Pauses::default();
        let mut lengths = Vec::new();
        for turn in 0..6 {
            pauses.begin(pauses.era(), None, at(turn * 1_000), NO_CHANCE);
            lengths.push(left(&pauses, turn * 1_000));
        }
        assert_eq!(lengths, [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]);
        pauses.answered(pauses.era() - 1);
        pauses.begin(pauses.era(), None, at(7_000), NO_CHANCE);
        assert_eq!(left(&pauses, 7_000), 300.0);
        pauses.answered(pauses.era());
        pauses.begin(pauses.era(), None, at(8_000), NO_CHANCE);
        assert_eq!(left(&pauses, 8_000), 30.0);
    }

    #[test]
    fn a_named_wait_is_kept_within_bounds() {
        let named = |seconds| {
            let pauses = Pauses::default();
            pauses.begin(0, Some(Duration::from_secs(seconds)), at(0), NO_CHANCE);
            left(&pauses, 0)
        };
        assert_eq!([named(0), named(7), named(120), named(86_400)], [1.0, 7.0, 120.0, 900.0]);
    }

    #[test]
    fn chance_lengthens_a_pause_and_never_shortens_it() {
        for random in [0, 1, 499, 999, u64::MAX] {
            let pauses = Pauses::default();
            pauses.begin(0, None, at(0), random);
            assert!((30.0..=35.0).contains(&left(&pauses, 0)), "{random}");
        }
        assert!(jittered(FIRST_PAUSE, 999) > jittered(FIRST_PAUSE, 1));
    }
}
