//! What all calls of a tenant keep to together, whichever stream or source they are of: its request
//! budget, how many blobs are fetched at the same time, and pauses.

mod budget;
mod pauses;
mod permits;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use adapters::http::Url;
use collector::{Clock, PortError, Tries};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use budget::Budget;
use pauses::Pauses;
use permits::{Permit, Permits};

/// A pause is waited out if no more than this is left of it; a longer one does not fit a tick.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// The same for a call that is made only once.
const MAX_WAIT_OF_SINGLE_TRY: Duration = Duration::from_secs(5);
/// Times a call waits for its turn anew because another pause began meanwhile.
const MOST_TURNS: u32 = 8;
/// An answer that comes within this is quick.
const QUICK: SignedDuration = SignedDuration::from_secs(2);

/// Where a tenant is asked, and the tenant: the vendor counts by it.
type Place = (String, Uuid);

/// The process's tenants: two sources may be of the same one. Only those in use are kept.
static TENANTS: Mutex<BTreeMap<Place, Weak<Limits>>> = Mutex::new(BTreeMap::new());

/// A tenant's limits.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    budget: Budget,
    pauses: Pauses,
    permits: Permits,
}

/// Leave to make one call now.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    limits: &'a Limits,
    /// Of a fetch only; given back with the turn.
    permit: Option<Permit<'a>>,
    era: u64,
    began: Timestamp,
}

impl Limits {
    /// The tenant's, shared with every other source of it in this process.
    pub(crate) fn of(api: &Url, tenant: Uuid) -> Arc<Self> {
        let mut tenants = TENANTS.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, limits| limits.strong_count() > 0);
        let place = (api.to_string(), tenant);
        if let Some(known) = tenants.get(&place).and_then(Weak::upgrade) {
            return known;
        }
        let limits = Arc::new(Self::default());
        tenants.insert(place, Arc::downgrade(&limits));
        limits
    }

    /// Waits for a turn: for the end of a pause, for a permit if it is a fetch, and for the budget.
    ///
    /// A pause is an error at once ([`Recovery::Paused`](collector::Recovery::Paused)) if it does not fit this tick, or
    /// is not short and the call is to be tried only once.
    pub(crate) async fn turn(&self, clock: &impl Clock, is_fetch: bool, tries: Tries) -> Result<Turn<'_>, PortError> {
        let max_wait = match tries {
            Tries::Patient => LONGEST_WAIT,
            Tries::Once => MAX_WAIT_OF_SINGLE_TRY,
        };
        for _ in 0..MOST_TURNS {
            self.wait_out_pause(clock, max_wait).await?;
            let permit = if is_fetch { Some(self.permits.take().await) } else { None };
            let wait = self.budget.reserve(clock.now());
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let began = clock.now();
            if self.pauses.left(began).is_none() {
                return Ok(Turn { limits: self, permit, era: self.pauses.era(), began });
            }
        }
        Err(PortError::paused("too many requests for this tenant, time and again; the next tick carries on"))
    }

    async fn wait_out_pause(&self, clock: &impl Clock, max_wait: Duration) -> Result<(), PortError> {
        match self.pauses.left(clock.now()) {
            None => Ok(()),
            Some(left) if left <= max_wait => {
                clock.sleep(left).await;
                Ok(())
            }
            Some(left) => Err(PortError::paused(format!(
                "the vendor refused requests of this tenant for being too many, and no more are made for {} s; a \
                 later tick carries on where this one stops",
                left.as_secs()
            ))),
        }
    }
}

impl Turn<'_> {
    /// The call was answered as it should be.
    pub(crate) fn answered(&self, now: Timestamp) {
        self.limits.pauses.answered(self.era);
        if self.permit.is_some() && now.duration_since(self.began) <= QUICK {
            self.limits.permits.answered_quickly();
        }
    }

    /// The call was refused for being one too many: everybody pauses, and fewer fetches go on after it.
    pub(crate) fn throttled(&self, named: Option<Duration>, clock: &impl Clock) {
        if let Some(end) = self.limits.pauses.begin(self.era, named, clock.now(), clock.random()) {
            self.limits.permits.throttled();
            self.limits.budget.no_burst_from(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use collector::Recovery;
    use futures_util::FutureExt;

    use super::*;
    use crate::testing::JumpingClock;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_tenants_limits_are_shared_while_somebody_uses_them() {
        let (api, tenant) = (url("https://shared.example.com"), Uuid::from_u128(1));
        let limits = Limits::of(&api, tenant);
        assert!(Arc::ptr_eq(&limits, &Limits::of(&api, tenant)));
        assert!(!Arc::ptr_eq(&limits, &Limits::of(&api, Uuid::from_u128(2))));
        assert!(!Arc::ptr_eq(&limits, &Limits::of(&url("https://other.example.com"), tenant)));
        let gone = Arc::downgrade(&limits);
        drop(limits);
        assert!(gone.upgrade().is_none());
    }

    #[tokio::test]
    async fn everybody_keeps_a_pause_to_its_end() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        let early = limits.turn(&clock, false, Tries::Patient).await.unwrap();
        limits.turn(&clock, true, Tries::Patient).await.unwrap().throttled(None, &clock);
        // A request that was on its way lengthens nothing.
        early.throttled(None, &clock);
        assert_eq!(clock.waits(), [] as [f64; 0]);
        limits.turn(&clock, false, Tries::Patient).await.unwrap().answered(clock.now());
        limits.turn(&clock, true, Tries::Patient).await.unwrap().answered(clock.now());
        assert_eq!(clock.waits(), [30.0, 0.0375]);
    }

    #[tokio::test]
    async fn a_pause_that_does_not_fit_the_tick_is_left_to_the_next() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        limits.turn(&clock, false, Tries::Patient).await.unwrap().throttled(Some(Duration::from_secs(300)), &clock);
        for _ in 0..100 {
            let error = limits.turn(&clock, true, Tries::Patient).await.unwrap_err();
            assert_eq!(error.recovery, Recovery::Paused);
            assert!(error.message.contains("for 300 s"), "{error}");
        }
        assert!(clock.waits().is_empty());
        clock.jump(Duration::from_secs(250));
        limits.turn(&clock, true, Tries::Patient).await.unwrap();
        assert_eq!(clock.waits(), [50.0]);
    }

    #[tokio::test]
    async fn a_single_try_waits_for_a_short_pause_only() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        limits.turn(&clock, true, Tries::Once).await.unwrap().throttled(Some(Duration::from_secs(7)), &clock);
        let error = limits.turn(&clock, true, Tries::Once).await.unwrap_err();
        assert_eq!(error.recovery, Recovery::Paused);
        assert!(clock.waits().is_empty());
        limits.turn(&clock, true, Tries::Patient).await.unwrap();
        assert_eq!(clock.waits(), [7.0]);
        limits.turn(&clock, true, Tries::Once).await.unwrap().throttled(Some(Duration::from_secs(5)), &clock);
        limits.turn(&clock, true, Tries::Once).await.unwrap();
        assert_eq!(clock.waits().last(), Some(&5.0));
    }

    #[tokio::test]
    async fn three_pauses_in_a_row_are_enough_for_a_tick() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        let mut requests = 0;
        while requests < 9
            && let Ok(turn) = limits.turn(&clock, true, Tries::Patient).await
        {
            requests += 1;
            turn.throttled(None, &clock);
        }
        assert_eq!((requests, clock.waits()), (3, vec![30.0, 60.0]));
    }

    #[tokio::test]
    async fn one_who_waited_for_a_permit_keeps_a_pause_that_began_meanwhile() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        let mut turns = Vec::new();
        while let Some(turn) = limits.turn(&clock, true, Tries::Patient).now_or_never() {
            turns.push(turn.unwrap());
        }
        let mut late = limits.turn(&clock, true, Tries::Patient).boxed_local();
        assert!((&mut late).now_or_never().is_none());
        turns[0].throttled(None, &clock);
        drop(turns);
        late.await.unwrap();
        assert_eq!(clock.waits()[0], 30.0);
    }

    /// Somebody is throttled while another one sleeps.
    struct Interrupted<'a>(JumpingClock, Cell<Option<Turn<'a>>>);

    impl Clock for Interrupted<'_> {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        async fn sleep(&self, duration: Duration) {
            if let Some(turn) = self.1.take() {
                turn.throttled(None, &self.0);
            }
            self.0.sleep(duration).await;
        }

        fn random(&self) -> u64 {
            self.0.random()
        }
    }

    #[tokio::test]
    async fn one_who_waited_for_the_budget_keeps_a_pause_that_began_meanwhile() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        let first = limits.turn(&clock, false, Tries::Patient).await.unwrap();
        while clock.waits().is_empty() {
            limits.turn(&clock, false, Tries::Patient).await.unwrap();
        }
        let interrupted = Interrupted(clock.clone(), Cell::new(Some(first)));
        limits.turn(&interrupted, false, Tries::Patient).await.unwrap();
        let waited: f64 = clock.waits()[1..].iter().sum();
        assert!((30.0..30.1).contains(&waited), "{waited}");
    }

    #[tokio::test]
    async fn only_quick_fetches_allow_more() {
        let (limits, clock) = (Limits::default(), JumpingClock::new());
        let in_flight = || {
            let turn = || limits.turn(&clock, true, Tries::Patient).now_or_never().map(Result::unwrap);
            std::iter::from_fn(turn).collect::<Vec<_>>()
        };
        let few = in_flight();
        let slow = clock.now() + SignedDuration::from_secs(3);
        few.iter().for_each(|turn| turn.answered(slow));
        let listing = limits.turn(&clock, false, Tries::Patient).await.unwrap();
        (0..10).for_each(|_| listing.answered(clock.now()));
        assert!(in_flight().is_empty());
        few.iter().for_each(|turn| turn.answered(clock.now()));
        assert_eq!(in_flight().len(), 1);
    }
}
