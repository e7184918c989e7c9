//! A storm of all faults for virtual days, with ticks that die at any await. Each seed also has at most one permanent
//! fault, which outlasts the storm and may affect only the events that it breaks.

mod length;
mod permanent_fault;

use std::time::Duration;

use collector::Settings;
use jiff::Timestamp;
use simulators::openai::{ADMIN_KEY, AuditLogging, Behaviours, Key};
use simulators::{Faults, Options};
use tests::rig::memory_store::MemoryStore;
use tests::rig::time::VirtualTime;
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

use self::length::STORM_SECONDS;
use self::permanent_fault::PermanentFault;
use super::world::{Client, TICK_SECONDS, World, start_time};
use crate::seeds::Totals;
use crate::storm::{DAY, HOUR, Storm, StormSettings, run_seeds, run_storm};

/// The number of events of most seeds.
const EVENTS: usize = 240;
/// The number of events for a quarter of the seeds. It is large enough that windows must be shortened, and the
/// simulator may put many of the events into one second.
const MANY_EVENTS: usize = 6_400;
/// The maximum delay between an event and its appearance in a listing, within which the collector must find it, in
/// seconds.
const MAX_LATENESS_SECONDS: i64 = DAY;
/// The maximum time for which the vendor refuses a listing, in seconds.
const MAX_REFUSAL_SECONDS: i64 = 3 * HOUR;
/// Ticks after the storm, five minutes apart, within which all visible healthy events of the organization are
/// delivered. The vendor may have asked for a pause of an hour, and a sweep is due every hour. If a page takes nine
/// seconds, a tick has time for three or four pieces of a broken span, and a hundred pieces may need a try.
const MAX_TICKS: u32 = 100;
const NEW_KEY: &str = "sk-admin-simulated-rotated";

#[test]
fn storm_loses_nothing_and_delivers_nothing_twice() {
    let (seeds, totals) = run_seeds(|seed| Box::pin(run(seed)), [200, 20, 20]);
    println!("seeds {seeds:?}: {totals:?}");
}

/// Runs one seed: a storm, then ticks with only the permanent fault, then ticks without faults. Then compares the
/// bucket with the simulator's ledger.
async fn run(seed: u64) -> Totals {
    let mut rng = SeededRng::new(seed);
    let world = world(seed, &mut rng);
    let (events, permanent) = (OneTimeEvents::new(seed), PermanentFault::new(seed));
    let mut storm = OpenAiStorm { world: &world, rng, events, permanent: &permanent };
    let mut totals = run_storm(&mut storm, seed).await;
    let kept_since = storm.events.kept_since();
    deliver_with_permanent_fault(&permanent, &world, kept_since).await;
    deliver_without_faults(&world, kept_since).await;
    let result = world.assert_exact();
    totals.requests = world.running.requests();
    totals.lines = result.lines as u64;
    totals
}

fn world(seed: u64, rng: &mut SeededRng) -> World {
    let options = Options {
        events: EVENTS,
        seed,
        faults: Faults::Storm,
        span_seconds: 2 * DAY,
        ahead_seconds: STORM_SECONDS,
        ..Options::new(start_time())
    };
    let stormy = Behaviours::new(Faults::Storm, seed);
    let (late_events, near_max_delay) = rng.pick(&[(stormy.late_events, stormy.near_max_delay), (0.3, 0.3)]);
    let behaviours = Behaviours { late_events, near_max_delay, max_delay_seconds: MAX_LATENESS_SECONDS, ..stormy };
    // A quarter of the seeds has many events, so that windows must be shortened.
    let options = Options { events: rng.pick(&[EVENTS, EVENTS, EVENTS, MANY_EVENTS]), ..options };
    let mut world = World::with_clock_ahead(&options, behaviours, rng.pick(&[0, 0, 90, -90]));
    world.pace = rng.pick(&[(50, 150), (100, 2_000), (1_000, 9_000)]);
    world.settings.batch.lines = rng.pick(&[7, 50, Settings::default().batch.lines]);
    world
}

/// The events that happen once per storm. Times are in seconds after the storm's start.
struct OneTimeEvents {
    /// The rotation of the API key: its time, and the seconds for which both keys are valid. If they are negative,
    /// neither key is valid for that time.
    rotation: (i64, i64),
    /// The time for which audit logging is off.
    outage: (i64, i64),
    /// `true` if the vendor refuses all requests during the outage; otherwise audit logging is switched on at its end,
    /// and the log has no earlier events.
    is_refusal: bool,
    /// The time for which the vendor refuses the tenant's listing.
    tenant_refusal: (i64, i64),
}

impl OneTimeEvents {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(!seed);
        let at = |rng: &mut SeededRng| rng.between(0, STORM_SECONDS);
        let rotation = (at(&mut rng), rng.between(-HOUR, HOUR));
        let is_refusal = rng.happens(500);
        let outage_begin = if is_refusal { at(&mut rng) } else { 0 };
        let outage = (outage_begin, outage_begin + rng.between(0, MAX_REFUSAL_SECONDS));
        let refusal_begin = at(&mut rng);
        let tenant_refusal = (refusal_begin, refusal_begin + rng.between(0, MAX_REFUSAL_SECONDS));
        Self { rotation, outage, is_refusal, tenant_refusal }
    }

    /// Returns the time before which the log has no events.
    fn kept_since(&self) -> Timestamp {
        if self.is_refusal { Timestamp::MIN } else { second(self.outage.1) }
    }

    fn keys(&self) -> Vec<Key> {
        let (at, overlap) = self.rotation;
        let old = Key { until: second(at + overlap.max(0)), ..Key::new(ADMIN_KEY) };
        let new = Key { from: second(at - overlap.min(0)), ..Key::new(NEW_KEY) };
        vec![old, new]
    }
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(start_time().as_second() + at).unwrap()
}

struct OpenAiStorm<'a> {
    world: &'a World,
    rng: SeededRng,
    events: OneTimeEvents,
    permanent: &'a PermanentFault,
}

impl<'a> Storm<'a> for OpenAiStorm<'a> {
    type Client = Client<'a>;

    const SETTINGS: StormSettings = StormSettings {
        length_seconds: STORM_SECONDS,
        tick_seconds: TICK_SECONDS,
        // An idle tick takes a dozen polls.
        max_lifetimes: [12, 60, 300],
        store_faults_per_mille: [0, 20, 100],
        pauses_seconds: &[10, 60, 60, 60, 60, 300, 300, 600, 1_800, 3 * HOUR],
    };

    fn time_and_store(&self) -> (&'a VirtualTime, &'a MemoryStore) {
        (&self.world.time, &self.world.store)
    }

    fn rng(&mut self) -> &mut SeededRng {
        &mut self.rng
    }

    /// Changes the behaviour from time to time, and applies the one-time events.
    fn change_vendor(&mut self, elapsed_seconds: i64) {
        let is_within = |(from, to): (i64, i64)| (from..to).contains(&elapsed_seconds);
        let changed = self.rng.happens(50).then(|| Behaviours::new(Faults::Storm, self.rng.bits()));
        let per_minute = self.rng.pick(&[None, None, Some(20)]);
        let retry_after_seconds = self.rng.pick(&[None, Some(1), Some(2), Some(90)]);
        let (keys, kept_since, is_refusal) = (self.events.keys(), self.events.kept_since(), self.events.is_refusal);
        let (is_outage, is_tenant_refused) = (is_within(self.events.outage), is_within(self.events.tenant_refusal));
        self.world.simulator.change(|it| {
            *it = self.permanent.add_to(changed.unwrap_or_else(|| it.clone()));
            (it.per_minute, it.retry_after_seconds) = (per_minute, retry_after_seconds);
            it.keys = keys;
            it.kept_since = kept_since;
            it.tenant_only_refused = is_tenant_refused.then_some(if is_refusal { 403 } else { 400 });
            it.audit_logging = match (is_outage, is_refusal) {
                (false, _) => AuditLogging::On,
                (true, true) => AuditLogging::OnForbidden,
                (true, false) => AuditLogging::OffEmpty,
            };
        });
        if elapsed_seconds >= self.events.rotation.0 {
            self.world.key.rotate(NEW_KEY);
        }
    }

    async fn start_worker(&self) -> Worker<'a, Client<'a>> {
        self.world.worker().await
    }
}

/// Ends all faults but the permanent one, and runs ticks until all events are visible and the healthy ones are
/// delivered.
async fn deliver_with_permanent_fault(permanent: &PermanentFault, world: &World, kept_since: Timestamp) {
    world.store.clear_faults();
    world.key.rotate(NEW_KEY);
    world.simulator.change(|it| *it = permanent.add_to(without_faults(kept_since)));
    let (worker, ended) = (world.worker().await, world.time.now());
    for _ in 0..MAX_TICKS {
        worker.tick(TICK_SECONDS, None).await.unwrap();
        world.minutes(5);
    }
    permanent.assert_healthy_delivered(world, ended, false);
    let mut hours = 0;
    // The collector tries a refused listing of the tenant again after a day.
    while world.running.pending() > 0 || hours < 27 {
        world.time.advance(Duration::from_secs(3 * 3_601));
        // Many events take more than one tick, and a broken span takes many.
        for _ in 0..12 {
            worker.tick(TICK_SECONDS, None).await.unwrap();
            world.minutes(1);
        }
        hours += 3;
        assert!(hours < 100, "{} events are not visible yet", world.running.pending());
    }
    permanent.assert_healthy_delivered(world, world.time.now() - jiff::SignedDuration::from_hours(1), true);
}

fn without_faults(kept_since: Timestamp) -> Behaviours {
    Behaviours { keys: vec![Key::new(NEW_KEY)], kept_since, ..Behaviours::default() }
}

/// Ends the permanent fault too, and runs ticks until the remaining events are delivered.
async fn deliver_without_faults(world: &World, kept_since: Timestamp) {
    world.simulator.change(|it| *it = without_faults(kept_since));
    for _ in 0..3 {
        world.time.advance(Duration::from_secs(3_601));
        world.drain().await;
    }
}
