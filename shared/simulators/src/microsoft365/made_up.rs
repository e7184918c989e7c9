//! Records without a feed: for those who want what is sent, and not how.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::content;
use super::content_type::ContentType;
use super::records::{Form, Recipe};
use crate::dice::Dice;
use crate::moment::after_milliseconds;
use crate::options::Options;

/// Records of one content type without end, no two alike, each made when it is asked for: those of a healthy tenant,
/// of the six days before `now`. The same seed and moment give the same ones.
pub fn made_up(content_type: ContentType, seed: u64, now: Timestamp) -> impl Iterator<Item = String> {
    let maker = Maker::new(seed, now);
    (1..).map(move |number| maker.record(content_type, number))
}

/// The same, of all content types, mixed in the shares that a simulated tenant has.
pub fn mixed(seed: u64, now: Timestamp) -> impl Iterator<Item = (ContentType, String)> {
    let maker = Maker::new(seed, now);
    (1..).map(move |number| {
        let content_type = content::by_share(&mut Dice::new(seed, "mixed", number as u64));
        (content_type, maker.record(content_type, number))
    })
}

/// What makes one record after another.
struct Maker {
    options: Options,
    behaviours: Behaviours,
    recipe: Recipe,
}

impl Maker {
    fn new(seed: u64, now: Timestamp) -> Self {
        let options = Options { seed, ..Options::new(now) };
        let behaviours = Behaviours::new(options.faults, seed);
        let recipe = Recipe::new(&options, &behaviours);
        Self { options, behaviours, recipe }
    }

    fn record(&self, content_type: ContentType, number: usize) -> String {
        let blob = (self.created(number), false);
        let made = content::made(self.options.seed, content_type, number, blob, &self.behaviours);
        self.recipe.record(&made, Form::Full)
    }

    /// When its blob would have become available: neighbours share a blob.
    fn created(&self, number: usize) -> Timestamp {
        let blob = number / self.behaviours.records_per_blob.max(1);
        let span = self.options.now.as_millisecond() - self.options.first().as_millisecond();
        let before = Dice::new(self.options.seed, "made up blob", blob as u64).between(0, span - 1);
        after_milliseconds(self.options.now, -before)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);

    #[test]
    fn no_two_are_alike_and_all_lie_in_the_past() {
        for content_type in ContentType::ALL {
            let records: Vec<_> = made_up(content_type, 7, NOW).take(500).collect();
            assert_eq!(records.iter().collect::<HashSet<_>>().len(), 500);
            assert!(made_up(content_type, 7, NOW).zip(&records).all(|(again, first)| again == *first));
            assert!(made_up(content_type, 8, NOW).zip(&records).all(|(other, first)| other != *first));
            for record in &records {
                let record: Value = serde_json::from_str(record).unwrap();
                assert!(record["CreationTime"].as_str().unwrap() < "2026-11-22T09:00:00", "{record}");
            }
        }
    }

    #[test]
    fn every_content_type_has_its_share_of_the_mixture() {
        let mut counts = [0_i64; 5];
        mixed(1, NOW).take(2_000).for_each(|(content_type, _)| counts[content_type.place()] += 1);
        for (count, share) in counts.into_iter().zip([600, 500, 500, 300, 100]) {
            assert!((count - share).abs() < 80, "{counts:?}");
        }
    }
}
