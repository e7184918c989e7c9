//! Outages: spans of time in which a vendor answers every request with the same error.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::moment::{end_of_time, is_end_of_time, is_start_of_time, start_of_time};

/// A span of time, by the simulator's clock, in which every request is answered with the same status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// The start of the outage. By default it has no start.
    #[serde(default = "start_of_time", skip_serializing_if = "is_start_of_time")]
    pub from: Timestamp,
    /// The end of the outage, exclusive. By default it has no end.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub to: Timestamp,
    /// The HTTP status of every answer.
    pub status: u16,
}

impl Outage {
    /// Returns the status of the first outage that includes `now`; `None` if no outage does.
    pub(crate) fn status(outages: &[Self], now: Timestamp) -> Option<u16> {
        outages.iter().find(|outage| outage.from <= now && now < outage.to).map(|outage| outage.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_outage_that_includes_the_time_gives_the_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let outages =
            [Outage { from: at(10), to: at(20), status: 503 }, Outage { from: at(15), to: end_of_time(), status: 500 }];
        let statuses = [9, 10, 19, 20].map(|second| Outage::status(&outages, at(second)));
        assert_eq!(statuses, [None, Some(503), Some(503), Some(500)]);
    }

    #[test]
    fn an_outage_without_bounds_lasts_for_ever() {
        let outage: Outage = serde_json::from_str(r#"{"status":503}"#).unwrap();
        assert_eq!(outage, Outage { from: Timestamp::MIN, to: Timestamp::MAX, status: 503 });
        assert_eq!(serde_json::to_string(&outage).unwrap(), r#"{"status":503}"#);
    }
}
