//! Generated events for callers that need no simulator, such as benchmarks.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::generated_event::generated_event;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// Returns an endless sequence of different events, as the API sends them. They happen in the six days before `now`.
/// The same seed and `now` always give the same events.
pub fn generated(seed: u64, now: Timestamp) -> impl Iterator<Item = String> {
    let options = Options { seed, ..Options::new(now) };
    let behaviours = Behaviours::new(options.faults, seed);
    (0..).map(move |number| {
        let mut rng = SeededRng::new(seed, "openai made up", number as u64);
        let effective_at = rng.between(options.span_start().as_second(), now.as_second() - 1);
        generated_event(number, effective_at, now, &behaviours, &mut rng).raw
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);

    #[test]
    fn all_records_differ_and_lie_in_the_past() {
        let events: Vec<_> = generated(7, NOW).take(1_000).collect();
        let read: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        assert_eq!(read.iter().map(|event| event["id"].as_str().unwrap()).collect::<HashSet<_>>().len(), 1_000);
        assert!(read.iter().all(|event| event["effective_at"].as_i64().unwrap() < NOW.as_second()));
        assert!(read.iter().map(|event| event["type"].as_str().unwrap()).collect::<HashSet<_>>().len() > 100);
        assert!(generated(7, NOW).zip(&events).all(|(again, first)| again == *first));
        assert!(generated(8, NOW).zip(&events).all(|(other, first)| other != *first));
    }
}
