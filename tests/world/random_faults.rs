//! Random permanent faults.

use std::collections::{BTreeMap, BTreeSet};

use collector::{UnixSeconds, Window};

use super::permanent_faults::{BrokenBlob, BrokenSpan, PermanentFaults, WrongClock};
use super::random_streams::{BEGIN, DAY, HOUR, MINUTE, Shape, add_blob, any_time};
use super::rng::SeededRng;
use super::scenario::ScenarioStream;

/// The probability that a scenario has permanent faults, per 1,000.
const FAULTY_PER_MILLE: u64 = 560;
/// The probability that a scenario with permanent faults has a given kind of them, per 1,000.
const KIND_PER_MILLE: u64 = 650;
/// The maximum number of broken spans per scenario.
const MAX_BROKEN_SPANS: i64 = 4;
/// The maximum number of broken blobs per scenario.
const MAX_BROKEN_BLOBS: i64 = 30;
/// The maximum number of outages per scenario.
const MAX_OUTAGES: i64 = 2;

/// Creates the permanent faults of a scenario with these streams. Adds blobs if there are fewer than the faults need.
pub(super) fn permanent_faults(rng: &mut SeededRng, shape: Shape, streams: &mut [ScenarioStream]) -> PermanentFaults {
    let mut permanent_faults = PermanentFaults::default();
    if !rng.happens(FAULTY_PER_MILLE) {
        return permanent_faults;
    }
    if rng.happens(KIND_PER_MILLE) {
        permanent_faults.spans = broken_spans(rng, shape, streams);
    }
    if shape == Shape::Blobs && rng.happens(KIND_PER_MILLE) {
        permanent_faults.blobs = broken_blobs(rng, streams);
    }
    if rng.happens(KIND_PER_MILLE) {
        permanent_faults.clock = wrong_clock(rng);
    }
    if rng.happens(KIND_PER_MILLE) {
        permanent_faults.outages = (0..rng.between(1, MAX_OUTAGES)).map(|_| outage(rng)).collect();
    }
    permanent_faults
}

/// Creates spans of a second to five hours. Two of three contain an entry of a listing.
fn broken_spans(rng: &mut SeededRng, shape: Shape, streams: &[ScenarioStream]) -> Vec<BrokenSpan> {
    let times: Vec<UnixSeconds> =
        streams.iter().flat_map(|scenario_stream| &scenario_stream.entries).map(|entry| entry.at).collect();
    let span = |rng: &mut SeededRng| {
        let seconds = rng.pick(&[1, 2, MINUTE, 10 * MINUTE, HOUR, 5 * HOUR]);
        let from = match rng.below(3) {
            0 => any_time(rng),
            _ => rng.pick(&times) - rng.between(0, seconds - 1),
        };
        let is_of_all = rng.happens(500);
        let listing = (!is_of_all).then(|| rng.pick(shape.listings()));
        BrokenSpan { listing, window: Window { from, to: from + seconds } }
    };
    (0..rng.between(1, MAX_BROKEN_SPANS)).map(|_| span(rng)).collect()
}

/// Breaks a few blobs or many, each in its own way.
fn broken_blobs(rng: &mut SeededRng, streams: &mut [ScenarioStream]) -> BTreeMap<String, BrokenBlob> {
    use BrokenBlob::{Fails, Missing, Trickles, Unreadable};
    let many = rng.between(1, MAX_BROKEN_BLOBS);
    let wanted = usize::try_from(rng.pick(&[1, 3, many])).unwrap_or(1);
    // At least this many blobs stay healthy.
    let healthy = rng.index(4);
    while blob_ids(streams).len() < wanted + healthy {
        let at = rng.index(streams.len());
        add_blob(rng, &mut streams[at]);
    }
    let mut ids: Vec<String> = blob_ids(streams).into_iter().collect();
    rng.shuffle(&mut ids);
    ids.into_iter().take(wanted).map(|id| (id, rng.pick(&[Fails, Missing, Unreadable, Trickles]))).collect()
}

fn blob_ids(streams: &[ScenarioStream]) -> BTreeSet<String> {
    let entries = streams.iter().flat_map(|scenario_stream| &scenario_stream.entries);
    entries.filter_map(|entry| entry.content.blob_id()).map(str::to_owned).collect()
}

/// Creates a clock that is wrong in some periods, by less than the collector tolerates or by more.
fn wrong_clock(rng: &mut SeededRng) -> WrongClock {
    let seconds = rng.pick(&[2 * MINUTE, 20 * MINUTE, HOUR - MINUTE, 2 * HOUR, DAY, 5 * DAY]);
    let ahead = if rng.happens(500) { seconds } else { -seconds };
    WrongClock { ahead, per_mille: rng.pick(&[100, 300, 600]), seed: rng.bits() }
}

/// Creates an outage of hours, during the run with transient faults or after it.
fn outage(rng: &mut SeededRng) -> Window {
    let from = BEGIN + rng.between(-HOUR, 8 * HOUR);
    Window { from, to: from + rng.between(HOUR, 6 * HOUR) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::random_scenario;

    /// The number of scenarios of the test.
    const SCENARIOS: u64 = 2_000;

    #[test]
    fn about_half_of_the_scenarios_have_permanent_faults_and_some_have_many() {
        let scenarios: Vec<_> =
            (0..SCENARIOS).map(|seed| random_scenario::scenario(&mut SeededRng::new(seed))).collect();
        let faulty = scenarios.iter().filter(|scenario| !scenario.permanent_faults.is_empty()).count();
        assert!((SCENARIOS / 5 * 2..SCENARIOS / 5 * 3).contains(&(faulty as u64)), "{faulty} of {SCENARIOS}");
        let blobs: BTreeSet<usize> = scenarios.iter().map(|scenario| scenario.permanent_faults.blobs.len()).collect();
        assert_eq!(blobs.last(), Some(&(MAX_BROKEN_BLOBS as usize)));
        let kinds = scenarios.iter().flat_map(|scenario| scenario.permanent_faults.blobs.values());
        assert_eq!(kinds.map(|kind| format!("{kind:?}")).collect::<BTreeSet<_>>().len(), 4);
        let spans: BTreeSet<usize> = scenarios.iter().map(|scenario| scenario.permanent_faults.spans.len()).collect();
        assert_eq!(spans, BTreeSet::from([0, 1, 2, 3, 4]));
    }
}
