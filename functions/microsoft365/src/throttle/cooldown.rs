//! The cooldown of a tenant: after the vendor has throttled a request, no request goes out for a while.

use std::sync::Mutex;
use std::time::Duration;

use collector::lock;

use jiff::Timestamp;

/// Length of a cooldown if the vendor names no wait, which is the usual case. It doubles with each further throttled
/// request until one is answered.
const FIRST_COOLDOWN: Duration = Duration::from_secs(30);
/// The longest cooldown if the vendor names no wait.
const MAX_OWN_COOLDOWN: Duration = Duration::from_secs(300);
/// Bounds of a wait that the vendor names. If it names a longer one, the next request is refused again and the answer
/// names the rest.
const MIN_NAMED_COOLDOWN: Duration = Duration::from_secs(1);
const MAX_NAMED_COOLDOWN: Duration = Duration::from_secs(900);
/// Bound of the jitter, which is a random part of at most a quarter of the cooldown.
const MAX_JITTER: Duration = Duration::from_secs(5);
/// Bound of the exponent of the doubling. The cooldown reaches [`MAX_OWN_COOLDOWN`] long before.
const MAX_DOUBLINGS: u32 = 8;

/// The cooldown of a tenant, shared by all its streams.
#[derive(Debug, Default)]
pub(crate) struct Cooldown {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    until: Timestamp,
    /// Number of cooldowns so far. The answer to a request of an earlier generation does not show whether the present
    /// cooldown was long enough.
    generation: u64,
    /// Number of cooldowns since a request was last answered without throttling.
    consecutive: u32,
}

impl Cooldown {
    /// Returns the time left of the cooldown at `now`, if there is one.
    pub(crate) fn left(&self, now: Timestamp) -> Option<Duration> {
        let left = self.with(|state| state.until).duration_since(now);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    /// Returns the generation of a request that is sent now.
    pub(crate) fn generation(&self) -> u64 {
        self.with(|state| state.generation)
    }

    /// Records that a request of that generation was answered, so the next cooldown is a short one again.
    pub(crate) fn record_answer(&self, generation: u64) {
        self.with(|state| {
            if generation == state.generation {
                state.consecutive = 0;
            }
        });
    }

    /// Records that a request of that generation was throttled. `named` is the wait that the vendor named, if any.
    ///
    /// Returns the end of a new cooldown. Returns `None` if the request was sent before the present cooldown began; a
    /// longer wait that the vendor named still extends that cooldown.
    pub(crate) fn begin(
        &self,
        generation: u64,
        named: Option<Duration>,
        now: Timestamp,
        random: u64,
    ) -> Option<Timestamp> {
        self.with(|state| {
            let is_new = generation == state.generation;
            if !is_new && named.is_none() {
                return None;
            }
            let own = FIRST_COOLDOWN.saturating_mul(1 << state.consecutive.min(MAX_DOUBLINGS)).min(MAX_OWN_COOLDOWN);
            let wait = named.map_or(own, |named| named.clamp(MIN_NAMED_COOLDOWN, MAX_NAMED_COOLDOWN));
            state.until = state.until.max(now.saturating_add(with_jitter(wait, random)).unwrap_or(now));
            if is_new {
                state.generation += 1;
                state.consecutive = state.consecutive.saturating_add(1);
            }
            is_new.then_some(state.until)
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut lock(&self.state))
    }
}

/// Lengthens `wait` by a random part, so that processes do not come back at the same moment. Never shortens it.
fn with_jitter(wait: Duration, random: u64) -> Duration {
    wait + (wait / 4).min(MAX_JITTER).mul_f64((random % 1_000) as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: u64 = 0;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn left(cooldown: &Cooldown, second: i64) -> f64 {
        cooldown.left(at(second)).unwrap_or_default().as_secs_f64()
    }

    #[test]
    fn a_cooldown_lasts_and_ends() {
        let cooldown = Cooldown::default();
        assert_eq!(left(&cooldown, 0), 0.0);
        assert_eq!(cooldown.begin(cooldown.generation(), None, at(0), NO_JITTER), Some(at(30)));
        assert_eq!([left(&cooldown, 0), left(&cooldown, 29), left(&cooldown, 30)], [30.0, 1.0, 0.0]);
    }

    #[test]
    fn a_request_sent_before_the_cooldown_begins_no_further_one() {
        let cooldown = Cooldown::default();
        let generation = cooldown.generation();
        assert!(cooldown.begin(generation, None, at(0), NO_JITTER).is_some());
        assert_eq!(cooldown.begin(generation, None, at(5), NO_JITTER), None);
        assert_eq!(left(&cooldown, 5), 25.0);
        // A longer wait that the vendor names is honoured.
        assert_eq!(cooldown.begin(generation, Some(Duration::from_secs(60)), at(5), NO_JITTER), None);
        assert_eq!(left(&cooldown, 5), 60.0);
    }

    #[test]
    fn consecutive_cooldowns_grow_until_an_answer() {
        let cooldown = Cooldown::default();
        let mut lengths = Vec::new();
        for round in 0..6 {
            cooldown.begin(cooldown.generation(), None, at(round * 1_000), NO_JITTER);
            lengths.push(left(&cooldown, round * 1_000));
        }
        assert_eq!(lengths, [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]);
        cooldown.record_answer(cooldown.generation() - 1);
        cooldown.begin(cooldown.generation(), None, at(7_000), NO_JITTER);
        assert_eq!(left(&cooldown, 7_000), 300.0);
        cooldown.record_answer(cooldown.generation());
        cooldown.begin(cooldown.generation(), None, at(8_000), NO_JITTER);
        assert_eq!(left(&cooldown, 8_000), 30.0);
    }

    #[test]
    fn a_named_wait_is_honoured_within_bounds() {
        let named = |seconds| {
            let cooldown = Cooldown::default();
            cooldown.begin(0, Some(Duration::from_secs(seconds)), at(0), NO_JITTER);
            left(&cooldown, 0)
        };
        assert_eq!([named(0), named(7), named(120), named(86_400)], [1.0, 7.0, 120.0, 900.0]);
    }

    #[test]
    fn jitter_lengthens_a_cooldown_and_never_shortens_it() {
        for random in [0, 1, 499, 999, u64::MAX] {
            let cooldown = Cooldown::default();
            cooldown.begin(0, None, at(0), random);
            assert!((30.0..=35.0).contains(&left(&cooldown, 0)), "{random}");
        }
        assert!(with_jitter(FIRST_COOLDOWN, 999) > with_jitter(FIRST_COOLDOWN, 1));
    }
}
