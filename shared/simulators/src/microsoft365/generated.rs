//! Generated records for callers that need no simulator, such as benchmarks.

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::content;
use super::content_type::ContentType;
use super::records::{RecordForm, RecordSettings};
use crate::moment::after_milliseconds;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// Returns an endless sequence of different records of one content type, as the API sends them. They became available
/// in the six days before `now`. The same seed and `now` always give the same records.
pub fn generated(content_type: ContentType, seed: u64, now: Timestamp) -> impl Iterator<Item = String> {
    let generator = RecordGenerator::new(seed, now);
    (1..).map(move |number| generator.record(content_type, number))
}

/// Returns an endless sequence of different records of all content types, each as frequent as in a simulated tenant.
/// Otherwise it is like [`generated`].
pub fn generated_mixed(seed: u64, now: Timestamp) -> impl Iterator<Item = (ContentType, String)> {
    let generator = RecordGenerator::new(seed, now);
    (1..).map(move |number| {
        let content_type = content::random_content_type(&mut SeededRng::new(seed, "mixed", number as u64));
        (content_type, generator.record(content_type, number))
    })
}

/// Generates records without a simulated tenant.
struct RecordGenerator {
    options: Options,
    behaviours: Behaviours,
    record_settings: RecordSettings,
}

impl RecordGenerator {
    fn new(seed: u64, now: Timestamp) -> Self {
        let options = Options { seed, ..Options::new(now) };
        let behaviours = Behaviours::new(options.faults, seed);
        let record_settings = RecordSettings::new(&options, &behaviours);
        Self { options, behaviours, record_settings }
    }

    fn record(&self, content_type: ContentType, number: usize) -> String {
        let blob = (self.created(number), false);
        let record_spec = content::record_spec(self.options.seed, content_type, number, blob, &self.behaviours);
        self.record_settings.record(&record_spec, RecordForm::Full)
    }

    /// Returns the time at which the record with this number became available. It is the same for records that would
    /// share a blob.
    fn created(&self, number: usize) -> Timestamp {
        let blob = number / self.behaviours.records_per_blob.max(1);
        let span = self.options.now.as_millisecond() - self.options.span_start().as_millisecond();
        let age_milliseconds = SeededRng::new(self.options.seed, "made up blob", blob as u64).between(0, span - 1);
        after_milliseconds(self.options.now, -age_milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_338_000, 0);

    #[test]
    fn all_records_differ_and_lie_in_the_past() {
        for content_type in ContentType::ALL {
            let records: Vec<_> = generated(content_type, 7, NOW).take(500).collect();
            assert_eq!(records.iter().collect::<HashSet<_>>().len(), 500);
            assert!(generated(content_type, 7, NOW).zip(&records).all(|(again, first)| again == *first));
            assert!(generated(content_type, 8, NOW).zip(&records).all(|(other, first)| other != *first));
            for record in &records {
                let record: Value = serde_json::from_str(record).unwrap();
                assert!(record["CreationTime"].as_str().unwrap() < "2026-11-22T09:00:00", "{record}");
            }
        }
    }

    #[test]
    fn every_content_type_has_its_share_of_the_mixture() {
        let mut counts = [0_i64; 5];
        generated_mixed(1, NOW).take(2_000).for_each(|(content_type, _)| counts[content_type.index()] += 1);
        for (count, share) in counts.into_iter().zip([600, 500, 500, 300, 100]) {
            assert!((count - share).abs() < 80, "{counts:?}");
        }
    }
}
