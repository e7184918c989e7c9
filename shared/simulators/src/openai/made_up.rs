//! Events without a listing: for those who want what is sent, and not how.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::made::made;
use crate::dice::Dice;
use crate::options::Options;

/// Events without end, no two alike, each made when it is asked for: those of a healthy organisation, of the six days
/// before `now`. The same seed and moment give the same ones.
pub fn made_up(seed: u64, now: Timestamp) -> impl Iterator<Item = String> {
    let options = Options { seed, ..Options::new(now) };
    let behaviours = Behaviours::new(options.faults, seed);
    (0..).map(move |number| {
        let mut dice = Dice::new(seed, "openai made up", number as u64);
        let effective_at = dice.between(options.first().as_second(), now.as_second() - 1);
        made(number, effective_at, now, &behaviours, &mut dice).raw
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);

    #[test]
    fn no_two_are_alike_and_all_lie_in_the_past() {
        let events: Vec<_> = made_up(7, NOW).take(1_000).collect();
        let read: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        assert_eq!(read.iter().map(|event| event["id"].as_str().unwrap()).collect::<HashSet<_>>().len(), 1_000);
        assert!(read.iter().all(|event| event["effective_at"].as_i64().unwrap() < NOW.as_second()));
        assert!(read.iter().map(|event| event["type"].as_str().unwrap()).collect::<HashSet<_>>().len() > 100);
        assert!(made_up(7, NOW).zip(&events).all(|(again, first)| again == *first));
        assert!(made_up(8, NOW).zip(&events).all(|(other, first)| other != *first));
    }
}
