//! Different answers to requests for a broken second, in either listing.

use super::*;
use crate::openai::world::start_time;

/// Creates an event of the tenant's listing.
fn tenant_event(id: &str, seconds: i64) -> String {
    event(id, seconds).replace("login.succeeded", "tenant.user.added")
}

#[tokio::test]
async fn a_second_that_is_always_refused_affects_only_itself() {
    for status in [400, 403, 404, 429] {
        for lost in [vec![60], vec![167], vec![0], vec![167, 0], vec![167, 166, 0]] {
            let spans = || lost.iter().map(|number| broken_second(*number, status)).collect();
            let (max, average) = ticks_over(4, async |seed| ticks_of(seed, spans(), &lost).await).await;
            // A refusal that needs a person allows one probe per tick.
            assert!(max <= 10 && average <= 4.0, "HTTP {status} for {lost:?}: {max} ticks, {average} on average");
        }
    }
}

#[tokio::test]
async fn a_second_that_always_asks_for_a_pause_affects_only_itself() {
    for (status, wait, max_ticks) in [(429, 1, 10), (503, 20, 30), (429, 90, 60)] {
        for lost in [vec![60], vec![0], vec![167, 0]] {
            let span = |number| BrokenSpan { retry_after_seconds: Some(wait), ..broken_second(number, status) };
            let spans = || lost.iter().map(|number| span(*number)).collect();
            let (max, average) = ticks_over(3, async |seed| ticks_of(seed, spans(), &lost).await).await;
            // A longer pause ends a search, so it takes a tick for each halving.
            assert!(max <= max_ticks, "HTTP {status}, {wait} s for {lost:?}: {max} ticks, {average} on average");
        }
    }
}

#[tokio::test]
async fn a_refused_second_is_reported_while_it_lasts_and_delivered_when_it_heals() {
    let world = week(7);
    world.simulator.change(|it| it.broken_spans = vec![broken_second(60, 403)]);
    let worker = world.worker().await;
    let mut needed_person = 0;
    for _ in 0..30 {
        let report = tick(&worker).await;
        needed_person += u64::from(report.failure.is_some_and(|failure| failure.needs_person));
        world.minutes(1);
    }
    // Every retry reports the refusal, and retries follow the backoff.
    assert!((3..=8).contains(&needed_person), "{needed_person}");
    assert_eq!(world.pending(), [(second(60), second(60) + 1)]);
    assert_eq!(world.pending_of(openai::TENANT), [(second(60), second(60) + 1)]);
    assert!(world.head().listings[openai::TENANT].not_offered.is_none());
    assert_heals_within(&world, 35).await;
}

#[tokio::test]
async fn refused_seconds_in_both_halves_of_the_only_window_do_not_starve_an_idle_stream() {
    for status in [403, 500] {
        let events = [-599, -400, -200, -1].map(|at| event(&format!("e-{at}"), HOUR + at));
        let world = World::with_visible_times(events.map(|event| (event, HOUR)).into());
        assert_drained(&world.tick().await.unwrap(), 0);
        world.wait_until(HOUR);
        world
            .simulator
            .change(|it| it.broken_spans = [-599, -1].map(|at| broken(HOUR + at, HOUR + at + 1, status)).into());
        let ticks = ticks_until(&world, 2).await;
        assert!(ticks <= 15, "HTTP {status}: {ticks} ticks");
        assert_heals_within(&world, 70).await;
    }
}

#[tokio::test]
async fn each_listing_has_its_own_faults() {
    let mut records: Vec<_> = (0..168).map(|number| event(&id(number), second(number))).collect();
    records.extend((0..168).map(|number| tenant_event(&id(1_000 + number), second(number))));
    for status in [500, 403] {
        let world = World::with_events_and_seed(records.clone(), 9);
        let of = |tenant_only, span: BrokenSpan| BrokenSpan { tenant_only: Some(tenant_only), ..span };
        world.simulator.change(|it| {
            let organization = [167, 0].map(|number| of(false, broken_hour(number, status)));
            let tenant = [100, 99, 50].map(|number| of(true, broken_second(number, status)));
            it.broken_spans = organization.into_iter().chain(tenant).collect();
        });
        let ticks = ticks_until(&world, 336 - 5).await;
        assert!(ticks <= 8, "HTTP {status}: {ticks} ticks");
        assert_all_but(&world, [167, 0, 1_100, 1_099, 1_050]);
        let tenant = [100, 99, 50].map(|number| (second(number), second(number) + 1));
        for _ in 0..8 {
            tick(&world.worker().await).await;
            world.minutes(1);
        }
        assert_eq!(world.pending(), [(-HOUR * 168, -HOUR * 167), (-HOUR, 0)]);
        assert_eq!(world.pending_of(openai::TENANT), tenant);
        assert_heals_within(&world, 40).await;
    }
}

#[tokio::test]
async fn one_listing_that_is_always_down_does_not_affect_the_other() {
    let mut records: Vec<_> = (0..168).map(|number| event(&id(number), second(number))).collect();
    records.extend((0..5).map(|number| tenant_event(&id(1_000 + number), second(number))));
    for (tenant_only, due) in [(true, 168), (false, 5)] {
        let world = World::with_events(records.clone());
        let span = BrokenSpan { tenant_only: Some(tenant_only), ..broken(-30 * DAY, 30 * DAY, 500) };
        world.simulator.change(|it| it.broken_spans = vec![span]);
        assert_eq!(ticks_until(&world, due).await, 1);
        for _ in 0..60 {
            assert_failed(&world.tick().await.unwrap(), false, "HTTP 500");
            world.minutes(1);
        }
        assert_eq!((world.pending(), world.pending_of(openai::TENANT)), (vec![], vec![]));
        assert_heals_within(&world, 2).await;
    }
}

#[tokio::test]
async fn an_event_longer_than_a_page_affects_only_its_second() {
    let at = start_time().as_second() + second(60);
    let long =
        format!(r#"{{"id":"{}","type":"login.succeeded","effective_at":{at},"x":"{}"}}"#, id(60), "x".repeat(33 << 20));
    let records = (0..168).map(|number| if number == 60 { long.clone() } else { event(&id(number), second(number)) });
    let world = World::with_events_and_seed(records.collect(), 1);
    let ticks = ticks_until(&world, WEEK - 1).await;
    assert!(ticks <= 5, "{ticks} ticks");
    assert_eq!(world.pending(), [(second(60), second(60) + 1)]);
    let report = tick(&world.worker().await).await;
    assert!(report.pending.pending_reason.is_some_and(|reason| reason.contains("an event is longer than")));
}

#[tokio::test]
async fn new_processes_on_every_tick_make_the_same_progress() {
    for (status, max_ticks) in [(500, 3), (403, 10)] {
        let world = week(4);
        let lost = [167, 100, 99, 30, 0];
        world.simulator.change(|it| it.broken_spans = lost.map(|number| broken_second(number, status)).into());
        let (mut delivered, mut ticks) = (0, 0);
        while delivered < WEEK - 5 {
            delivered += world.tick().await.unwrap().lines.delivered;
            world.minutes(1);
            ticks += 1;
            assert!(ticks <= max_ticks, "HTTP {status}: {delivered} in {ticks} ticks");
        }
        for _ in 0..30 {
            assert_eq!(world.tick().await.unwrap().lines.delivered, 0);
            world.minutes(1);
        }
        assert_all_but(&world, lost);
        assert_eq!(world.pending().len(), 5);
        world.simulator.change(|it| it.broken_spans.clear());
        for _ in 0..70 {
            world.tick().await.unwrap();
            world.minutes(1);
        }
        assert_eq!(world.pending(), []);
        world.assert_exact();
    }
}
