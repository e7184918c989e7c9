//! A storm of all faults for virtual days, with ticks that die at any await. Each seed also has at most one permanent
//! fault, which outlasts the storm and may affect only the blobs that it breaks.

mod checker;
mod length;
mod permanent_fault;

use std::time::Duration;

use collector::Settings;
use simulators::microsoft365::Behaviours;
use simulators::{Faults, Options};
use tests::rig::memory_store::MemoryStore;
use tests::rig::time::VirtualTime;
use tests::rig::worker::Worker;
use tests::world::rng::SeededRng;

use self::checker::DeliveryChecker;
use self::length::STORM_SECONDS;
use self::permanent_fault::PermanentFault;
use super::world::{Client, TICK_SECONDS, World, start_time};
use crate::seeds::Totals;
use crate::storm::{DAY, HOUR, Storm, StormSettings, run_seeds, run_storm};
use crate::ticks::Ended;

/// The number of distinct records per seed, in all five content types together.
const RECORDS: usize = 250;
/// The maximum delay between the time of a blob and its appearance in a listing, in seconds: the reach of the hourly
/// sweep.
const MAX_LATENESS_SECONDS: i64 = DAY;
/// The maximum error of the vendor's clock, in seconds.
const MAX_CLOCK_ERROR_SECONDS: u64 = 300;
/// Ticks after the storm, five minutes apart, within which all visible healthy events are delivered: an hourly sweep,
/// the maximum backoff, and an attempt that may fail at random.
const MAX_TICKS: u32 = 24;

#[test]
fn storm_loses_nothing_and_delivers_nothing_twice() {
    let (seeds, totals) = run_seeds(|seed| Box::pin(run(seed)), [60, 6, 10]);
    println!("seeds {seeds:?}: {totals:?}");
}

/// Runs one seed: a storm, then ticks with only the permanent fault, then ticks without faults. Then compares the
/// bucket with the simulator's ledger.
async fn run(seed: u64) -> Totals {
    let mut rng = SeededRng::new(seed);
    let permanent = PermanentFault::new(seed);
    let world = world(seed, &mut rng, &permanent);
    let checker = DeliveryChecker::new(&world, &permanent);
    let mut storm = Microsoft365Storm { world: &world, rng, permanent: &permanent, checker };
    let mut totals = run_storm(&mut storm, seed).await;
    let mut checker = storm.checker;
    deliver_with_permanent_fault(&permanent, &world, &mut checker).await;
    totals.lines = deliver_without_faults(&world, &mut checker).await as u64;
    totals.requests = world.running.requests();
    totals
}

fn world(seed: u64, rng: &mut SeededRng, permanent: &PermanentFault) -> World {
    let options = Options {
        events: RECORDS,
        seed,
        faults: Faults::Storm,
        span_seconds: 5 * DAY,
        ahead_seconds: STORM_SECONDS,
        ..Options::new(start_time())
    };
    let behaviours = permanent.add_to(Behaviours { max_delay_seconds: MAX_LATENESS_SECONDS, ..stormy(seed) });
    let mut world = World::with_clock_ahead(&options, behaviours, rng.pick(&[0, 0, 90, -90, 360, -360]));
    // With a vendor's clock that is behind, the content before the start would not be visible yet.
    world.time.advance(Duration::from_secs(MAX_CLOCK_ERROR_SECONDS));
    world.pace = rng.pick(&[(20, 60), (50, 500), (500, 3_000)]);
    world.trickle_pause = Duration::from_secs(5);
    world.settings.batch.lines = rng.pick(&[11, 100, Settings::default().batch.lines]);
    world
}

/// Picks random behaviours, without the faults that only a person can end, because those faults have tests of their
/// own. The vendor always has the content from before the first start, because a vendor does not change that later.
fn stormy(seed: u64) -> Behaviours {
    let storm = Behaviours::new(Faults::Storm, seed);
    Behaviours {
        auditing_off: false,
        broken_content_type: None,
        has_history: true,
        first_blob_seconds: 0,
        slow_start: None,
        ..storm
    }
}

struct Microsoft365Storm<'a> {
    world: &'a World,
    rng: SeededRng,
    permanent: &'a PermanentFault,
    checker: DeliveryChecker<'a>,
}

impl<'a> Storm<'a> for Microsoft365Storm<'a> {
    type Client = Client;

    const SETTINGS: StormSettings = StormSettings {
        length_seconds: STORM_SECONDS,
        tick_seconds: TICK_SECONDS,
        max_lifetimes: [15, 60, 400],
        store_faults_per_mille: [0, 10, 50],
        pauses_seconds: &[30, 300, 300, 300, 900, 1_800, HOUR, 6 * HOUR],
    };

    fn time_and_store(&self) -> (&'a VirtualTime, &'a MemoryStore) {
        (&self.world.time, &self.world.store)
    }

    fn rng(&mut self) -> &mut SeededRng {
        &mut self.rng
    }

    fn change_vendor(&mut self, _: i64) {
        if self.rng.happens(80) {
            let behaviours = self.permanent.add_to(stormy(self.rng.bits()));
            self.world.simulator.change(|it| *it = behaviours);
        }
    }

    async fn start_worker(&self) -> Worker<'a, Client> {
        self.world.worker()
    }

    fn before_ticks(&mut self) {
        self.checker.before_ticks();
    }

    fn after_ticks(&mut self, ended: &[Ended]) {
        self.checker.after_ticks(ended);
    }
}

/// Ends all faults but the permanent one, and runs ticks until all blobs are available and the healthy ones are
/// delivered.
async fn deliver_with_permanent_fault(permanent: &PermanentFault, world: &World, checker: &mut DeliveryChecker<'_>) {
    world.store.clear_faults();
    world.simulator.change(|it| *it = permanent.add_to(Behaviours::default()));
    let worker = world.worker();
    let ended = world.time.now();
    for _ in 0..MAX_TICKS {
        checker.tick(&worker).await;
        world.minutes(5);
    }
    checker.assert_healthy_delivered(ended);
    let mut hours = 0;
    while world.running.pending() > 0 || hours < 27 {
        // After a pause the next sweep reaches further back, which makes up for the ones that were missed.
        world.time.advance(Duration::from_secs(3 * 3_601));
        checker.tick(&worker).await;
        hours += 3;
        assert!(hours < 24 * 9, "{} records are not available yet", world.running.pending());
    }
    checker.assert_healthy_delivered(world.time.now() - jiff::SignedDuration::from_hours(1));
}

/// Ends the permanent fault too, and runs ticks until all content is delivered except what the fault has made lost.
/// Returns the number of lines.
async fn deliver_without_faults(world: &World, checker: &mut DeliveryChecker<'_>) -> usize {
    world.simulator.change(|it| *it = Behaviours::default());
    for _ in 0..3 {
        world.time.advance(Duration::from_secs(3_601));
        checker.drain().await;
    }
    checker.assert_all_delivered()
}
