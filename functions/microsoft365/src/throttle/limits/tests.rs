//! The limits of a tenant together: cooldown, rate limiter and concurrency limit.

use std::cell::Cell;

use collector::Recovery;
use futures_util::FutureExt;

use super::*;
use crate::tests::fakes::JumpingClock;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn limits_of_a_tenant_are_shared_while_in_use() {
    let (api, tenant) = (url("https://shared.example.com"), Uuid::from_u128(1));
    let limits = Limits::shared(&api, tenant);
    assert!(Arc::ptr_eq(&limits, &Limits::shared(&api, tenant)));
    assert!(!Arc::ptr_eq(&limits, &Limits::shared(&api, Uuid::from_u128(2))));
    assert!(!Arc::ptr_eq(&limits, &Limits::shared(&url("https://other.example.com"), tenant)));
    let gone = Arc::downgrade(&limits);
    drop(limits);
    assert!(gone.upgrade().is_none());
}

#[tokio::test]
async fn every_call_waits_for_the_end_of_a_cooldown() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    let early = limits.admit(&clock, false, Tries::Patient).await.unwrap();
    limits.admit(&clock, true, Tries::Patient).await.unwrap().record_throttling(None, &clock);
    // A throttled request that was sent before the cooldown does not lengthen it.
    early.record_throttling(None, &clock);
    assert_eq!(clock.waits(), [] as [f64; 0]);
    limits.admit(&clock, false, Tries::Patient).await.unwrap().record_answer(clock.now());
    limits.admit(&clock, true, Tries::Patient).await.unwrap().record_answer(clock.now());
    assert_eq!(clock.waits(), [30.0, 0.0375]);
}

#[tokio::test]
async fn a_cooldown_that_does_not_fit_the_tick_is_left_to_the_next() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    limits
        .admit(&clock, false, Tries::Patient)
        .await
        .unwrap()
        .record_throttling(Some(Duration::from_secs(300)), &clock);
    for _ in 0..100 {
        let error = limits.admit(&clock, true, Tries::Patient).await.unwrap_err();
        assert_eq!(error.recovery, Recovery::Paused);
        assert!(error.message.contains("for 300 s"), "{error}");
    }
    assert!(clock.waits().is_empty());
    clock.jump(Duration::from_secs(250));
    limits.admit(&clock, true, Tries::Patient).await.unwrap();
    assert_eq!(clock.waits(), [50.0]);
}

#[tokio::test]
async fn a_single_try_waits_for_a_short_cooldown_only() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    limits.admit(&clock, true, Tries::Once).await.unwrap().record_throttling(Some(Duration::from_secs(7)), &clock);
    let error = limits.admit(&clock, true, Tries::Once).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::Paused);
    assert!(clock.waits().is_empty());
    limits.admit(&clock, true, Tries::Patient).await.unwrap();
    assert_eq!(clock.waits(), [7.0]);
    limits.admit(&clock, true, Tries::Once).await.unwrap().record_throttling(Some(Duration::from_secs(5)), &clock);
    limits.admit(&clock, true, Tries::Once).await.unwrap();
    assert_eq!(clock.waits().last(), Some(&5.0));
}

#[tokio::test]
async fn a_tick_makes_at_most_three_throttled_requests() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    let mut requests = 0;
    while requests < 9
        && let Ok(admission) = limits.admit(&clock, true, Tries::Patient).await
    {
        requests += 1;
        admission.record_throttling(None, &clock);
    }
    assert_eq!((requests, clock.waits()), (3, vec![30.0, 60.0]));
}

#[tokio::test]
async fn a_call_that_waited_for_a_permit_honours_a_cooldown_that_began_meanwhile() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    let mut admissions = Vec::new();
    while let Some(admission) = limits.admit(&clock, true, Tries::Patient).now_or_never() {
        admissions.push(admission.unwrap());
    }
    let mut late = limits.admit(&clock, true, Tries::Patient).boxed_local();
    assert!((&mut late).now_or_never().is_none());
    admissions[0].record_throttling(None, &clock);
    drop(admissions);
    late.await.unwrap();
    assert_eq!(clock.waits()[0], 30.0);
}

/// A clock during whose first sleep another request is throttled.
struct InterruptedClock<'a>(JumpingClock, Cell<Option<Admission<'a>>>);

impl Clock for InterruptedClock<'_> {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        if let Some(admission) = self.1.take() {
            admission.record_throttling(None, &self.0);
        }
        self.0.sleep(duration).await;
    }

    fn random(&self) -> u64 {
        self.0.random()
    }
}

#[tokio::test]
async fn a_call_that_waited_for_the_rate_limiter_honours_a_cooldown_that_began_meanwhile() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    let first = limits.admit(&clock, false, Tries::Patient).await.unwrap();
    while clock.waits().is_empty() {
        limits.admit(&clock, false, Tries::Patient).await.unwrap();
    }
    let interrupted = InterruptedClock(clock.clone(), Cell::new(Some(first)));
    limits.admit(&interrupted, false, Tries::Patient).await.unwrap();
    let waited: f64 = clock.waits()[1..].iter().sum();
    assert!((30.0..30.1).contains(&waited), "{waited}");
}

#[tokio::test]
async fn only_quick_fetches_raise_the_concurrency_limit() {
    let (limits, clock) = (Limits::default(), JumpingClock::new());
    let in_flight = || {
        let admit = || limits.admit(&clock, true, Tries::Patient).now_or_never().map(Result::unwrap);
        std::iter::from_fn(admit).collect::<Vec<_>>()
    };
    let few = in_flight();
    let slow = clock.now() + SignedDuration::from_secs(3);
    few.iter().for_each(|admission| admission.record_answer(slow));
    let listing = limits.admit(&clock, false, Tries::Patient).await.unwrap();
    (0..10).for_each(|_| listing.record_answer(clock.now()));
    assert!(in_flight().is_empty());
    few.iter().for_each(|admission| admission.record_answer(clock.now()));
    assert_eq!(in_flight().len(), 1);
}
