//! How many requests a publisher makes in a minute.

use std::collections::HashMap;

use jiff::Timestamp;

/// The publisher of those who do not say who they are, as it is told.
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// More publishers than this are not told apart.
const MOST_PUBLISHERS: usize = 4_096;

/// Requests of the running minute, by publisher.
#[derive(Debug, Default)]
pub(super) struct Rates {
    minute: i64,
    counts: HashMap<Option<String>, u32>,
}

impl Rates {
    /// Counts one more request and tells how many that makes.
    pub(super) fn count(&mut self, publisher: Option<&str>, now: Timestamp) -> u32 {
        let minute = now.as_second().div_euclid(60);
        if minute != self.minute {
            self.minute = minute;
            self.counts.clear();
        }
        let publisher = publisher.filter(|_| self.counts.len() < MOST_PUBLISHERS);
        let count = self.counts.entry(publisher.map(str::to_ascii_lowercase)).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b60_by_publisher_and_by_minute() {
        let mut rates = Rates::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let counts = [(Some("a"), 60), (Some("A"), 119), (None, 119), (Some("a"), 120)]
            .map(|(publisher, second)| rates.count(publisher, at(second)));
        assert_eq!(counts, [1, 2, 1, 1]);
    }
}
