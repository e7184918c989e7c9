//! Liveness under permanent faults: a single worker delivers every healthy event within a bound of ticks.
//!
//! An event is healthy if a listing shows it outside that listing's broken spans, either directly or in a blob that is
//! not broken. Permanent faults elsewhere must not delay it for ever.

use collector::{Head, UnixSeconds};

use super::scenario::{Entry, Scenario, ScenarioStream};
use super::simulation::Simulation;
use super::single_worker::{SingleWorker, TickOutcome};

/// Ticks within which a single worker delivers every healthy event once all events are visible.
///
/// The next hourly sweep finds an event that became visible late; it is due 60 ticks after the last one. The other
/// ticks are for a sweep that must halve its windows around broken spans. The slowest of 10,000 seeds takes 61 ticks.
/// Ticks at which a fault [delays](super::permanent_faults::PermanentFaults::delays_newest_time) every event do not
/// count.
pub const MAX_DELIVERY_TICKS: usize = 66;
/// The maximum number of ticks, including those that do not count. A scenario whose faults delay all events for longer
/// is a mistake.
const MAX_TICKS: usize = 2_000;

/// Ticks per day after all healthy events have been delivered.
const TICKS_PER_DAY: usize = 6;
/// Seconds between two ticks after all healthy events have been delivered.
const LONG_TICK_SECONDS: i64 = 14_400;

impl SingleWorker {
    /// Runs ticks while the permanent faults last, until every healthy event is delivered. Returns the number of ticks,
    /// without those at which a fault delays every event. `note` receives the clock and the result of each tick.
    ///
    /// # Errors
    /// Names the violated invariant, or an event that was not delivered in time.
    pub fn deliver_healthy(&mut self, mut note: impl FnMut(UnixSeconds, &TickOutcome)) -> Result<usize, String> {
        self.world.clock = self.world.clock.max(self.world.scenario.all_visible_at());
        let mut counted = 0;
        for _ in 0..MAX_TICKS {
            let Some(missing) = missing(&self.world) else { return Ok(counted) };
            if counted == MAX_DELIVERY_TICKS {
                return Err(format!("{missing} after {MAX_DELIVERY_TICKS} ticks, though no fault concerns it"));
            }
            counted += usize::from(!self.world.scenario.permanent_faults.delays_newest_time(self.world.clock));
            let ticked = self.tick()?;
            note(self.world.clock, &ticked);
            self.world.checker.violation.clone().map_or(Ok(()), Err)?;
            self.world.clock += self.world.scenario.policy.tick_seconds;
            self.pass_down_time();
        }
        Err(format!("{:?} after {MAX_TICKS} ticks, most of which a fault delayed", missing(&self.world)))
    }

    /// Runs ticks hours apart while the permanent faults last, for so many days that the collector gives up blobs and
    /// the vendor drops entries. `note` receives the clock and the result of each tick.
    ///
    /// # Errors
    /// Names the violated invariant.
    pub fn run_for_days(&mut self, days: usize, mut note: impl FnMut(UnixSeconds, &TickOutcome)) -> Result<(), String> {
        for _ in 0..days * TICKS_PER_DAY {
            self.world.clock += LONG_TICK_SECONDS;
            let ticked = self.tick()?;
            note(self.world.clock, &ticked);
            self.world.checker.violation.clone().map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Moves the clock to the end of the current outage, if there is one, because every tick in an outage is like the
    /// one before.
    fn pass_down_time(&mut self) {
        let down = &self.world.scenario.permanent_faults.outages;
        let now = self.world.clock;
        let ends = down.iter().filter(|down| (down.from..down.to).contains(&now)).map(|down| down.to);
        self.world.clock = ends.max().unwrap_or(now);
    }
}

/// Describes the first healthy event that is not in the bucket; `None` if all are.
fn missing(world: &Simulation) -> Option<String> {
    world.scenario.streams.iter().find_map(|scenario_stream| {
        let name = scenario_stream.stream.name();
        if world.checker.is_restored(&name) {
            return None;
        }
        let Some(row) = world.store.heads.get(&name) else { return Some(format!("{name}: no head")) };
        missing_of_stream(world, scenario_stream, &row.head)
    })
}

fn missing_of_stream(world: &Simulation, scenario_stream: &ScenarioStream, head: &Head) -> Option<String> {
    let delivered = world.store.delivered(&world.scenario.settings.prefix, &scenario_stream.stream);
    let is_due = |entry: &&Entry| is_kept(world, entry) && entry.at >= head.floor && entry.visible_at <= world.clock;
    scenario_stream.entries.iter().filter(is_due).find_map(|entry| {
        let listing = healthy_listing(&world.scenario, entry)?;
        let events = entry.content.events();
        let mut identities = events.iter().filter_map(|event| scenario_stream.events[*event].identity.as_deref());
        let missing = identities.find(|identity| !delivered.contains(identity))?;
        Some(format!(
            "{}: {missing}, which {listing} shows at {}, is not delivered",
            scenario_stream.stream.name(),
            entry.at
        ))
    })
}

/// Returns a listing that shows the entry without a fault; `None` if every listing of the entry is broken.
fn healthy_listing(scenario: &Scenario, entry: &Entry) -> Option<&'static str> {
    entry.listings.iter().copied().find(|listing| !scenario.is_broken(entry, listing))
}

/// Returns `true` if the entry is within the time that the collector still lists: the vendor's retention less a margin.
fn is_kept(world: &Simulation, entry: &Entry) -> bool {
    let margin = world.scenario.policy.retention.map_or(0, |retention| retention.margin_seconds);
    entry.at >= world.scenario.kept_from(world.clock).saturating_add(margin)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use collector::Window;

    use super::*;
    use crate::world::permanent_faults::{BrokenBlob, BrokenSpan, PermanentFaults};
    use crate::world::random_scenario;
    use crate::world::random_streams::BEGIN;
    use crate::world::rng::SeededRng;

    /// The number of seeds among which a scenario with blobs and one without are searched.
    const SCENARIOS: u64 = 20;

    /// Creates a single worker in the first scenario with (or without) blobs and gives the scenario these faults.
    fn single(has_blobs: bool, permanent_faults: impl Fn(&Scenario) -> PermanentFaults) -> SingleWorker {
        let scenarios = (0..SCENARIOS).map(|seed| random_scenario::scenario(&mut SeededRng::new(seed)));
        let scenario = scenarios.into_iter().find(|scenario| scenario.has_blobs() == has_blobs).unwrap();
        let permanent_faults = permanent_faults(&scenario);
        SingleWorker::new(Simulation::new(Arc::new(Scenario { permanent_faults, ..scenario }), BEGIN))
    }

    fn deliver(single: &mut SingleWorker) -> Result<usize, String> {
        single.deliver_healthy(|_, _| ())
    }

    fn delivered(single: &SingleWorker) -> usize {
        let Simulation { scenario, store, .. } = &single.world;
        scenario
            .streams
            .iter()
            .map(|scenario_stream| store.delivered(&scenario.settings.prefix, &scenario_stream.stream).len())
            .sum()
    }

    #[test]
    fn broken_events_are_not_waited_for_and_are_delivered_after_the_fault_ends() {
        let all = Window { from: 0, to: UnixSeconds::MAX };
        let span = BrokenSpan { listing: None, window: all };
        let mut all_spans = single(false, |_| PermanentFaults { spans: vec![span], ..PermanentFaults::default() });
        let mut all_blobs = single(true, |scenario| {
            let entries = scenario.streams.iter().flat_map(|scenario_stream| &scenario_stream.entries);
            let ids = entries.filter_map(|entry| entry.content.blob_id());
            let blobs: BTreeMap<_, _> = ids.map(|id| (id.to_owned(), BrokenBlob::Fails)).collect();
            PermanentFaults { blobs, ..PermanentFaults::default() }
        });
        for single in [&mut all_spans, &mut all_blobs] {
            assert_eq!((deliver(single).map(|ticks| ticks <= 1), delivered(single)), (Ok(true), 0));
            single.world.end_permanent_faults();
            assert!(missing(&single.world).unwrap().contains(" shows at "));
            single.settle().unwrap();
            assert!(delivered(single) > 0 && missing(&single.world).is_none());
        }
    }

    #[test]
    fn a_healthy_event_that_is_never_delivered_is_named() {
        let mut single = single(false, |_| PermanentFaults::default());
        deliver(&mut single).unwrap();
        // The bucket loses the delivered objects, and no tick delivers them again.
        single.world.store.objects.retain(|key, _| key.contains("_state/"));
        let failure = deliver(&mut single).unwrap_err();
        assert!(failure.contains("audit_log-") && failure.contains(&MAX_DELIVERY_TICKS.to_string()), "{failure}");
    }

    #[test]
    fn ticks_of_a_vendor_that_is_down_do_not_count() {
        let outages = vec![Window { from: 0, to: BEGIN + 30 * 86_400 }];
        let mut single = single(false, |_| PermanentFaults { outages: outages.clone(), ..PermanentFaults::default() });
        assert!(deliver(&mut single).is_ok_and(|ticks| ticks <= 2));
        assert!(single.world.clock >= BEGIN + 30 * 86_400);
    }
}
