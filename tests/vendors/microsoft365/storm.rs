//! Everything at once, for virtual days: whatever the vendor does, whatever fails, whenever a tick dies. Each seed has one
//! trouble that does not end with the storm: it may cost what it breaks, and nothing else.

mod checker;
mod length;
mod permanent;

use std::time::Duration;

use collector::{Settings, UnixSeconds};
use simulators::microsoft365::Behaviours;
use simulators::{Faults, Options};
use tests::effort::{is_whole, named_seeds};
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

use self::checker::DeliveryChecker;
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
/// Distinct records of one seed, over five content types.
const RECORDS: usize = 250;
/// Content is listed at most this long after the time it is listed under, in seconds: within the sweep of every hour.
const LATEST: i64 = DAY;
/// The vendor's clock is at most this far off, in seconds.
const CLOCK_OFF: u64 = 300;
/// Ticks after the storm, five minutes apart, within which all healthy events are delivered that were shown by then: an
/// hourly sweep, the longest backoff, and an attempt that may fail by chance.
const MAX_TICKS: u32 = 24;
/// Polls within which a tick that is to die is dead.
const MAX_LIFETIMES: [u64; 3] = [15, 60, 400];

#[test]
fn storm_loses_nothing_and_delivers_nothing_twice() {
    let seeds = named_seeds().unwrap_or(0..if is_whole() { SEEDS } else { SHORT_RUN_SEEDS });
    let totals = seeds::on_all_cores(&seeds, |seed| Box::pin(run(seed)));
    println!("seeds {seeds:?}: {totals:?}");
    let seeds = seeds.end - seeds.start;
    // The storms were storms.
    assert!(totals.ticks > 60 * seeds && totals.deaths > 6 * seeds && totals.failures > 10 * seeds, "{totals:?}");
}

/// One seed: a storm, then calm with the trouble that is left, then calm without, then the account.
async fn run(seed: u64) -> seeds::Totals {
    let mut rng = SeededRng::new(seed);
    let permanent = Permanent::new(seed);
    let world = world(seed, &mut rng, &permanent);
    let (totals, checker) = (seeds::Totals::default(), DeliveryChecker::new(&world, &permanent));
    let mut storm = Storm { world: &world, rng, seed, totals, permanent: &permanent, checker };
    storm.rage().await;
    let Storm { mut totals, mut checker, .. } = storm;
    calm_but_for(&permanent, &world, &mut checker).await;
    totals.lines = heal(&world, &mut checker).await as u64;
    totals.requests = world.running.requests();
    totals
}

fn world(seed: u64, rng: &mut SeededRng, permanent: &Permanent) -> World {
    let options = Options {
        events: RECORDS,
        seed,
        faults: Faults::Storm,
        span_seconds: 5 * DAY,
        ahead_seconds: STORM,
        ..Options::new(begin())
    };
    let behaviours = permanent.with(Behaviours { latest_seconds: LATEST, ..stormy(seed) });
    let mut world = World::skewed(&options, behaviours, rng.pick(&[0, 0, 90, -90, 360, -360]));
    // By a clock of the vendor's that is behind, what was there before the beginning is not there yet.
    world.time.advance(Duration::from_secs(CLOCK_OFF));
    world.pace = rng.pick(&[(20, 60), (50, 500), (500, 3_000)]);
    world.trickle_pause = Duration::from_secs(5);
    world.settings.batch.lines = rng.pick(&[11, 100, Settings::default().batch.lines]);
    world
}

/// A storm in which nothing is for a person: what only a person ends has tests of its own. Of what was before
/// the first start all is there: a vendor does not change its mind on that.
fn stormy(seed: u64) -> Behaviours {
    let storm = Behaviours::new(Faults::Storm, seed);
    Behaviours { auditing_off: false, broken: None, history: true, first_blob_seconds: 0, slow_start: None, ..storm }
}

struct Storm<'a> {
    world: &'a World,
    rng: SeededRng,
    seed: u64,
    totals: seeds::Totals,
    permanent: &'a Permanent,
    checker: DeliveryChecker<'a>,
}

impl<'a> Storm<'a> {
    async fn rage(&mut self) {
        let share = self.rng.pick(&[0, 10, 50]);
        self.world.store.script(random_store_faults(self.seed ^ 0x5EED, share));
        let mut warm = None;
        while self.elapsed() < STORM {
            self.behave();
            let warm_still = warm.take().filter(|_| !self.rng.happens(200));
            let worker = warm_still.unwrap_or_else(|| self.world.worker());
            warm = self.ticks(worker).await;
            let pause = self.rng.pick(&[30, 300, 300, 300, 900, 1_800, HOUR, 6 * HOUR]);
            self.world.time.advance(Duration::from_secs(pause.unsigned_abs()));
        }
    }

    fn elapsed(&self) -> UnixSeconds {
        self.world.time.now().as_second() - begin().as_second()
    }

    /// The vendor changes its ways now and then.
    fn behave(&mut self) {
        if self.rng.happens(80) {
            let ways = self.permanent.with(stormy(self.rng.bits()));
            self.world.simulator.change(|it| *it = ways);
        }
    }

    /// One tick, or two at once; the process that is left, if it lives.
    async fn ticks(&mut self, worker: Worker<'a, Client>) -> Option<Worker<'a, Client>> {
        let lifetimes = lifetimes(&mut self.rng, &MAX_LIFETIMES);
        let other = if self.rng.happens(150) { Some(self.world.worker()) } else { None };
        let mut all = Vec::new();
        self.checker.before();
        let worker = ticks(worker, other, lifetimes, TICK_SECONDS, |ended| all.push(ended.clone())).await;
        all.iter().for_each(|ended| self.totals.add(ended));
        self.checker.after(&all);
        worker
    }
}

/// Everything is well again but for the trouble that never ends: all that is to come becomes available, and is looked
/// for long enough.
async fn calm_but_for(permanent: &Permanent, world: &World, checker: &mut DeliveryChecker<'_>) {
    world.store.clear_faults();
    world.simulator.change(|it| *it = permanent.with(Behaviours::default()));
    let worker = world.worker();
    let ended = world.time.now();
    for _ in 0..MAX_TICKS {
        checker.tick(&worker).await;
        world.minutes(5);
    }
    checker.assert_healthy_delivered(ended);
    let mut hours = 0;
    while world.running.pending() > 0 || hours < 27 {
        // A sweep looks further back the longer it has not been made.
        world.time.advance(Duration::from_secs(3 * 3_601));
        checker.tick(&worker).await;
        hours += 3;
        assert!(hours < 24 * 9, "{} are still to come", world.running.pending());
    }
    checker.assert_healthy_delivered(world.time.now() - jiff::SignedDuration::from_hours(1));
}

/// The trouble ends as well; how many lines there are when all is delivered but what was lost to it for good.
async fn heal(world: &World, checker: &mut DeliveryChecker<'_>) -> usize {
    world.simulator.change(|it| *it = Behaviours::default());
    for _ in 0..3 {
        world.time.advance(Duration::from_secs(3_601));
        checker.drain().await;
    }
    checker.assert_all_delivered()
}
