//! Counts the requests of each publisher, to throttle those that make too many.

use std::collections::HashMap;

use jiff::Timestamp;

/// The publisher id that answers show to clients that name no publisher.
pub(super) const NO_PUBLISHER: &str = "00000000-0000-0000-0000-000000000000";

/// Once this many publishers have made requests in one minute, all further requests of that minute share one count.
const MAX_PUBLISHERS: usize = 4_096;

/// The number of requests of each publisher in the current minute.
#[derive(Debug, Default)]
pub(super) struct RequestRates {
    minute: i64,
    counts: HashMap<Option<String>, u32>,
}

impl RequestRates {
    /// Counts a request, and returns the number of requests that the publisher has made in this minute.
    pub(super) fn count(&mut self, publisher: Option<&str>, now: Timestamp) -> u32 {
        let minute = now.as_second().div_euclid(60);
        if minute != self.minute {
            self.minute = minute;
            self.counts.clear();
        }
        let publisher = publisher.filter(|_| self.counts.len() < MAX_PUBLISHERS);
        let count = self.counts.entry(publisher.map(str::to_ascii_lowercase)).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b60_requests_are_counted_per_publisher_and_minute() {
        let mut rates = RequestRates::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let counts = [(Some("a"), 60), (Some("A"), 119), (None, 119), (Some("a"), 120)]
            .map(|(publisher, second)| rates.count(publisher, at(second)));
        assert_eq!(counts, [1, 2, 1, 1]);
    }
}
