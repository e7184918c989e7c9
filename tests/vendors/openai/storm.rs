//! Everything at once, for virtual days: whatever the vendor does, whatever fails, whenever a tick dies. Each seed has one
//! trouble that does not end with the storm: it may cost what it breaks, and nothing else.

mod length;
mod permanent;

use std::time::Duration;

use collector::{Settings, UnixSeconds};
use jiff::Timestamp;
use simulators::openai::{ADMIN_KEY, AuditLogging, Behaviours, Key};
use simulators::{Faults, Options};
use tests::effort::{is_whole, named_seeds};
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

use self::length::{DAY, HOUR, STORM};
use self::permanent::Permanent;
use super::world::{Client, TICK_SECONDS, World, begin};
use crate::seeds;
use crate::store_faults::random_store_faults;
use crate::ticks::{lifetimes, ticks};

/// Seeds that must pass.
const SEEDS: u64 = 60;
/// Those of them that run where there is little time.
const SHORT_RUN_SEEDS: u64 = 8;
/// Events of one seed.
const EVENTS: usize = 240;
/// Events of one seed in four: more than fit a window that is not cut, many of them in one second.
const CROWDED: usize = 6_400;
/// The promise: an event that shows up this long after its time is found.
const LATEST: i64 = DAY;
/// The longest time in which the vendor refuses everybody, in seconds.
const LONGEST_DARKNESS: i64 = 3 * HOUR;
/// Ticks after the storm, five minutes apart, within which all healthy events of the organization are delivered that were
/// shown by then: the vendor may have asked to be left alone for an hour, a sweep comes every hour, and where a page takes
/// nine seconds a tick has time for three or four pieces of a broken span, of which a hundred may have to be tried.
const MAX_TICKS: u32 = 100;
/// Polls within which a tick that is to die is dead: an idle one takes a dozen.
const MAX_LIFETIMES: [u64; 3] = [12, 60, 300];
const NEW_KEY: &str = "sk-admin-simulated-rotated";

#[test]
fn storm_loses_nothing_and_delivers_nothing_twice() {
    let seeds = named_seeds().unwrap_or(0..if is_whole() { SEEDS } else { SHORT_RUN_SEEDS });
    let totals = seeds::on_all_cores(&seeds, |seed| Box::pin(run(seed)));
    println!("seeds {seeds:?}: {totals:?}");
    let seeds = seeds.end - seeds.start;
    // The storms were storms.
    assert!(totals.ticks > 200 * seeds && totals.deaths > 20 * seeds && totals.failures > 20 * seeds, "{totals:?}");
}

/// One seed: a storm, then calm with the trouble that is left, then calm without, then the account.
async fn run(seed: u64) -> seeds::Totals {
    let mut rng = SeededRng::new(seed);
    let world = world(seed, &mut rng);
    let (totals, plan, permanent) = (seeds::Totals::default(), Plan::new(seed), Permanent::new(seed));
    let mut storm = Storm { world: &world, rng, seed, totals, plan, permanent: &permanent };
    storm.rage().await;
    let mut totals = storm.totals;
    let kept_since = storm.plan.kept_since();
    calm_but_for(&permanent, &world, kept_since).await;
    heal(&world, kept_since).await;
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
        ahead_seconds: STORM,
        ..Options::new(begin())
    };
    let stormy = Behaviours::new(Faults::Storm, seed);
    let (late, near_latest) = rng.pick(&[(stormy.late, stormy.near_latest), (0.3, 0.3)]);
    let behaviours = Behaviours { late, near_latest, latest_seconds: LATEST, ..stormy };
    // Now and then a crowd, so that windows have to be cut, and a vendor that is sparing or wants to be left alone.
    let options = Options { events: rng.pick(&[EVENTS, EVENTS, EVENTS, CROWDED]), ..options };
    let mut world = World::skewed(&options, behaviours, rng.pick(&[0, 0, 90, -90]));
    world.pace = rng.pick(&[(50, 150), (100, 2_000), (1_000, 9_000)]);
    world.settings.batch.lines = rng.pick(&[7, 50, Settings::default().batch.lines]);
    world
}

/// What happens once in a storm, and when, in seconds after its beginning.
struct Plan {
    /// The key is replaced by another; both are good for a while, or neither.
    rotation: (i64, i64),
    /// Everybody is refused; or audit logging is switched on only when this ends, and nothing is there of before.
    darkness: (i64, i64),
    forbids: bool,
    /// The tenant's listing is refused.
    no_tenant: (i64, i64),
}

impl Plan {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(!seed);
        let at = |rng: &mut SeededRng| rng.between(0, STORM);
        let rotation = (at(&mut rng), rng.between(-HOUR, HOUR));
        let forbids = rng.happens(500);
        let dark = if forbids { at(&mut rng) } else { 0 };
        let darkness = (dark, dark + rng.between(0, LONGEST_DARKNESS));
        let refused = at(&mut rng);
        let no_tenant = (refused, refused + rng.between(0, LONGEST_DARKNESS));
        Self { rotation, darkness, forbids, no_tenant }
    }

    /// What happened before is not in the log.
    fn kept_since(&self) -> Timestamp {
        if self.forbids { Timestamp::MIN } else { second(self.darkness.1) }
    }

    fn keys(&self) -> Vec<Key> {
        let (at, overlap) = self.rotation;
        let old = Key { until: second(at + overlap.max(0)), ..Key::new(ADMIN_KEY) };
        let new = Key { from: second(at - overlap.min(0)), ..Key::new(NEW_KEY) };
        vec![old, new]
    }
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(begin().as_second() + at).unwrap()
}

struct Storm<'a> {
    world: &'a World,
    rng: SeededRng,
    seed: u64,
    totals: seeds::Totals,
    plan: Plan,
    permanent: &'a Permanent,
}

impl<'a> Storm<'a> {
    async fn rage(&mut self) {
        let share = self.rng.pick(&[0, 20, 100]);
        self.world.store.script(random_store_faults(self.seed ^ 0x5EED, share));
        let mut warm = None;
        while self.elapsed() < STORM {
            self.behave();
            let worker = match warm.take().filter(|_| !self.rng.happens(200)) {
                Some(worker) => worker,
                None => self.world.worker().await,
            };
            warm = self.ticks(worker).await;
            let pause = self.rng.pick(&[10, 60, 60, 60, 60, 300, 300, 600, 1_800, 3 * HOUR]);
            self.world.time.advance(Duration::from_secs(pause.unsigned_abs()));
        }
    }

    fn elapsed(&self) -> UnixSeconds {
        self.world.time.now().as_second() - begin().as_second()
    }

    /// The vendor changes its ways now and then, and does what is planned for now.
    fn behave(&mut self) {
        let elapsed = self.elapsed();
        let within = |(from, to): (i64, i64)| (from..to).contains(&elapsed);
        let ways = self.rng.happens(50).then(|| Behaviours::new(Faults::Storm, self.rng.bits()));
        let per_minute = self.rng.pick(&[None, None, Some(20)]);
        let retry_after_seconds = self.rng.pick(&[None, Some(1), Some(2), Some(90)]);
        let (keys, kept_since, forbids) = (self.plan.keys(), self.plan.kept_since(), self.plan.forbids);
        let (dark, no_tenant) = (within(self.plan.darkness), within(self.plan.no_tenant));
        self.world.simulator.change(|it| {
            *it = self.permanent.with(ways.unwrap_or_else(|| it.clone()));
            (it.per_minute, it.retry_after_seconds) = (per_minute, retry_after_seconds);
            it.keys = keys;
            it.kept_since = kept_since;
            it.tenant_only_refused = no_tenant.then_some(if forbids { 403 } else { 400 });
            it.audit_logging = match (dark, forbids) {
                (false, _) => AuditLogging::On,
                (true, true) => AuditLogging::OnForbidden,
                (true, false) => AuditLogging::OffEmpty,
            };
        });
        if elapsed >= self.plan.rotation.0 {
            self.world.key.rotate(NEW_KEY);
        }
    }

    /// One tick, or two at once; the process that is left, if it lives.
    async fn ticks(&mut self, worker: Worker<'a, Client<'a>>) -> Option<Worker<'a, Client<'a>>> {
        let lifetimes = lifetimes(&mut self.rng, &MAX_LIFETIMES);
        let other = if self.rng.happens(150) { Some(self.world.worker().await) } else { None };
        ticks(worker, other, lifetimes, TICK_SECONDS, |ended| self.totals.add(ended)).await
    }
}

/// Everything is well again but for the trouble that never ends: all that is to come becomes visible, and is looked for
/// long enough.
async fn calm_but_for(permanent: &Permanent, world: &World, kept_since: Timestamp) {
    world.store.clear_faults();
    world.key.rotate(NEW_KEY);
    world.simulator.change(|it| *it = permanent.with(calm(kept_since)));
    let (worker, ended) = (world.worker().await, world.time.now());
    for _ in 0..MAX_TICKS {
        worker.tick(TICK_SECONDS, None).await.unwrap();
        world.minutes(5);
    }
    permanent.assert_healthy_delivered(world, ended, false);
    let mut hours = 0;
    // The tenant's listing is asked for again after a day.
    while world.running.pending() > 0 || hours < 27 {
        world.time.advance(Duration::from_secs(3 * 3_601));
        // A crowd takes more than one tick, and a broken span many.
        for _ in 0..12 {
            worker.tick(TICK_SECONDS, None).await.unwrap();
            world.minutes(1);
        }
        hours += 3;
        assert!(hours < 100, "{} are still to come", world.running.pending());
    }
    permanent.assert_healthy_delivered(world, world.time.now() - jiff::SignedDuration::from_hours(1), true);
}

fn calm(kept_since: Timestamp) -> Behaviours {
    Behaviours { keys: vec![Key::new(NEW_KEY)], kept_since, ..Behaviours::default() }
}

/// The trouble ends as well, and what it held back is delivered.
async fn heal(world: &World, kept_since: Timestamp) {
    world.simulator.change(|it| *it = calm(kept_since));
    for _ in 0..3 {
        world.time.advance(Duration::from_secs(3_601));
        world.drain().await;
    }
}
